//! Descriptions that `persist_docs` keeps with relations.

use std::fs;
use std::process::Command;

use millstream_tests::dbt::Warehouse;
use millstream_tests::{TestProject, python, root};
use serde_json::{Value, json};

const EMBEDDED: Warehouse = Warehouse::Embedded;

const PROPERTIES: &str = r#"models:
  - name: trees
    description: "Every tree's \"own\" row;\n-- {{ '{{ not a template }}' }} öß 漢字 \\"
    columns:
      - {name: ID, description: "Its number, as in 'the book'."}
      - {name: kind, description: What it bears.}
      - {name: height, description: Nobody measures it.}
  - name: kinds
    description: What grows.
    columns: [{name: kind, description: A name of fruit.}]
  - name: growing
    description: Trees that come.
seeds:
  - name: fruit
    description: What is picked.
    columns: [{name: price, description: In cents.}]
snapshots:
  - name: fruit_history
    description: What was picked.
    columns: [{name: price, description: In cents then.}]
"#;

const SNAPSHOT: &str = "{% snapshot fruit_history %}
{{ config(unique_key='id', strategy='check', check_cols='all', target_schema='main') }}
select * from {{ ref('fruit') }}
{% endsnapshot %}
";

fn orchard() -> TestProject {
    EMBEDDED.project(
        "orchard",
        &[
            (
                "dbt_project.yml",
                "name: orchard
profile: orchard
models: {+materialized: table, +persist_docs: {relation: true, columns: true}}
seeds: {+persist_docs: {relation: true, columns: true}}
snapshots: {+persist_docs: {relation: true, columns: true}}
",
            ),
            ("seeds/fruit.csv", "id,price\n1,20\n2,30\n"),
            ("models/trees.sql", "select id, 'pear' as kind from {{ ref('fruit') }}"),
            (
                "models/kinds.sql",
                "{{ config(materialized='view') }} select distinct kind from {{ ref('trees') }}",
            ),
            (
                "models/growing.sql",
                "{{ config(materialized='incremental', unique_key='id') }}
                 select id from {{ ref('fruit') }}",
            ),
            ("models/properties.yml", PROPERTIES),
            ("snapshots/fruit_history.sql", SNAPSHOT),
        ],
    )
}

/// What the text of the description of `trees` is once it is read.
fn text() -> String {
    "Every tree's \"own\" row;\n-- {{ not a template }} öß 漢字 \\".to_owned()
}

/// Table and column comments, as SQL tells them.
fn comments(project: &TestProject, table: &str) -> Value {
    let own = project.query(&format!(
        "select table_comment as c from information_schema.tables where table_name = '{table}'"
    ));
    let columns = project.query(&format!(
        "select column_comment as c from information_schema.columns \
         where table_name = '{table}' order by ordinal_position"
    ));
    let columns: Vec<&Value> = columns.iter().map(|row| &row["c"]).collect();
    json!([own[0]["c"], columns])
}

/// The newest version and its operation.
fn newest(project: &TestProject, table: &str) -> (i64, String) {
    let history = project.json(&["table", "history", table]);
    let newest = &history["versions"][0];
    let text = newest["operation"].as_str().unwrap_or_default().to_owned();
    (newest["version"].as_i64().expect("a version"), text)
}

#[test]
fn descriptions_are_kept_with_relations() {
    let project = orchard();
    let built = project.output(&["dbt", "build"]).succeeded();
    let missing = "The following columns are specified in the schema but are not present in the \
                   database: height";
    assert!(built.stdout.contains(missing), "{}", built.stdout);
    assert_eq!(built.stdout.matches("specified in the schema").count(), 1, "{}", built.stdout);
    let number = "Its number, as in 'the book'.";
    assert_eq!(comments(&project, "trees"), json!([text(), [number, "What it bears."]]));
    assert_eq!(comments(&project, "kinds"), json!(["What grows.", ["A name of fruit."]]));
    assert_eq!(comments(&project, "fruit"), json!(["What is picked.", [null, "In cents."]]));
    let history = comments(&project, "fruit_history");
    assert_eq!(
        (&history[0], &history[1][1]),
        (&json!("What was picked."), &json!("In cents then."))
    );
    project.output(&["dbt", "docs", "generate"]).succeeded();
    let catalog = fs::read_to_string(project.path().join("target/catalog.json"));
    let catalog: Value = serde_json::from_str(&catalog.expect("a catalog")).expect("JSON");
    let trees = &catalog["nodes"]["model.orchard.trees"];
    assert_eq!(trees["metadata"]["comment"], text());
    assert_eq!(trees["columns"]["id"]["comment"], number);
    let kinds = &catalog["nodes"]["model.orchard.kinds"];
    assert_eq!(kinds["columns"]["kind"]["comment"], "A name of fruit.");
}

