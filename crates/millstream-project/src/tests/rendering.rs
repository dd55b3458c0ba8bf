//! Templates: what SQL comes out, and what it reads.

use millstream_core::AssetKey;
use millstream_core::step::Refresh;
use serde_json::json;

use super::{SOURCE, loaded_with, options, project};
use millstream_dbt::step::Making;

#[test]
fn an_incremental_model_has_two_queries() {
    let project = project(&[
        SOURCE,
        (
            "models/daily.sql",
            "{{ config(materialized='incremental', unique_key=['day', 'shop'], tags='nightly') }}
select * from {{ source('shop', 'orders') }}
{% if is_incremental() %}
where day > (select max(day) from {{ this }})
{% endif %};
",
        ),
    ]);
    let model = &project.models[0];
    assert_eq!(
        model.text.known(Refresh::Incremental).unwrap(),
        "select * from \"millstream\".\"shop\".\"orders\"\n\nwhere day > (select max(day) from \"millstream\".\"main\".\"daily\")"
    );
    assert_eq!(
        model.text.known(Refresh::Full).unwrap(),
        "select * from \"millstream\".\"shop\".\"orders\""
    );
    let unique_key = vec!["day".to_owned(), "shop".to_owned()];
    let Making::Incremental(strategy) = &model.making else { panic!("it is incremental") };
    assert_eq!(strategy.mode.key(), unique_key);
    assert_eq!(model.inputs, ["table:shop.orders".parse::<AssetKey>().unwrap()]);
    assert!(model.tags.contains("nightly"));
}

#[test]
fn macros_of_all_files_see_each_other() {
    let project = project(&[
        SOURCE,
        (
            "macros/money.sql",
            "{# {% macro ghost() %} #}
{% macro euros(column, digits=2) -%}
  round({{ cents(column) }}, {{ digits }})
{%- endmacro %}",
        ),
        (
            "macros/deep/cents.sql",
            "{% macro cents(c) %}{{ c }} / {{ var('rate', 100) }}{% endmacro %}",
        ),
        ("macros/from.sql", "{% macro orders() %}{{ source('shop', 'orders') }}{% endmacro %}"),
        (
            "models/a.sql",
            "select {{ euros('total', digits=3) }} as total, '{{ target.name }}', '{{ target.type }}', '{{ 'a,b'.split(',')[1] }}' from {{ orders() }}",
        ),
    ]);
    let model = &project.models[0];
    assert_eq!(
        model.text.known(Refresh::Full).unwrap(),
        "select round(total / 100, 3) as total, 'dev', 'millstream', 'b' from \"millstream\".\"shop\".\"orders\""
    );
    assert_eq!(model.inputs.len(), 1);
}

#[test]
fn templates_have_the_values_of_python() {
    let project = project(&[
        (
            "macros/columns.sql",
            "{% set quote = '\"' %}
{% macro columns_of(kinds) %}
  {%- set found = [] -%}
  {%- for name, kind in kinds.items() if kind not in kwargs.get('without', []) -%}
    {%- do found.append(quote ~ name ~ quote) -%}
  {%- endfor -%}
  {{ return(found) }}
{% endmacro %}
{% macro grouped(columns) -%}
  {{ caller(columns | length) }} group by {{ varargs | join(', ') }}
{%- endmacro %}",
        ),
        (
            "models/a.sql",
            "{%- set kinds = {'id': 'int', 'note': 'text'} -%}
{%- do kinds.update(day='date') -%}
{%- set columns = columns_of(kinds, without=['text']) -%}
{% call(count) grouped(columns, 1, 2) -%}
select {{ columns | join(', ') }}, {{ '%d as n%s' % (count, missing) }}
{%- endcall %}",
        ),
    ]);
    let expected = "select id, day, 2 as n group by 1, 2";
    assert_eq!(project.models[0].text.known(Refresh::Full).unwrap(), expected);
}

#[test]
fn variables_come_from_the_closest_place() {
    let mut options = options();
    options.vars.insert("d".to_owned(), json!("command"));
    let files = [
        ("dbt_project.yml", "name: shop\nvars: {a: dbt, b: dbt, shop: {b: own}, c: dbt, d: dbt}\n"),
        (
            "millstream.yml",
            "name: shop\nvars: {c: file, d: file, e: [1, 2]}\nenvironments: {dev: {vars: {e: \"{{ env_var('SET') }}\"}}}\n",
        ),
        (
            "models/m.sql",
            "select '{{ var('a') }} {{ var('b') }} {{ var('c') }} {{ var('d') }} {{ var('e') }} {{ var('f', 'none') }} {{ env_var('NOT', 'default') }}'",
        ),
    ];
    let project = loaded_with(&files, &options).project.unwrap();
    assert_eq!(
        project.models[0].text.known(Refresh::Full).unwrap(),
        "select 'dbt own file command from outside none default'"
    );
}

