//! `dbt_project.yml` of a project or of one of its packages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_files::yaml::{self, Document, Node};
use millstream_files::{Report, Source, read_source, whole};
use serde_json::{Map, Value};

use super::options::Strictness;
use super::values::{listed, map_of, python_repr, texts};
use super::yaml::YamlContext;
use crate::manifest::Package;
use crate::version::{Requirement, Version};

/// Keys whose values are rendered when they are used.
const LATE: &[&str] = &["on-run-start", "on-run-end", "query-comment", "vars"];
/// Trees of configuration.
const TREES: &[&str] = &[
    "models",
    "seeds",
    "snapshots",
    "sources",
    "data_tests",
    "unit_tests",
    "metrics",
    "semantic_models",
    "saved_queries",
    "exposures",
    "analyses",
    "functions",
];

/// A project or package, as its `dbt_project.yml` says.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: Arc<str>,
    pub(super) root: PathBuf,
    /// What stands before its files in messages.
    pub(super) shown: PathBuf,
    pub(super) paths: Paths,
    pub(super) install_path: String,
    /// Configuration, rendered and as it is written, by the word of the kind.
    trees: Vec<(&'static str, Tree)>,
    pub(super) package: Package,
}

/// A tree of configuration.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) rendered: Map<String, Value>,
    pub(super) written: Map<String, Value>,
}

/// The folders of a project.
#[derive(Debug)]
pub(super) struct Paths {
    pub(super) models: Vec<String>,
    pub(super) seeds: Vec<String>,
    pub(super) snapshots: Vec<String>,
    pub(super) analyses: Vec<String>,
    pub(super) tests: Vec<String>,
    pub(super) macros: Vec<String>,
    pub(super) docs: Option<Vec<String>>,
    pub(super) functions: Vec<String>,
}

/// `dbt_project.yml` before its templates are rendered.
pub(super) struct Raw {
    pub(super) root: PathBuf,
    pub(super) shown: PathBuf,
    pub(super) document: Document,
    pub(super) name: Arc<str>,
}

/// Reads `dbt_project.yml` of a folder.
pub(super) fn read(root: &Path, shown: &Path, report: &mut Report) -> Option<Raw> {
    let name = shown.join("dbt_project.yml");
    let full = root.join("dbt_project.yml");
    if !full.is_file() {
        let message = format!("there is no dbt_project.yml in `{}`", root.display());
        let hint = "run this in the folder of a dbt project, or name it with --project-dir";
        report.error("dbt.project_missing", whole(name), message, hint.to_owned());
        return None;
    }
    let source = read_source(&full, &name, report)?;
    let mut document = yaml::parse_dbt(&source, report)?;
    if !matches!(document.root.kind, yaml::Kind::Map(_)) {
        let message = "dbt_project.yml does not parse to a dictionary";
        report.error("dbt.project_invalid", whole(name), message, None);
        return None;
    }
    rename(&mut document, "tests", "data_tests");
    let Some(found) = document.root.get("name").and_then(Node::text) else {
        let message = "Required \"name\" field not present in project";
        let hint = "add `name: my_project`".to_owned();
        report.error("dbt.project_invalid", whole(name), message, hint);
        return None;
    };
    let found: Arc<str> = Arc::from(found);
    Some(Raw { root: root.to_owned(), shown: shown.to_owned(), document, name: found })
}

/// Reads `dbt_project.yml` of a folder; a project without one has this name and dbt's defaults.
pub(super) fn read_or_named(root: &Path, name: &str, report: &mut Report) -> Option<Raw> {
    if root.join("dbt_project.yml").is_file() {
        return read(root, Path::new(""), report);
    }
    let kind = yaml::Kind::Map(Vec::new());
    let node = Node { kind, ..Node::default() };
    let document = Document { file: PathBuf::from("dbt_project.yml"), root: node };
    Some(Raw { root: root.to_owned(), shown: PathBuf::new(), document, name: Arc::from(name) })
}

fn rename(document: &mut Document, old: &str, new: &str) {
    if document.root.get(new).is_some() {
        return;
    }
    if let yaml::Kind::Map(entries) = &mut document.root.kind
        && let Some(entry) = entries.iter_mut().find(|entry| entry.key == old)
    {
        new.clone_into(&mut entry.key);
    }
}

impl Raw {
    /// The profile as it is written.
    pub(super) fn profile(&self) -> Option<&str> {
        self.document.root.get("profile").and_then(Node::text)
    }

