//! The whole loop on the real data of `examples/labeled-projects`.

use millstream_tests::{TestProject, data};
use serde_json::Value;

fn outcomes(report: &Value) -> Vec<(String, String)> {
    let steps = report["run"]["steps"].as_array().expect("a run has steps");
    let word = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    steps.iter().map(|step| (word(step, "asset"), word(step, "outcome"))).collect()
}

#[test]
fn the_loop_runs_and_then_has_nothing_to_do() {
    let project = TestProject::labeled();
    let first = project.json(&["run"]);
    assert!(
        outcomes(&first).iter().all(|(_, outcome)| outcome == "published"),
        "{:?}",
        outcomes(&first)
    );
    for table in
        ["made_with_ml.projects", "made_with_ml.tags", "labeled_projects", "predicted_tags"]
    {
        assert_eq!(project.number(&format!("select count(*) from {table}")), 764, "{table}");
    }
    assert_eq!(project.number("select count(distinct tag) from labeled_projects"), 4);
    assert_eq!(project.number("select count(*) from predicted_projects"), 764);
    assert_eq!(project.number("select count(*) from topic.predictions"), 764);

    let model = project.json(&["model", "show", "tagger@champion"]);
    let f1 =
        model["model"]["metrics"]["values"]["f1_weighted"].as_f64().expect("the metric is there");
    assert!(f1 >= 0.80, "the gate passed, so {f1} must do");

    let second = project.json(&["run"]);
    assert!(second["run"]["run"].is_null(), "{second}");
    assert!(outcomes(&second).iter().all(|(_, outcome)| outcome == "up_to_date"), "{second}");
}

#[test]
fn a_changed_title_reruns_what_depends_on_it() {
    let project = TestProject::labeled();
    let text = std::fs::read_to_string(data("made-with-ml/projects.csv")).expect("it is text");
    project.write("input/projects.csv", &text);
    let project = project.with("PROJECTS_URL", "input/projects.csv");
    project.json(&["run"]);
    let title = "Comparison between YOLO and RCNN on real world videos";
    project.edit("input/projects.csv", title, "YOLO and RCNN compared on real videos");

    let report = project.json(&["run"]);
    let published: Vec<String> = outcomes(&report)
        .into_iter()
        .filter_map(|(asset, outcome)| (outcome == "published").then_some(asset))
        .collect();
    assert!(published.contains(&"table:made_with_ml.projects".to_owned()), "{published:?}");
    assert!(published.contains(&"table:main.labeled_projects".to_owned()), "{published:?}");
    assert!(!published.contains(&"table:made_with_ml.tags".to_owned()), "{published:?}");
    assert_eq!(
        project.number("select count(*) from labeled_projects where title like 'YOLO and RCNN%'"),
        1
    );
}

#[test]
fn a_model_version_can_be_reproduced_and_rolled_back() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let same = project.json(&["model", "reproduce", "tagger@1"]);
    assert_eq!(same["reproduction"]["equal"], true, "{same}");

    project.edit("training/tagger.yml", "seed: 7", "seed: 8");
    project.json(&["run"]);
    let list = project.json(&["model", "list"]);
    assert_eq!(list["models"].as_array().map(Vec::len), Some(2), "{list}");

    project.json(&["model", "promote", "tagger@2", "--reason", "a test"]);
    let moved = project.json(&["model", "rollback", "tagger", "--reason", "a test"]);
    assert_eq!(moved["alias"]["version"], 1, "{moved}");
    let same = project.json(&["model", "reproduce", "tagger@1"]);
    assert_eq!(same["reproduction"]["equal"], true, "{same}");
}

#[test]
fn a_table_can_be_read_as_it_was() {
    let project = TestProject::labeled();
    project.edit(
        "models/labeled_projects.sql",
        "select",
        "{{ config(materialized='table') }} select",
    );
    project.json(&["run"]);
    project.edit(
        "models/labeled_projects.sql",
        "on p.id = t.id",
        "on p.id = t.id where p.id > 100",
    );
    project.json(&["run", "--select", "labeled_projects"]);
    assert!(project.number("select count(*) from labeled_projects") < 764);
    let history = project.json(&["table", "history", "labeled_projects"]);
    assert_eq!(history["versions"].as_array().map(Vec::len), Some(2), "{history}");
    let before = "select count(*) from labeled_projects version as of 0";
    assert_eq!(project.number(before), 764);
}

#[test]
fn raw_input_rebuilds_a_table() {
    let project = TestProject::labeled();
    project.json(&["run", "--select", "source:made_with_ml"]);
    let sum = "select sum(id) + count(*) from made_with_ml.projects";
    let before = project.number(sum);
    project.json(&["source", "replay", "made_with_ml.projects"]);
    assert_eq!(project.number(sum), before);
}
