//! Texts and macros at work, against a warehouse that notes what it is told.

use std::sync::Arc;

use millstream_jinja::Value;
use serde_json::{Value as Json, json};

use super::fake::{Shop, model};
use super::map;
use crate::artifacts::{RunResult, Status};
use crate::context::{Deferred, Failure, FailureKind, RunResultValue};
use crate::manifest::{Access, Node, UniqueId, UnitTest};

/// The macros of dbt that the tests need, in few words.
const DBT: &str = r"
{% macro statement(name=none, fetch_result=false, auto_begin=true, language='sql') %}
  {% set sql = caller() %}{% if name == 'main' %}{{ write(sql) }}{% endif %}
  {% set response, table = adapter.execute(sql, auto_begin=auto_begin, fetch=fetch_result) %}
  {% if name is not none %}{{ store_result(name, response=response, agate_table=table) }}{% endif %}
{% endmacro %}
{% macro run_query(sql) %}
  {% call statement('run_query', fetch_result=true, auto_begin=false) %}{{ sql }}{% endcall %}
  {% do return(load_result('run_query').table) %}
{% endmacro %}
{% materialization view, default %}
  {% for hook in pre_hooks %}{% call statement(auto_begin=hook.transaction) %}{{ render(hook.sql) }}{% endcall %}{% endfor %}
  {% call statement('main') %}create view {{ this }} as {{ sql }}{% endcall %}
  {% do adapter.commit() %}
  {{ return({'relations': [this.incorporate(type='view')]}) }}
{% endmaterialization %}
";

fn compiled_in(shop: &Shop, name: &str) -> Result<String, Failure> {
    shop.worker().compile(&shop.node(name)).map(|compiled| compiled.code)
}

fn compiled(text: &str) -> Result<String, Failure> {
    let models = vec![
        model("orders", text, json!({"meta": {"owner": "me"}}), &["customers"]),
        model("customers", "select 1", json!({}), &[]),
        model("others", "select 1", json!({}), &[]),
    ];
    compiled_in(&Shop::new(&[("dbt", DBT)], models), "orders")
}

fn check(text: &str, expected: &str) {
    assert_eq!(compiled(text).unwrap_or_else(|failure| panic!("{failure}")), expected, "{text}");
}

fn refused(text: &str, message: &str) {
    assert_eq!(compiled(text).unwrap_err().message, message, "{text}");
}

