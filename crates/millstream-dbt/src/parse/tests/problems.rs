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

#[test]
fn packages_that_are_not_installed_are_missed() {
    let shop = Shop::new(&[
        ("packages.yml", "packages:\n  - package: a/b\n    version: 1.0.0\n  - local: lib\n"),
        ("lib/dbt_project.yml", "name: lib\n"),
    ]);
    assert_eq!(shop.problems(), ["dbt.package_missing packages.yml:2"]);
    shop.write("package-lock.yml", "packages: [{package: a/b, name: b}, {local: lib, name: lib}]");
    let message = shop.parse().diagnostics[0].message.clone();
    assert_eq!(
        message,
        "dbt expects 2 package(s) based on packages specified in packages.yml, but found only 1 \
         package(s) installed in dbt_packages. Following packages were not found: b. Run \"dbt \
         deps\" to install package dependencies."
    );
    shop.write("dbt_packages/b/dbt_project.yml", "name: b\n");
    assert_eq!(shop.problems(), [""; 0]);
}

#[test]
fn another_version_of_dbt_may_be_required() {
    let shop = Shop::new(&[(
        "dbt_project.yml",
        "name: shop\nprofile: shop\nrequire-dbt-version: ['>=1.3.0', '<2.0.0']\n",
    )]);
    assert_eq!(shop.problems(), [""; 0]);
    let text = "name: shop\nprofile: shop\nrequire-dbt-version: '>=2.0.0'\n";
    shop.write("dbt_project.yml", text);
    assert_eq!(shop.problems(), ["dbt.version_required dbt_project.yml:3"]);
    let mut options = options();
    let args = [("version_check".to_owned(), false.into())].into_iter().collect();
    options.invocation = Arc::new(Invocation { args, ..Invocation::default() });
    assert!(parse(shop.path(), &options).project.is_some());
}
