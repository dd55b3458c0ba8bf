//! Statements of a project's own: hooks, materializations, operations, failures that are kept.

use millstream_tests::dbt::Warehouse;
use serde_json::json;

/// A bakery that keeps a diary of its runs and makes one table by a materialization of its own.
const BAKERY: &[(&str, &str)] = &[
    (
        "dbt_project.yml",
        "name: bakery
version: '1.0'
profile: bakery
on-run-start:
  - \"create table if not exists {{ target.schema }}.diary (what varchar(20), loaves int)\"
on-run-end:
  - \"insert into {{ target.schema }}.diary (what) values ('end')\"
",
    ),
    ("seeds/loaves.csv", "id,kind,weight\n1,rye,500\n2,rye,750\n3,oat,\n"),
    (
        "models/baked.sql",
        "{{ config(materialized='swapped',
    pre_hook=\"insert into {{ target.schema }}.diary select 'before', count(*) from {{ ref('loaves') }}\",
    post_hook=\"update {{ target.schema }}.diary set what = 'done', loaves = loaves + 1 where what = 'before'\") }}
select * from {{ ref('loaves') }}",
    ),
    (
        "models/sold.sql",
        "{{ config(materialized='table', post_hook=[
    \"delete from {{ this }} where id in (select id from {{ ref('loaves') }} where weight is null)\",
    \"alter table {{ this }} add column price int\",
    \"update {{ this }} set price = weight / 100 where id > 1\",
    \"create index if not exists sold_kind on {{ this }} (kind)\"]) }}
select * from {{ ref('baked') }}",
    ),
    (
        "models/diary_pages.sql",
        "-- depends_on: {{ ref('sold') }}
{{ config(materialized='view') }}
select what, loaves from {{ target.schema }}.diary",
    ),
    ("models/left_over.sql", "select * from {{ target.schema }}_audit.unique_baked_kind"),
    ("models/sold_rows.sql", "select * from {{ ref('sold') }}"),
    (
        "models/schema.yml",
        "models:
  - name: baked
    columns:
      - name: kind
        data_tests:
          - unique: {config: {store_failures: true, schema: audit, severity: warn}}
      - name: weight
        data_tests:
          - not_null: {config: {store_failures_as: view, schema: audit, severity: warn}}
",
    ),
    (
        "macros/swapped.sql",
        "{% macro generate_schema_name(custom, node) %}{{ target.schema ~ ('_' ~ custom if custom else '') }}{% endmacro %}

{% materialization swapped, default %}
  {%- set target_relation = this.incorporate(type='table') -%}
  {%- set new = make_intermediate_relation(target_relation) -%}
  {%- set old = load_cached_relation(this) -%}
  {{ run_hooks(pre_hooks) }}
  {% do drop_relation_if_exists(load_cached_relation(new)) %}
  {% call statement('main') %}{{ create_table_as(False, new, sql) }}{% endcall %}
  {% if old %}
    {% set backup = make_backup_relation(target_relation, old.type) %}
    {% do adapter.rename_relation(old, backup) %}
    {% do adapter.rename_relation(new, target_relation) %}
    {% do adapter.drop_relation(backup) %}
  {% else %}
    {% do adapter.rename_relation(new, target_relation) %}
  {% endif %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% macro rebuild_stock() %}
  {% set stock = target.schema ~ '.stock' %}
  {% do run_query('create schema if not exists ' ~ target.schema) %}
  {% do run_query('drop table if exists ' ~ stock) %}
  {% do run_query('create table ' ~ stock ~ ' (id int, kind varchar(10))') %}
  {% do run_query('insert into ' ~ stock ~ \" values (1, 'a'), (2, 'b'), (3, 'c')\") %}
  {% do run_query('create temporary table scratch as select * from ' ~ stock ~ ' where id > 1') %}
  {% do run_query(\"insert into scratch (kind, id) values ('d', 4)\") %}
  {% do run_query('truncate table ' ~ stock) %}
  {% do run_query('insert into ' ~ stock ~ ' select id, upper(kind) from scratch') %}
  {% do run_query('alter table ' ~ stock ~ ' rename column kind to sort') %}
  {% do run_query('alter table ' ~ stock ~ ' rename to shelf') %}
  {% do run_query('create view ' ~ target.schema ~ '.shelf_view as select * from ' ~ target.schema ~ '.shelf where id < 4; commit') %}
{% endmacro %}
",
    ),
];

#[test]
fn hooks_and_materializations_change_relations() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("bakery", BAKERY);
        for _ in 0..2 {
            project.output(&["dbt", "build", "--exclude", "left_over", "sold_rows"]).succeeded();
        }
        let page = |what: &str, loaves| json!({"what": what, "loaves": loaves});
        let none = json!(null);
        let pages = project.rows_of("diary_pages");
        // What a hook has changed once, it changes again: all pages but the last say `done`.
        let expected = [
            page("done", json!(4)),
            page("done", json!(4)),
            page("end", none.clone()),
            page("end", none),
        ];
        let mut expected = expected.to_vec();
        expected.sort_by_key(ToString::to_string);
        assert_eq!(pages, expected, "in {warehouse:?}");
        assert_eq!(
            project.rows_of("sold_rows"),
            [
                json!({"id": 1, "kind": "rye", "weight": 500, "price": null}),
                json!({"id": 2, "kind": "rye", "weight": 750, "price": 7}),
            ],
            "in {warehouse:?}"
        );
    }
}

#[test]
fn failures_are_kept_where_somebody_can_look_at_them() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("kept", BAKERY);
        project.edit("dbt_project.yml", "profile: bakery", "profile: kept");
        for _ in 0..2 {
            project.output(&["dbt", "build", "--exclude", "left_over", "sold_rows"]).succeeded();
            assert_eq!(project.result_of("unique_baked_kind").0, "warn");
            assert_eq!(project.result_of("not_null_baked_weight").0, "warn");
        }
        let kept = json!([{"unique_field": "rye", "n_records": 2}]);
        assert_eq!(json!(project.rows_of("left_over")), kept, "in {warehouse:?}");
    }
}

#[test]
fn operations_define_and_change_relations() {
    for warehouse in Warehouse::ALL {
        let project = warehouse.project("stock", BAKERY);
        project.edit("dbt_project.yml", "profile: bakery", "profile: stock");
        project.write("models/shelf_rows.sql", "select * from {{ target.schema }}.shelf_view");
        project.output(&["dbt", "run-operation", "rebuild_stock"]).succeeded();
        let expected = [json!({"id": 2, "sort": "B"}), json!({"id": 3, "sort": "C"})];
        assert_eq!(project.rows_of("shelf_rows"), expected, "in {warehouse:?}");
    }
}

#[test]
fn what_is_published_is_not_rolled_back() {
    let project = Warehouse::Embedded.project("bakery", BAKERY);
    project.write(
        "macros/undo.sql",
        "{% macro undo() %}
  {% do run_query('create table main.kept as select 1 as a') %}
  {% do run_query('begin; insert into main.kept values (2); rollback') %}
{% endmacro %}",
    );
    let failed = project.output(&["dbt", "run-operation", "undo"]).ended_with(1);
    assert!(failed.stdout.contains("cannot be rolled back"), "{}", failed.stdout);
    project.write("models/kept_rows.sql", "select * from main.kept");
    assert_eq!(project.rows_of("kept_rows"), [json!({"a": 1}), json!({"a": 2})]);
}
