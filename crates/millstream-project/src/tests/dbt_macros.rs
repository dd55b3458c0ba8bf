//! Macros as dbt finds them: by dispatch, in packages, as tests, and dbt's own.

use millstream_core::step::Refresh;

use super::{SOURCE, full, loaded, project, says, text_of};
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
        project.models[0].text.known(Refresh::Full).unwrap(),
        "select md5(cast(coalesce(cast(id as TEXT), '') || coalesce(cast(day as TEXT), '') as TEXT)) as k from \"millstream\".\"shop\".\"orders\""
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
        project.models[0].text.known(Refresh::Full).unwrap(),
        "select mine(id), not this, date_trunc('day', at), '\"a b\"', 1 from \"millstream\".\"shop\".\"orders\""
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
{{ config(severity='warn') }}{% if model is mapping and model.get('metadata', {}).get('type', '').endswith('Relation') and not model.is_cte -%}
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
    let whole = named("tools_holds_a_total_id");
    let rows = "(select * from \"millstream\".\"main\".\"a\" where id > 0) dbt_subquery";
    let expected = format!("select 1 from {rows}\nwhere not ( total > id)");
    assert!(full(&whole.text).contains(&expected), "{}", full(&whole.text));
    assert_eq!(named("small_total").severity, CheckSeverity::Warn);
    let same = named("same_ids_a_id__1__2__ref_b_");
    assert_eq!(same.severity, CheckSeverity::Warn);
    assert_eq!(same.inputs.len(), 2);
    let [a, b] = ["a", "b"].map(|name| format!("\"millstream\".\"main\".\"{name}\""));
    let expected = format!("select id from {a} except select id from {b} -- 3");
    assert!(full(&same.text).contains(&expected), "{}", full(&same.text));
    assert!(full(&named("tools_holds_a_id___0").text).contains("where not (id > 0)"));
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
        full(&project.checks[0].text),
        "select
    sum(coalesce(n, 0)) as failures,
    sum(coalesce(n, 0)) != 0 as should_warn,
    sum(coalesce(n, 0)) != 0 as should_error
  from (
    select id as n from \"millstream\".\"main\".\"a\"
    
  ) dbt_internal_test"
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
        project.models[0].text.known(Refresh::Full).unwrap(),
        "select 'main', 'millstream', 5, '\"millstream\".\"main\".\"a\"', 'view', '2023' from \"millstream\".\"shop\".\"orders\""
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
        "error[dbt.package_missing]: dbt expects 2 package(s) based on packages specified in dependencies.yml, but found only 0 package(s) installed in dbt_packages. Run \"dbt deps\" to install package dependencies.
  --> dependencies.yml:2:5
  hint: run `millstream dbt deps`
error[sql.template]: 'MacroNamespace object' has no attribute 'nothing'. This can happen when calling a macro that does not exist. Check for typos and/or install package dependencies with \"dbt deps\".
  --> models/a.sql:1:15
error[dbt.compilation]: Compilation Error in model b (models/b.sql)
  In dispatch: No macro named 'nowhere' found within namespace: 'None'
      Searched for: 'millstream__nowhere', 'postgres__nowhere', 'default__nowhere'
  
  > in models/b.sql:1:19
  --> models/b.sql:1:19
  hint: define `default__nowhere` in a file under macros/
error[dbt.package_missing]: there is no package in `./lib`
  --> packages.yml:2:5
  hint: the path of a local package starts at the file that names it",
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
    assert_eq!(text_of(&loaded), "");
    assert_eq!(
        loaded.project.unwrap().models[0].text.known(Refresh::Full).unwrap(),
        "select 2 as id"
    );
}