#[test]
fn configuration_comes_from_the_closest_place() {
    let project = project(&[
        (
            "dbt_project.yml",
            "name: shop\nmodels:\n  +tags: all\n  shop:\n    +materialized: table\n    staging:\n      materialized: view\n      +tags: [stage]\n      +schema: stage\n",
        ),
        ("models/mart.sql", "select * from {{ ref('stg') }}"),
        ("models/staging/stg.sql", "select 1 as id"),
        (
            "models/staging/own.sql",
            "{{ config(materialized='table', alias='other', schema=none) }}select 1 as id, '{{ this }}', '{{ this.schema }}'",
        ),
        ("models/staging/off.sql", "{{ config(enabled=false) }}select * from {{ ref('nothing') }}"),
        (
            "models/schema.yml",
            "models:\n  - name: stg\n    description: Staged.\n    config: {tags: [named]}\n    columns: [{name: id, description: Key, data_type: bigint}]\n",
        ),
    ]);
    let names: Vec<&str> = project.models.iter().map(|model| model.name.as_str()).collect();
    assert_eq!(names, ["mart", "own", "stg"]);
    let [mart, own, stg] = &project.models[..] else { panic!("three models") };
    assert_eq!(mart.making, Making::Table);
    assert_eq!(
        mart.text.known(Refresh::Full).unwrap(),
        "select * from \"millstream\".\"main_stage\".\"stg\""
    );
    assert_eq!(stg.relation.to_string(), "main_stage.stg");
    assert_eq!(stg.making, Making::View);
    assert_eq!(stg.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["all", "named", "stage"]);
    assert_eq!(stg.description.as_deref(), Some("Staged."));
    assert_eq!(stg.columns[0].data_type.as_deref(), Some("bigint"));
    assert_eq!(own.relation.to_string(), "main.other");
    assert_eq!(
        own.text.known(Refresh::Full).unwrap(),
        "select 1 as id, '\"millstream\".\"main\".\"other\"', 'main'"
    );
}

#[test]
fn the_time_of_the_run_is_no_part_of_the_definition() {
    let files = [("models/a.sql", "select '{{ run_started_at.strftime('%Y-%m-%d') }}' as day")];
    let first = project(&files);
    let mut later = options();
    later.now = millstream_core::clock::Timestamp::from_micros(1_800_000_000_000_000);
    let second = loaded_with(&files, &later).project.unwrap();
    assert_eq!(first.models[0].text.known(Refresh::Full).unwrap(), "select '2023-11-14' as day");
    assert_ne!(
        first.models[0].text.known(Refresh::Full).unwrap(),
        second.models[0].text.known(Refresh::Full).unwrap()
    );
    assert_eq!(first.models[0].definition, second.models[0].definition);
}

#[test]
fn definitions_change_with_what_decides_the_rows() {
    let definition = |sql: &str, description: &str| {
        let properties = format!("models: [{{name: a, description: {description}}}]");
        let files = [("models/a.sql", sql), ("models/schema.yml", properties.as_str())];
        project(&files).models[0].definition
    };
    let base = definition("select 1 as id", "one");
    assert_eq!(base, definition("select 1 as id\n", "two"));
    assert_ne!(base, definition("select 2 as id", "one"));
    assert_ne!(base, definition("{{ config(materialized='table') }}select 1 as id", "one"));
}

#[test]
fn values_of_yaml_are_rendered() {
    let project = project(&[(
        "sources/a.yml",
        "sources:
  - name: a
    connector: file
    streams:
      - {name: b, path: \"{{ env_var('SET') }}/x\", skip: \"{{ env_var('SKIP', '3') }}\"}
      - {name: c, path: \"{{ var('path', 'y') }}\"}
",
    )]);
    let streams = &project.sources[0].streams;
    assert_eq!(streams[0].settings["path"], "from outside/x");
    assert_eq!(streams[0].settings["skip"], 3);
    assert_eq!(streams[1].settings["path"], "y");
}
