//! Functions of dbt projects, the view of a model's latest version, and statements of the command
//! line.

use std::fs;

use millstream_tests::TestProject;
use millstream_tests::dbt::Warehouse;
use serde_json::{Value, json};

/// Prices, and functions of them: one calls another, one has a second form.
const PRICES: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: prices
version: '1.0'
profile: prices
functions: {prices: {+volatility: deterministic}}
",
    ),
    ("seeds/items.csv", "id,pence\n1,250\n2,40\n"),
    ("functions/taxed.sql", "select {{ function('share') }}(pence, rate) + pence -- with tax\n"),
    ("functions/share.sql", "select amount * percent / 100 as part"),
    ("functions/labelled.sql", "select name || '!'"),
    ("functions/labelled_twice.sql", "select name || other || '!!'"),
    (
        "functions/functions.yml",
        "functions:
  - name: taxed
    description: The price with its tax.
    config: {tags: [money]}
    arguments:
      - {name: pence, data_type: integer}
      - {name: rate, data_type: integer, default_value: 20}
    returns: {data_type: integer}
  - name: share
    arguments:
      - {name: amount, data_type: integer}
      - {name: percent, data_type: integer}
    returns: {data_type: integer}
  - name: labelled
    arguments: [{name: name, data_type: text}]
    returns: {data_type: text}
    overloads:
      - defined_in: labelled_twice
        arguments: [{name: name, data_type: text}, {name: other, data_type: text}]
",
    ),
    (
        "models/shelf.sql",
        "select id, {{ function('taxed') }}(pence) as usual, -- 20 %
  {{ function('taxed') }}({{ function('taxed') }}(pence, 0), 50) as dear,
  {{ function('labelled') }}('a') as short, {{ function('labelled') }}('a', 'b') as long
from {{ ref('items') }}",
    ),
];

fn artifact(project: &TestProject, name: &str) -> Value {
    let text = fs::read_to_string(project.path().join("target").join(name)).expect("an artifact");
    serde_json::from_str(&text).expect("an artifact is JSON")
}

#[test]
fn models_call_functions() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("prices", PRICES);
        let built = project.output(&["dbt", "build"]).succeeded();
        assert!(built.stdout.contains("PASS=5"), "in {warehouse:?}: {}", built.stdout);
        assert!(built.stdout.contains("3 functions"), "in {warehouse:?}: {}", built.stdout);
        let expected = [
            json!({"id": 1, "usual": 300, "dear": 375, "short": "a!", "long": "ab!!"}),
            json!({"id": 2, "usual": 48, "dear": 60, "short": "a!", "long": "ab!!"}),
        ];
        project.write("models/rows.sql", "select * from {{ ref('shelf') }}");
        assert_eq!(project.rows_of("rows"), expected, "in {warehouse:?}");

        let manifest = artifact(&project, "manifest.json");
        let taxed = &manifest["functions"]["function.prices.taxed"];
        assert_eq!(taxed["arguments"][1]["default_value"], 20);
        assert_eq!(taxed["returns"]["data_type"], "integer");
        assert_eq!(taxed["config"]["volatility"], "deterministic");
        let parents = &manifest["parent_map"]["model.prices.shelf"];
        let needed = ["function.prices.labelled", "function.prices.taxed", "seed.prices.items"];
        assert_eq!(parents, &json!(needed));
        assert!(manifest["nodes"].get("function.prices.taxed").is_none());
        let listed = project.output(&["dbt", "ls", "--quiet", "--select", "+tag:money"]);
        assert_eq!(listed.succeeded().stdout, "prices.share\nprices.taxed\n");
    }
}

#[test]
fn functions_that_cannot_be_made_are_refused() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("refusals", PRICES);
        project.edit("dbt_project.yml", "profile: prices", "profile: refusals");
        project.edit(
            "models/shelf.sql",
            "function('labelled') }}('a')",
            "function('label') }}('a')",
        );
        let refused = project.output(&["dbt", "build"]).ended_with(2);
        let unknown = "depends on a function named 'label' which was not found";
        assert!(refused.stdout.contains(unknown), "in {warehouse:?}: {}", refused.stdout);

        project.edit(
            "models/shelf.sql",
            "function('label') }}('a')",
            "function('labelled') }}('a')",
        );
        project.edit("functions/share.sql", "amount *", "nothing *");
        project.output(&["dbt", "build"]).ended_with(1);
        assert_eq!(project.result_of("share").0, "error", "in {warehouse:?}");
        assert_eq!(project.result_of("taxed").0, "skipped", "in {warehouse:?}");
        assert_eq!(project.result_of("shelf").0, "skipped", "in {warehouse:?}");
    }
}

#[test]
fn an_overload_that_fails_is_made_again_by_retry() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("overloads", PRICES);
        project.edit("dbt_project.yml", "profile: prices", "profile: overloads");
        project.edit("functions/labelled_twice.sql", "other", "another");
        let built = project.output(&["dbt", "build"]).ended_with(1);
        let told = "ERROR creating function labelled overload labelled_twice";
        assert!(built.stdout.contains(told), "in {warehouse:?}: {}", built.stdout);
        assert_eq!(project.result_of("labelled").0, "partial success", "in {warehouse:?}");
        assert_eq!(project.result_of("shelf").0, "skipped", "in {warehouse:?}");

        project.edit("functions/labelled_twice.sql", "another", "other");
        let again = project.output(&["dbt", "retry"]).succeeded();
        assert!(again.stdout.contains("PASS=2"), "in {warehouse:?}: {}", again.stdout);
    }
}

const VERSIONS: &[(&str, &str)] = &[
    ("dbt_project.yml", "name: tides\nversion: '1.0'\nprofile: tides\n"),
    ("models/tide_v1.sql", "select 1 as height"),
    ("models/tide_v2.sql", "{{ config(materialized='table') }} select 2 as height"),
    (
        "models/tides.yml",
        "models:
  - name: tide
    latest_version: 2
    config: {latest_version_pointer: true}
    versions: [{v: 1}, {v: 2}]
",
    ),
];

#[test]
fn the_latest_version_stands_under_its_plain_name() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("tides", VERSIONS);
        project.output(&["dbt", "run"]).succeeded();
        project.write("models/pointer.sql", "select height from {{ this.schema }}.tide");
        assert_eq!(project.rows_of("pointer"), [json!({"height": 2})], "in {warehouse:?}");
        project.edit("models/tides.yml", "latest_version: 2", "latest_version: 1");
        project.output(&["dbt", "run"]).succeeded();
        assert_eq!(project.rows_of("pointer"), [json!({"height": 1})], "in {warehouse:?}");
    }
}

#[test]
fn statements_of_the_command_line_are_run() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("sights", VERSIONS);
        project.edit("dbt_project.yml", "profile: tides", "profile: sights");
        project.output(&["dbt", "run"]).succeeded();
        let sql = "create table {{ target.schema }}.seen as select * from {{ ref('tide', v=2) }}";
        project.output(&["dbt", "run-operation", "--sql", sql]).succeeded();
        assert_eq!(artifact(&project, "run_results.json")["results"][0]["status"], "success");
        project.write("models/seen_rows.sql", "select * from {{ this.schema }}.seen");
        assert_eq!(project.rows_of("seen_rows"), [json!({"height": 2})], "in {warehouse:?}");
        project.output(&["dbt", "run-operation", "--sql", "select nothing"]).ended_with(1);
        project.output(&["dbt", "run-operation"]).ended_with(2);
    }
}
