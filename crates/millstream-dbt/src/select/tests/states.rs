use std::collections::{BTreeMap, HashMap};

use super::fixture::object;
use super::*;
use crate::artifacts::{
    FreshnessResult, FreshnessResults, ManifestFacts, Metadata, Moment, RunResult, RunResults,
    Status, write_manifest,
};
use crate::manifest::UniqueId;
use millstream_core::clock::Timestamp;
use serde_json::json;

/// The manifest of a shop, as another run has left it.
fn left(shop: &Shop) -> PreviousManifest {
    let mut json = Vec::new();
    let facts = ManifestFacts {
        metadata: &Metadata::default(),
        adapter_type: "postgres",
        run_started_at: Moment::default(),
        compiled: &HashMap::new(),
    };
    write_manifest(&mut json, &shop.0, &facts).expect("writes");
    PreviousManifest::read(&json).expect("reads")
}

fn state(shop: &Shop, previous: &PreviousManifest, text: &str) -> String {
    let texts = words(text);
    let mut asked = request(&texts, &[]);
    asked.indirect = Indirect::Empty;
    run(shop, &asked, &Given { manifest: Some(previous), ..given() }).0
}

#[test]
fn nothing_is_modified_when_nothing_is_changed() {
    let shop = Shop::usual();
    let previous = left(&shop);
    assert_eq!(state(&shop, &previous, "state:modified"), "");
    assert_eq!(state(&shop, &previous, "state:new"), "");
    let all = Graph::new(&shop.0).len();
    assert_eq!(state(&shop, &previous, "state:unmodified").split(' ').count(), all);
    assert_eq!(state(&shop, &previous, "state:old").split(' ').count(), all);
}

#[test]
fn cosmetics_are_no_modification() {
    let mut shop = Shop::usual();
    let previous = left(&shop);
    shop.model("models/marts/report.sql", &["model.shop.orders"]).raw_code =
        "SELECT 1  as id -- one\n".into();
    assert_eq!(state(&shop, &previous, "state:modified"), "");
}

#[test]
fn each_aspect_is_told_apart() {
    let mut shop = Shop::usual();
    let previous = left(&shop);
    shop.model("models/marts/report.sql", &["model.shop.orders"]).raw_code = "select 2".into();
    let orders = ["model.shop.stg_orders", "model.shop.stg_customers"];
    shop.model("models/marts/orders.sql", &orders).unrendered_config =
        object(json!({"materialized": "table", "tags": ["x"]})).into();
    shop.seed("raw").checksum.checksum = "1".to_owned();
    shop.model("models/staging/stg_orders.sql", &["seed.shop.raw"]).unrendered_config =
        object(json!({"alias": "other"})).into();
    shop.model("models/fresh.sql", &[]);
    let check = |text: &str, expected: &str| assert_eq!(state(&shop, &previous, text), expected);
    check("state:new", "fresh");
    check("state:modified.body,package:this", "fresh report seed:raw");
    check("state:modified.configs", "fresh orders");
    check("state:modified.relation", "fresh stg_orders");
    check("state:modified", "fresh orders report seed:raw stg_orders");
    check("state:modified.macros", "");
}

#[test]
fn values_that_dbt_writes_as_texts_are_the_same() {
    let mut shop = Shop::usual();
    let parents = ["model.shop.orders"];
    shop.model("models/marts/report.sql", &parents).unrendered_config = object(json!({
        "unique_key": "['a', 'b']", "enabled": "True", "meta": "{'k': 1}", "post-hook": ["x"]
    }))
    .into();
    let previous = left(&shop);
    let written = json!({
        "unique_key": ["a", "b"], "enabled": true, "meta": {"k": 1}, "post_hook": "x"
    });
    shop.model("models/marts/report.sql", &parents).unrendered_config = object(written).into();
    assert_eq!(state(&shop, &previous, "state:modified"), "");
}

