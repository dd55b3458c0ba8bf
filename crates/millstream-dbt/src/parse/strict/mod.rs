//! `--strict`: what dbt 2 refuses and dbt 1 takes.
//!
//! Only the project itself is held to it; dbt 2 takes packages as they are, too.

mod keys;

use std::path::{Path, PathBuf};

use millstream_core::diagnostic::{Diagnostic, Place, Severity};
use millstream_files::yaml::{self, Document, Entry, Kind, Node};
use millstream_files::{Report, closest, read_source, whole};

use self::keys::{BESIDE, Inner, PROJECT, PROPERTIES, Shape, TEST_CONFIG, TREES};
use super::draft::{Draft, DraftKind};

/// Keys of `dbt_project.yml` that dbt 2 has given up, with what to do.
const GIVEN_UP: &[(&str, &str)] = &[
    ("source-paths", "write `model-paths` instead"),
    ("data-paths", "write `seed-paths` instead"),
    ("target-path", "use --target-path or DBT_TARGET_PATH"),
];
/// What a generic test says beside its arguments and its configuration.
const OF_TEST_USE: &[&str] =
    &["arguments", "config", "name", "description", "column_name", "test_name"];
/// How names of tests are told from what is said of them: `{name: a, test_name: unique}`.
const NAMED_TEST: &str = "test_name";

/// Reports what is refused in a file of properties.
pub(super) fn properties(document: &Document, report: &mut Report) {
    Checker { document, report }.map(&document.root, &PROPERTIES);
    for exposure in document.root.get("exposures").map(Node::items).unwrap_or_default() {
        if let Some(name) = exposure.get("name").and_then(Node::text) {
            named(name, document.place(exposure), report);
        }
    }
}

/// Reports what is refused in `dbt_project.yml` and the files beside it.
pub(super) fn project(document: &Document, root: &Path, report: &mut Report) {
    let mut checker = Checker { document, report };
    for entry in document.root.entries() {
        let given_up = GIVEN_UP.iter().find(|(old, _)| *old == entry.key);
        let tree = TREES.iter().find(|(key, _)| *key == entry.key);
        match (given_up, tree) {
            (Some((old, hint)), _) => {
                let message = format!("'{old}' cannot be specified in dbt_project.yml");
                checker.deprecated(entry, message, (*hint).to_owned());
            }
            (None, Some((_, shape))) => checker.tree(&entry.value, shape),
            (None, None) => checker.entry(entry, &PROJECT),
        }
    }
    for (name, shape) in BESIDE {
        let (file, name) = (root.join(name), Path::new(name));
        let source = if file.is_file() { read_source(&file, name, report) } else { None };
        // What is wrong with the file as YAML is said where it is read.
        let document = source.and_then(|source| yaml::parse_dbt(&source, &mut Report::default()));
        if let Some(document) = document {
            Checker { document: &document, report }.map(&document.root, shape);
        }
    }
}

/// Reports a name that dbt 2 does not take, and settings in `config()` that it does not know.
pub(super) fn draft(draft: &Draft, report: &mut Report) {
    named(&draft.name, whole(&draft.shown), report);
    let shape = match draft.kind {
        DraftKind::Model => &keys::MODEL_CONFIG,
        DraftKind::Snapshot => &keys::SNAPSHOT_CONFIG,
        DraftKind::SingularTest => &keys::TEST_CONFIG,
        DraftKind::Analysis => &keys::ANALYSIS_CONFIG,
        DraftKind::Function => &keys::FUNCTION_CONFIG,
        DraftKind::Seed | DraftKind::Operation { .. } => return,
    };
    for key in draft.captured.config.keys().filter(|key| !shape.has(key)) {
        let under_meta = || format!("put it under `meta`: meta={{'{key}': ...}}");
        let hint = meant(key, shape).unwrap_or_else(under_meta);
        report.error("dbt.key_unknown", whole(&draft.shown), unknown(key), hint);
    }
}

