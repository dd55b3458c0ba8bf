//! Runs after the fact: their steps run again, and a run stopped from elsewhere.

use millstream_tests::TestProject;
use serde_json::Value;

const PROJECT: &[(&str, &str)] = &[
    ("millstream.yml", "name: again\n"),
    ("seeds/limits.csv", "most\n10\n"),
    ("models/first.sql", "{{ config(materialized='table') }} select 1 as a\n"),
    (
        "models/second.sql",
        "{{ config(materialized='table') }} select a, 7 as b from {{ ref('first') }}\n",
    ),
    ("models/third.sql", "{{ config(materialized='table') }} select b from {{ ref('second') }}\n"),
    ("tests/small.sql", "select * from {{ ref('second') }}, {{ ref('limits') }} where b > most\n"),
];

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let steps = report["run"]["steps"].as_array().expect("a report has steps");
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    steps.iter().map(|step| (text(&step["asset"]), text(&step["outcome"]))).collect()
}

fn of(names: &[(&str, &str)]) -> Vec<(String, String)> {
    names.iter().map(|(asset, outcome)| ((*asset).to_owned(), (*outcome).to_owned())).collect()
}

#[test]
fn what_did_not_succeed_is_run_again() {
    let project = TestProject::of(PROJECT);
    project.write("seeds/limits.csv", "most\n5\n");
    project.output(&["run"]).ended_with(1);
    let planned = project.json(&["runs", "rerun", "--dry-run"]);
    let entries = planned["plan"]["entries"].as_array().expect("a plan has entries");
    let named: Vec<&str> = entries.iter().map(|entry| entry["asset"].as_str().unwrap()).collect();
    assert_eq!(named, ["table:main.second", "table:main.third"], "the seed and `first` succeeded");

    project.write("seeds/limits.csv", "most\n10\n");
    project.json(&["run", "--select", "limits"]);
    let failed = project.json(&["runs", "list"])["runs"][1]["run"].clone();
    let again = project.json(&["runs", "rerun", failed.as_str().expect("an id")]);
    assert_eq!(
        outcomes(&again),
        of(&[("table:main.second", "published"), ("table:main.third", "published")])
    );
    assert_eq!(project.number("select b from third"), 7);
}

#[test]
fn what_succeeded_is_run_again_when_asked_for() {
    let project = TestProject::of(PROJECT);
    project.json(&["run", "--select", "+second"]);
    let nothing = project.output(&["runs", "rerun"]).succeeded().stdout;
    assert!(nothing.contains("every step of run"), "{nothing}");
    let again = project.json(&["runs", "rerun", "--all", "--downstream"]);
    assert!(outcomes(&again).iter().all(|(_, outcome)| outcome == "published"), "{again}");
    assert_eq!(outcomes(&again).len(), 4, "the seed and three models");
    let versions = "select max(version) from millstream.versions where asset = 'table:main.first'";
    assert_eq!(project.number(versions), 2);
    let plan = project.json(&["plan"]);
    let entries = plan["plan"]["entries"].as_array().expect("a plan has entries");
    let due = entries.iter().filter(|entry| entry["decision"]["action"] != "up_to_date");
    assert_eq!(due.count(), 0, "{plan}");
}

#[test]
fn a_run_is_stopped_from_another_process() {
    let project = TestProject::endless();
    let mut run = project.begun(&["run"]);
    let running = project.newest_run();
    let said = project.output(&["runs", "cancel", &running]).succeeded().stdout;
    assert!(said.ends_with("cancelled\n"), "{said}");
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let shown = project.json(&["runs", "show", &running]);
    assert_eq!(shown["run"]["steps"][0]["state"], "cancelled");
    let late = project.output(&["runs", "cancel", &running]).succeeded().stdout;
    assert!(late.ends_with("cancelled\n"), "an ended run stays as it is: {late}");
}
