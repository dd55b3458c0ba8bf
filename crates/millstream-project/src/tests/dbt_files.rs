//! Files as dbt users have them: what dbt knows is no error, and what has no effect here is said.

use super::{full, loaded, project, text_of};
use crate::CheckSeverity;

#[test]
fn what_dbt_knows_and_we_do_not_use_is_said_once_for_each_file() {
    let loaded = loaded(&[
        (
            "dbt_project.yml",
            "name: shop
dbt-cloud: {project-id: 1}
require-dbt-version: [\">=1.5.0\", \"<3.0.0\"]
models: {+docs: {node_color: gold}, shop: {+meta: {owner: me}, +persist_docs: {relation: true}}}
my-own: 1
",
        ),
        ("models/a.sql", "{{ config(materialized='table', cluster_by=['id']) }} select 1 as id"),
        (
            "models/a.yml",
            "models:
  - name: a
    docs: {show: false}
    config: {meta: {x: 1}, contract: {enforced: false}}
    columns: [{name: id, meta: {x: 1}, constraints: [{type: not_null}], policy: x}]
  - name: gone
semantic_models: [{name: a, model: ref('a')}]
unit_tests: [{name: t, model: a, given: [], expect: {rows: []}}]
exposures: [{name: e, type: dashboard}]
",
        ),
    ]);
    assert_eq!(
        text_of(&loaded),
        "warning[yaml.key_unknown]: unknown key `my-own`
  --> dbt_project.yml:5:1
  hint: known: analysis-paths, asset-paths, clean-targets, config-version, data-tests, dbt-cloud, defer-env-id, dispatch, docs-paths, exposures, flags, function-paths, functions, log-path, macro-paths, metrics, model-paths, models, name, on-run-end, on-run-start, packages-install-path, profile, query-comment, quoting, require-dbt-version, restrict-access, saved-queries, seed-paths, seeds and 10 more
warning[project.not_read]: unit tests do not run in `millstream run`
  --> models/a.yml
  hint: `millstream dbt test` runs them
warning[yaml.key_unknown]: unknown key `policy`
  --> models/a.yml:5:73
  hint: known: config, constraints, data_tests, data_type, description, granularity, meta, name, quote, tags, tests
warning[dbt.patch_unused]: Did not find matching node for patch with name 'gone' in the 'models' section of file 'models/a.yml'
  --> models/a.yml:6:5"
    );
}

#[test]
fn tests_are_written_in_all_the_ways_of_dbt() {
    let project = project(&[
        ("models/a.sql", "select 1 as id, 'x' as kind"),
        ("models/b.sql", "select id from {{ ref('a') }}"),
        (
            "models/schema.yml",
            "version: 2
models:
  - name: a
    tests:
      - unique: {column_name: id, config: {severity: warn, where: \"kind = 'x'\"}}
    columns:
      - name: kind
        data_tests:
          - accepted_values:
              arguments: {values: [x, y]}
              config: {error_if: \">10\", warn_if: \">= 1\", tags: [slow], store_failures: true}
          - not_null
  - name: b
    columns:
      - name: id
        tests:
          - relationships:
              to: ref('a')
              field: id
              severity: WARN
",
        ),
    ]);
    let named = |name: &str| {
        let found = project.checks.iter().find(|check| check.name.starts_with(name));
        found.unwrap_or_else(|| panic!("there is no check {name}"))
    };
    assert_eq!(named("unique").severity, CheckSeverity::Warn);
    assert!(full(&named("unique").text).contains("where kind = 'x'"));
    let accepted = full(&named("accepted_values").text);
    assert!(accepted.contains("count(*) >= 1 as should_warn"), "{accepted}");
    assert!(accepted.contains("count(*) >10 as should_error"), "{accepted}");
    assert_eq!(named("relationships").severity, CheckSeverity::Warn);
    assert_eq!(project.checks.len(), 4);
}

#[test]
fn a_source_in_a_schema_of_the_project_is_what_seeds_make() {
    let project = project(&[
        ("dbt_project.yml", "name: shop\nseeds: {+schema: raw}\n"),
        ("seeds/people.csv", "id\n1\n"),
        (
            "models/sources.yml",
            "sources: [{name: crm, schema: main_raw, tables: [{name: persons, identifier: people, columns: [{name: id, tests: [not_null]}]}]}]\n",
        ),
        ("models/a.sql", "select * from {{ source('crm', 'persons') }}"),
    ]);
    let names: Vec<&str> = project.graph.nodes().iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["people", "a"]);
    assert_eq!(project.checks[0].asset.to_string(), "table:main_raw.people");
}

#[test]
fn a_property_file_describes_and_tests_a_stream_of_ours() {
    let project = project(&[
        super::SOURCE,
        (
            "models/shop.yml",
            "sources: [{name: shop, tables: [{name: orders, description: All., columns: [{name: id, tests: [unique]}]}]}]\n",
        ),
        ("models/a.sql", "select * from {{ source('shop', 'orders') }}"),
        ("models/bad.sql", "select * from {{ source('quarantine', 'shop__orders') }}"),
    ]);
    let tables: Vec<String> =
        project.models.iter().flat_map(|model| &model.inputs).map(ToString::to_string).collect();
    assert_eq!(tables, ["table:shop.orders", "table:quarantine.shop__orders"]);
    assert_eq!(project.checks[0].asset.to_string(), "table:shop.orders");
    let table = project.dbt.manifest.sources.values().find(|table| table.name == "orders").unwrap();
    assert_eq!((table.description.as_str(), &*table.schema), ("All.", "shop"));
}

#[test]
fn models_and_seeds_of_packages_are_made() {
    let project = project(&[
        ("packages.yml", "packages: [{local: lib/tools}]\n"),
        ("lib/tools/dbt_project.yml", "name: tools\nmodels: {+schema: tools}\n"),
        ("lib/tools/models/days.sql", "select * from {{ ref('holidays') }}"),
        ("lib/tools/seeds/holidays.csv", "day\n2026-01-01\n"),
        ("models/a.sql", "select * from {{ ref('tools', 'days') }}"),
    ]);
    let made: Vec<(&str, String)> = project
        .graph
        .nodes()
        .iter()
        .map(|node| (node.file.to_str().unwrap(), node.asset().name.clone()))
        .collect();
    assert_eq!(
        made,
        [
            ("lib/tools/seeds/holidays.csv", "main.holidays".to_owned()),
            ("lib/tools/models/days.sql", "main_tools.days".to_owned()),
            ("models/a.sql", "main.a".to_owned()),
        ]
    );
}