    /// Reports that the project needs another version of dbt.
    pub(super) fn check_version(&self, report: &mut Report) {
        let Some(required) = self.document.root.get("require-dbt-version") else { return };
        let place = self.document.place(required);
        let mut asked = Vec::new();
        for text in texts(&required.to_json()) {
            match Requirement::parse_all(&text) {
                Ok(more) => asked.extend(more),
                Err(text) => {
                    let message = format!("\"{text}\" is not a valid semantic version.");
                    report.error("dbt.version_required", place.clone(), message, None);
                }
            }
        }
        let Some(installed) = Version::parse(crate::DBT_VERSION) else { return };
        if asked.iter().all(|asked| asked.fits(&installed)) {
            return;
        }
        let name = &self.name;
        let asked: Vec<String> = asked.iter().map(|asked| format!("'{asked}'")).collect();
        let message = format!(
            "This version of dbt is not supported with the '{name}' package.\n  Installed version of \
             dbt: ={installed}\n  Required version of dbt for '{name}': [{}]\nCheck for a different \
             version of the '{name}' package, or run dbt again with --no-version-check",
            asked.join(", ")
        );
        report.error("dbt.version_required", place, message, None);
    }

    /// Variables, which are not rendered: of `vars:` here or in `vars.yml`.
    pub(super) fn vars(&self, report: &mut Report) -> Map<String, Value> {
        let own = map_of(self.document.root.get("vars").map(Node::to_json));
        let name = self.shown.join("vars.yml");
        let full = self.root.join("vars.yml");
        if !full.is_file() {
            return own;
        }
        let source = read_source(&full, &name, report);
        let document = source.and_then(|source: Source| yaml::parse_dbt(&source, report));
        let of_file = document.and_then(|document| Some(document.root.get("vars")?.to_json()));
        if of_file.is_some() && !own.is_empty() {
            let message = "Variables cannot be defined in both vars.yml and dbt_project.yml.";
            let hint = "move `vars:` of dbt_project.yml to vars.yml".to_owned();
            report.error("dbt.vars_twice", whole(name), message, hint);
        }
        if of_file.is_some() { map_of(of_file) } else { own }
    }

    /// The project with its templates rendered.
    pub(super) fn render(
        self,
        context: &YamlContext,
        strictness: Strictness,
        report: &mut Report,
    ) -> Project {
        let vars = self.vars(report);
        let mut document = self.document;
        let written = document.root.to_json();
        let file = Document { file: document.file.clone(), root: Node::default() };
        context.render_node(&file, &mut document.root, &wanted, report);
        match strictness {
            Strictness::Lenient => check_keys(&document, report),
            Strictness::Strict => super::strict::project(&document, &self.root, report),
        }
        check_values(&document, report);
        let mut said = map_of(Some(document.root.to_json()));
        let mut written = map_of(Some(written));
        let mut paths = |key: &str, default: &[&str]| match said.remove(key) {
            Some(value) if !value.is_null() => clean(&texts(&value)),
            _ => default.iter().map(|path| (*path).to_owned()).collect(),
        };
        let old_models = paths("source-paths", &["models"]);
        let old_seeds = paths("data-paths", &["seeds"]);
        let models =
            paths("model-paths", &old_models.iter().map(String::as_str).collect::<Vec<_>>());
        let seeds = paths("seed-paths", &old_seeds.iter().map(String::as_str).collect::<Vec<_>>());
        let found = Paths {
            models,
            seeds,
            snapshots: paths("snapshot-paths", &["snapshots"]),
            analyses: paths("analysis-paths", &["analyses"]),
            tests: paths("test-paths", &["tests"]),
            macros: paths("macro-paths", &["macros"]),
            functions: paths("function-paths", &["functions"]),
            docs: Some(paths("docs-paths", &[])).filter(|paths| !paths.is_empty()),
        };
        let trees = TREES
            .iter()
            .map(|key| {
                let rendered = map_of(said.remove(*key));
                (*key, Tree { rendered, written: map_of(written.remove(*key)) })
            })
            .collect();
        let text =
            |said: &Map<String, Value>, key: &str| said.get(key).and_then(super::values::as_text);
        let package = Package {
            root: self.root.clone(),
            version: text(&said, "version"),
            vars,
            dispatch: dispatch(said.get("dispatch")),
            on_run_start: said.get("on-run-start").map(texts).unwrap_or_default(),
            on_run_end: said.get("on-run-end").map(texts).unwrap_or_default(),
            flags: map_of(said.remove("flags")),
            query_comment: said.remove("query-comment"),
            restrict_access: said.get("restrict-access").and_then(Value::as_bool).unwrap_or(false),
            quoting: map_of(said.remove("quoting")),
            asset_paths: said
                .get("asset-paths")
                .map(texts)
                .unwrap_or_default()
                .into_iter()
                .map(PathBuf::from)
                .collect(),
        };
        Project {
            name: self.name,
            root: self.root,
            shown: self.shown,
            paths: found,
            install_path: text(&said, "packages-install-path")
                .unwrap_or_else(|| "dbt_packages".to_owned()),
            trees,
            package,
        }
    }
}

