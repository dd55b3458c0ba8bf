//! What files and properties declare.

use serde_json::json;

use super::*;
use crate::manifest::{NodeKind, TestOf};

#[test]
fn references_make_the_graph() {
    let shop = Shop::new(&[
        ("seeds/raw.csv", "id\n1\n"),
        ("models/a.sql", "select * from {{ ref('raw') }} join {{ source('app', 'users') }}"),
        ("models/b.sql", "{% for name in ['a', 'raw'] %}{{ ref(name) }}{% endfor %}"),
        ("models/sources.yml", "sources: [{name: app, tables: [{name: users}]}]"),
        (
            "snapshots/s.sql",
            "{% snapshot s %}{{ config(unique_key='id') }}{{ ref('a') }}{% endsnapshot %}",
        ),
    ]);
    let manifest = shop.manifest();
    let parents = |id: &str| ids(manifest.parents(&UniqueId::new(id)));
    assert_eq!(parents("model.shop.a"), ["source.shop.app.users", "seed.shop.raw"]);
    assert_eq!(parents("model.shop.b"), ["model.shop.a", "seed.shop.raw"]);
    assert_eq!(parents("snapshot.shop.s"), ["model.shop.a"]);
}

#[test]
fn a_test_refers_to_a_table_as_often_as_it_says_so() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id, 1 as parent"),
        (
            "models/schema.yml",
            "models:\n  - name: a\n    columns:\n      - name: parent\n        data_tests:\n          - \
             relationships: {arguments: {to: ref('a'), field: id}}\n",
        ),
    ]);
    let manifest = shop.manifest();
    let test = manifest.nodes_of(|kind| matches!(kind, NodeKind::Test(_))).next().unwrap();
    let names: Vec<&str> = test.refs.iter().map(|args| args.name.as_str()).collect();
    assert_eq!(names, ["a", "a"]);
    assert_eq!(ids(&test.depends_on.nodes), ["model.shop.a"]);
}

#[test]
fn macros_and_snapshots_keep_the_line_ends_of_their_file() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "macros/m.sql",
            "{% macro first() %}\r\n1\r\n{% endmacro %}\r\n\r\n{%- macro m() %}\r\n2{% endmacro %}",
        ),
        (
            "snapshots/s.sql",
            "\r\n{% snapshot s %}\r\n{{ config(unique_key='id', strategy='check', \
             check_cols='all') }}\r\n{{ ref('a') }}{% endsnapshot %}\r\n",
        ),
    ]);
    let manifest = shop.manifest();
    let snapshot = node(&manifest, "snapshot.shop.s");
    assert!(snapshot.raw_code.starts_with("\r\n{{ config("), "{:?}", snapshot.raw_code);
    assert!(snapshot.raw_code.ends_with(") }}\r\n{{ ref('a') }}"), "{:?}", snapshot.raw_code);
    let text = |id: &str| manifest.macros[id].text();
    assert_eq!(text("macro.shop.first"), "{% macro first() %}\r\n1\r\n{% endmacro %}");
    assert_eq!(text("macro.shop.m"), "\r\n\r\n{%- macro m() %}\r\n2{% endmacro %}");
}

#[test]
fn versions_have_names_of_their_own() {
    let shop = Shop::new(&[
        ("models/orders_v1.sql", "select 1 as id"),
        ("models/orders.sql", "select 2 as id"),
        ("models/latest.sql", "select * from {{ ref('orders') }}"),
        ("models/first.sql", "select * from {{ ref('orders', v=1) }}"),
        (
            "models/schema.yml",
            "models:\n  - name: orders\n    latest_version: 2\n    columns: [{name: id, data_tests: [unique]}, {name: x}]\n    \
             versions:\n      - v: 1\n        columns: [{include: all, exclude: [x]}]\n      - v: 2\n",
        ),
    ]);
    let manifest = shop.manifest();
    let first = node(&manifest, "model.shop.orders.v1");
    assert_eq!((&*first.name, &*first.alias), ("orders", "orders_v1"));
    assert_eq!(first.columns.keys().collect::<Vec<_>>(), ["id"]);
    let second = node(&manifest, "model.shop.orders.v2");
    assert_eq!((&second.version, &second.latest_version), (&Some(json!(2)), &Some(json!(2))));
    let parents = |id: &str| ids(&node(&manifest, id).depends_on.nodes);
    assert_eq!(parents("model.shop.latest"), ["model.shop.orders.v2"]);
    assert_eq!(parents("model.shop.first"), ["model.shop.orders.v1"]);
    let tests = manifest.nodes_of(|kind| matches!(kind, NodeKind::Test(_)));
    let names: Vec<&str> = tests.map(|test| test.name.as_str()).collect();
    assert_eq!(names, ["unique_orders_v1_id", "unique_orders_v2_id"]);
}