#[test]
fn references_are_relations() {
    check("{{ ref('customers') }} {{ this }}", r#""db"."dev"."customers" "db"."dev"."orders""#);
    check("{{ ref('shop', 'customers').identifier }} {{ this.schema }}", "customers dev");
    check("{{ source('raw', 'orders') }}", r#""db"."raw".ORDERS"#);
    refused(
        "{{ ref('nothing', v=2) }}",
        "Model 'model.shop.orders' (models/orders.sql) depends on a node named 'nothing' with \
         version '2' which was not found",
    );
    refused(
        "{{ source('raw', 'nothing') }}",
        "Model 'model.shop.orders' (models/orders.sql) depends on a source named 'raw.nothing' \
         which was not found",
    );
    let message = compiled("{{ ref('others') }}").unwrap_err().message;
    assert!(message.ends_with("-- depends_on: {{ ref('others') }}"), "{message}");
}

#[test]
fn names_answer_for_real() {
    check("{{ execute }} {{ thread_id }} {{ target.type }}", "True Thread-1 postgres");
    check("{{ config.get('materialized') }} {{ config.get('x', 5) }}", "view 5");
    check("{{ config.meta_get('owner') }} {{ config.get('unique_key', 5) }}", "me None");
    check("{{ config(materialized='table') }}{{ model.unique_id }}", "model.shop.orders");
    check("{{ graph.nodes['model.shop.customers'].config.materialized }}", "view");
    check(
        "{{ graph.nodes.values() | map(attribute='name') | join(' ') }}",
        "orders customers others",
    );
    check("{{ var('color') }} {{ render('{{ 1 + 1 }}') }}", "red 2");
    check("{{ api.Relation.create(schema='a', identifier='b') }}", r#""a"."b""#);
    check(
        "{{ 'statement' in context }} {{ 'x' in dbt }} {{ 'ref' in builtins }}",
        "True False True",
    );
    check("{{ tojson(model.depends_on.nodes) }}", r#"["model.shop.customers"]"#);
    refused(
        "{{ config.require('x') }}",
        "Model 'model.shop.orders' does not define a required config parameter 'x'.",
    );
    let message = compiled("{{ var('nothing') }}").unwrap_err().message;
    assert!(message.starts_with(
        "Required var 'nothing' not found in config:\nVars supplied to orders = {\n    \"color\": \"red\""
    ));
}

#[test]
fn ephemeral_models_stand_in_front() {
    let ephemeral = json!({"materialized": "ephemeral"});
    let models = vec![
        model("a", "select 1", ephemeral.clone(), &[]),
        model("b", "select * from {{ ref('a') }}", ephemeral, &["a"]),
        model("c", "with x as (select 2)\nselect * from {{ ref('b') }}", json!({}), &["b"]),
    ];
    let shop = Shop::new(&[], models);
    let expected = "with  __dbt__cte__a as (\nselect 1\n),  __dbt__cte__b as (\nselect * from \
                    __dbt__cte__a\n), x as (select 2)\nselect * from __dbt__cte__b";
    assert_eq!(compiled_in(&shop, "c").unwrap(), expected);
}

#[test]
fn what_is_not_here_is_taken_from_elsewhere() {
    let models = vec![
        model("a", "{{ ref('b') }}", json!({}), &["b"]),
        model("b", "select 1", json!({}), &[]),
    ];
    let shop = Shop::with(&[], models, |session| {
        let deferred = Deferred {
            database: Some("db".to_owned()),
            schema: "prod".to_owned(),
            identifier: "b".to_owned(),
            relation_name: None,
        };
        session.deferred.insert(UniqueId::new("model.shop.b"), deferred);
        let invocation = Arc::make_mut(&mut session.around.invocation);
        invocation.args.extend(map(json!({"defer": true, "favor_state": true})));
    });
    assert_eq!(compiled_in(&shop, "a").unwrap(), r#""db"."prod"."b""#);
    shop.session.select([UniqueId::new("model.shop.b")]);
    let here = shop.session.relation_of(&shop.node("b"));
    shop.session.cache.fill(Some("db"), Some("dev"), [here]);
    assert_eq!(compiled_in(&shop, "a").unwrap(), r#""db"."dev"."b""#);
}

#[test]
fn empty_runs_read_nothing() {
    let models = vec![
        model("a", "{{ ref('b') }}", json!({}), &["b"]),
        model("b", "select 1", json!({}), &[]),
    ];
    let shop = Shop::with(&[], models, |session| {
        Arc::make_mut(&mut session.around.invocation).args.extend(map(json!({"empty": true})));
    });
    let code = compiled_in(&shop, "a").unwrap();
    assert!(code.contains("limit 0") || code.contains("where false"), "{code}");
}

#[test]
fn private_models_are_for_their_group() {
    let mut private = model("b", "select 1", json!({}), &[]);
    private.access = Access::Private;
    private.group = Some("money".to_owned());
    let reader = model("a", "{{ ref('b') }}", json!({}), &["b"]);
    let failure = compiled_in(&Shop::new(&[], vec![reader, private]), "a").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Parsing);
    assert!(failure.message.contains("private to the 'money' group"), "{failure}");
}

fn run(text: &str, config: Json) -> (Shop, Result<crate::context::MadeRelations, Failure>) {
    let shop = Shop::new(&[("dbt", DBT)], vec![model("orders", text, config, &[])]);
    let node: Arc<Node> = shop.node("orders");
    let worker = shop.worker();
    let made =
        worker.compile(&node).and_then(|compiled| worker.materialize(&node, &Arc::new(compiled)));
    (shop, made)
}

#[test]
fn materializations_run_with_their_hooks_in_a_transaction() {
    let config = json!({"pre_hook": [{"sql": "grant {{ this.name }}", "transaction": true}]});
    let (shop, made) = run("select 1", config);
    let made = made.unwrap_or_else(|failure| panic!("{failure}"));
    let created = "create view \"db\".\"dev\".\"orders\" as select 1";
    assert_eq!(shop.told(), ["BEGIN", "grant orders", created, "COMMIT"]);
    assert_eq!(made.relations.len(), 1);
    assert!(made.message.contains("SELECT 1") || !made.adapter_response.is_empty());
    assert_eq!(std::fs::read_to_string(made.path.unwrap()).unwrap(), created);
    let known = shop.session.cache.relations(Some("db"), Some("dev")).unwrap();
    assert!(known[0].dbt_created);
}

#[test]
fn what_fails_is_rolled_back_and_says_where() {
    let (shop, made) = run("fail", json!({}));
    let failure = made.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Database);
    let text = failure.to_string();
    let begin = "Database Error in model orders (models/orders.sql)\n  relation \"x\" does not \
                 exist\n  LINE 1: fail\n  compiled code at ";
    assert!(text.starts_with(begin), "{text}");
    assert!(text.contains("> in macro statement (macros/file_0.sql:4:"), "{text}");
    assert_eq!(shop.told().last().map(String::as_str), Some("ROLLBACK"));
    let (_, made) = run("x", json!({"materialized": "odd"}));
    let message = made.unwrap_err().message;
    assert!(message.starts_with("No materialization 'odd' was found for adapter postgres!"));
}

#[test]
fn macros_are_called_by_themselves() {
    let files = [
        ("dbt", DBT),
        (
            "shop",
            "{% macro add(a, b=2) %}{% do run_query('select 1') %}{{ return({'sum': a + b, 'at': api.Relation.create(identifier='x')}) }}{% endmacro %}",
        ),
        ("lib", "{% macro deep() %}{{ lib.deep() }}{% endmacro %}"),
    ];
    let shop = Shop::new(&files, Vec::new());
    let worker = shop.worker();
    let given = worker.call("add", &[("a".to_owned(), json!(1))], None).unwrap();
    assert_eq!(given["sum"], 3);
    assert_eq!(given["at"]["identifier"], "x");
    assert_eq!(shop.told(), ["BEGIN", "select 1", "ROLLBACK"]);
    let failure = worker.call("nothing", &[], None).unwrap_err();
    assert!(failure.message.contains("could not find a macro with the name \"nothing\""));
    let failure = worker.call("lib.deep", &[], None).unwrap_err();
    assert!(failure.message.contains("recursion"), "{failure}");
}

#[test]
fn results_are_loaded_once() {
    refused(
        "{% do run_query('select 1') %}{% call statement('a') %}select 1{% endcall %}{% do load_result('a') %}{{ load_result('a') }}",
        "The 'statement' result named 'a' has already been loaded into a variable",
    );
    check("{{ load_result('nothing') }}", "None");
}

#[test]
fn unit_tests_read_rows_that_they_name() {
    let macros = r"
{% macro get_fixture_sql(rows, types) %}{% for row in rows %}select {{ row.id }} as id from {{ this.identifier }}{% endfor %}{% endmacro %}
{% macro is_incremental() %}{{ return(false) }}{% endmacro %}
{% materialization unit, default %}
  {% call statement('main', fetch_result=true) %}select {{ sql }} {{ config.get('expected_rows') }}{% endcall %}
  {{ return({'relations': []}) }}
{% endmaterialization %}";
    let text = "{{ ref('a') }} {{ source('raw', 'orders') }} {{ this }} {{ var('color') }} {{ is_incremental() }} {{ env_var('HOME') }} {{ invocation_id }}";
    let models = vec![
        model("orders", text, json!({"materialized": "incremental"}), &["a"]),
        model("a", "never", json!({}), &[]),
        model("b", "never", json!({}), &[]),
    ];
    let shop = Shop::new(&[("dbt", DBT), ("dbt", macros)], models);
    let test = |given: Json| UnitTest {
        unique_id: UniqueId::new("unit_test.shop.orders.works"),
        name: "works".to_owned(),
        model: "orders".to_owned(),
        tested_node: Some(UniqueId::new("model.shop.orders")),
        package_name: "shop".into(),
        given: given.as_array().cloned().unwrap_or_default(),
        expect: json!({"rows": [{"id": 5}]}),
        overrides: Some(json!({
            "macros": {"is_incremental": true, "invocation_id": 123}, "vars": {"color": "blue"},
            "env_vars": {"HOME": "moon"},
        })),
        ..UnitTest::default()
    };
    let given = json!([
        {"input": "ref('a')", "rows": [{"id": 1}]},
        {"input": "source('raw', 'orders')", "rows": "select 2"},
        {"input": "this", "rows": []},
    ]);
    let worker = shop.worker();
    let run = worker.unit_test(&test(given)).unwrap_or_else(|failure| panic!("{failure}"));
    let expected = "with __dbt__cte__a as (\nselect 1 as id from a\n),  __dbt__cte__raw__orders as \
                    (\nselect 2\n),  __dbt__cte__orders as (\n\n) __dbt__cte__a \
                    __dbt__cte__raw__orders __dbt__cte__orders blue True moon 123";
    assert_eq!(run.compiled.code, expected);
    let told = shop.told();
    assert_eq!(told.first().map(String::as_str), Some("BEGIN"));
    assert!(told[1].ends_with("[{'id': 5}]"), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("ROLLBACK"));
    let failure = worker.unit_test(&test(json!([]))).unwrap_err();
    assert!(failure.message.contains("depends on a node named 'a' which was not found"));
    let failure = worker.unit_test(&test(json!([{"input": "nothing"}]))).unwrap_err();
    assert!(failure.message.contains("must be either a 'ref', 'source' or 'this'"), "{failure}");
}

#[test]
fn the_relations_of_the_warehouse_are_looked_up_once() {
    let macros = r"
{% macro list_relations_without_caching(schema_relation) %}{% do run_query('select ' ~ schema_relation.schema) %}{{ return([]) }}{% endmacro %}
{% macro collect_freshness(source, loaded_at_field, filter) %}
  {% call statement('age', fetch_result=true, auto_begin=false) %}select {{ loaded_at_field }} from {{ source }}{% endcall %}
  {{ return(load_result('age')) }}
{% endmacro %}";
    let shop = Shop::new(&[("dbt", DBT), ("dbt", macros)], vec![model("a", "x", json!({}), &[])]);
    let worker = shop.worker();
    worker.fill_cache().unwrap_or_else(|failure| panic!("{failure}"));
    worker.fill_cache().unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(shop.told(), ["BEGIN", "select dev", "ROLLBACK"]);
    let mut source = super::fake::source("orders");
    source.loaded_at_field = Some("at".to_owned());
    let failure = worker.source_age(&Arc::new(source)).unwrap_err();
    assert!(failure.message.starts_with("Got an invalid result from \"collect_freshness\" macro"));
    assert_eq!(shop.told()[1], "select at from \"db\".\"raw\".ORDERS");
}

#[test]
fn hooks_at_the_end_see_more_names() {
    let shop = Shop::new(&[], vec![model("a", "x", json!({}), &[])]);
    let worker = shop.worker();
    let result = RunResult {
        status: Status::Pass,
        unique_id: UniqueId::new("model.shop.a"),
        ..RunResult::default()
    };
    let names = [
        ("schemas", Value::list([Value::text("dev")])),
        ("results", Value::list([RunResultValue::of(worker.session(), &result, None)])),
    ];
    let text = "{{ schemas }} {{ results[0].status }} {{ results[0].node.name }} \
                {{ results[0].to_dict()['unique_id'] }}";
    let rendered = worker.render_with(text, &shop.node("a"), &names);
    assert_eq!(rendered.unwrap(), "['dev'] pass a model.shop.a");
}
