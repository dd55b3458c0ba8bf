//! Projects with which something is wrong.

use super::*;

#[test]
fn all_problems_are_said_at_once_with_their_places() {
    let shop = Shop::new(&[
        ("models/a.sql", "select *\nfrom {{ ref('nothing') }}"),
        ("models/b.sql", "\n\nselect {{ x"),
        ("models/c.sql", "select 1\n{{ exceptions.raise_compiler_error('no') }}"),
        ("models/d.sql", "{{ source('app', 'nothing') }}"),
        ("models/schema.yml", "models:\n  - name: a\n    data_tests:\n      - no_such_test\n"),
    ]);
    assert_eq!(
        shop.problems(),
        [
            "dbt.reference_unknown models/a.sql:2",
            "dbt.template_syntax models/b.sql:3",
            "dbt.compilation models/c.sql:2",
            "dbt.reference_unknown models/d.sql:1",
            "dbt.test_unknown models/schema.yml:4",
        ]
    );
}

#[test]
fn yaml_that_is_none_has_a_place() {
    let shop = Shop::new(&[
        ("models/tabs.yml", "models:\n\t- name: a\n"),
        ("models/twice.yml", "models: []\nsources: []\nmodels: []\n"),
        ("models/anchor.yml", "models:\n  - name: *nothing\n"),
    ]);
    let problems = shop.problems();
    let places: Vec<&str> =
        problems.iter().filter_map(|found| found.split_once(' ').map(|(_, place)| place)).collect();
    assert_eq!(places, ["models/anchor.yml:2", "models/tabs.yml:2", "models/twice.yml:3"]);
}

#[test]
fn names_are_there_once() {
    let shop = Shop::new(&[
        ("models/x/a.sql", "select 1"),
        ("models/y/a.sql", "select 1"),
        ("models/b.sql", "{{ config(alias='same') }}"),
        ("models/c.sql", "{{ config(alias='same') }}"),
        ("models/one.yml", "models: [{name: b}]"),
        ("models/two.yml", "models: [{name: b}]"),
    ]);
    assert_eq!(
        shop.problems(),
        [
            "dbt.relation_duplicate models/c.sql",
            "dbt.patch_duplicate models/two.yml:1",
            "dbt.name_duplicate models/y/a.sql",
        ]
    );
}

#[test]
fn versions_are_there_once_and_the_latest_is_one_of_them() {
    let shop = Shop::new(&[
        ("models/a_v1.sql", "select 1"),
        (
            "models/schema.yml",
            "models:\n  - name: a\n    latest_version: 3\n    versions: [{v: 1}, {v: 1}]\n",
        ),
    ]);
    let problems = shop.problems();
    assert_eq!(
        problems,
        ["dbt.version_duplicate models/schema.yml:2", "dbt.version_invalid models/schema.yml:2"]
    );
}

#[test]
fn a_cycle_is_named() {
    let shop = Shop::new(&[
        ("models/a.sql", "select * from {{ ref('b') }}"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
    ]);
    let parsed = shop.parse();
    assert!(parsed.project.is_none());
    assert_eq!(parsed.diagnostics[0].code, "dbt.cycle");
}
