//! Bad input: one clear coded error or quarantined rows, and the last good version stays.

use millstream_tests::{Ran, TestProject};

const MANIFEST: &str = "name: bad\n";
const SOURCE: &str = "sources:\n  - name: in\n    connector: file\n    streams:\n      - {name: rows, path: rows.csv, sync: replace}\n";
const GOOD: &str = "id,amount\n1,10\n2,20\n";

fn project(rows: &[u8]) -> TestProject {
    let project = TestProject::of(&[("millstream.yml", MANIFEST), ("sources/in.yml", SOURCE)]);
    project.write("rows.csv", rows);
    project
}

/// The first version is good; what comes then is not.
fn after_good(change: impl Fn(&TestProject)) -> (TestProject, Ran) {
    let project = project(GOOD.as_bytes());
    project.json(&["run"]);
    change(&project);
    let ran = project.output(&["run"]);
    (project, ran)
}

fn still_good(project: &TestProject) {
    assert_eq!(project.number("select sum(amount) from \"in\".rows"), 30);
}

#[test]
fn a_missing_declared_column_keeps_the_last_version() {
    let (project, ran) = after_good(|project| {
        project.edit("sources/in.yml", "sync: replace}", "sync: replace, columns: [id, amount]}");
        project.write("rows.csv", "id,price\n1,10\n");
    });
    let ran = ran.ended_with(1);
    assert!(ran.stderr.contains("sync."), "{}", ran.stderr);
    still_good(&project);
}

#[test]
fn an_empty_file_keeps_the_last_version() {
    let (project, ran) = after_good(|project| project.write("rows.csv", ""));
    let ran = ran.ended_with(1);
    assert!(ran.stderr.contains("sync."), "{}", ran.stderr);
    still_good(&project);
}

#[test]
fn a_truncated_gzip_keeps_the_last_version() {
    // The first bytes of a gzip file that never comes.
    let torn = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xcb, 0x4c];
    let (project, ran) = after_good(|project| {
        project.edit("sources/in.yml", "rows.csv", "rows.csv.gz");
        project.write("rows.csv.gz", torn);
    });
    assert_ne!(ran.status, Some(0));
    assert!(ran.stderr.contains("sync."), "{}", ran.stderr);
    still_good(&project);
}

#[test]
fn ragged_rows_and_broken_text_go_to_quarantine() {
    let project = project(b"id,name\n1,one\n2\n3,three,3\n4,f\xffour\n5,five\n");
    project.output(&["run"]).succeeded();
    assert_eq!(project.number("select count(*) from \"in\".rows"), 2);
    assert_eq!(project.number("select count(*) from quarantine.in__rows"), 3);
    let places = project.query("select place from quarantine.in__rows order by place");
    assert!(places[0]["place"].as_str().is_some_and(|place| place.contains("rows.csv:3")));
}

#[test]
fn a_wrong_type_goes_to_quarantine() {
    let project = project(b"id,amount\n1,10\n2,ten\n3,30\n");
    project.edit(
        "sources/in.yml",
        "sync: replace}",
        "sync: replace, columns: [id, {name: amount, type: bigint, not_null: true}]}",
    );
    project.output(&["run"]).succeeded();
    assert_eq!(project.number("select sum(amount) from \"in\".rows"), 40);
    assert_eq!(project.number("select count(*) from quarantine.in__rows"), 1);
}

#[test]
fn all_problems_come_at_once_with_their_places() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: bad\ncolour: blue\n"),
        ("models/a.sql", "select * from {{ ref('b') }}"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
        ("models/c.sql", "select * from {{ ref('aa') }}"),
        ("training/t.yml", "trainings:\n  - name: t\n    data: ref('a')\n    lable: x\n"),
    ]);
    let ran = project.output(&["check"]).ended_with(1);
    for wanted in ["millstream.yml:2", "models/c.sql:1", "training/t.yml", "lable", "colour"] {
        assert!(ran.stdout.contains(wanted), "no {wanted} in {}", ran.stdout);
    }
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("error["), "{}", ran.stderr);
}

