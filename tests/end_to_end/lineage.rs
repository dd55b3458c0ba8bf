//! `millstream lineage`: across every kind of step of a project.

use std::collections::BTreeSet;

use millstream_tests::TestProject;
use serde_json::{Value, json};

/// The edges as `from -> to kind`, without `main.`.
fn edges(project: &TestProject, arguments: &[&str]) -> BTreeSet<String> {
    let all = [&["lineage"], arguments].concat();
    let answer = project.json(&all);
    let place = |value: &Value| {
        let asset = value["asset"].as_str().expect("an asset");
        let asset = asset.trim_start_matches("table:").trim_start_matches("main.");
        match value["column"].as_str() {
            Some(column) => format!("{asset}.{column}"),
            None => format!("{asset}.*"),
        }
    };
    let edges = answer["lineage"]["edges"].as_array().expect("edges");
    let edges = edges.iter().map(|edge| {
        let kind = edge["kind"].as_str().or(edge["role"].as_str()).expect("a kind");
        let doubt = edge["inexact"].as_str().map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{} -> {} {kind}{doubt}", place(&edge["from"]), place(&edge["to"]))
    });
    edges.collect()
}

fn set<const N: usize>(expected: [&str; N]) -> BTreeSet<String> {
    expected.map(str::to_owned).into()
}

