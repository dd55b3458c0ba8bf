//! Projects that dbt users have: the binary builds them with no file of its own.

use millstream_tests::TestProject;
use serde_json::Value;

/// Published assets of a run, in the order in which they ended.
fn published(report: &Value) -> Vec<String> {
    let steps = report["run"]["steps"].as_array().expect("a run has steps");
    let done = steps.iter().filter(|step| step["outcome"] == "published");
    done.filter_map(|step| step["asset"].as_str()).map(str::to_owned).collect()
}

/// A bakery: two seeds, a staging view and a table over both, with tests.
fn bakery() -> TestProject {
    TestProject::of(&[
        (
            "dbt_project.yml",
            "name: bakery
version: '1.0'
config-version: 2
profile: bakery
seed-paths: [seeds]
seeds:
  +docs: {node_color: brown}
models:
  bakery:
    materialized: table
    staging:
      +materialized: view
",
        ),
        (
            "seeds/raw_loaves.csv",
            "id,baked_on,kind,grams,gluten\n1,2026-01-02,rye,750,true\n002,2026-01-03,oat,500,false\n3,,rye,,true\n",
        ),
        ("seeds/raw_kinds.csv", "kind,price\nrye,4.5\noat,3\n"),
        (
            "seeds/seeds.yml",
            "version: 2
seeds:
  - name: raw_kinds
    columns: [{name: kind, tests: [unique, not_null]}]
",
        ),
        (
            "models/staging/stg_loaves.sql",
            "select id as loaf_id, baked_on, kind, grams from {{ ref('raw_loaves') }}",
        ),
        (
            "models/kinds.sql",
            "select k.kind, k.price, count(l.loaf_id) as loaves, sum(l.grams) as grams
from {{ ref('raw_kinds') }} as k
left join {{ ref('stg_loaves') }} as l on l.kind = k.kind
group by 1, 2",
        ),
        (
            "models/schema.yml",
            "version: 2
models:
  - name: stg_loaves
    columns:
      - name: kind
        tests:
          - relationships: {to: ref('raw_kinds'), field: kind}
",
        ),
    ])
}

#[test]
fn a_project_with_seeds_is_built_and_then_has_nothing_to_do() {
    let project = bakery();
    let built = published(&project.json(&["run"]));
    assert_eq!(built.len(), 4, "{built:?}");
    let rows = project.query("select kind, price, loaves, grams from kinds order by kind");
    let expected = serde_json::json!([
        {"kind": "oat", "price": 3.0, "loaves": 1, "grams": 500},
        {"kind": "rye", "price": 4.5, "loaves": 2, "grams": 750},
    ]);
    assert_eq!(Value::from(rows), expected);
    let seed = project.query("select * from raw_loaves where id = 2");
    let expected = serde_json::json!([
        {"id": 2, "baked_on": "2026-01-03", "kind": "oat", "grams": 500, "gluten": false},
    ]);
    assert_eq!(Value::from(seed), expected);

    assert_eq!(published(&project.json(&["run"])), [""; 0]);
    project.edit("seeds/raw_loaves.csv", "oat,500", "oat,900");
    let again = published(&project.json(&["run"]));
    assert!(again.contains(&"table:main.raw_loaves".to_owned()), "{again:?}");
    assert!(!again.contains(&"table:main.raw_kinds".to_owned()), "{again:?}");
    assert_eq!(project.number("select grams from kinds where kind = 'oat'"), 900);
}

#[test]
fn a_seed_whose_test_fails_keeps_its_last_good_version() {
    let project = bakery();
    project.json(&["run"]);
    project.edit("seeds/raw_kinds.csv", "oat,3", "rye,3");
    let failed = project.output(&["run"]).ended_with(1);
    assert!(failed.stderr.contains("unique_raw_kinds_kind"), "{}", failed.stderr);
    assert_eq!(project.number("select count(*) from raw_kinds where kind = 'oat'"), 1);

    project.write("seeds/raw_kinds.csv", "kind,price\nrye,4.5,no\n");
    let failed = project.output(&["run"]).ended_with(1);
    assert!(failed.stderr.contains("seed.bad_row"), "{}", failed.stderr);
    assert_eq!(project.number("select count(*) from raw_kinds"), 2);
}

