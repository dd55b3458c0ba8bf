//! Tests of whole projects, written as files in the test.

mod bad_input;
mod bad_names;
mod commands;
mod compare;
mod dbt_files;
mod dbt_macros;
mod ephemeral;
mod execution;
mod graph;
mod late;
mod limits;
mod notifications;
mod partitions;
mod python;
mod rendering;
mod schedules;
mod seeds;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use millstream_core::clock::Timestamp;
use millstream_core::kind::{Declaration, KindInfo, SettingProblem};
use millstream_core::spec::Columns;
use serde_json::{Map, Value, json};

use millstream_dbt::context::EnvVar;

use crate::{LoadOptions, Loaded, Project, Selection, load};

/// A source with one stream, for tests that need something to read.
const SOURCE: (&str, &str) = (
    "sources/shop.yml",
    "sources:\n  - name: shop\n    connector: file\n    streams:\n      - {name: orders, path: o.csv}\n",
);

fn file_problems(
    _settings: &Map<String, Value>,
    stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    match stream.and_then(|stream| stream.get("path")) {
        Some(path) if path == "" => vec![SettingProblem {
            key: "path".to_owned(),
            message: "`path` is empty".to_owned(),
            hint: Some("name a file".to_owned()),
        }],
        _ => Vec::new(),
    }
}

fn no_problems(
    _settings: &Map<String, Value>,
    _stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    Vec::new()
}

/// Doubts that the second column of a stream can be `doubel`, and the second gate about `rmse`.
fn doubts(declaration: Declaration<'_>) -> Vec<SettingProblem> {
    let (doubted, key) = match declaration {
        Declaration::Stream(stream) => {
            let is_doubted = |column: &Columns| matches!(column, Columns::Declared(spec) if spec.data_type.as_deref() == Some("doubel"));
            (stream.columns.iter().flatten().nth(1).is_some_and(is_doubted), "columns/1/type")
        }
        Declaration::Training(training) => {
            (training.gate.get(1).is_some_and(|gate| gate.starts_with("rmse")), "gate/1")
        }
    };
    let message = format!("`{key}` is doubted");
    let doubt = SettingProblem { key: key.to_owned(), message, hint: None };
    doubted.then_some(doubt).into_iter().collect()
}

fn gate(text: &str) -> Result<(), String> {
    if text.contains(">=") || text == "not worse than champion" {
        Ok(())
    } else {
        Err("has no comparison".to_owned())
    }
}

fn options() -> LoadOptions {
    let file = KindInfo {
        kind: "file",
        schema: json!({"type": "object", "properties": {}}),
        stream_schema: Some(json!({
            "type": "object",
            "properties": {"path": {"type": "string"}, "skip": {"type": "integer", "minimum": 0}},
            "required": ["path"],
        })),
        validate: file_problems,
        review: doubts,
    };
    let sqlite = KindInfo {
        kind: "sqlite",
        schema: json!({
            "type": "object",
            "properties": {"operational": {"type": "boolean"}, "path": {"type": "string"}},
        }),
        stream_schema: Some(json!({"type": "object", "properties": {"table": {"type": "string"}}})),
        validate: no_problems,
        review: doubts,
    };
    let text_linear = KindInfo {
        kind: "text_linear",
        schema: json!({"type": "object", "properties": {"ngrams": {"type": "integer"}}}),
        stream_schema: None,
        validate: no_problems,
        review: doubts,
    };
    LoadOptions {
        env: None,
        vars: BTreeMap::new(),
        env_var: EnvVar::new(|name| (name == "SET").then(|| "from outside".to_owned())),
        connectors: vec![file, sqlite],
        trainers: vec![text_linear],
        gates: gate,
        home: None,
        now: Timestamp::from_micros(1_700_000_000_000_000),
    }
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("files are below the root")).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// Loads a project of these files; `millstream.yml` is there unless it is among them.
fn loaded(files: &[(&str, &str)]) -> Loaded {
    loaded_with(files, &options())
}

fn loaded_with(files: &[(&str, &str)], options: &LoadOptions) -> Loaded {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("millstream.yml", "name: shop\n")]);
    write(folder.path(), files);
    load(folder.path(), options)
}

/// Loads a project that has no problems.
fn project(files: &[(&str, &str)]) -> Project {
    let loaded = loaded(files);
    let text = text_of(&loaded);
    loaded.project.unwrap_or_else(|| panic!("the project has problems:\n{text}"))
}

fn text_of(loaded: &Loaded) -> String {
    loaded.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Asserts what is said of a project, word for word.
fn says(files: &[(&str, &str)], expected: &str) {
    let loaded = loaded(files);
    assert_eq!(text_of(&loaded).trim(), expected.trim());
    let errors = expected.contains("error[");
    assert_eq!(loaded.project.is_none(), errors, "a project is given exactly without errors");
}

/// The query of a model or check that asks no warehouse.
fn full(text: &crate::Text) -> &str {
    text.known(millstream_core::step::Refresh::Full).expect("the text is known")
}

/// The names of what a selection finds, or why it finds nothing.
fn selected(
    project: &Project,
    select: &str,
    exclude: &str,
) -> Result<Vec<String>, crate::SelectError> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (select, exclude) = (words(select), words(exclude));
    let selection = Selection { select: &select, exclude: &exclude, state: None };
    let mut names: Vec<String> =
        project.select(&selection)?.into_iter().map(|asset| asset.name).collect();
    names.sort();
    Ok(names)
}
