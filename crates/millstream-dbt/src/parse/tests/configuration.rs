//! Who wins where several places configure a node.

use serde_json::{Value, json};

use super::*;

#[test]
fn the_nearest_configuration_wins_and_tags_add_up() {
    let shop = Shop::new(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  +tags: all\n  shop:\n    +materialized: table\n    \
             staging:\n      materialized: view\n      +tags: [staging]\n      +meta: {owner: a, team: t}\n",
        ),
        ("models/plain.sql", "select 1"),
        ("models/staging/by_folder.sql", "select 1"),
        ("models/staging/by_file.sql", "{{ config(materialized='incremental', tags='file') }}"),
        (
            "models/staging/schema.yml",
            "models:\n  - name: by_file\n    config: {materialized: ephemeral, tags: [yaml], meta: {owner: b}}\n",
        ),
    ]);
    let manifest = shop.manifest();
    let plain = node(&manifest, "model.shop.plain");
    assert_eq!((plain.config.materialized(), &*plain.tags), ("table", &["all".to_owned()][..]));
    let by_folder = node(&manifest, "model.shop.by_folder");
    assert_eq!(by_folder.config.materialized(), "view");
    let by_file = node(&manifest, "model.shop.by_file");
    assert_eq!(by_file.config.materialized(), "incremental");
    assert_eq!(by_file.tags, ["all", "staging", "yaml", "file"]);
    assert_eq!(by_file.config.get("meta"), Some(&json!({"owner": "b", "team": "t"})));
}

#[test]
fn the_project_stands_above_its_packages() {
    let shop = Shop::new(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  lib:\n    +schema: of_project\n",
        ),
        ("dbt_packages/lib/dbt_project.yml", "name: lib\nmodels: {lib: {+schema: of_package}}\n"),
        ("dbt_packages/lib/models/helper.sql", "{{ config(schema='of_file', alias='h') }}"),
    ]);
    let manifest = shop.manifest();
    let helper = node(&manifest, "model.lib.helper");
    assert_eq!((&*helper.schema, &*helper.alias), ("main_of_project", "h"));
    assert_eq!(helper.relation_name.as_deref(), Some("\"db\".\"main_of_project\".\"h\""));
}

#[test]
fn hooks_and_grants_have_one_form() {
    let shop = Shop::new(&[
        (
            "dbt_project.yml",
            "name: shop\nprofile: shop\nmodels:\n  +post-hook: select 1\n  +grants: {select: [a]}\n",
        ),
        (
            "models/a.sql",
            "{{ config(post_hook={'sql': 'select 2', 'transaction': false}, grants={'+select': 'b'}) }}",
        ),
    ]);
    let manifest = shop.manifest();
    let config = &node(&manifest, "model.shop.a").config;
    let hooks: Vec<(&Value, &Value)> = config
        .get("post_hook")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|hook| (&hook["sql"], &hook["transaction"]))
        .collect();
    assert_eq!(hooks, [(&json!("select 1"), &json!(true)), (&json!("select 2"), &json!(false))]);
    assert_eq!(config.get("grants"), Some(&json!({"select": ["a", "b"]})));
}

#[test]
fn a_node_that_is_disabled_takes_its_tests_along() {
    let shop = Shop::new(&[
        ("models/a.sql", "{{ config(enabled=false) }} select 1 as id"),
        ("models/schema.yml", "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]"),
    ]);
    let manifest = shop.manifest();
    let disabled: Vec<&str> = manifest.disabled.keys().map(UniqueId::as_str).collect();
    assert_eq!(disabled, ["model.shop.a"]);
    // As in dbt, the test is listed and does not run.
    let listed: Vec<_> =
        manifest.nodes.values().map(|node| (node.kind.word(), node.config.enabled())).collect();
    assert_eq!(listed, [("test", false)]);
    assert!(crate::select::Graph::new(&manifest).is_empty());
    assert_eq!(crate::select::Graph::whole(&manifest).len(), 1);
}

#[test]
fn variables_of_the_command_line_win() {
    let shop = Shop::new(&[
        ("dbt_project.yml", "name: shop\nprofile: shop\nvars: {kind: view, shop: {kind: table}}\n"),
        ("models/a.sql", "{{ config(materialized=var('kind')) }} select 1"),
    ]);
    assert_eq!(node(&shop.manifest(), "model.shop.a").config.materialized(), "table");
    let mut options = options();
    options.vars.insert("kind".to_owned(), json!("ephemeral"));
    let project = parse(shop.path(), &options).project.expect("the project is read");
    assert_eq!(node(&project.manifest, "model.shop.a").config.materialized(), "ephemeral");
}

#[test]
fn ignored_files_are_not_read() {
    let shop = Shop::new(&[
        (".dbtignore", "# old\nmodels/old/\n*.bak.sql\n!models/keep.bak.sql\n"),
        ("models/a.sql", "select 1"),
        ("models/old/b.sql", "{{ nonsense"),
        ("models/c.bak.sql", "{{ nonsense"),
        ("models/keep.bak.sql", "select 1"),
    ]);
    let manifest = shop.manifest();
    let names: Vec<&str> = manifest.nodes.values().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["a", "keep.bak"]);
}
