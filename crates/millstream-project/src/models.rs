//! `models/**/*.sql`: finds SQL models, settles their configuration and renders their SQL.

mod ephemeral;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Place;
use millstream_core::name::{DEFAULT_SCHEMA, is_name};
use millstream_core::step::Refresh;
use millstream_core::{AssetKey, ContentHash, Relation};
use serde_json::Map;

use crate::config::{self, Config, Setting};
use crate::declared::invalid_name;
use crate::jinja::{ModelName, Names, Pass, Rendered, Renderer, TemplateProblem, UnknownName};
use crate::placement::{Placed, Placement};
use crate::project::{Materialization, SqlModel};
use crate::properties::{ByName, ModelEntry};
use millstream_files::Source;
use millstream_files::yaml::{Document, Node};
use millstream_files::{Mark, Report, whole};

/// What is needed to read models.
pub(crate) struct ModelReader<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) dbt_project: Option<&'a Document>,
    pub(crate) projects: &'a [String],
    pub(crate) properties: &'a ByName<'a>,
    pub(crate) now: Timestamp,
}

/// A model's file and its folder of models.
#[derive(Debug)]
pub(crate) struct ModelFile {
    pub(crate) source: Source,
    pub(crate) below: PathBuf,
}

/// A model before its SQL is rendered for good.
#[derive(Debug)]
struct Draft<'a> {
    name: &'a str,
    file: &'a ModelFile,
    config: Config,
    relation: Relation,
    /// What stood for it before its table was known.
    first: Relation,
    /// What it reads, as it was called then.
    reads: Vec<Relation>,
}

/// The models, and the names under which `ref` finds them.
#[derive(Debug, Default)]
pub(crate) struct Models {
    pub(crate) models: Vec<SqlModel>,
    pub(crate) names: Names,
}

/// Reads all models. Problems are reported; a model with problems is left out, but its name is
/// known.
pub(crate) fn read(
    files: &[ModelFile],
    streams: Names,
    reader: &ModelReader<'_>,
    report: &mut Report,
) -> Models {
    let mut names = streams;
    let files = named(files, report);
    for (name, file) in &files {
        if let Ok(relation) = Relation::new(DEFAULT_SCHEMA, name)
            && names.models.insert((*name).to_owned(), ModelName::At(relation)).is_some()
        {
            let message = format!("there is a seed and a model `{name}`");
            let hint = "`ref` could mean either; rename one".to_owned();
            report.error("name.duplicate", whole(&file.source.path), message, hint);
        }
    }
    let first = Arc::new(names.clone());
    let mut drafts = Vec::new();
    for (name, file) in files {
        let Some(draft) = reader.draft(name, file, &first, report) else { continue };
        let stands = if draft.config.enabled() {
            ModelName::At(draft.relation.clone())
        } else {
            ModelName::Disabled
        };
        names.models.insert(name.to_owned(), stands);
        if draft.config.enabled() {
            drafts.push(draft);
        }
    }
    let (inner, drafts): (Vec<_>, Vec<_>) =
        drafts.into_iter().partition(|draft| draft.config.is_ephemeral());
    ephemeral::inline(inner, reader, &mut names, report);
    let settled = Arc::new(names.clone());
    let models = drafts.iter().filter_map(|draft| reader.finish(draft, &settled, report)).collect();
    Models { models, names }
}

/// The files by the model's name; names that are none or that are used twice are reported.
fn named<'a>(files: &'a [ModelFile], report: &mut Report) -> BTreeMap<&'a str, &'a ModelFile> {
    let mut named: BTreeMap<&str, &ModelFile> = BTreeMap::new();
    for file in files {
        let path = &file.source.path;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !is_name(name) {
            invalid_name("model", name, whole(path), report);
        } else if let Some(first) = named.get(name) {
            let message = format!("model `{name}` is here for the second time");
            let hint = format!("the first is {}", first.source.path.display());
            report.error("name.duplicate", whole(path), message, hint);
        } else {
            named.insert(name, file);
        }
    }
    named
}

