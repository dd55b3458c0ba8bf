//! Whole projects, and what is promised of all of them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use millstream_core::kind::KindInfo;
use millstream_core::spec::{SourceSpec, TrainingSpec};
use schemars::schema_for;
use serde_json::{Value, json};

use super::{loaded_with, no_problems, options, project, selected, text_of};
use crate::{DatabaseRef, EXPLANATIONS, init_files, json_schemas, load, state_dir};

#[test]
fn an_environment_is_resolved() {
    let mut options = options();
    options.env = Some("prod".to_owned());
    let files = [(
        "millstream.yml",
        "name: shop
environments:
  dev: {}
  prod: {lake: 's3://bucket/{{ env_var(\"SET\") }}', operational: {url: {env: PG_URL}}, threads: 4, memory_limit: 2GiB}
  other: {lake: \"{{ env_var('NEVER_SET') }}\", threads: \"{{ env_var('NEVER_SET') }}\"}
",
    )];
    let loaded = loaded_with(&files, &options);
    assert_eq!(text_of(&loaded), "");
    let project = loaded.project.unwrap();
    let environment = project.environment;
    assert_eq!(environment.lake.as_deref(), Some("s3://bucket/from outside"));
    let secret = millstream_core::secret::SecretRef::Env("PG_URL".to_owned());
    assert_eq!(environment.operational, Some(DatabaseRef::Postgres(secret)));
    assert_eq!(environment.threads, Some(4));
    assert_eq!(environment.memory_limit_bytes, Some(2 << 30));
    assert_eq!(environment.root, state_dir(&project.root, "prod"));
}

#[test]
fn a_dbt_project_needs_no_file_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    super::write(
        folder.path(),
        &[
            ("dbt_project.yml", "name: jaffle\nversion: '1.0'\nprofile: x\n"),
            ("models/a.sql", "select 1 as id"),
        ],
    );
    let loaded = load(folder.path(), &options());
    assert_eq!(text_of(&loaded), "");
    assert_eq!(loaded.project.unwrap().name, "jaffle");
}

#[test]
fn what_init_makes_has_no_problems() {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in init_files("first_steps") {
        let text = String::from_utf8(bytes).unwrap();
        super::write(folder.path(), &[(path.to_str().unwrap(), text.as_str())]);
    }
    let mut options = options();
    options.connectors.push(KindInfo {
        kind: "demo_shop",
        schema: json!({"type": "object", "properties": {"scale": {"type": "number"}}}),
        stream_schema: Some(json!({"type": "object"})),
        validate: no_problems,
        review: |_| Vec::new(),
    });
    let loaded = load(folder.path(), &options);
    assert_eq!(text_of(&loaded), "");
    let project = loaded.project.unwrap();
    assert_eq!((project.models.len(), project.checks.len()), (1, 2));
}

#[test]
fn every_property_of_every_schema_is_described() {
    fn walk(path: &str, schema: &Value, missing: &mut Vec<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                if property.get("description").is_none() {
                    missing.push(format!("{path}.{name}"));
                }
            }
        }
        for (name, definition) in
            schema.get("$defs").and_then(Value::as_object).into_iter().flatten()
        {
            walk(name, definition, missing);
        }
    }
    let mut missing = Vec::new();
    let items = [
        ("sources", schema_for!(SourceSpec).to_value()),
        ("training", schema_for!(TrainingSpec).to_value()),
    ];
    for (name, schema) in json_schemas(&[], &[]).into_iter().chain(items) {
        walk(name, &schema, &mut missing);
    }
    assert!(missing.is_empty(), "without description: {missing:?}");
}