#[test]
fn tests_are_named_as_dbt_names_them() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "models/schema.yml",
            "models:\n  - name: a\n    columns:\n      - name: id\n        tests:\n          - not_null\n          \
             - accepted_values: {values: [1, 2]}\n          - unique: {config: {severity: warn}, name: only_once}\n",
        ),
        ("tests/no_rows.sql", "select * from {{ ref('a') }} where false"),
    ]);
    let manifest = shop.manifest();
    let tests = manifest.nodes_of(|kind| matches!(kind, NodeKind::Test(TestOf::Generic(_))));
    let found: Vec<&str> = tests.map(|test| test.unique_id.as_str()).collect();
    // The ends are those that dbt 1.12.6 gives.
    assert_eq!(
        found,
        [
            "test.shop.accepted_values_a_id__1__2.39f922d4f8",
            "test.shop.not_null_a_id.c1cebc1440",
            "test.shop.only_once.e4173875a8",
        ]
    );
    let once = node(&manifest, found[2]);
    assert_eq!(once.config.text("severity"), Some("warn"));
    assert_eq!(ids(&once.depends_on.nodes), ["model.shop.a"]);
    let singular = node(&manifest, "test.shop.no_rows");
    assert_eq!(ids(&singular.depends_on.nodes), ["model.shop.a"]);
}

#[test]
fn descriptions_are_made_of_docs_blocks() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        ("models/docs.md", "{% docs key %}The key.{% enddocs %}"),
        (
            "models/schema.yml",
            "models: [{name: a, columns: [{name: id, description: \"{{ doc('key') }} Unique.\"}]}]",
        ),
    ]);
    let manifest = shop.manifest();
    let column = &node(&manifest, "model.shop.a").columns["id"];
    assert_eq!(column.description, "The key. Unique.");
    assert_eq!(ids(&column.doc_blocks), ["doc.shop.key"]);
}

#[test]
fn exposures_groups_and_selectors() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "models/schema.yml",
            "groups: [{name: finance, owner: {email: f@shop.test}}]\n\
             models: [{name: a, config: {group: finance, access: protected}}]\n\
             exposures:\n  - name: report\n    type: dashboard\n    owner: {email: r@shop.test}\n    \
             depends_on: [ref('a')]\n",
        ),
        (
            "selectors.yml",
            "selectors: [{name: nightly, default: true, definition: {method: tag, value: nightly}}]",
        ),
    ]);
    let manifest = shop.manifest();
    assert_eq!(node(&manifest, "model.shop.a").group.as_deref(), Some("finance"));
    assert_eq!(manifest.groups["group.shop.finance"].owner["email"], "f@shop.test");
    let exposure = &manifest.exposures["exposure.shop.report"];
    assert_eq!(ids(&exposure.depends_on.nodes), ["model.shop.a"]);
    assert!(manifest.selectors["nightly"].default);
}

#[test]
fn unit_tests_name_what_they_test() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        ("models/b.sql", "select id + 1 as id from {{ ref('a') }}"),
        (
            "models/schema.yml",
            "unit_tests:\n  - name: adds\n    model: b\n    given: [{input: ref('a'), rows: [{id: 1}]}]\n    \
             expect: {rows: [{id: 2}]}\n",
        ),
    ]);
    let manifest = shop.manifest();
    let test = &manifest.unit_tests["unit_test.shop.b.adds"];
    assert_eq!(ids(&test.depends_on.nodes), ["model.shop.b"]);
    assert_eq!(test.given[0]["rows"], json!([{"id": 1}]));
}

#[test]
fn a_snapshot_may_be_declared_by_its_relation() {
    let shop = Shop::new(&[
        ("models/a.sql", "select 1 as id"),
        (
            "snapshots/s.yml",
            "snapshots: [{name: a_history, relation: ref('a'), config: {unique_key: id, strategy: check, check_cols: all}}]",
        ),
    ]);
    let manifest = shop.manifest();
    let snapshot = node(&manifest, "snapshot.shop.a_history");
    assert_eq!(&*snapshot.raw_code, "select * from {{ ref('a') }}");
    assert_eq!(ids(&snapshot.depends_on.nodes), ["model.shop.a"]);
}