#[test]
fn warnings_of_columns_can_be_errors() {
    let project = orchard();
    project.output(&["dbt", "seed"]).succeeded();
    let strict = ["dbt", "--warn-error", "run", "--select", "trees"];
    let refused = project.output(&strict).ended_with(1);
    assert!(refused.stdout.contains("not present in the database: height"), "{}", refused.stdout);
}

#[test]
fn other_readers_show_descriptions() {
    let project = orchard();
    project.output(&["dbt", "build"]).succeeded();
    let script = root().join("tests/end_to_end/read_comments.py");
    let table = project.path().join(".millstream/dev/lake/main/trees");
    let output = Command::new(python()).arg(script).arg(table).output().expect("python starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let columns = json!({"id": "Its number, as in 'the book'.", "kind": "What it bears."});
    assert_eq!(read, json!({"description": text(), "columns": columns}));
}

#[test]
fn a_changed_description_is_a_version_without_rows() {
    let project = orchard();
    project.write("millstream.yml", "name: orchard\n");
    project.json(&["run"]);
    let before = newest(&project, "trees");
    let again = project.json(&["run"]);
    assert!(again["run"]["run"].is_null(), "nothing has changed: {again}");
    project.edit("models/properties.yml", "What it bears.", "What it bore.");
    project.edit("models/properties.yml", "What grows.", "What grew.");
    let planned = project.json(&["plan"]);
    let entries = planned["plan"]["entries"].as_array().expect("entries").clone();
    let due: Vec<&str> = entries
        .iter()
        .filter(|entry| entry["decision"]["action"] == "run")
        .map(|entry| {
            assert_eq!(entry["decision"]["reason"]["why"], "description", "{entry}");
            entry["asset"].as_str().expect("an asset")
        })
        .collect();
    assert_eq!(due, ["table:main.trees", "table:main.kinds"]);
    project.json(&["run"]);
    assert_eq!(newest(&project, "trees"), (before.0 + 1, "describe".to_owned()));
    let number = "Its number, as in 'the book'.";
    assert_eq!(comments(&project, "trees"), json!([text(), [number, "What it bore."]]));
    assert_eq!(comments(&project, "kinds"), json!(["What grew.", ["A name of fruit."]]));
    assert_eq!(project.number("select count(*) from kinds"), 1);
    let again = project.json(&["run"]);
    assert!(again["run"]["run"].is_null(), "nothing else is due: {again}");
    // What cannot be kept is said once, and is not tried again and again.
    project.edit("models/properties.yml", "Nobody measures it.", "Somebody measures it.");
    project.json(&["run"]);
    assert_eq!(newest(&project, "trees").0, before.0 + 1, "no needless version");
    let again = project.json(&["run"]);
    assert!(again["run"]["run"].is_null(), "it is settled: {again}");
    project.edit(
        "dbt_project.yml",
        "models: {+materialized: table, +persist_docs: {relation: true, columns: true}}",
        "models: {+materialized: table}",
    );
    project.json(&["run"]);
    assert_eq!(comments(&project, "trees"), json!([null, [null, null]]));
}

#[test]
fn a_description_that_is_killed_half_way_is_recovered() {
    let project = orchard();
    project.write("millstream.yml", "name: orchard\n");
    project.json(&["run"]);
    let texts = ["What it bears.", "What it bore.", "What it will bear."];
    for (point, texts) in ["model.intent.after", "model.publish.after"].iter().zip(texts.windows(2))
    {
        project.edit("models/properties.yml", texts[0], texts[1]);
        let mut killed = project.command(&["run"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert!(!output.status.success(), "it was to be killed at {point}");
        project.json(&["run"]);
        assert_eq!(comments(&project, "trees")[1][1], texts[1], "after {point}");
        let again = project.json(&["run"]);
        assert!(again["run"]["run"].is_null(), "nothing is due after {point}: {again}");
    }
}

#[test]
fn rows_that_come_leave_descriptions() {
    let project = orchard();
    project.output(&["dbt", "build"]).succeeded();
    let growing = |project: &TestProject| comments(project, "growing")[0].clone();
    assert_eq!(growing(&project), "Trees that come.");
    project.edit("models/properties.yml", "Trees that come.", "Trees that came.");
    project.output(&["dbt", "run", "--select", "growing"]).succeeded();
    assert_eq!(growing(&project), "Trees that came.");
}
