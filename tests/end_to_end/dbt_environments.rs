//! `millstream dbt` between environments and over time: clones and deferral, documentation,
//! freshness, queries of the command line, and models made in batches.

use std::fs;

use millstream_tests::TestProject;
use millstream_tests::dbt::Warehouse;
use serde_json::{Value, json};

/// The file of profiles, for the embedded engine.
const EMBEDDED: &str = "lighthouses: {target: here, outputs: {here: {type: millstream, \
                        schema: dev, threads: 2}}}\n";

/// Lighthouses and what ships they saw.
fn lighthouses(profiles: &str) -> TestProject {
    TestProject::of(&[
        (
            "dbt_project.yml",
            "name: lighthouses
version: '1.0'
profile: lighthouses
models: {+materialized: table}
seeds: {lighthouses: {sightings: {+column_types: {seen_at: timestamp}}}}
",
        ),
        ("profiles.yml", profiles),
        (
            "seeds/sightings.csv",
            "id,ship,seen_at
1,Argo,2026-11-01 03:00:00
2,Beagle,2026-11-02 04:00:00
3,Argo,2026-11-03 05:00:00
",
        ),
        (
            "models/ships.sql",
            "select ship, count(*) as sightings from {{ ref('sightings') }} group by ship",
        ),
        ("models/busy_ships.sql", "select ship from {{ ref('ships') }} where sightings > 1"),
        (
            "models/by_day.sql",
            "{{ config(materialized='incremental', incremental_strategy='microbatch',
  event_time='seen_at', batch_size='day', begin='2026-11-01', unique_key='day') }}
select id, ship, seen_at, cast(seen_at as date) as day
{%- if execute and model.batch and model.batch.id == var('breaks', 'never') %}, nowhere{% endif %}
from {{ ref('sightings') }}",
        ),
        (
            "models/schema.yml",
            "models:
  - {name: ships, description: Every ship once.}
sources:
  - name: harbour
    schema: \"{{ target.schema }}\"
    config: {loaded_at_field: seen_at}
    tables:
      - name: sightings
        config: {freshness: {warn_after: {count: 1, period: minute}}}
      - name: log
        identifier: sightings
        config: {freshness: {error_after: {count: 1, period: minute}}}
",
        ),
        ("seeds/schema.yml", "seeds: [{name: sightings, config: {event_time: seen_at}}]\n"),
    ])
}

/// The same in the PostgreSQL server of the tests, in schemas of its own.
fn lighthouses_in_postgres(name: &str) -> TestProject {
    let schema = format!("{name}_{}_dev", std::process::id());
    let output = Warehouse::Postgres.output(&schema);
    lighthouses(&format!("lighthouses: {{target: here, outputs: {{here: {output}}}}}\n"))
}

/// Three days.
const DAYS: [&str; 4] = ["--event-time-start", "2026-11-01", "--event-time-end", "2026-11-04"];

fn artifact(project: &TestProject, path: &str) -> Value {
    let text = fs::read_to_string(project.path().join(path)).expect("the command wrote it");
    serde_json::from_str(&text).expect("an artifact is JSON")
}

/// The rows that a query with templates gives. It leaves the results of other commands alone.
fn rows(project: &TestProject, sql: &str) -> Value {
    let show = ["dbt", "show", "--inline", sql, "--output", "json", "--limit", "-1"];
    let aside = ["--quiet", "--target-path", "shown"];
    let shown = project.output(&[&show[..], &aside[..]].concat()).succeeded().stdout;
    let shown: Value = serde_json::from_str(&shown).expect("rows as JSON");
    shown["show"].clone()
}

/// Builds one environment, keeps its artifacts in `state`, and goes over to another that is empty.
fn goes_over(project: &TestProject) {
    project.output(&[&["dbt", "build"][..], &DAYS[..]].concat()).succeeded();
    let state = project.path().join("state");
    fs::create_dir_all(&state).expect("a folder");
    fs::copy(project.path().join("target/manifest.json"), state.join("manifest.json"))
        .expect("there is a manifest");
    let profiles = fs::read_to_string(project.path().join("profiles.yml")).expect("a file");
    project.write("profiles.yml", profiles.replace("dev,", "other,"));
}

fn reads_from_another_environment(project: &TestProject) {
    goes_over(project);
    let run = ["dbt", "run", "--select", "busy_ships"];
    project.output(&run).ended_with(1);
    let deferred = [&run[..], &["--defer", "--state", "state"]].concat();
    project.output(&deferred).succeeded();
    assert_eq!(rows(project, "select * from {{ ref('busy_ships') }}"), json!([{"ship": "Argo"}]));
}

fn clones_another_environment(project: &TestProject) {
    goes_over(project);
    let clone = ["dbt", "clone", "--state", "state"];
    let cloned = project.output(&clone).succeeded();
    assert!(cloned.stdout.contains("PASS=4"), "{}", cloned.stdout);
    let ships = "select ship, sightings from {{ ref('ships') }} order by ship";
    let expected = json!([{"ship": "Argo", "sightings": 2}, {"ship": "Beagle", "sightings": 1}]);
    assert_eq!(rows(project, ships), expected);
}

/// The days of `by_day`, in order.
fn days(project: &TestProject) -> Vec<i64> {
    let found = rows(project, "select id from {{ ref('by_day') }} order by id");
    found.as_array().expect("rows").iter().filter_map(|row| row["id"].as_i64()).collect()
}

