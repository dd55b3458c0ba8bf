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
        model.text.known(Refresh::Full).unwrap(),
        "with __dbt__cte__z as (\nselect id from \"millstream\".\"shop\".\"orders\" -- all\n),  __dbt__cte__a as (\nselect id + 1 as id from __dbt__cte__z as z\n) select * from __dbt__cte__a as a"
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
        "error[dbt.cycle]: Found a cycle: model.shop.a --> model.shop.b --> model.shop.a
  --> models/b.sql:1:62
  hint: take one of these references out: models/b.sql:1:62, models/a.sql:1:62",
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
        "warning[project.not_read]: test `unique_a_id` does not run: what it tests reads no table\n  --> models/a.yml:1:49"
    );
}
