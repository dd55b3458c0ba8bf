//! What texts say of themselves while a project is read.

use serde_json::{Value as Json, json};

use super::{map, parse_session, program};
use crate::context::{
    CaptureSubject, Captured, Failure, FailureKind, NamePart, capture, generated_name,
};
use crate::manifest::UniqueId;

fn model() -> Json {
    json!({
        "resource_type": "model", "name": "orders", "unique_id": "model.shop.orders",
        "package_name": "shop", "original_file_path": "models/orders.sql", "database": "db",
        "schema": "dev", "alias": "orders",
    })
}

fn captured_with(files: &[(&str, &str)], text: &str) -> Result<Captured, Failure> {
    let model = map(model());
    let subject = CaptureSubject { package_name: "shop", model: &model, test_kwargs: None };
    capture(&parse_session(files), &subject, &program("models/orders.sql", text))
}

fn captured(text: &str) -> Captured {
    captured_with(&[], text).unwrap_or_else(|failure| panic!("{failure}"))
}

#[test]
fn references_are_noted_as_often_as_they_are_made() {
    let found = captured(
        "{{ ref('b') }} {{ ref('a', v=2) }} {{ ref('pkg', 'c') }} {{ ref('b') }}
        {{ source('raw', 'orders') }} {{ metric('revenue') }}{% if execute %}{{ ref('x') }}{% endif %}",
    );
    let refs: Vec<_> = found
        .refs
        .iter()
        .map(|found| (found.package.as_deref(), &*found.name, found.version.clone()))
        .collect();
    let b = (None, "b", None);
    assert_eq!(refs, [b.clone(), (None, "a", Some(json!(2))), (Some("pkg"), "c", None), b]);
    assert_eq!(found.sources[0].table, "orders");
    assert_eq!(found.metrics, [["revenue"]]);
}

#[test]
fn configurations_add_up_as_in_dbt() {
    let found = captured(
        "{{ config(materialized='table', tags='a', meta={'x': 1}, grants={'select': 'u'}) }}
        {{ config({'materialized': 'view', 'tags': ['b'], 'meta': {'y': 2}}) }}
        {{ config(post_hook='one') }}{{ config({'post-hook': ['two']}) }}
        {{ config(grants={'+select': ['v'], 'insert': 'w'}) }}{{ config(schema=var('nothing')) }}
        {{ config.set('alias', 'other') }}",
    );
    let expected = json!({
        "materialized": "view", "tags": ["a", "b"], "meta": {"x": 1, "y": 2},
        "grants": {"select": ["u"], "+select": ["v"], "insert": ["w"]},
        "post_hook": ["one", "two"], "schema": null, "alias": "other",
    });
    assert_eq!(Json::Object(found.config), expected);
    let failure = captured_with(&[], "{{ config({'a': 1}, b=2) }}").unwrap_err();
    assert_eq!(failure.message, "Invalid inline model config");
}

#[test]
fn names_answer_as_while_reading() {
    let text = "{{ config.get('x', 'default') }}|{{ config.require('x') }}|{{ execute }}\
        |{{ var('color') }}{{ var('twice') }}{{ var('nothing') }}{{ var('nothing', 3) }}\
        |{{ env_var('HOME') }}|{{ target.schema }}{{ target.password }}|{{ model.name }}\
        |{{ run_query('select 1') }}|{{ this.schema }}|{{ flags.FULL_REFRESH }}|{{ schema }}\
        |{{ adapter.get_relation(database='a', schema='b', identifier='c') }}\
        |{{ builtins.ref('a') is mapping }}{{ context['project_name'] }}{{ context.get('zz', 1) }}";
    let expected = "||False|red2None3|/home|dev|orders||dev|False|dev|None|Trueshop1";
    assert_eq!(captured(text).text, expected);
}

#[test]
fn macros_that_the_text_calls_are_noted() {
    let files = [
        (
            "shop",
            "{% macro outer() %}{% do inner() %}{{ lib.star() }}{% endmacro %}{% macro inner() %}{% do ref('deep') %}{% endmacro %}",
        ),
        (
            "lib",
            "{% macro star() %}{{ return(adapter.dispatch('star', 'lib')()) }}{% endmacro %}{% macro default__star() %}*{% endmacro %}",
        ),
        ("dbt", "{% macro inner() %}never{% endmacro %}{% macro other() %}x{% endmacro %}"),
    ];
    let text = "{{ outer() }}{{ lib.star() }}{{ adapter.dispatch('star', 'lib')() }}{{ dbt.other() }}{{ outer() }}";
    let found = captured_with(&files, text).unwrap();
    let macros: Vec<&str> = found.macros.iter().map(UniqueId::as_str).collect();
    let expected =
        ["macro.shop.outer", "macro.lib.star", "macro.lib.default__star", "macro.dbt.other"];
    assert_eq!(macros, expected);
    assert_eq!(found.refs[0].name, "deep");
    assert_eq!(found.text, "***x*");
}