/// Every `$ref` of a schema.
fn references(schema: &Value) -> Vec<&str> {
    match schema {
        Value::Object(map) => {
            let own = map.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(map.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn schemas_have_the_settings_of_the_kind_that_is_named() {
    let mut options = options();
    options.connectors[0].stream_schema = Some(json!({
        "type": "object",
        "properties": {"path": {"type": "string"}, "format": {"$ref": "#/$defs/Format"}},
        "required": ["path"],
        "$defs": {"Format": {"enum": ["csv", "jsonl"]}},
    }));
    let schemas = json_schemas(&options.connectors, &options.trainers);
    let of = |name: &str| schemas.iter().find(|schema| schema.0 == name).unwrap().1.clone();
    let (sources, training) = (of("sources"), of("training"));
    for schema in [&sources, &training] {
        for reference in references(schema) {
            let found = schema.pointer(reference.trim_start_matches('#'));
            assert!(found.is_some(), "{reference} leads nowhere");
        }
    }
    let source = &sources["$defs"]["SourceSpec"];
    assert_eq!(source["properties"]["connector"]["enum"], json!(["file", "sqlite"]));
    assert_eq!(
        source["allOf"][1],
        json!({
            "if": {"properties": {"connector": {"const": "sqlite"}}, "required": ["connector"]},
            "then": {"$ref": "#/$defs/sqlite.SourceSpec"},
        })
    );
    let sqlite = &sources["$defs"]["sqlite.SourceSpec"];
    assert_eq!(
        sqlite["properties"]["operational"],
        json!({"type": ["boolean", "string"], "pattern": r"\{\{"}),
        "or a template"
    );
    assert_eq!(sqlite["properties"]["streams"]["items"]["$ref"], "#/$defs/sqlite.StreamSpec");
    let stream = &sources["$defs"]["file.StreamSpec"];
    assert_eq!(stream["properties"]["path"], json!({"type": "string"}));
    assert_eq!(stream["required"], json!(["name", "path"]));
    let settings = &training["$defs"]["text_linear.TrainingSpec"]["properties"]["settings"];
    assert_eq!(settings["properties"]["ngrams"]["type"], json!(["integer", "string"]));
    for closed in [sqlite, stream, settings] {
        assert_eq!(closed["additionalProperties"], json!(false));
    }
}

#[test]
fn every_code_has_a_page() {
    let explained: BTreeSet<&str> = EXPLANATIONS.iter().map(|page| page.code).collect();
    assert_eq!(explained.len(), EXPLANATIONS.len(), "a code has one page");
    let mut sources = Vec::new();
    let room = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    collect(&room.join("src"), &mut sources);
    collect(&room.join("../millstream-files/src"), &mut sources);
    let areas: BTreeSet<&str> =
        EXPLANATIONS.iter().filter_map(|page| Some(page.code.split_once('.')?.0)).collect();
    let mut used = BTreeSet::new();
    for quoted in sources.iter().flat_map(|text| text.split('"')) {
        let word = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        };
        if let Some((area, reason)) = quoted.split_once('.')
            && areas.contains(area)
            && word(reason)
        {
            used.insert(quoted);
        }
    }
    used.remove("config.materialized");
    assert_eq!(used, explained);
}

fn collect(folder: &std::path::Path, texts: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() && name != "tests" {
            collect(&path, texts);
        } else if path.is_file() && name != "explanations.rs" {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn a_project_of_many_files_stays_whole() {
    let sql: Vec<(String, String)> = (0..300)
        .map(|index| {
            let text = match index {
                0 => "select 1 as id".to_owned(),
                _ => format!("select * from {{{{ ref('m{}') }}}}", index - 1),
            };
            (format!("models/m{index}.sql"), text)
        })
        .collect();
    let files: Vec<(&str, &str)> =
        sql.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let project = project(&files);
    assert_eq!(project.graph.nodes().len(), 300);
    assert_eq!(selected(&project, "+m299", "").unwrap().len(), 300);
}

#[test]
fn a_project_from_files_to_predictions_and_back() {
    let project = project(&[
        (
            "sources/made_with_ml.yml",
            "sources:
  - name: made_with_ml
    connector: file
    streams:
      - {name: projects, path: \"{{ env_var('PROJECTS_URL', 'p.csv') }}\", sync: replace, key: id}
      - {name: tags, path: t.csv, sync: replace, key: id, columns: [id, {name: tag, type: text, not_null: true}]}
",
        ),
        (
            "models/labeled_projects.sql",
            "select p.id, t.tag
from {{ source('made_with_ml', 'projects') }} p
left join {{ source('made_with_ml', 'tags') }} t on p.id = t.id
",
        ),
        (
            "training/tagger.yml",
            "trainings:
  - name: tagger
    data: ref('labeled_projects')
    label: tag
    inputs: {text: [title, description]}
    trainer: text_linear
    split: {stratify: tag, test: 0.2, seed: 7}
    gate: [\"f1_weighted >= 0.80\", \"not worse than champion\"]   # paired bootstrap
",
        ),
        (
            "deployments/tagger.yml",
            "deployments:
  - name: tagger
    model: tagger@champion
    realtime: true
    batch: {over: ref('labeled_projects'), key: id, into: predicted_tags}
    record: {topic: predictions}
",
        ),
        (
            "functions/record_prediction.yml",
            "functions:
  - name: record_prediction
    on: {topic: predictions, batch: 100}
    sql: select event_id, model, version, key, label, at from records
    into: operational.predictions
",
        ),
    ]);
    let outputs: Vec<String> = project
        .graph
        .nodes()
        .iter()
        .flat_map(|node| &node.outputs)
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        outputs,
        [
            "table:made_with_ml.projects",
            "table:quarantine.made_with_ml__projects",
            "table:made_with_ml.tags",
            "table:quarantine.made_with_ml__tags",
            "table:main.labeled_projects",
            "model:tagger",
            "table:main.predicted_tags",
            "topic:predictions",
            "operational:predictions",
        ]
    );
    assert_eq!(project.deployments[0].alias_or_version, "champion");
    assert_eq!(project.functions[0].key, "event_id");
}