#[test]
fn a_macro_modifies_whatever_calls_it() {
    let mut shop = Shop::usual();
    let build = |shop: &mut Shop, text: &str, own: &str| {
        shop.add_macro("shop", text, &[]);
        shop.add_macro(
            "shop",
            "{% macro outer() %}{{ inner() }}{% endmacro %}",
            &["macro.shop.inner"],
        );
        shop.add_macro("dbt", own, &[]);
        let node = shop.model("models/marts/report.sql", &["model.shop.orders"]);
        node.depends_on.macros = vec![UniqueId::new("macro.shop.outer")];
        shop.seed("raw").depends_on.macros = vec![UniqueId::new("macro.dbt.own")];
    };
    build(&mut shop, "{% macro inner() %}1{% endmacro %}", "{% macro own() %}1{% endmacro %}");
    let previous = left(&shop);
    assert_eq!(state(&shop, &previous, "state:modified"), "");
    let cosmetic = "{%- macro inner( ) -%} {# one #} 1 {%- endmacro -%}";
    build(&mut shop, cosmetic, "{% macro own() %}2{% endmacro %}");
    assert_eq!(state(&shop, &previous, "state:modified.macros"), "");
    build(&mut shop, "{% macro inner() %}2{% endmacro %}", "{% macro own() %}2{% endmacro %}");
    assert_eq!(state(&shop, &previous, "state:modified.macros"), "report");
    assert_eq!(state(&shop, &previous, "state:modified"), "report");
}

#[test]
fn descriptions_count_where_they_are_persisted() {
    let mut shop = Shop::usual();
    let set = |shop: &mut Shop, text: &str, persists: bool| {
        let node = shop.model("models/marts/report.sql", &["model.shop.orders"]);
        node.description = text.to_owned();
        node.config.set("persist_docs", json!({"relation": persists}));
    };
    set(&mut shop, "old", false);
    let previous = left(&shop);
    set(&mut shop, "new", false);
    assert_eq!(state(&shop, &previous, "state:modified"), "");
    set(&mut shop, "new", true);
    assert_eq!(state(&shop, &previous, "state:modified.persisted_descriptions"), "report");
}

#[test]
fn a_broken_contract_is_told() {
    let contracted = |shop: &mut Shop, columns: &[(&str, &str)]| {
        let node = shop.model("models/marts/report.sql", &["model.shop.orders"]);
        node.config.set("contract", json!({"enforced": true}));
        for (name, data_type) in columns {
            let column = crate::manifest::Column {
                name: (*name).to_owned(),
                data_type: Some((*data_type).to_owned()),
                ..Default::default()
            };
            node.columns.insert((*name).to_owned(), column);
        }
    };
    let mut shop = Shop::usual();
    contracted(&mut shop, &[("a", "text"), ("b", "varchar(3)"), ("c", "integer")]);
    let previous = left(&shop);
    let ask = |shop: &Shop| {
        let texts = words("state:modified");
        run(shop, &request(&texts, &[]), &Given { manifest: Some(&previous), ..given() })
    };
    let nothing = "The selection criterion 'state:modified' does not match any enabled nodes";
    assert_eq!(ask(&shop).1, [nothing]);
    contracted(&mut shop, &[("b", "varchar(9)"), ("c", "date")]);
    let (names, warnings) = ask(&shop);
    assert!(names.contains("report"));
    let reasons = "Columns were removed: \n    - a\n  - Columns with data_type changes: \n    - c (integer -> date)";
    assert!(warnings[0].contains(reasons), "{warnings:?}");
}