fn makes_batches_and_goes_on(project: &TestProject) {
    project.output(&["dbt", "seed"]).succeeded();
    let broken = ["--vars", "{breaks: '20261102'}"];
    let run = [&["dbt", "run", "--select", "by_day"][..], &DAYS[..]].concat();
    let ran = project.output(&[&run[..], &broken[..]].concat()).ended_with(1);
    assert!(ran.stdout.contains("PARTIAL SUCCESS (2/3)"), "{}", ran.stdout);
    let result = &artifact(project, "target/run_results.json")["results"][0];
    assert_eq!(result["status"], "partial success");
    assert_eq!(result["batch_results"]["failed"].as_array().map(Vec::len), Some(1));
    assert_eq!(days(project), [1, 3], "the batch between them failed");
    project.output(&["dbt", "retry"]).succeeded();
    assert_eq!(days(project), [1, 2, 3]);

    // A batch is replaced, and the others stay.
    project.edit("seeds/sightings.csv", "2,Beagle,2026-11-02", "7,Beagle,2026-11-02");
    project.edit("seeds/sightings.csv", "3,Argo,2026-11-03", "9,Argo,2026-11-03");
    project.output(&["dbt", "seed"]).succeeded();
    let second = ["--event-time-start", "2026-11-02", "--event-time-end", "2026-11-03"];
    let run = ["dbt", "run", "--select", "by_day"];
    project.output(&[&run[..], &second[..]].concat()).succeeded();
    assert_eq!(days(project), [1, 3, 7]);
}

#[test]
fn the_embedded_engine_reads_from_another_environment() {
    reads_from_another_environment(&lighthouses(EMBEDDED));
}

#[test]
fn postgres_reads_from_another_environment() {
    reads_from_another_environment(&lighthouses_in_postgres("defer"));
}

#[test]
fn the_embedded_engine_clones_another_environment() {
    clones_another_environment(&lighthouses(EMBEDDED));
}

#[test]
fn postgres_clones_another_environment() {
    clones_another_environment(&lighthouses_in_postgres("clone"));
}

#[test]
fn the_embedded_engine_makes_batches_and_goes_on() {
    makes_batches_and_goes_on(&lighthouses(EMBEDDED));
}

#[test]
fn postgres_makes_batches_and_goes_on() {
    makes_batches_and_goes_on(&lighthouses_in_postgres("batches"));
}

#[test]
fn a_sample_reads_the_rows_of_its_window() {
    let project = lighthouses(EMBEDDED);
    project.output(&["dbt", "seed"]).succeeded();
    let window = "{start: 2026-11-03, end: 2026-11-04}";
    project.output(&["dbt", "run", "--select", "ships", "--sample", window]).succeeded();
    let found = rows(&project, "select ship, sightings from {{ ref('ships') }}");
    assert_eq!(found, json!([{"ship": "Argo", "sightings": 1}]));
    let wrong = project.output(&["dbt", "run", "--sample", "3 weeks"]).ended_with(2);
    assert!(wrong.stderr.contains("Invalid grain size 'weeks'"), "{}", wrong.stderr);
}

#[test]
fn old_sources_warn_or_fail() {
    let project = lighthouses(EMBEDDED);
    project.output(&["dbt", "seed"]).succeeded();
    let warned = ["dbt", "source", "freshness", "--select", "source:harbour.sightings"];
    project.output(&warned).succeeded();
    assert_eq!(artifact(&project, "target/sources.json")["results"][0]["status"], "warn");
    let failed = project.output(&["dbt", "source", "freshness"]).ended_with(1);
    assert!(failed.stdout.contains("ERROR STALE freshness of harbour.log"), "{}", failed.stdout);
    let results = &artifact(&project, "target/sources.json")["results"];
    assert_eq!(results.as_array().map(Vec::len), Some(2));
}

#[test]
fn a_project_is_documented() {
    let project = lighthouses(EMBEDDED);
    project.output(&[&["dbt", "build"][..], &DAYS[..]].concat()).succeeded();
    project.output(&["dbt", "docs", "generate", "--static"]).succeeded();
    let catalog = artifact(&project, "target/catalog.json");
    let ships = &catalog["nodes"]["model.lighthouses.ships"];
    assert_eq!(ships["metadata"]["name"], "ships");
    let columns: Vec<&String> = ships["columns"].as_object().expect("columns").keys().collect();
    assert_eq!(columns, ["ship", "sightings"]);
    let page = fs::read_to_string(project.path().join("target/static_index.html"));
    assert!(page.expect("a page").contains("Every ship once."));
}

#[test]
fn a_query_of_the_command_line_is_a_part_of_the_project() {
    let project = lighthouses(EMBEDDED);
    project.output(&["dbt", "seed"]).succeeded();
    let count = rows(&project, "select count(*) as n from {{ ref('sightings') }}");
    assert_eq!(count, json!([{"n": 3}]));
    let inline = ["dbt", "compile", "--inline", "select '{{ target.name }}'", "--output", "json"];
    let compiled = project.output(&[&inline[..], &["--quiet"]].concat()).succeeded();
    let compiled: Value = serde_json::from_str(&compiled.stdout).expect("JSON");
    assert_eq!(compiled["compiled"], "select 'here'");
    let unknown = ["dbt", "show", "--inline", "select * from {{ ref('nowhere') }}"];
    let refused = project.output(&unknown).ended_with(2);
    assert!(refused.stdout.contains("Error parsing inline query"), "{}", refused.stdout);
}
