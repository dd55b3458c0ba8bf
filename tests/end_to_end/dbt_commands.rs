//! `millstream dbt`: dbt's own commands on a project that has most of what dbt projects have, in
//! the embedded engine and in PostgreSQL.

use std::fs;

use millstream_tests::TestProject;
use millstream_tests::dbt::Warehouse;
use serde_json::{Value, json};

/// A library: seeds, a staging view, an ephemeral model, a table that asks the warehouse while it
/// is rendered, an incremental model, tests of all kinds.
fn library() -> TestProject {
    TestProject::of(&[
        (
            "dbt_project.yml",
            "name: library
version: '1.0'
profile: library
vars: {overdue_days: 30}
models:
  library:
    +materialized: table
    staging: {+materialized: view}
",
        ),
        (
            "profiles.yml",
            "library: {target: dev, outputs: {dev: {type: millstream, schema: main, threads: 2}}}\n",
        ),
        (
            "seeds/raw_loans.csv",
            "id,reader,book,days\n1,ada,Emma,10\n2,bob,Emma,40\n3,ada,Persuasion,31\n",
        ),
        ("seeds/raw_kinds.csv", "kind\nlate\nfine\n"),
        (
            "models/staging/stg_loans.sql",
            "select id as loan_id, reader, book, days,
  case when days > {{ var('overdue_days') }} then 'late' else 'fine' end as kind
from {{ ref('raw_loans') }}",
        ),
        (
            "models/late_loans.sql",
            "{{ config(materialized='ephemeral') }}
select * from {{ ref('stg_loans') }} where kind = 'late'",
        ),
        (
            "models/readers.sql",
            "{% set kinds = run_query('select kind from ' ~ ref('raw_kinds') ~ ' order by kind') %}
-- depends_on: {{ ref('raw_kinds') }}
select reader,
  {% for kind in (kinds.columns[0].values() if execute else []) -%}
  sum(case when kind = '{{ kind }}' then 1 else 0 end) as {{ kind }}_loans,
  {% endfor -%}
  (select count(*) from {{ ref('late_loans') }}) as all_late
from {{ ref('stg_loans') }} group by reader",
        ),
        (
            "models/events.sql",
            "{{ config(materialized='incremental', unique_key='loan_id') }}
select loan_id, days from {{ ref('stg_loans') }}
{% if is_incremental() %} where days > (select max(days) from {{ this }}) {% endif %}",
        ),
        ("models/event_count.sql", "select count(*) as n from {{ ref('events') }}"),
        (
            "models/schema.yml",
            "models:
  - name: stg_loans
    columns:
      - name: loan_id
        data_tests: [unique, not_null]
      - name: kind
        data_tests:
          - accepted_values: {arguments: {values: [late, fine]}}
  - name: readers
    data_tests: [{at_most: {rows: 5}}]
",
        ),
        (
            "tests/generic/at_most.sql",
            "{% test at_most(model, rows) %}
select count(*) as n from {{ model }} having count(*) > {{ rows }}
{% endtest %}",
        ),
        ("tests/no_empty_books.sql", "select * from {{ ref('stg_loans') }} where book = ''"),
    ])
}

/// The same project with its relations in the PostgreSQL server of the tests.
fn library_in_postgres() -> TestProject {
    let project = library();
    let output = Warehouse::Postgres.output(&format!("library_{}", std::process::id()));
    let profiles = format!("library: {{target: dev, outputs: {{dev: {output}}}}}\n");
    project.write("profiles.yml", profiles);
    project
}

/// What the last command says of its nodes: `name` to status.
fn statuses(project: &TestProject) -> Vec<(String, String)> {
    let text = fs::read_to_string(project.path().join("target/run_results.json")).unwrap();
    let results: Value = serde_json::from_str(&text).unwrap();
    let results = results["results"].as_array().unwrap();
    let mut found: Vec<(String, String)> = results
        .iter()
        .map(|result| {
            let id = result["unique_id"].as_str().unwrap();
            let name = id.split('.').nth(2).unwrap().to_owned();
            (name, result["status"].as_str().unwrap().to_owned())
        })
        .collect();
    found.sort();
    found
}

fn status_of(project: &TestProject, name: &str) -> String {
    let found = statuses(project);
    let status = found.iter().find(|(known, _)| known == name);
    status.unwrap_or_else(|| panic!("{name} is not among {found:?}")).1.clone()
}

