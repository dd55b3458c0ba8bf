//! Functions that models call.

use super::*;
use crate::manifest::NodeKind;

const DOUBLE: &str = "functions:
  - name: double
    arguments: [{name: x, data_type: int}]
    returns: {data_type: int}
";

#[test]
fn models_wait_for_the_functions_that_they_call() {
    let shop = Shop::new(&[
        ("functions/double.sql", "select x * 2"),
        ("functions/functions.yml", DOUBLE),
        ("models/a.sql", "select {{ function('double') }}(1)"),
        ("models/double.sql", "select {{ function('shop', 'double') }}({{ var('n', 1) }})"),
    ]);
    let manifest = shop.manifest();
    for model in ["model.shop.a", "model.shop.double"] {
        let needed = &node(&manifest, model).depends_on.nodes;
        assert_eq!(ids(needed), ["function.shop.double"], "{model}");
    }
    let function = node(&manifest, "function.shop.double");
    let NodeKind::Function(signature) = &function.kind else { panic!("{function:?}") };
    assert_eq!(signature.arguments[0].name, "x");
    assert_eq!(signature.returns.data_type, "int");
    assert_eq!(function.relation_name.as_deref(), Some(r#""db"."main"."double""#));
}

#[test]
fn an_overload_is_a_part_of_its_function() {
    let overloads = "    overloads:
      - {defined_in: double_text, arguments: [{name: x, data_type: text}]}
";
    let shop = Shop::new(&[
        ("functions/double.sql", "select x * 2"),
        ("functions/double_text.sql", "select x || x from {{ ref('a') }}"),
        ("functions/functions.yml", &format!("{DOUBLE}{overloads}")),
        ("models/a.sql", "select 1"),
    ]);
    let manifest = shop.manifest();
    assert!(!manifest.nodes.contains_key("function.shop.double_text"));
    let function = node(&manifest, "function.shop.double");
    assert_eq!(ids(&function.depends_on.nodes), ["model.shop.a"]);
    let bodies: Vec<_> = function.overloads().map(|(_, node)| node.raw_code.to_string()).collect();
    assert_eq!(bodies, ["select x || x from {{ ref('a') }}"]);
}

#[test]
fn what_is_no_function_is_refused() {
    let shop = Shop::new(&[
        ("functions/a.sql", "select 1"),
        ("functions/b.sql", "{{ config(volatility='odd') }} select 1"),
        ("functions/c.js", "return 1"),
        (
            "functions/functions.yml",
            "functions:
  - name: a
  - name: b
    returns: {data_type: int}
    arguments: [{name: x, data_type: int, default_value: 1}, {name: y, data_type: int}]
  - name: c
    returns: {data_type: int}
    overloads: [{defined_in: nothing}]
  - {name: around, on: {topic: t}, sql: select 1}
",
        ),
        ("models/m.sql", "select {{ function('nothing') }}()"),
    ]);
    let mut problems = shop.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "dbt.function_invalid functions/b.sql",
            "dbt.function_invalid functions/c.js",
            "dbt.function_invalid functions/functions.yml:2",
            "dbt.function_invalid functions/functions.yml:3",
            "dbt.function_invalid functions/functions.yml:6",
            "dbt.reference_unknown models/m.sql:1",
        ]
    );
}

#[test]
fn what_the_embedded_engine_does_not_hold_is_said() {
    let shop = Shop::new(&[
        ("models/a.sql", "{{ config(grants={'select': ['x']}) }} select 1 as id"),
        ("models/b.sql", "{{ config(grants={'select': ['x']}) }} select 1 as id"),
        (
            "models/schema.yml",
            "models:
  - name: b
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: int}]
    constraints: [{type: foreign_key, columns: [id], to: ref('a'), to_columns: [id]}]
",
        ),
    ]);
    let mut options = options();
    let mut target = options.fallback.take().expect("a target");
    target.kind = "millstream".to_owned();
    options.adapters[0].name.clone_from(&target.kind);
    options.fallback = Some(target);
    let parsed = parse(shop.path(), &options);
    let codes: Vec<&str> = parsed.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, ["dbt.grants_no_effect", "dbt.constraint_not_enforced"]);
    assert!(parsed.diagnostics[0].message.contains("of model.shop.a and of 1 more"));
    assert!(shop.problems().is_empty(), "PostgreSQL holds both");
}

#[test]
fn a_description_that_is_too_long_to_be_kept_is_warned_of() {
    let long = "x".repeat(4001);
    let models = format!(
        "models:
  - {{name: a, description: {long}, columns: [{{name: id, description: {long}}}],
     config: {{persist_docs: {{columns: true}}}}}}
  - {{name: b, description: {long}}}
"
    );
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "select 1 as id"),
        ("models/schema.yml", &models),
    ]);
    let mut options = options();
    let mut target = options.fallback.take().expect("a target");
    target.kind = "millstream".to_owned();
    options.adapters[0].name.clone_from(&target.kind);
    options.fallback = Some(target);
    let parsed = parse(shop.path(), &options);
    let found: Vec<_> =
        parsed.diagnostics.iter().map(|found| (found.code, found.message.as_str())).collect();
    let message =
        "model.shop.a keeps that of `id` with its relation as the first 4000 letters only";
    assert_eq!(found, [("dbt.description_cut", message)]);
}