/// Makes errors of what is said of keys that stand twice in a map, where no package has them.
pub(super) fn refuse_keys_said_twice(diagnostics: &mut [Diagnostic], packages: &[PathBuf]) {
    let is_own = |place: &Place| !packages.iter().any(|folder| place.file.starts_with(folder));
    for one in diagnostics.iter_mut().filter(|one| one.code == "yaml.key_duplicate") {
        if one.place.as_ref().is_none_or(is_own) {
            one.severity = Severity::Error;
        }
    }
}

fn named(name: &str, place: Place, report: &mut Report) {
    if name.contains(char::is_whitespace) {
        let message = format!("Resource name '{name}' contains spaces");
        report.error("dbt.name_invalid", place, message, "use `_` instead".to_owned());
    }
}

struct Checker<'a> {
    document: &'a Document,
    report: &'a mut Report,
}

impl Checker<'_> {
    fn map(&mut self, node: &Node, shape: &Shape) {
        for entry in node.entries() {
            self.entry(entry, shape);
        }
    }

    fn entry(&mut self, entry: &Entry, shape: &Shape) {
        match shape.inner(&entry.key) {
            Some(Inner::Map(inner)) => self.map(&entry.value, inner),
            Some(Inner::List(inner)) => {
                entry.value.items().iter().for_each(|item| self.map(item, inner));
            }
            Some(Inner::Tests) => entry.value.items().iter().for_each(|test| self.test(test)),
            None if shape.has(&entry.key) => {}
            None => self.unknown(entry, shape),
        }
    }

    /// A key that is not known here; it may be one of the configuration.
    fn unknown(&mut self, entry: &Entry, shape: &Shape) {
        let is_setting = match shape.inner("config") {
            Some(Inner::Map(config)) => config.has(&entry.key),
            _ => false,
        };
        if is_setting {
            let message = format!("`{}` stands under `config`", entry.key);
            let hint = format!("write `config: {{{}: ...}}`", entry.key);
            self.deprecated(entry, message, hint);
            return;
        }
        let place = entry.key_at.within(&self.document.file);
        let hint = meant(&entry.key, shape);
        self.report.error("dbt.key_unknown", place, unknown(&entry.key), hint);
    }

    fn deprecated(&mut self, entry: &Entry, message: String, hint: String) {
        let place = entry.key_at.within(&self.document.file);
        self.report.error("dbt.deprecated", place, message, hint);
    }

    /// A generic test: a name, a name with what is said of it, or all in one map.
    fn test(&mut self, test: &Node) {
        let all = test.entries();
        let said = match all {
            [only] if only.key != NAMED_TEST => only.value.entries(),
            all => all,
        };
        for entry in said {
            match entry.key.as_str() {
                "config" => self.map(&entry.value, &TEST_CONFIG),
                key if OF_TEST_USE.contains(&key) => {}
                key if TEST_CONFIG.has(key) => {
                    let message = format!("`{key}` of a test stands under `config`");
                    self.deprecated(entry, message, format!("write `config: {{{key}: ...}}`"));
                }
                key => {
                    let message = format!("`{key}` of a test stands under `arguments`");
                    self.deprecated(entry, message, format!("write `arguments: {{{key}: ...}}`"));
                }
            }
        }
    }

    /// A level of a tree of configuration: settings begin with `+`, all else are folders.
    fn tree(&mut self, level: &Node, shape: &Shape) {
        for entry in level.entries() {
            let place = || entry.key_at.within(&self.document.file);
            match (entry.key.strip_prefix('+'), &entry.value.kind) {
                (Some(key), _) if shape.has(key.trim()) => {}
                (Some(key), _) => {
                    let hint = meant(key.trim(), shape);
                    self.report.error("dbt.key_unknown", place(), unknown(key), hint);
                }
                (None, Kind::Map(_) | Kind::Null) => self.tree(&entry.value, shape),
                (None, _) => {
                    let key = &entry.key;
                    let message = format!("`{key}` is a setting and begins with `+`");
                    self.report.error(
                        "dbt.deprecated",
                        place(),
                        message,
                        format!("write `+{key}`"),
                    );
                }
            }
        }
    }
}

fn unknown(key: &str) -> String {
    format!("`{key}` is no key that dbt 2 knows here")
}

fn meant(key: &str, shape: &Shape) -> Option<String> {
    closest(key, shape.names()).map(|known| format!("did you mean `{known}`?"))
}