#[test]
fn macros_override_the_names_of_dbt() {
    let files = [(
        "shop",
        "{% macro ref(name) %}{% do return(builtins.ref('my_' ~ name)) %}{% endmacro %}",
    )];
    let found = captured_with(&files, "{{ ref('a') }}").unwrap();
    assert_eq!(found.refs[0].name, "my_a");
    assert_eq!(found.macros[0].as_str(), "macro.shop.ref");
}

#[test]
fn arguments_of_tests_are_values() {
    let files = [(
        "dbt",
        "{% macro get_where_subquery(relation) %}{% do return(relation) %}{% endmacro %}{% test accepted(model, column_name, values, to) %}{{ model.schema }} {{ column_name }} {{ values }} {{ to.schema }}{% endtest %}",
    )];
    let kwargs = map(json!({
        "model": "{{ get_where_subquery(ref('orders')) }}", "column_name": "{{ a }}",
        "values": ["x", 1, "{{ [var('color')] }}"], "to": "ref('customers')",
    }));
    let model = map(model());
    let subject =
        CaptureSubject { package_name: "shop", model: &model, test_kwargs: Some(&kwargs) };
    let text = "{{ test_accepted(**_dbt_generic_test_kwargs) }}";
    let session = parse_session(&files);
    let found = capture(&session, &subject, &program("accepted.sql", text)).unwrap();
    assert_eq!(found.text, "dev {{ a }} ['x', 1, ['red']] dev");
    let refs: Vec<&str> = found.refs.iter().map(|found| &*found.name).collect();
    assert_eq!(refs, ["orders", "customers"]);
    let macros: Vec<&str> = found.macros.iter().map(UniqueId::as_str).collect();
    assert_eq!(macros, ["macro.dbt.get_where_subquery", "macro.dbt.test_accepted"]);
}

#[test]
fn failures_say_where_and_in_what() {
    let files =
        [("shop", "{% macro m() %}\n{{ exceptions.raise_compiler_error('no') }}{% endmacro %}")];
    let failure = captured_with(&files, "select\n{{ m() }}").unwrap_err();
    assert_eq!(failure.kind, FailureKind::Compilation);
    let expected = "Compilation Error in model orders (models/orders.sql)\n  no\n  \n  > in macro m \
                    (macros/file_0.sql:2:15)\n  > called by models/orders.sql:2:4";
    assert_eq!(failure.to_string(), expected);
    for (text, message) in [
        ("{{ ref() }}", "ref() takes at most two arguments (0 given)"),
        ("{{ source('a') }}", "source() takes exactly two arguments (1 given)"),
        ("{{ env_var('NOTHING') }}", "Env var required but not provided: 'NOTHING'"),
    ] {
        assert_eq!(captured_with(&[], text).unwrap_err().message, message);
    }
}

#[test]
fn relations_are_named_by_the_project_or_as_dbt_does() {
    let node = map(json!({"name": "orders", "package_name": "shop", "version": 2.1}));
    let named = |files: &[(&str, &str)], part, custom| {
        generated_name(&parse_session(files), part, custom, &node).unwrap()
    };
    assert_eq!(named(&[], NamePart::Schema, None).as_deref(), Some("dev"));
    assert_eq!(named(&[], NamePart::Schema, Some(" x ")).as_deref(), Some("dev_x"));
    assert_eq!(named(&[], NamePart::Alias, None).as_deref(), Some("orders_v2_1"));
    assert_eq!(named(&[], NamePart::Database, None).as_deref(), Some("db"));
    let files = [(
        "shop",
        "{% macro generate_schema_name(custom, node) %} {{ custom }}_{{ node.name }}_{{ target.name }} {% endmacro %}",
    )];
    assert_eq!(named(&files, NamePart::Schema, Some("x")).as_deref(), Some("x_orders_dev"));
}