fn builds_tests_and_goes_on(project: &TestProject) {
    let built = project.output(&["dbt", "build"]).succeeded();
    assert!(built.stdout.contains("PASS=11 WARN=0 ERROR=0 SKIP=0"), "{}", built.stdout);
    let shown = project
        .output(&["dbt", "show", "--select", "readers", "--output", "json", "--quiet"])
        .succeeded();
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap();
    let mut rows = shown["show"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["reader"].as_str().unwrap().to_owned());
    let expected = json!([
        {"reader": "ada", "fine_loans": 1, "late_loans": 1, "all_late": 2},
        {"reader": "bob", "fine_loans": 0, "late_loans": 1, "all_late": 2},
    ]);
    assert_eq!(Value::from(rows), expected);

    project.edit("seeds/raw_loans.csv", "3,ada,Persuasion,31\n", "4,eve,Emma,50\n");
    project.output(&["dbt", "build", "--select", "raw_loans+"]).succeeded();
    let count = project
        .output(&["dbt", "show", "--select", "event_count", "--output", "json", "--quiet"])
        .succeeded();
    let count: Value = serde_json::from_str(&count.stdout).unwrap();
    assert_eq!(count["show"], json!([{"n": 4}]), "three old events and a new one");
}

fn skips_behind_a_failed_test_and_retries(project: &TestProject) {
    project.edit("seeds/raw_loans.csv", "2,bob,Emma,40", "1,bob,Emma,40");
    let failed = project.output(&["dbt", "build"]).ended_with(1);
    assert!(
        failed.stdout.contains("Got 1 result, configured to fail if != 0"),
        "{}",
        failed.stdout
    );
    assert_eq!(status_of(project, "unique_stg_loans_loan_id"), "fail");
    assert_eq!(status_of(project, "readers"), "skipped");
    project.edit("seeds/raw_loans.csv", "1,bob,Emma,40", "2,bob,Emma,40");
    project.output(&["dbt", "seed"]).succeeded();
    project.output(&["dbt", "build", "--select", "stg_loans+"]).succeeded();
    assert_eq!(status_of(project, "readers"), "success");
}

#[test]
fn the_embedded_engine_builds_tests_and_goes_on() {
    builds_tests_and_goes_on(&library());
}

#[test]
fn postgres_builds_tests_and_goes_on() {
    builds_tests_and_goes_on(&library_in_postgres());
}

#[test]
fn what_is_behind_a_failed_test_is_skipped() {
    skips_behind_a_failed_test_and_retries(&library());
}

#[test]
fn a_failed_node_is_run_again_by_retry() {
    let project = library();
    project.edit("models/events.sql", "select loan_id, days", "select loan_id, nothing");
    project.output(&["dbt", "build"]).ended_with(1);
    assert_eq!(status_of(&project, "events"), "error");
    project.edit("models/events.sql", "select loan_id, nothing", "select loan_id, days");
    project.output(&["dbt", "retry"]).succeeded();
    let again = ["event_count", "events"].map(|name| (name.to_owned(), "success".to_owned()));
    assert_eq!(statuses(&project), again);
}

#[test]
fn nodes_are_listed_by_selectors() {
    let project = library();
    let list = |arguments: &[&str]| {
        let words = [&["dbt", "ls", "--quiet", "--output", "name"], arguments].concat();
        let ran = project.output(&words).succeeded();
        let mut names: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        names.sort();
        names
    };
    let models = ["--resource-type", "model"];
    let of = |select: &[&'static str]| list(&[select, &models].concat());
    assert_eq!(of(&["--select", "raw_kinds+"]), ["readers"]);
    assert_eq!(of(&["--select", "+readers"]), ["late_loans", "readers", "stg_loans"]);
    assert_eq!(
        of(&["--select", "staging", "config.materialized:incremental"]),
        ["events", "stg_loans"]
    );
    assert_eq!(of(&["--exclude", "stg_loans+"]), [""; 0]);
    project.output(&["dbt", "parse"]).succeeded();
    fs::rename(project.path().join("target"), project.path().join("before")).unwrap();
    project.edit(
        "models/events.sql",
        "select loan_id, days",
        "select loan_id, days /* as before */",
    );
    let modified = ["--select", "state:modified", "--state", "before"];
    assert_eq!(of(&modified), [""; 0], "a comment is no change");
    project.edit("models/events.sql", "loan_id, days /*", "loan_id, days + 0 as days /*");
    assert_eq!(of(&modified), ["events"]);
}

#[test]
fn what_is_wrong_with_a_project_is_told_with_its_place() {
    let project = library();
    project.write("models/lost.sql", "select * from {{ ref('nowhere') }}");
    let failed = project.output(&["dbt", "parse"]).ended_with(2);
    assert!(failed.stdout.contains("models/lost.sql"), "{}", failed.stdout);
    assert!(failed.stdout.contains("'nowhere'"), "{}", failed.stdout);
}