/// A seed, an ephemeral model, a view, a table over both and one that grows.
fn bakery() -> TestProject {
    TestProject::of(&[
        ("dbt_project.yml", "name: bakery\nversion: '1.0'\nconfig-version: 2\nprofile: bakery\n"),
        ("seeds/loaves.csv", "id,kind,grams,eaten\n1,rye,750,true\n2,oat,500,false\n"),
        (
            "models/whole.sql",
            "{{ config(materialized='ephemeral') }} select * from {{ ref('loaves') }} where not eaten",
        ),
        ("models/weights.sql", "select id, kind as sort, grams / 1000.0 as kilos from {{ ref('whole') }}"),
        (
            "models/sorts.sql",
            "{{ config(materialized='table') }}
select sort, sum(kilos) as kilos, count(*) as loaves from {{ ref('weights') }} group by sort",
        ),
        (
            "models/history.sql",
            "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }}
select id, kilos from {{ ref('weights') }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
        ),
    ])
}

#[test]
fn a_column_is_followed_through_all_models() {
    let project = bakery();
    project.json(&["run"]);
    assert_eq!(
        edges(&project, &["sorts.kilos"]),
        set([
            "weights.kilos -> sorts.kilos aggregated",
            "weights.sort -> sorts.* group_by",
            "weights.* -> sorts.* rows",
            "loaves.grams -> weights.kilos derived",
            "loaves.kind -> weights.sort copy",
            "loaves.eaten -> weights.* filter",
            "loaves.* -> weights.* rows",
        ])
    );
    assert_eq!(
        edges(&project, &["sorts.kilos", "--depth", "1"]),
        set([
            "weights.kilos -> sorts.kilos aggregated",
            "weights.sort -> sorts.* group_by",
            "weights.* -> sorts.* rows",
        ])
    );
    assert_eq!(
        edges(&project, &["--down", "loaves.kind"]),
        set([
            "loaves.kind -> weights.sort copy",
            "weights.sort -> sorts.sort copy",
            "weights.sort -> sorts.* group_by",
        ])
    );
    let history = edges(&project, &["history.kilos", "--depth", "1"]);
    for edge in [
        "weights.kilos -> history.kilos copy",
        "weights.id -> history.* filter",
        "history.id -> history.* filter",
        "weights.id -> history.* join",
    ] {
        assert!(history.contains(edge), "{edge} in {history:#?}");
    }

    let text = project.output(&["lineage", "sorts.kilos"]).succeeded().stdout;
    assert_eq!(
        text.trim_end(),
        "main.sorts.kilos
├─ main.weights.kilos  (aggregated)
│  ├─ main.loaves.grams  (derived)
│  └─ rows of main.weights
│     └─ main.loaves.eaten  (condition: filter)
└─ rows of main.sorts
   ├─ main.weights.sort  (condition: group by)
   │  ├─ main.loaves.kind  (copy)
   │  └─ rows of main.weights  …
   └─ rows of main.weights  …"
    );
}

#[test]
fn the_fields_of_a_struct_are_followed_on_their_own() {
    let project = TestProject::of(&[
        ("dbt_project.yml", "name: bakery\nversion: '1.0'\nconfig-version: 2\nprofile: bakery\n"),
        ("seeds/loaves.csv", "id,kind,grams\n1,rye,750\n2,oat,500\n"),
        (
            "models/packed.sql",
            "select id, {'kind': kind, 'grams': grams} as loaf from {{ ref('loaves') }}",
        ),
        ("models/kinds.sql", "select id, p.loaf.kind as kind from {{ ref('packed') }} p"),
        (
            "models/twice.sql",
            "select * from {{ ref('loaves') }} a join {{ ref('kinds') }} b on a.id = b.id",
        ),
    ]);
    project.json(&["run"]);
    assert_eq!(
        edges(&project, &["kinds.kind"]),
        set([
            "packed.loaf.kind -> kinds.kind copy",
            "loaves.kind -> packed.loaf.kind copy",
            "packed.* -> kinds.* rows",
            "loaves.* -> packed.* rows"
        ])
    );
    assert_eq!(
        edges(&project, &["--down", "loaves.grams"]),
        set(["loaves.grams -> packed.loaf.grams copy", "loaves.grams -> twice.grams copy"])
    );
    // Two columns of a view have one name: it comes from what either comes from.
    let twice = edges(&project, &["twice.kind", "--depth", "1"]);
    for edge in ["loaves.kind -> twice.kind copy", "kinds.kind -> twice.kind copy"] {
        assert!(twice.contains(edge), "{edge} in {twice:#?}");
    }
}

#[test]
fn what_lies_deeper_than_asked_is_not_hinted_at() {
    let project = bakery();
    project.json(&["run"]);
    let text = project.output(&["lineage", "sorts", "--depth", "1"]).succeeded().stdout;
    assert_eq!(
        text.trim_end(),
        "main.sorts
├─ main.sorts.sort
│  └─ main.weights.sort  (copy)
├─ main.sorts.kilos
│  └─ main.weights.kilos  (aggregated)
├─ main.sorts.loaves
│  └─ rows of main.weights  (aggregated)
└─ main.weights.sort  (condition: group by)"
    );
}

#[test]
fn a_project_that_never_ran_is_told_from_one_that_is_known() {
    let project = bakery();
    let guessed = project.output(&["lineage", "weights"]).succeeded();
    assert!(guessed.stdout.contains("inexact"), "{}", guessed.stdout);
    assert!(guessed.stderr.contains("main.weights"), "{}", guessed.stderr);
    project.json(&["run", "--select", "loaves"]);
    // Of the models nothing is made yet: their columns are those of their plans.
    let known = edges(&project, &["sorts"]);
    assert!(known.contains("loaves.grams -> weights.kilos derived"), "{known:#?}");
    assert!(known.iter().all(|edge| !edge.contains('(')), "{known:#?}");
}

#[test]
fn lineage_crosses_trainings_predictions_and_functions() {
    let project = TestProject::small_shop();
    project.json(&["run"]);
    let up = edges(&project, &["app.predictions.label"]);
    for edge in [
        "operational:predictions.label -> app.predictions.label copy",
        "topic:predictions.label -> operational:predictions.label copy",
        "customer_activity.revenue -> topic:predictions.label derived",
        "model:buys_again.* -> topic:predictions.label derived",
        "customer_history.bought_again -> model:buys_again.* aggregated",
        "customer_history.customer_id -> model:buys_again.* filter",
        "shop.orders.status -> orders.* filter",
    ] {
        assert!(up.contains(edge), "{edge} in {up:#?}");
    }
    let down = edges(&project, &["--down", "shop.customers.segment"]);
    for edge in [
        "shop.customers.segment -> customer_history.segment copy",
        "customer_history.segment -> model:buys_again.* aggregated",
        "model:buys_again.* -> predicted_buyers.score derived",
    ] {
        assert!(down.contains(edge), "{edge} in {down:#?}");
    }
    let inexact: Vec<&String> = up.union(&down).filter(|edge| edge.contains('(')).collect();
    assert!(inexact.is_empty(), "{inexact:#?}");
}

#[test]
fn the_facet_is_openlineages() {
    let project = bakery();
    project.json(&["run"]);
    let text = project.output(&["lineage", "sorts", "--openlineage"]).succeeded().stdout;
    let data_set: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(data_set["name"], "main.sorts");
    let facet = &data_set["facets"]["columnLineage"];
    for key in ["_producer", "_schemaURL"] {
        assert!(facet[key].is_string(), "{facet}");
    }
    let namespace = &data_set["namespace"];
    let input = |field: &str, role: &str, subtype: &str| {
        json!([{"namespace": namespace, "name": "main.weights", "field": field,
        "transformations": [
            {"type": role, "subtype": subtype, "description": "", "masking": false}
        ]}])
    };
    assert_eq!(facet["fields"]["sort"]["inputFields"], input("sort", "DIRECT", "IDENTITY"));
    assert_eq!(facet["fields"]["kilos"]["inputFields"], input("kilos", "DIRECT", "AGGREGATION"));
    assert_eq!(facet["dataset"], input("sort", "INDIRECT", "GROUP_BY"));
}

#[test]
fn a_name_that_is_not_there_is_told_what_is() {
    let project = bakery();
    project.json(&["run"]);
    let failed = project.output(&["lineage", "sorts.kilo"]).ended_with(1);
    assert!(failed.stderr.contains("lineage.unknown"), "{}", failed.stderr);
    assert!(failed.stderr.contains("sort, kilos, loaves"), "{}", failed.stderr);
    assert!(failed.stderr.contains("did you mean `kilos`?"), "{}", failed.stderr);
    for (asked, meant) in
        [("sort", "sorts"), ("Sorts.Kilos", "sorts.kilos"), ("weigts.id", "weights.id")]
    {
        let failed = project.output(&["lineage", asked]).ended_with(1);
        assert!(failed.stderr.contains("lineage.unknown"), "{}", failed.stderr);
        assert!(failed.stderr.contains(&format!("did you mean `{meant}`?")), "{}", failed.stderr);
    }
    let failed = project.output(&["lineage", "cakes"]).ended_with(1);
    assert!(failed.stderr.contains("main.loaves"), "{}", failed.stderr);
    project.output(&["lineage", "sorts", "--up", "--down"]).ended_with(2);
}