fn wanted(path: &[&str]) -> bool {
    let late = path.first().is_some_and(|first| LATE.contains(first));
    let is_hook = |key: &&str| {
        matches!(
            key.trim_start_matches(['+', ' ']),
            "pre-hook" | "post-hook" | "pre_hook" | "post_hook"
        )
    };
    !late && !path.iter().any(is_hook)
}

fn clean(paths: &[String]) -> Vec<String> {
    let mut cleaned: Vec<String> = Vec::new();
    for path in paths {
        let path = path.trim_end_matches('/').trim_start_matches("./").to_owned();
        if !cleaned.contains(&path) {
            cleaned.push(path);
        }
    }
    cleaned
}

fn dispatch(said: Option<&Value>) -> Vec<(String, Vec<String>)> {
    let rules = said.map(listed).unwrap_or_default();
    let rule = |rule: &Value| {
        let namespace = rule.get("macro_namespace")?.as_str()?.to_owned();
        Some((namespace, rule.get("search_order").map(texts).unwrap_or_default()))
    };
    rules.iter().filter_map(rule).collect()
}

/// Reports values that cannot be what their keys mean.
fn check_values(document: &Document, report: &mut Report) {
    let is_valid = |key: &str, value: &Value| match value {
        Value::Null => true,
        Value::String(text) => key == "version" && is_semantic_version(text),
        Value::Number(_) => key == "version",
        Value::Object(_) => key == "dbt-cloud",
        _ => false,
    };
    for key in ["version", "dbt-cloud"] {
        let Some(entry) = document.root.entry(key) else { continue };
        let value = entry.value.to_json();
        if is_valid(key, &value) {
            continue;
        }
        let message = format!(
            "at path ['{key}']: {} is not valid under any of the given schemas",
            python_repr(&value)
        );
        let place = entry.key_at.within(&document.file);
        report.error("dbt.project_invalid", place, message, None);
    }
}

/// Whether a text is `1.0`, `1.0.0` or `1.0.0-rc.1+build`.
fn is_semantic_version(text: &str) -> bool {
    let is_number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let (rest, build) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
    let (numbers, stage) = rest.split_once('-').map_or((rest, None), |(a, b)| (a, Some(b)));
    let parts: Vec<&str> = numbers.split('.').collect();
    let has_more = build.is_some() || stage.is_some();
    let count_fits = parts.len() == 3 || (parts.len() == 2 && !has_more);
    count_fits
        && parts.into_iter().all(is_number)
        && [build, stage].into_iter().flatten().all(|words| words.split('.').all(is_word))
}

/// Says of old keys what they are called now.
fn check_keys(document: &Document, report: &mut Report) {
    for (old, new) in [("source-paths", "model-paths"), ("data-paths", "seed-paths")] {
        let Some(entry) = document.root.entry(old) else { continue };
        let place = entry.key_at.within(&document.file);
        let message = format!("The `{old}` config has been renamed to `{new}`.");
        let hint = format!("write `{new}` instead of `{old}`");
        report.warning("dbt.deprecated", place, message, hint);
    }
}

impl Project {
    /// The tree of configuration of a kind: `models`.
    pub(super) fn tree(&self, kind: &str) -> &Tree {
        static EMPTY: std::sync::LazyLock<Tree> = std::sync::LazyLock::new(Tree::default);
        self.trees.iter().find(|(key, _)| *key == kind).map_or(&EMPTY, |(_, tree)| tree)
    }

    /// All folders that may have files of properties and docs.
    pub(super) fn sources(&self) -> Vec<&str> {
        let paths = &self.paths;
        let lists = [
            &paths.models,
            &paths.seeds,
            &paths.snapshots,
            &paths.analyses,
            &paths.macros,
            &paths.tests,
            &paths.functions,
        ];
        let mut all: Vec<&str> = lists.into_iter().flatten().map(String::as_str).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
