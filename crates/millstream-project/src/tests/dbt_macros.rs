//! Macros as dbt finds them: by dispatch, in packages, as tests, and dbt's own.

use millstream_core::step::Refresh;

use super::{SOURCE, loaded, project, says, text_of};
use crate::CheckSeverity;

/// A package with a macro that dispatches, a test, and a helper.
const PACKAGE: &[(&str, &str)] = &[
    (
        "dbt_packages/tools/dbt_project.yml",
        "name: tools\nversion: 1.0.0\nmacro-paths: [lib]\n",
    ),
    (
        "dbt_packages/tools/lib/keys.sql",
        "{% macro key(columns) %}{{ return(adapter.dispatch('key', 'tools')(columns)) }}{% endmacro %}
{% macro default__key(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns -%}
    {%- do parts.append('coalesce(cast(' ~ column ~ ' as ' ~ dbt.type_string() ~ \"), '')\") -%}
  {%- endfor -%}
  {{ dbt.hash(dbt.concat(parts)) }}
{%- endmacro %}",
    ),
    (
        "dbt_packages/tools/lib/tests.sql",
        "{% test holds(model, expression, column_name=none) %}
  {{ return(adapter.dispatch('test_holds', 'tools')(model, expression, column_name)) }}
{% endtest %}
{% macro default__test_holds(model, expression, column_name) -%}
select {{ '*' if should_store_failures() else '1' }} from {{ model }}
where not ({{ column_name or '' }} {{ expression }})
{%- endmacro %}",
    ),
];

fn with_package<'a>(files: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    PACKAGE.iter().chain(files).copied().collect()
}

#[test]
fn macros_of_packages_stand_under_their_names() {
    let project = project(&with_package(&[
        ("packages.yml", "packages:\n  - {package: somebody/tools, version: 1.0.0}\n"),
        SOURCE,
        (
            "models/a.sql",
            "select {{ tools.key(['id', 'day']) }} as k from {{ source('shop', 'orders') }}",
        ),
    ]));
    assert_eq!(
        project.models[0].sql(Refresh::Full),
        "select md5(cast(coalesce(cast(id as varchar), '') || coalesce(cast(day as varchar), '') as varchar)) as k from \"shop\".\"orders\""
    );
}

#[test]
fn the_project_stands_above_packages_and_dbt() {
    let project = project(&with_package(&[
        (
            "dbt_project.yml",
            "name: mine\ndispatch: [{macro_namespace: dbt, search_order: [mine, dbt]}]\n",
        ),
        SOURCE,
        (
            "macros/own.sql",
            "{% macro millstream__key(columns) %}mine({{ columns | join }}){% endmacro %}
{% macro default__cents(c) %}{{ c }} / 100{% endmacro %}
{% macro postgres__cents(c) %}not this{% endmacro %}
{% macro cents(c) %}{{ return(adapter.dispatch('cents')(c)) }}{% endmacro %}",
        ),
        (
            "models/a.sql",
            "select {{ tools.key(['id']) }}, {{ mine.cents('x') }}, {{ dbt.date_trunc('day', 'at') }}, '{{ adapter.quote('a b') }}', {{ as_one | default(1) }} from {{ source('shop', 'orders') }}",
        ),
    ]));
    assert_eq!(
        project.models[0].sql(Refresh::Full),
        "select mine(id), x / 100, date_trunc('day', cast(at as timestamp)), '\"a b\"', 1 from \"shop\".\"orders\""
    );
}

#[test]
fn tests_of_the_project_and_of_packages_take_arguments() {
    let project = project(&with_package(&[
        ("models/a.sql", "select 1 as id, 2 as total"),
        ("models/b.sql", "select 1 as id"),
        (
            "tests/generic/same.sql",
            "{% test same_ids(model, column_name, other, limits=[]) %}
{{ config(severity='warn') }}{% if model is mapping and model.get('metadata', {}).get('type') == 'Relation' and not model.is_cte -%}
select {{ column_name }} from {{ model }} except select id from {{ other }} -- {{ limits | sum }}
{%- endif %}
{% endtest %}",
        ),
        (
            "models/schema.yml",
            "models:
  - name: a
    tests:
      - tools.holds: {expression: total > id, config: {where: id > 0}}
      - tools.holds:
          arguments: {expression: total < 9}
          name: small_total
          config: {severity: WARN}
    columns:
      - name: id
        tests:
          - same_ids: {other: ref('b'), limits: [1, 2]}
          - tools.holds: {expression: \"> 0\"}
",
        ),
    ]));
    let named = |name: &str| {
        let found = project.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("there is no {name} in {:?}", project.checks))
    };
    let whole = named("tools_holds_a__total_id");
    assert_eq!(
        whole.sql,
        "select 1 from (select * from \"main\".\"a\" where id > 0) as tested\nwhere not ( total > id)"
    );
    assert_eq!(named("small_total").severity, CheckSeverity::Warn);
    let same = named("same_ids_a_id___1_2___ref_b_");
    assert_eq!(same.severity, CheckSeverity::Warn);
    assert_eq!(same.inputs.len(), 2);
    assert!(
        same.sql
            .contains("select id from \"main\".\"a\" except select id from \"main\".\"b\" -- 3")
    );
    assert!(named("tools_holds_a_id___0").sql.contains("where not (id > 0)"));
}

#[test]
fn a_test_may_say_what_counts_its_failures() {
    let project = project(&[
        ("models/a.sql", "select 1 as id"),
        (
            "tests/sum.sql",
            "{{ config(fail_calc='sum(coalesce(n, 0))') }} select id as n from {{ ref('a') }}",
        ),
    ]);
    assert_eq!(
        project.checks[0].sql,
        "select unnest(generate_series(1, n)) as failure from
(select least(cast(sum(coalesce(n, 0)) as bigint), 1000000) as n from (
select id as n from \"main\".\"a\"
) as found) as counted
where n > 0"
    );
}

#[test]
fn what_dbt_says_to_every_template() {
    let project = project(&[
        SOURCE,
        (
            "models/a.sql",
            "{% do log('x', info=true) %}{% if execute and flags.WHICH == 'run' and not should_full_refresh() -%}
select '{{ target.schema }}', '{{ target.type }}', {{ '5' | as_number }}, '{{ this }}', '{{ config.get('materialized', 'view') }}', '{{ modules.datetime.datetime.now().strftime('%Y') }}' from {{ source('shop', 'orders') }}
{%- endif %}",
        ),
    ]);
    assert_eq!(
        project.models[0].sql(Refresh::Full),
        "select 'main', 'millstream', 5, '\"main\".\"a\"', 'view', '2023' from \"shop\".\"orders\""
    );
}

#[test]
fn what_is_missing_in_packages_is_said() {
    says(
        &[
            ("packages.yml", "packages:\n  - local: ./lib\n"),
            ("dependencies.yml", "packages:\n  - {package: somebody/tools, version: 1.0.0}\n"),
            ("models/a.sql", "select {{ dbt.nothing() }}"),
            ("models/b.sql", "select {{ adapter.dispatch('nowhere')() }}"),
        ],
        "warning[project.not_read]: a package is listed, but there is no package in `dbt_packages/`
  --> dependencies.yml:2:5
  hint: install it with `dbt deps`, or copy it to `dbt_packages/`
error[project.package_missing]: there is no package in `lib`
  --> lib/dbt_project.yml
error[sql.template]: there is no macro `dbt.nothing`
  --> models/a.sql:1:15
error[sql.template]: `dispatch` finds no macro for `nowhere`
  --> models/b.sql:1:19
  hint: define `default__nowhere` in a file under macros/",
    );
}

#[test]
fn a_package_of_the_project_itself_is_read() {
    let mut files = vec![
        ("packages.yml", "packages:\n  - local: lib/tools\n"),
        ("models/a.sql", "select {{ tools.two() }} as id"),
    ];
    files.push(("lib/tools/dbt_project.yml", "name: tools\n"));
    files.push(("lib/tools/macros/two.sql", "{% macro two() %}2{% endmacro %}"));
    files.push(("lib/tools/models/x.sql", "select 1"));
    let loaded = loaded(&files);
    assert_eq!(
        text_of(&loaded),
        "warning[project.not_read]: `models` of packages are not read yet; macros are
  --> lib/tools/models"
    );
    assert_eq!(loaded.project.unwrap().models[0].sql(Refresh::Full), "select 2 as id");
}
