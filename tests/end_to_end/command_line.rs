//! The command line: exit codes, JSON, and what a newcomer types first.

use std::process::Stdio;

use millstream_tests::TestProject;

#[test]
fn init_makes_a_project_that_runs() {
    let project = TestProject::of(&[]);
    project.output(&["init"]).succeeded();
    let check = project.json(&["check"]);
    assert_eq!(check["check"]["errors"], 0, "{check}");
    project.output(&["run"]).succeeded();
    let ignored = std::fs::read_to_string(project.path().join(".gitignore")).expect("it is made");
    assert!(ignored.contains(".millstream/"));
    let again = project.output(&["init"]).ended_with(1);
    assert!(again.stderr.contains("init.exists"), "{}", again.stderr);
}

#[test]
fn a_plan_says_why() {
    let project = TestProject::labeled();
    let plan = project.json(&["plan"]);
    let entries = plan["plan"]["entries"].as_array().expect("a plan has entries");
    assert!(entries.iter().all(|entry| entry["decision"]["action"] == "run"), "{plan}");
    let tables = project.json(&["table", "list"]);
    assert_eq!(tables["tables"].as_array().map(Vec::len), Some(0), "a plan makes no table");
    project.json(&["run"]);
    project.edit("models/labeled_projects.sql", "left join", "join");
    let plan = project.output(&["plan"]).succeeded();
    assert!(plan.stdout.contains("definition changed"), "{}", plan.stdout);
    assert!(plan.stdout.contains("main.labeled_projects will change"), "{}", plan.stdout);
}

#[test]
fn every_code_has_a_page() {
    let project = TestProject::of(&[]);
    let all = project.json(&["explain"]);
    let pages = all["explanations"].as_array().expect("there are pages");
    assert!(pages.len() > 60, "{}", pages.len());
    for page in pages {
        let text = page["text"].as_str().unwrap_or_default();
        assert!(text.len() > 20, "{page}");
    }
    let page = project.output(&["explain", "check.failed"]).succeeded();
    assert!(page.stdout.contains("last good version"), "{}", page.stdout);
    project.output(&["explain", "no.such"]).ended_with(2);
}

#[test]
fn usage_errors_end_with_2() {
    let project = TestProject::of(&[]);
    project.output(&["frobnicate"]).ended_with(2);
    project.output(&["run", "--threads", "many"]).ended_with(2);
    project.output(&["schema", "nonsense"]).ended_with(2);
}

#[test]
fn queries_have_four_formats() {
    let project = TestProject::labeled();
    project.json(&["run", "--select", "+labeled_projects"]);
    let sql = "select tag, count(*) as n from labeled_projects group by tag order by n desc";
    let text = project.output(&["query", sql]).succeeded();
    assert!(text.stdout.contains("| natural-language-processing | 310 |"), "{}", text.stdout);
    let csv = project.output(&["query", "--output", "csv", sql]).succeeded();
    assert_eq!(csv.stdout.lines().nth(1), Some("natural-language-processing,310"));
    assert_eq!(project.query(sql)[0]["n"], 310);
    let file = project.path().join("tags.parquet").display().to_string();
    project.output(&["query", "--to", &file, sql]).succeeded();
    assert!(std::fs::read(file).expect("it is written").starts_with(b"PAR1"));
}

#[test]
fn runs_are_recorded() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let list = project.json(&["runs", "list"]);
    assert_eq!(list["runs"].as_array().map(Vec::len), Some(1), "{list}");
    assert_eq!(list["runs"][0]["state"], "succeeded");
    let show = project.output(&["runs", "show"]).succeeded();
    assert!(show.stdout.contains("tagger"), "{}", show.stdout);
    project.output(&["doctor"]).succeeded();
}

#[test]
fn a_schema_describes_every_field() {
    let project = TestProject::of(&[]);
    let schemas = project.output(&["schema"]).succeeded().json();
    let mut undescribed = Vec::new();
    for (kind, schema) in schemas.as_object().expect("schemas by file kind") {
        walk(schema, kind, &mut undescribed);
    }
    assert!(undescribed.is_empty(), "without description: {undescribed:?}");
}

fn walk(value: &serde_json::Value, path: &str, undescribed: &mut Vec<String>) {
    let Some(object) = value.as_object() else { return };
    if let Some(properties) = object.get("properties").and_then(|value| value.as_object()) {
        for (name, property) in properties {
            if property.get("description").is_none() && property.get("$ref").is_none() {
                undescribed.push(format!("{path}/{name}"));
            }
        }
    }
    for (name, inner) in object {
        walk(inner, &format!("{path}/{name}"), undescribed);
    }
}

#[test]
fn the_listed_version_of_a_table_can_be_asked_for() {
    let project = TestProject::labeled();
    project.json(&["run", "--select", "+labeled_projects"]);
    let tables = project.json(&["table", "list"]);
    let listed = tables["tables"].as_array().expect("there are tables");
    let projects = listed.iter().find(|table| table["relation"] == "made_with_ml.projects");
    let version = projects.expect("it is listed")["version"].as_u64().expect("a number");
    let sql = format!("select count(*) from made_with_ml.projects version as of {version}");
    assert_eq!(project.number(&sql), 764);
    let history = project.json(&["table", "history", "made_with_ml.projects"]);
    assert_eq!(history["versions"][0]["version"], version, "{history}");
    let unknown = project.output(&["table", "history", "labelled"]).ended_with(1);
    assert!(unknown.stderr.contains("table.unknown"), "{}", unknown.stderr);
    project.output(&["model", "promote", "tagger", "--reason", "none"]).ended_with(2);
}

#[test]
fn a_run_goes_on_when_nobody_reads_what_it_says() {
    let project = TestProject::of(&[
        ("millstream.yml", "name: unheard\n"),
        ("models/one.sql", "select 1 as id"),
        ("models/two.sql", "select id from {{ ref('one') }}"),
    ]);
    let mut run = project.command(&["run"]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(run.stderr.take());
    assert!(run.wait().expect("it ends").success());
    assert_eq!(project.number("select count(*) from two"), 1);
}
