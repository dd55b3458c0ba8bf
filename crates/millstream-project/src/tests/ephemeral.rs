//! Ephemeral models: their queries stand in those that read them.

use millstream_core::AssetKey;
use millstream_core::step::Refresh;

use super::{SOURCE, loaded, project, says, text_of};

#[test]
fn an_ephemeral_model_is_part_of_what_reads_it() {
    let project = project(&[
        SOURCE,
        ("dbt_project.yml", "name: shop\nmodels: {shop: {inner: {+materialized: ephemeral}}}\n"),
        ("models/inner/z.sql", "select id from {{ source('shop', 'orders') }} -- all"),
        ("models/inner/a.sql", "select id + 1 as id from {{ ref('z') }} as z"),
        ("models/b.sql", "select * from {{ ref('a') }} as a"),
    ]);
    assert_eq!(project.graph.nodes().len(), 2);
    let model = &project.models[0];
    assert_eq!(
        model.sql(Refresh::Full),
        "select * from (\nselect id + 1 as id from (\nselect id from \"shop\".\"orders\" -- all\n) as z\n) as a"
    );
    assert_eq!(model.inputs, ["table:shop.orders".parse::<AssetKey>().unwrap()]);
}

#[test]
fn ephemeral_models_that_read_each_other_are_no_project() {
    says(
        &[
            ("models/a.sql", "{{ config(materialized='ephemeral') }} select * from {{ ref('b') }}"),
            ("models/b.sql", "{{ config(materialized='ephemeral') }} select * from {{ ref('a') }}"),
        ],
        "error[graph.cycle]: the ephemeral models `a`, `b` read each other
  --> models/a.sql
  hint: take out one of the references",
    );
}

#[test]
fn tests_of_ephemeral_models_are_said_not_to_run() {
    let loaded = loaded(&[
        ("models/a.sql", "{{ config(materialized='ephemeral') }} select 1 as id"),
        ("models/a.yml", "models: [{name: a, columns: [{name: id, tests: [unique]}]}]\n"),
    ]);
    assert!(loaded.project.is_some());
    assert_eq!(
        text_of(&loaded),
        "warning[project.not_read]: tests of `a` do not run: it is ephemeral\n  --> models/a.yml:1:10"
    );
}