#[test]
fn a_lost_constraint_of_a_table_is_told() {
    let contracted = |shop: &mut Shop, constraints: Vec<serde_json::Value>| {
        let node = shop.model("models/marts/report.sql", &["model.shop.orders"]);
        let config = json!({"contract": {"enforced": true}, "materialized": "table"});
        node.config.extend(object(config));
        let column = crate::manifest::Column { name: "a".to_owned(), ..Default::default() };
        node.columns.insert("a".to_owned(), crate::manifest::Column { constraints, ..column });
        node.version = Some(json!(1));
    };
    let mut shop = Shop::usual();
    contracted(&mut shop, vec![json!({"type": "not_null"})]);
    let previous = left(&shop);
    contracted(&mut shop, Vec::new());
    let texts = words("state:modified.contract");
    let asked = Given { manifest: Some(&previous), ..given() };
    let graph = Graph::new(&shop.0);
    let error = select(&graph, &request(&texts, &[]), &asked).expect_err("is refused");
    assert!(error.to_string().contains("'not_null' constraint on column a"), "{error}");
}

#[test]
fn manifests_of_older_releases_are_read() {
    let old = json!({
        "metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v6.json"},
        "nodes": {"model.shop.report": {"raw_sql": "select 1 as ID", "fqn": ["shop", "marts", "report"],
            "resource_type": "model", "access": null, "columns": null, "config": null}},
        "child_map": null,
    });
    let previous = PreviousManifest::read(old.to_string().as_bytes()).expect("reads");
    assert_eq!(state(&Shop::usual(), &previous, "report,state:modified.body"), "report");
    let other = json!({"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/catalog/v1.json"}});
    assert!(PreviousManifest::read(other.to_string().as_bytes()).is_err());
    assert!(PreviousManifest::read(b"[").is_err());
}

#[test]
fn results_and_freshness_of_another_run() {
    let shop = Shop::usual();
    let result = |id: &str, status| RunResult {
        unique_id: UniqueId::new(id),
        status,
        ..RunResult::default()
    };
    let results = RunResults {
        results: vec![
            result("model.shop.orders", Status::Error),
            result("model.shop.report", Status::Skipped),
        ],
        ..RunResults::default()
    };
    let asked = Given { results: Some(&results), ..given() };
    let texts = words("result:error+");
    let models = Request { types: ["model"].into(), ..request(&texts, &[]) };
    assert_eq!(run(&shop, &models, &asked).0, "orders report");
    let at = |micros| FreshnessResults {
        results: vec![FreshnessResult {
            unique_id: UniqueId::new("source.shop.crm.customers"),
            max_loaded_at: Some(Moment(Timestamp::from_micros(micros))),
            ..FreshnessResult::default()
        }],
        ..FreshnessResults::default()
    };
    let (before, now) = (at(1), at(2));
    let texts = words("source_status:fresher");
    let fresh = |before, now| {
        let asked = Given { sources_before: Some(before), sources_now: Some(now), ..given() };
        run(&shop, &request(&texts, &[]), &asked).0
    };
    assert_eq!(fresh(&before, &now), "source:crm.customers");
    assert_eq!(fresh(&now, &now), "");
}

#[test]
fn changes_say_what_they_mean_and_for_whom() {
    let mut shop = Shop::usual();
    let previous = left(&shop);
    let orders = ["model.shop.stg_orders", "model.shop.stg_customers"];
    shop.model("models/marts/orders.sql", &orders).raw_code = "select 1 as id, 2 as n".into();
    shop.model("models/marts/report.sql", &["model.shop.orders"]).raw_code =
        "select 2 as id".into();
    shop.model("models/fresh.sql", &[]);
    shop.0.nodes.shift_remove("snapshot.shop.history");
    let graph = Graph::new(&shop.0);
    let found = changes(&graph, &previous, &BTreeMap::new());
    let told: Vec<(String, SqlChange)> =
        found.iter().map(|change| (short(&change.id), change.means)).collect();
    let expected = [
        ("fresh", SqlChange::Additive),
        ("orders", SqlChange::Additive),
        ("report", SqlChange::Breaking),
        ("snapshot:history", SqlChange::Breaking),
    ];
    assert_eq!(told, expected.map(|(name, means)| (name.to_owned(), means)));
    let below: Vec<String> = found[2].downstream.iter().map(short).collect();
    assert_eq!(below, ["exposure:dash", "test:sane"]);
}