#[test]
fn a_cycle_is_named() {
    let project = TestProject::of(&[
        ("millstream.yml", MANIFEST),
        ("models/a.sql", "select * from {{ ref('b') }}"),
        ("models/b.sql", "select * from {{ ref('a') }}"),
    ]);
    let ran = project.output(&["check"]).ended_with(1);
    assert!(ran.stdout.contains("cycle"), "{}", ran.stdout);
}

#[test]
fn a_failed_check_keeps_the_last_version_and_what_is_behind_waits() {
    let files = [
        ("millstream.yml", MANIFEST),
        ("sources/in.yml", SOURCE),
        ("rows.csv", GOOD),
        (
            "models/a.sql",
            "{{ config(materialized='table') }} select * from {{ source('in', 'rows') }}",
        ),
        (
            "models/b.sql",
            "{{ config(materialized='table') }} select count(*) as n from {{ ref('a') }}",
        ),
        (
            "models/schema.yml",
            "models:\n  - name: a\n    columns:\n      - name: id\n        tests: [unique]\n",
        ),
    ];
    let project = TestProject::of(&files);
    project.output(&["run"]).succeeded();
    project.write("rows.csv", "id,amount\n1,10\n1,20\n3,30\n");
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("REFUSED"), "{}", ran.stderr);
    assert_eq!(project.number("select count(*) from a"), 2);
    assert_eq!(project.number("select n from b"), 2);
    project.write("rows.csv", "id,amount\n1,10\n2,20\n3,30\n");
    project.output(&["run"]).succeeded();
    assert_eq!(project.number("select n from b"), 3);
}

#[test]
fn a_label_with_one_class_is_an_error() {
    let project = TestProject::labeled();
    project.edit("models/labeled_projects.sql", "t.tag", "'same' as tag");
    project.edit("models/schema.yml", "severity: warn", "severity: warn");
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("training.one_class"), "{}", ran.stderr);
}

#[test]
fn a_newer_environment_is_refused() {
    let project = project(GOOD.as_bytes());
    project.json(&["run"]);
    project.write(".millstream/dev/format", "999\n");
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("project.newer_format"), "{}", ran.stderr);
    project.write(".millstream/dev/format", "1\n");
    still_good(&project);
}

#[test]
fn sql_that_does_not_plan_names_what_is_near() {
    let project = project(GOOD.as_bytes());
    project.json(&["run"]);
    let ran = project.output(&["query", "select * from \"in\".row"]).ended_with(1);
    assert!(ran.stderr.contains("sql."), "{}", ran.stderr);
    let ran = project.output(&["query", "select amonut from \"in\".rows"]).ended_with(1);
    assert!(ran.stderr.contains("sql.unknown_column"), "{}", ran.stderr);
}

#[test]
fn broken_sql_is_found_before_anything_runs() {
    let project = project(GOOD.as_bytes());
    project
        .write("models/doubled.sql", "{{ config(materialized='table') }}\n\nselect id\nform t\n");
    project.write(
        "functions/prices.yml",
        "functions:\n  - name: prices\n    on: {topic: prices}\n    sql: select id form records r\n    into: operational.prices\n",
    );
    for verb in ["check", "run"] {
        let ran = project.output(&[verb]).ended_with(1);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("error[sql.parse]: model `doubled`"), "{said}");
        assert!(said.contains("--> models/doubled.sql:4:6"), "{said}");
        assert!(said.contains("function `prices`"), "{said}");
    }
}

#[test]
fn a_failing_model_names_its_file() {
    let project = project(GOOD.as_bytes());
    let sql = "select amounts from {{ source('in', 'rows') }}";
    project.write("models/wrong.sql", sql);
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("sql.unknown_column"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--> models/wrong.sql"), "{}", ran.stderr);
}