impl Draft<'_> {
    fn pass(&self, refresh: Refresh, now: Timestamp, names: &Arc<Names>) -> Pass {
        Pass {
            refresh,
            this: self.relation.clone(),
            config: self.config.to_map(),
            now,
            names: Arc::clone(names),
            locals: Map::new(),
        }
    }
}

impl ModelReader<'_> {
    /// Settles the configuration, which the file may set from inside, with a first rendering.
    fn draft<'a>(
        &self,
        name: &'a str,
        file: &'a ModelFile,
        names: &Arc<Names>,
        report: &mut Report,
    ) -> Option<Draft<'a>> {
        let mut config = self.outside(name, file);
        let this = Relation::new(DEFAULT_SCHEMA, name).ok()?;
        let pass = Pass {
            refresh: Refresh::Full,
            this: this.clone(),
            config: config.to_map(),
            now: self.now,
            names: Arc::clone(names),
            locals: Map::new(),
        };
        let path = &file.source.path;
        let rendered = match self.render(&file.source, vec![pass]) {
            Ok(rendered) => rendered.into_iter().next()?,
            Err(problem) => {
                report_template(problem, path, report);
                return None;
            }
        };
        for (key, value) in &rendered.config {
            let place = find_key(&file.source.text, key).within(path);
            config.set(key, Setting { value: value.clone(), place });
        }
        config.check_keys(report);
        let placed = Placed { kind: "model", name, file: path, config: &config };
        let relation = self.placement(names).relation(&placed, report)?;
        Some(Draft { name, file, config, relation, first: this, reads: rendered.inputs })
    }

    /// What folders and property files say of a model.
    fn outside(&self, name: &str, file: &ModelFile) -> Config {
        let mut config = match self.dbt_project {
            Some(document) => config::of_folders(document, "models", self.projects, &file.below),
            None => Config::default(),
        };
        if let Some(entry) = self.properties.get(name) {
            entry.configure(&mut config);
        }
        config
    }

    fn placement<'p>(&'p self, names: &'p Arc<Names>) -> Placement<'p> {
        Placement { renderer: self.renderer, names, now: self.now }
    }

    fn render(&self, source: &Source, passes: Vec<Pass>) -> Result<Vec<Rendered>, TemplateProblem> {
        let compiled = self.renderer.compile(&source.path, &source.text)?;
        passes.into_iter().map(|pass| compiled.render(pass)).collect()
    }

    fn finish(
        &self,
        draft: &Draft<'_>,
        names: &Arc<Names>,
        report: &mut Report,
    ) -> Option<SqlModel> {
        let source = &draft.file.source;
        let materialization = draft.config.materialization(report)?;
        let pass = |refresh: Refresh, now: Timestamp| draft.pass(refresh, now, names);
        let passes = [Refresh::Incremental, Refresh::Full].map(|refresh| pass(refresh, self.now));
        let rendered = match self.render(source, passes.to_vec()) {
            Ok(rendered) => rendered,
            Err(problem) => {
                report_template(problem, &source.path, report);
                return None;
            }
        };
        if report_unknown(&rendered, source, report) > 0 {
            return None;
        }
        let sql: Vec<String> = rendered.iter().map(|one| statement(&one.sql)).collect();
        if sql.iter().any(|text| is_blank(text)) {
            let hint = "write one select statement".to_owned();
            report.error("model.empty", whole(&source.path), "the model has no SQL", hint);
            return None;
        }
        let timeless = if rendered.iter().any(|one| one.reads_clock) {
            let epoch = Timestamp::from_micros(0);
            let passes = [Refresh::Incremental, Refresh::Full].map(|refresh| pass(refresh, epoch));
            let again = self.render(source, passes.to_vec()).unwrap_or_default();
            again.iter().map(|one| statement(&one.sql)).collect()
        } else {
            sql.clone()
        };
        let [incremental_sql, full_sql] = <[String; 2]>::try_from(sql).ok()?;
        Some(SqlModel {
            name: draft.name.to_owned(),
            relation: draft.relation.clone(),
            file: source.path.clone(),
            description: self.description(draft),
            definition: definition(&timeless, &materialization),
            materialization,
            tags: draft.config.tags().clone(),
            inputs: inputs(&rendered),
            columns: self.properties.get(draft.name).map(ModelEntry::columns).unwrap_or_default(),
            config: draft.config.to_map().into_iter().collect(),
            incremental_sql,
            full_sql,
        })
    }

    fn description(&self, draft: &Draft<'_>) -> Option<String> {
        let said = self.properties.get(draft.name).and_then(|entry| entry.spec.description.clone());
        let configured = || {
            let setting = draft.config.settings().get("description")?;
            setting.value.as_str().map(str::to_owned)
        };
        said.or_else(configured)
    }
}

