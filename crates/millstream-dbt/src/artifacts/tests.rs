use std::collections::{HashMap, HashSet};

use millstream_core::clock::Timestamp;
use serde_json::{Map, Value, json};

use super::*;
use crate::manifest::{Column, SelectorDef, UniqueId};
use crate::select::tests::fixture::{Shop, object};

fn moment() -> Moment {
    Moment(Timestamp::from_micros(1_795_249_728_047_500))
}

fn metadata() -> Metadata {
    Metadata {
        generated_at: moment(),
        invocation_id: "4803591a-30b2-4bad-897f-13f079717e95".to_owned(),
        invocation_started_at: moment(),
        env: Metadata::env_of(
            [("DBT_ENV_CUSTOM_ENV_RUN", "7"), ("HOME", "/")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter(),
        ),
    }
}

fn written(shop: &Shop, compiled: &HashMap<UniqueId, Compiled>) -> Value {
    let metadata = metadata();
    let facts = ManifestFacts {
        metadata: &metadata,
        adapter_type: "postgres",
        run_started_at: moment(),
        compiled,
    };
    let mut out = Vec::new();
    write_manifest(&mut out, &shop.0, &facts).expect("writes");
    serde_json::from_slice(&out).expect("is JSON")
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_manifest_has_dbts_sections() {
    let manifest = written(&Shop::usual(), &HashMap::new());
    let sections = "metadata nodes sources macros docs exposures metrics groups selectors disabled \
                    parent_map child_map group_map saved_queries semantic_models unit_tests \
                    functions";
    assert_eq!(keys(&manifest).join(" "), sections);
    let schema = "https://schemas.getdbt.com/dbt/manifest/v12.json";
    assert_eq!(manifest["metadata"]["dbt_schema_version"], schema);
    assert_eq!(manifest["metadata"]["generated_at"], "2026-11-21T08:28:48.047500Z");
    assert_eq!(manifest["metadata"]["env"], json!({"RUN": "7"}));
    assert_eq!(manifest["metadata"]["project_id"], "fb54f3c5992b96d001bb16e8e92d968d");
    let readers = ["model.shop.report", "test.shop.relationships_orders"];
    let children = manifest["child_map"]["model.shop.orders"].as_array().expect("a list");
    assert!(readers.iter().all(|id| children.contains(&json!(id))), "{children:?}");
    assert_eq!(manifest["parent_map"]["model.shop.stg_orders"], json!(["seed.shop.raw"]));
}

#[test]
fn a_model_has_dbts_keys() {
    let mut shop = Shop::new();
    let node = shop.model("models/a.sql", &[]);
    node.config.extend(object(json!({"pre_hook": "select 3", "meta": {"k": 1}})));
    let id = node.unique_id.clone();
    let plain = "database schema name resource_type package_name path original_file_path unique_id \
                 fqn alias checksum config tags description columns meta group docs patch_path \
                 build_path unrendered_config created_at relation_name raw_code doc_blocks \
                 language refs sources metrics functions depends_on compiled_path contract access \
                 constraints version latest_version deprecation_date primary_key time_spine";
    let manifest = written(&shop, &HashMap::new());
    let model = &manifest["nodes"][id.as_str()];
    assert_eq!(keys(model).join(" "), plain);
    let hook = json!([{"sql": "select 3", "transaction": true, "index": null}]);
    assert_eq!(model["config"]["pre-hook"], hook);
    assert_eq!(model["meta"], json!({"k": 1}));
    let compiled = Compiled {
        code: Some("select 1".into()),
        compiled_path: Some("target/compiled/a.sql".to_owned()),
        ..Compiled::default()
    };
    let manifest = written(&shop, &HashMap::from([(id.clone(), compiled)]));
    let model = &manifest["nodes"][id.as_str()];
    assert_eq!(model["compiled_code"], "select 1");
    assert_eq!(model["compiled"], true);
    assert_eq!(model["extra_ctes_injected"], true);
}

#[test]
fn seeds_tests_and_hooks_have_keys_of_their_own() {
    let mut shop = Shop::usual();
    let kind = crate::manifest::NodeKind::Operation { index: 0 };
    shop.node("hooks/shop-on-run-start-0.sql", kind, &[]).tags = vec!["on-run-start".to_owned()];
    let manifest = written(&shop, &HashMap::new());
    let nodes = &manifest["nodes"];
    assert_eq!(nodes["seed.shop.raw"]["root_path"], "/shop");
    assert_eq!(nodes["seed.shop.raw"]["depends_on"], json!({"macros": []}));
    let test = &nodes["test.shop.unique_stg_orders"];
    assert_eq!(test["test_metadata"]["name"], "unique");
    assert_eq!(test["attached_node"], "model.shop.stg_orders");
    let hook = &nodes["operation.shop.shop-on-run-start-0"];
    assert_eq!((&hook["index"], &hook["tags"]), (&json!(0), &json!(["on-run-start"])));
}

#[test]
fn templates_also_see_what_config_said() {
    let mut shop = Shop::new();
    let node = shop.model("models/a.sql", &[]);
    node.config_call = object(json!({"materialized": "table"})).into();
    let dict = node_dict(node, None);
    assert_eq!(dict["config_call_dict"], json!({"materialized": "table"}));
    assert_eq!(dict["unique_id"], "model.shop.a");
}

#[test]
fn the_checksum_of_a_contract_is_dbts() {
    let mut shop = Shop::new();
    let node = shop.model("models/a.sql", &[]);
    node.config.extend(object(json!({
        "contract": {"enforced": true, "alias_types": true}, "materialized": "incremental"
    })));
    node.constraints = vec![json!({"type": "check", "expression": "id > 0"})];
    for (name, data_type) in [("id", "integer"), ("amount", "integer"), ("ds", "date")] {
        let constraints = if name == "id" { vec![json!({"type": "not_null"})] } else { vec![] };
        let column = Column {
            name: name.to_owned(),
            data_type: Some(data_type.to_owned()),
            constraints,
            ..Column::default()
        };
        node.columns.insert(name.to_owned(), column);
    }
    let checksum = "10c7ed7dbaf1a549aeb96f6770c4e4f9ce2ed9a7cbe8602ae8aa2c30b1480915";
    assert_eq!(node_dict(node, None)["contract"]["checksum"], checksum);
}

#[test]
fn the_checksum_of_a_unit_test_is_dbts() {
    let mut shop = Shop::new();
    shop.model("models/fct.sql", &[]);
    shop.unit_test("ut1", "fct");
    let test = shop.0.unit_tests.values_mut().next().expect("is there");
    let input = |name: &str| json!({"input": name, "rows": [{"id": 1, "name": "a"}]});
    test.given = vec![input("ref('stg_a')"), input("ref('stg_s')")];
    test.expect = json!({"rows": [{"id": 1, "amount": 1}]});
    let manifest = written(&shop, &HashMap::new());
    let checksum = "ae092497f7ff6e8a6df12ae4c55c4c9c8f56afe1e9a1582a3eefe3550fb9946d";
    let unit_test = &manifest["unit_tests"]["unit_test.shop.fct.ut1"];
    assert_eq!((&unit_test["checksum"], &unit_test["schema"]), (&json!(checksum), &json!("main")));
}

#[test]
fn selectors_are_written_out() {
    let mut shop = Shop::new();
    let definition = json!({"union": [
        {"path": "models"}, "2+tag:x+", {"exclude": ["@stg.sql"]},
        {"method": "fqn", "value": "a", "parents": true}
    ]});
    let selector = SelectorDef { description: "some".to_owned(), default: false, definition };
    shop.0.selectors.insert("s".to_owned(), selector);
    let expected = json!({"name": "s", "description": "some", "definition": {"union": [
        {"method": "path", "value": "models"},
        {"parents": true, "parents_depth": "2", "children": true, "method": "tag", "value": "x"},
        {"exclude": [{"childrens_parents": true, "method": "file", "value": "stg.sql"}]},
        {"method": "fqn", "value": "a", "parents": true}
    ]}});
    assert_eq!(written(&shop, &HashMap::new())["selectors"]["s"], expected);
}

#[test]
fn results_come_back_as_they_were_written() {
    let result = RunResult {
        unique_id: UniqueId::new("model.shop.a"),
        status: Status::PartialSuccess,
        timing: vec![Timing {
            name: "compile".to_owned(),
            started_at: Some(moment()),
            completed_at: Some(moment()),
        }],
        thread_id: "Thread-1".to_owned(),
        failures: Some(2),
        batch_results: Some(BatchResults {
            successful: vec![(moment(), moment())],
            failed: Vec::new(),
        }),
        ..RunResult::default()
    };
    let results = RunResults { results: vec![result], ..RunResults::default() };
    let mut json = Vec::new();
    write_json(&mut json, &results).expect("writes");
    let back = RunResults::read(&json).expect("reads");
    assert_eq!(back.results, results.results);
    let value: Value = serde_json::from_slice(&json).expect("is JSON");
    assert_eq!(keys(&value), ["metadata", "results", "elapsed_time", "args"]);
    let expected = "status timing thread_id execution_time adapter_response message failures \
                    unique_id compiled compiled_code relation_name batch_results overload_results";
    assert_eq!(keys(&value["results"][0]).join(" "), expected);
    assert_eq!(value["results"][0]["status"], "partial success");
}

#[test]
fn results_of_older_releases_are_read() {
    let old = json!({"results": [{
        "status": "fail", "unique_id": "test.shop.t", "adapter_response": null,
        "timing": [{"name": "execute", "started_at": "2021-01-01T00:00:00.000001"}]
    }]});
    let results = RunResults::read(old.to_string().as_bytes()).expect("reads");
    assert_eq!(results.with_status("fail").collect::<Vec<_>>(), ["test.shop.t"]);
}

#[test]
fn a_retry_does_what_failed_and_what_was_skipped() {
    let result = |id: &str, status| RunResult {
        unique_id: UniqueId::new(id),
        status,
        ..RunResult::default()
    };
    let results = RunResults {
        results: vec![
            result("model.shop.a", Status::Success),
            result("model.shop.b", Status::Error),
            result("test.shop.c", Status::Warn),
            result("model.shop.d", Status::Skipped),
            result("operation.shop.e", Status::Error),
        ],
        ..RunResults::default()
    };
    let ids: Vec<&str> = results.to_retry().map(|result| result.unique_id.as_str()).collect();
    assert_eq!(ids, ["model.shop.b", "model.shop.d"]);
}

#[test]
fn a_source_that_could_not_be_asked_says_only_why() {
    let failed = FreshnessResult {
        unique_id: UniqueId::new("source.shop.crm.t"),
        status: Status::RuntimeError,
        error: Some(json!("gone")),
        ..FreshnessResult::default()
    };
    let asked = FreshnessResult { status: Status::Pass, ..failed.clone() };
    let results = FreshnessResults { results: vec![failed, asked], ..FreshnessResults::default() };
    let value = serde_json::to_value(&results).expect("is JSON");
    assert_eq!(keys(&value["results"][0]), ["unique_id", "error", "status"]);
    let expected = "unique_id max_loaded_at snapshotted_at max_loaded_at_time_ago_in_s status \
                    criteria adapter_response timing thread_id execution_time";
    assert_eq!(keys(&value["results"][1]).join(" "), expected);
}

#[test]
fn the_catalog_is_made_of_rows() {
    let mut shop = Shop::usual();
    shop.model("models/b.sql", &[]).alias = "Beta".to_owned();
    let columns = "table_database table_schema table_name table_type table_comment column_name \
                   column_index column_type column_comment stats:size:label stats:size:value \
                   stats:size:description stats:size:include";
    let columns: Vec<&str> = columns.split_whitespace().collect();
    let row = |table: &str, schema: &str, column: &str, index: i64| {
        let size = [json!("Size"), json!(9), json!("Bytes"), json!(true)];
        let row = [
            json!("DEV"),
            json!(schema),
            json!(table),
            json!("VIEW"),
            Value::Null,
            json!(column),
            json!(index),
            json!("integer"),
            Value::Null,
        ];
        let names = columns.iter().map(|name| (*name).to_owned());
        names.zip(row.into_iter().chain(size)).collect::<Map<String, Value>>()
    };
    let rows = vec![
        row("BETA", "main", "id", 1),
        row("BETA", "main", "n", 2),
        row("customers", "crm", "id", 1),
        row("elsewhere", "main", "id", 1),
    ];
    let catalog = Catalog::of_rows(&shop.0, rows.clone(), None).expect("builds");
    let value = serde_json::to_value(&catalog).expect("is JSON");
    assert_eq!(keys(&value), ["metadata", "nodes", "sources", "errors"]);
    assert_eq!(keys(&value["nodes"]), ["model.shop.b"]);
    let table = &value["nodes"]["model.shop.b"];
    assert_eq!(keys(table), ["metadata", "columns", "stats", "unique_id"]);
    assert_eq!(keys(&table["columns"]), ["id", "n"]);
    assert_eq!(table["stats"]["size"]["value"], 9);
    assert_eq!(table["stats"]["has_stats"]["value"], true);
    assert_eq!(keys(&value["sources"]), ["source.shop.crm.customers"]);
    let nothing = Catalog::of_rows(&shop.0, rows, Some(&HashSet::new())).expect("builds");
    assert!(nothing.nodes.is_empty() && nothing.sources.is_empty());
    let error = Catalog::of_rows(&shop.0, [Map::new()], None).expect_err("is refused");
    assert!(error.to_string().contains("table_schema"), "{error}");
}

#[test]
fn secrets_are_stars() {
    let variables = [("DBT_ENV_SECRET_A", "hush"), ("DBT_ENV_SECRET_B", "hush-hush"), ("X", "y")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let secrets = Secrets::new(variables.into_iter());
    assert_eq!(secrets.scrub("say hush-hush, hush, y"), "say *****, *****, y");
    let args = json!({"vars": {"DBT_ENV_SECRET_C": "z", "k": ["hush"]}, "threads": 4});
    let expected = json!({"vars": {"DBT_ENV_SECRET_C": "*****", "k": ["*****"]}, "threads": 4});
    assert_eq!(secrets.scrub_value(&args), expected);
    assert!(!format!("{secrets:?}").contains("hush"));
}
