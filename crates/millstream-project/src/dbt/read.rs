//! Reads what is dbt's of a project.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_dbt::context::{Invocation, LogSink};
use millstream_dbt::macros::builtin::{DBT, DBT_MILLSTREAM, DBT_POSTGRES};
use millstream_dbt::manifest::NodeKind;
use millstream_dbt::parse::{self, AdapterKind, Host, ParseOptions, Strictness};
use millstream_files::yaml::{Document, Node};
use millstream_files::{Folder, Report, whole};
use serde_json::{Map, Value};

use super::{
    CheckDraft, DbtProject, checks, models, places::Places, render::Renderer, seeds, spelling,
};
use crate::load::LoadOptions;
use crate::project::{Seed, SqlModel};

/// Folders of dbt, with the keys that name others in their place.
const FOLDERS: &[(&str, &str)] = &[
    ("model-paths", "models"),
    ("seed-paths", "seeds"),
    ("snapshot-paths", "snapshots"),
    ("test-paths", "tests"),
    ("macro-paths", "macros"),
    ("analysis-paths", "analyses"),
];

/// What dbt's files say.
#[derive(Debug)]
pub(crate) struct Dbt {
    pub(crate) project: DbtProject,
    pub(crate) models: Vec<SqlModel>,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) checks: Vec<CheckDraft>,
    /// Files of properties.
    pub(crate) properties: Vec<Document>,
}

/// Reads it; problems are reported. `document` is `dbt_project.yml`, if there is one.
pub(crate) fn read(
    folder: &mut Folder,
    document: Option<&Document>,
    host: Host,
    vars: Map<String, Value>,
    options: &LoadOptions,
    report: &mut Report,
) -> Option<Dbt> {
    let before = report.errors();
    for path in folders(document) {
        folder.guard(&path, report);
    }
    if report.errors() > before {
        return None;
    }
    let root = folder.canonical().to_owned();
    let files = spelling::check(folder, document, &folders(document), report);
    let before = report.errors();
    let parsed = parse::read(&root, &parse_options(host, vars, options), report)?;
    let is_whole = report.errors() == before;
    let manifest = Arc::new(parsed.manifest);
    let project = DbtProject { manifest: Arc::clone(&manifest), around: parsed.around };
    warn_of_unused(&project, report);
    let places = Places { root: &root, manifest: &manifest, project: document, properties: &files };
    let renderer = Renderer::new(&project, is_whole, &places);
    let models = models::read(&project, &renderer, &places, report);
    let seeds = seeds::read(&project, &places, report);
    let checks = checks::read(&project, &renderer, &places, report);
    Some(Dbt { project, models, seeds, checks, properties: files })
}

/// The folders that are read, as they are named.
fn folders(document: Option<&Document>) -> Vec<PathBuf> {
    let of = |(key, default): &(&str, &str)| {
        let named = document.and_then(|document| document.root.get(key));
        let named: Vec<&str> =
            named.map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
        if named.is_empty() {
            return vec![PathBuf::from(default)];
        }
        named.iter().map(|name| PathBuf::from(name.trim_start_matches("./"))).collect()
    };
    FOLDERS.iter().flat_map(of).collect()
}

fn parse_options(host: Host, vars: Map<String, Value>, options: &LoadOptions) -> ParseOptions {
    let mut args = Map::new();
    args.insert("which".to_owned(), Value::from("run"));
    args.insert("vars".to_owned(), Value::Object(vars.clone()));
    let invocation = Invocation {
        id: options.now.as_micros().to_string(),
        started_at_micros: options.now.as_micros(),
        which: "run".to_owned(),
        args,
        ..Invocation::default()
    };
    ParseOptions {
        profiles_dir: None,
        profile: None,
        target: None,
        packages_install_path: None,
        fallback: None,
        adapters: AdapterKind::all(),
        vars,
        env_var: options.env_var.clone(),
        strictness: Strictness::Lenient,
        invocation: Arc::new(invocation),
        builtin: [DBT, DBT_POSTGRES, DBT_MILLSTREAM].concat(),
        log: LogSink::default(),
        clock: Clock::fixed(options.now),
        threads: threads(),
        host: Some(host),
    }
}

/// Threads that read.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get)
}

/// Says what has no effect in a run of Millstream.
fn warn_of_unused(project: &DbtProject, report: &mut Report) {
    let is_hook = |kind: &NodeKind| matches!(kind, NodeKind::Operation { .. });
    if project.manifest.nodes_of(is_hook).next().is_some() {
        let message = "`on-run-start` and `on-run-end` have no effect in `millstream run`";
        let hint = "`millstream dbt run` runs them".to_owned();
        report.warning("project.not_read", whole("dbt_project.yml"), message, hint);
    }
    if let Some(test) = project.manifest.unit_tests.values().next() {
        let message = "unit tests do not run in `millstream run`";
        let hint = "`millstream dbt test` runs them".to_owned();
        report.warning("project.not_read", whole(&test.original_file_path), message, hint);
    }
}