fn inputs(rendered: &[Rendered]) -> Vec<AssetKey> {
    let mut inputs: Vec<AssetKey> = Vec::new();
    for relation in rendered.iter().flat_map(|one| &one.inputs) {
        let asset = AssetKey::table(relation);
        if !inputs.contains(&asset) {
            inputs.push(asset);
        }
    }
    inputs
}

fn definition(sql: &[String], materialization: &Materialization) -> ContentHash {
    let kept = serde_json::to_string(materialization)
        .expect("a materialization has only text and lists, which are always JSON");
    ContentHash::of_parts(sql.iter().map(String::as_str).chain([kept.as_str()]))
}

/// The one statement of a rendered file, without the semicolon that may end it.
pub(crate) fn statement(sql: &str) -> String {
    let sql = sql.trim();
    sql.strip_suffix(';').unwrap_or(sql).trim_end().to_owned()
}

/// Whether a text has nothing but comments.
pub(crate) fn is_blank(sql: &str) -> bool {
    sql.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with("--"))
}

/// Reports why a template cannot be rendered.
pub(crate) fn report_template(problem: TemplateProblem, file: &Path, report: &mut Report) {
    let place = match problem.place {
        Some((file, mark)) => mark.within(&file),
        None => whole(file),
    };
    report.error(problem.code, place, problem.message, problem.hint);
}

/// Reports names that are not there, each where it stands in the file. Gives their number.
pub(crate) fn report_unknown(rendered: &[Rendered], source: &Source, report: &mut Report) -> usize {
    let mut seen: Vec<&UnknownName> = Vec::new();
    for unknown in rendered.iter().flat_map(|one| &one.unknown) {
        if seen.contains(&unknown) {
            continue;
        }
        seen.push(unknown);
        let place = place_of_quoted(source, &unknown.quoted);
        report.error(unknown.code, place, unknown.message.clone(), unknown.hint.clone());
    }
    seen.len()
}

/// Where a file first has a name in quotes; the whole file if it does not, because a macro has.
pub(crate) fn place_of_quoted(source: &Source, name: &str) -> Place {
    let quotes = [format!("'{name}'"), format!("\"{name}\"")];
    let found = quotes.iter().find_map(|quoted| source.text.find(quoted.as_str()));
    match found {
        Some(offset) => Mark::of_offset(&source.text, offset + 1).within(&source.path),
        None => whole(&source.path),
    }
}

/// Where `config(...)` sets a key.
fn find_key(text: &str, key: &str) -> Mark {
    let config = text.find("config(").unwrap_or(0);
    let mut from = config;
    while let Some(found) = text[from..].find(key) {
        let at = from + found;
        let rest = text[at + key.len()..].trim_start();
        if rest.starts_with('=') && !rest.starts_with("==") {
            return Mark::of_offset(text, at);
        }
        from = at + key.len();
    }
    Mark::of_offset(text, config)
}

/// The tests in an entry of a property file, each with the column it stands under.
pub(crate) fn test_nodes(node: &Node) -> Vec<(Option<&Node>, &Node)> {
    let mut found = Vec::new();
    for list in ["tests", "data_tests"].iter().filter_map(|key| node.get(key)) {
        found.extend(list.items().iter().map(|test| (None, test)));
    }
    for column in node.get("columns").map(Node::items).unwrap_or_default() {
        for list in ["tests", "data_tests"].iter().filter_map(|key| column.get(key)) {
            found.extend(list.items().iter().map(|test| (Some(column), test)));
        }
    }
    found
}