#[test]
fn packages_and_tests_with_arguments_work_on_the_warehouse() {
    let project = bakery();
    project.write("packages.yml", "packages: [{local: lib/baking}]\n");
    project.write("lib/baking/dbt_project.yml", "name: baking\n");
    project.write(
        "lib/baking/macros/baking.sql",
        "{% macro key(columns) -%}
  {%- set parts = [] -%}
  {%- for column in columns %}{% do parts.append(dbt.safe_cast(column, dbt.type_string())) %}{% endfor -%}
  {{ dbt.hash(dbt.concat(parts)) }}
{%- endmacro %}
{% test at_least(model, column_name, least) %}
select * from {{ model }} where {{ column_name }} < {{ least }}
{% endtest %}",
    );
    project.write(
        "models/days.sql",
        "select {{ baking.key(['loaf_id', 'kind']) }} as loaf_key,
  {{ dbt.date_trunc('month', 'baked_on') }} as month,
  {{ dbt.dateadd('day', 2, 'baked_on') }} as eaten_by,
  {{ dbt.datediff('baked_on', \"date '2026-01-05'\", 'day') }} as age
from {{ ref('stg_loaves') }} where loaf_id = 1",
    );
    project.write(
        "models/days.yml",
        "models:
  - name: days
    columns: [{name: age, tests: [{baking.at_least: {least: 3}}]}]
",
    );
    project.json(&["run"]);
    let rows = project.query("select cast(month as date) as month, cast(eaten_by as date) as eaten_by, age, length(loaf_key) as key_length from days");
    let expected = serde_json::json!([
        {"month": "2026-01-01", "eaten_by": "2026-01-04", "age": 3, "key_length": 32},
    ]);
    assert_eq!(Value::from(rows), expected);

    project.edit("models/days.yml", "least: 3", "least: 4");
    let failed = project.output(&["run"]).ended_with(1);
    assert!(failed.stderr.contains("baking_at_least_days_age__4"), "{}", failed.stderr);
}

#[test]
fn a_model_that_queries_while_it_is_rendered_is_made_and_then_rests() {
    let project = bakery();
    project.write(
        "macros/pivot.sql",
        "{% macro kinds() %}{% if execute %}{{ return(run_query('select distinct kind from ' ~ ref('raw_kinds') ~ ' order by 1').columns[0].values()) }}{% else %}{{ return([]) }}{% endif %}{% endmacro %}",
    );
    project.write(
        "models/pivot.sql",
        "-- depends_on: {{ ref('raw_kinds') }}
select {% for kind in kinds() %}count(*) filter (where kind = '{{ kind }}') as {{ kind }}{{ ', ' if not loop.last }}{% endfor %}
from {{ ref('raw_loaves') }}",
    );
    project.write(
        "models/pivot.yml",
        "models: [{name: pivot, tests: [{same_columns: {least: 2}}]}]\n",
    );
    project.write(
        "tests/generic/same_columns.sql",
        "{% test same_columns(model, least) %}
select 1 as few where {{ adapter.get_columns_in_relation(model) | length }} < {{ least }}
{% endtest %}",
    );
    project.json(&["run"]);
    let rows = project.query("select * from pivot");
    assert_eq!(Value::from(rows), serde_json::json!([{"oat": 1, "rye": 2}]));
    assert_eq!(published(&project.json(&["run"])), [""; 0], "nothing has changed");

    project.edit("models/pivot.yml", "least: 2", "least: 3");
    let refused = project.output(&["run"]).ended_with(1);
    assert!(refused.stderr.contains("same_columns_pivot_3"), "{}", refused.stderr);
    project.edit("seeds/raw_kinds.csv", "oat,3", "oat,3\nspelt,5");
    let built = published(&project.json(&["run"]));
    assert!(built.contains(&"table:main.pivot".to_owned()), "{built:?}");
    let rows = project.query("select * from pivot");
    assert_eq!(Value::from(rows), serde_json::json!([{"oat": 1, "rye": 2, "spelt": 0}]));
}

#[test]
fn a_snapshot_keeps_what_a_seed_was() {
    let project = bakery();
    project.write(
        "snapshots/prices.sql",
        "{% snapshot prices %}{{ config(unique_key='kind', strategy='check', check_cols=['price']) }}
select * from {{ ref('raw_kinds') }}
{% endsnapshot %}",
    );
    project.write(
        "models/dearest.sql",
        "select max(price) as price from {{ ref('prices') }} where dbt_valid_to is null",
    );
    project.json(&["run"]);
    assert_eq!(project.number("select count(*) from prices"), 2);
    project.edit("seeds/raw_kinds.csv", "rye,4.5", "rye,6");
    project.json(&["run"]);
    let rows = project.query(
        "select price, dbt_valid_to is null as holds from prices where kind = 'rye' order by 1",
    );
    let expected =
        serde_json::json!([{"price": 4.5, "holds": false}, {"price": 6.0, "holds": true}]);
    assert_eq!(Value::from(rows), expected);
    assert_eq!(project.number("select cast(price as bigint) from dearest"), 6);
    project.json(&["run", "--full-refresh"]);
    assert_eq!(project.number("select count(*) from prices"), 3, "nothing starts a snapshot over");
}

#[test]
fn only_what_changed_since_an_earlier_manifest_is_selected() {
    let project = bakery();
    project.json(&["run"]);
    project.output(&["dbt", "parse", "--target-path", "before"]).succeeded();
    project.edit("models/kinds.sql", "k.price,", "k.price * 2 as price,");
    let plan = project.json(&["plan", "--select", "state:modified+", "--state", "before"]);
    let entries = plan["plan"]["entries"].as_array().expect("a plan has entries");
    let assets: Vec<&str> = entries.iter().filter_map(|entry| entry["asset"].as_str()).collect();
    assert_eq!(assets, ["table:main.kinds"]);
    let refused = project.output(&["plan", "--select", "state:modified"]).ended_with(1);
    assert!(refused.stderr.contains("select.invalid"), "{}", refused.stderr);
}

#[test]
fn a_plan_says_what_a_change_means_for_those_behind_it() {
    let project = bakery();
    project.write(
        "models/dear.sql",
        "{{ config(materialized='table') }}select kind from {{ ref('kinds') }} where price > 4",
    );
    project.json(&["run"]);
    let change = || {
        let plan = project.json(&["plan", "--select", "kinds"]);
        plan["plan"]["entries"][0]["change"].clone()
    };
    assert!(change().is_null(), "nothing has changed");
    project.edit("models/kinds.sql", "select k.kind", "-- one row a kind\nselect  k.kind");
    let behind = serde_json::json!(["table:main.dear"]);
    assert_eq!(change(), serde_json::json!({"means": "none", "downstream": behind}));
    project.edit("models/kinds.sql", "as grams\n", "as grams, 1 as one\n");
    assert_eq!(change(), serde_json::json!({"means": "additive", "downstream": behind}));
    project.edit("models/kinds.sql", "left join", "join");
    assert_eq!(change(), serde_json::json!({"means": "breaking", "downstream": behind}));
    let shown = project.output(&["plan"]).succeeded();
    assert!(
        shown.stdout.contains("definition changed: breaking for main.dear"),
        "{}",
        shown.stdout
    );
}
