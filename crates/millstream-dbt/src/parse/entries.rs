//! The entries of property files (`models:`, `sources:` ...), rendered and taken apart.

use std::path::PathBuf;

use millstream_core::diagnostic::Place;
use millstream_files::Report;
use millstream_files::yaml::{Document, Kind, Node};
use serde_json::{Map, Value};

use super::values::map_of;
use super::yaml::YamlContext;
use crate::manifest::Checksum;

/// The list in which an entry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Models,
    Seeds,
    Snapshots,
    Sources,
    Macros,
    DataTests,
    Analyses,
    Exposures,
    Functions,
    Metrics,
    Groups,
    SemanticModels,
    UnitTests,
    SavedQueries,
}

const SECTIONS: &[(&str, Section)] = &[
    ("models", Section::Models),
    ("seeds", Section::Seeds),
    ("snapshots", Section::Snapshots),
    ("sources", Section::Sources),
    ("macros", Section::Macros),
    ("data_tests", Section::DataTests),
    ("analyses", Section::Analyses),
    ("exposures", Section::Exposures),
    ("functions", Section::Functions),
    ("metrics", Section::Metrics),
    ("groups", Section::Groups),
    ("semantic_models", Section::SemanticModels),
    ("unit_tests", Section::UnitTests),
    ("saved_queries", Section::SavedQueries),
];

impl Section {
    /// Its key.
    pub(super) fn key(self) -> &'static str {
        SECTIONS.iter().find(|(_, section)| *section == self).map_or("", |(key, _)| key)
    }
}

/// One entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) section: Section,
    pub(super) name: String,
    pub(super) home: Home,
    pub(super) place: Place,
    /// What it says; descriptions and tests are not rendered yet.
    pub(super) data: Map<String, Value>,
    /// Its `config` as it is written, where that differs.
    pub(super) written: Option<Map<String, Value>>,
    /// `database` and `schema` of a source as they are written.
    pub(super) written_place: [Option<String>; 2],
    pub(super) tests: Vec<TestUse>,
}

/// The file of an entry.
#[derive(Debug, Clone)]
pub(super) struct Home {
    /// The number of its project.
    pub(super) project: usize,
    /// Below the root of its project: `models/schema.yml`.
    pub(super) original: PathBuf,
    /// Below the folder that was searched: `schema.yml`.
    pub(super) path: PathBuf,
    /// Of its content.
    pub(super) checksum: Checksum,
}

/// A generic test that stands under something.
#[derive(Debug)]
pub(super) struct TestUse {
    /// The table of the source.
    pub(super) table: Option<String>,
    /// The version of the model.
    pub(super) version: Option<Value>,
    /// The column.
    pub(super) column: Option<TestedColumn>,
    /// What is written: a name, or a map.
    pub(super) written: Value,
    pub(super) place: Place,
}

/// A column under which a test stands.
#[derive(Debug, Clone, Default)]
pub(super) struct TestedColumn {
    pub(super) name: String,
    pub(super) quote: Option<bool>,
    pub(super) tags: Vec<String>,
}

/// The entries of a file. Problems are reported, and what has them is left out.
pub(super) fn of_file(
    document: &Document,
    home: &Home,
    context: &YamlContext,
    report: &mut Report,
) -> Vec<Entry> {
    if !matches!(document.root.kind, Kind::Map(_) | Kind::Null) {
        let message = format!(
            "Contents of file '{}' are not valid. Dictionary expected.",
            document.file.display()
        );
        report.error("dbt.properties_invalid", document.place(&document.root), message, None);
    }
    let mut entries = Vec::new();
    for (key, section) in SECTIONS {
        let Some(list) = document.root.get(key).filter(|list| !list.is_null()) else { continue };
        let Kind::List(items) = &list.kind else {
            let message = format!(
                "The schema file at {} is invalid because the value of '{key}' is not a list",
                document.file.display()
            );
            report.error("dbt.properties_invalid", document.place(list), message, None);
            continue;
        };
        for item in items.iter().filter(|item| !is_of_host(*section, item)) {
            let mut reader = Reader { document, home, context, report };
            entries.extend(reader.entry(*section, key, item));
        }
    }
    entries
}

/// Whether an entry is no function of dbt's, but one of the project around it that handles events.
fn is_of_host(section: Section, item: &Node) -> bool {
    section == Section::Functions && item.get("returns").is_none() && item.get("on").is_some()
}

struct Reader<'a> {
    document: &'a Document,
    home: &'a Home,
    context: &'a YamlContext,
    report: &'a mut Report,
}

impl Reader<'_> {
    fn entry(&mut self, section: Section, key: &str, item: &Node) -> Option<Entry> {
        let file = self.document.file.display();
        let place = self.document.place(item);
        if !matches!(item.kind, Kind::Map(_)) {
            let message = format!(
                "The schema file at {file} is invalid because a list element for '{key}' is not a \
                 dictionary"
            );
            self.report.error("dbt.properties_invalid", place, message, None);
            return None;
        }
        let name = item.get("name").map(Node::to_json);
        let Some(name) = name.as_ref().and_then(super::values::as_text) else {
            let message = format!(
                "The schema file at {file} is invalid because a list element for '{key}' does not \
                 have a name attribute."
            );
            self.report.error("dbt.properties_invalid", place, message, None);
            return None;
        };
        let written = item.get("config").map(Node::to_json);
        let before = |key: &str| item.get(key).and_then(Node::text).map(str::to_owned);
        let written_place = [before("database"), before("schema")];
        let mut item = item.clone();
        let skip = |path: &[&str]| !is_late(section, path);
        self.context.render_node(self.document, &mut item, &skip, self.report);
        let name = match item.get("name").and_then(Node::text) {
            Some(rendered) => rendered.to_owned(),
            None => name,
        };
        let mut tests = self.tests(section, &item);
        tests.shrink_to_fit();
        Some(Entry {
            section,
            name,
            home: self.home.clone(),
            place,
            data: map_of(Some(item.into_json())),
            written: written.map(|written| map_of(Some(written))),
            written_place,
            tests,
        })
    }

    fn tests(&mut self, section: Section, item: &Node) -> Vec<TestUse> {
        match section {
            Section::Sources => self.of_tables(item),
            Section::Models => match item.get("versions").map(Node::items) {
                Some(versions) if !versions.is_empty() => self.of_versions(item, versions),
                _ => self.of_target(item, item.get("quote_columns")),
            },
            Section::Seeds | Section::Snapshots => self.of_target(item, item.get("quote_columns")),
            _ => Vec::new(),
        }
    }

    fn of_target(&mut self, target: &Node, quote: Option<&Node>) -> Vec<TestUse> {
        let mut uses = Vec::new();
        for column in target.get("columns").map(Node::items).unwrap_or_default() {
            self.of_column(column, quote, None, &mut uses);
        }
        if let Some(list) = self.list(target) {
            uses.extend(list.items().iter().map(|test| self.test(test, None, None)));
        }
        uses
    }

    fn of_column(
        &mut self,
        column: &Node,
        quote: Option<&Node>,
        version: Option<&Value>,
        uses: &mut Vec<TestUse>,
    ) {
        let Some(list) = self.list(column) else { return };
        let tested = tested_column(column, quote);
        for test in list.items() {
            uses.push(self.test(test, Some(tested.clone()), version));
        }
    }

    fn of_tables(&mut self, source: &Node) -> Vec<TestUse> {
        let mut uses = Vec::new();
        for table in source.get("tables").map(Node::items).unwrap_or_default() {
            let name = table.get("name").and_then(Node::text).unwrap_or_default().to_owned();
            let quoting = |node: &Node| node.get("quoting").and_then(|q| q.get("column")).cloned();
            let quote = quoting(table).or_else(|| quoting(source));
            let tests = self.of_target(table, quote.as_ref());
            let tests = tests.into_iter();
            uses.extend(tests.map(|test| TestUse { table: Some(name.clone()), ..test }));
        }
        uses
    }

    fn of_versions(&mut self, model: &Node, versions: &[Node]) -> Vec<TestUse> {
        let mut uses = Vec::new();
        let quote = model.get("quote_columns");
        for version in versions {
            let v = version.get("v").map(Node::to_json);
            for column in columns_of(model, version) {
                self.of_column(column, quote, v.as_ref(), &mut uses);
            }
            let list = self.list(version).or_else(|| self.list(model));
            for test in list.map(Node::items).unwrap_or_default() {
                uses.push(self.test(test, None, v.as_ref()));
            }
        }
        uses
    }

    /// `data_tests`, or `tests` as it was called.
    fn list<'n>(&mut self, node: &'n Node) -> Option<&'n Node> {
        match (node.get("tests"), node.get("data_tests")) {
            (Some(old), Some(_)) if !old.items().is_empty() => {
                let message =
                    "Invalid test config: cannot have both 'tests' and 'data_tests' defined";
                let hint = "move all of them to `data_tests`".to_owned();
                self.report.error("dbt.test_invalid", self.document.place(old), message, hint);
                None
            }
            (old, new) => {
                let old = old.filter(|old| !old.items().is_empty());
                new.filter(|new| !new.is_null()).or(old)
            }
        }
    }

    fn test(&self, test: &Node, column: Option<TestedColumn>, version: Option<&Value>) -> TestUse {
        TestUse {
            table: None,
            version: version.cloned(),
            column,
            written: test.to_json(),
            place: self.document.place(test),
        }
    }
}

fn tested_column(column: &Node, quote: Option<&Node>) -> TestedColumn {
    let is_true = |node: Option<&Node>| match node.map(|node| &node.kind) {
        Some(Kind::Bool(value)) => Some(*value),
        _ => None,
    };
    let tags = |node: Option<&Node>| {
        let list = node.and_then(|node| node.get("tags")).map(Node::to_json);
        list.as_ref().map(super::values::texts).unwrap_or_default()
    };
    let mut all = tags(Some(column));
    all.extend(tags(column.get("config")));
    TestedColumn {
        name: column
            .get("name")
            .map(Node::to_json)
            .as_ref()
            .and_then(super::values::as_text)
            .unwrap_or_default(),
        quote: is_true(column.get("quote")).or(is_true(quote)),
        tags: all,
    }
}

/// The columns of a version: those of the model that it includes, and its own.
fn columns_of<'n>(model: &'n Node, version: &'n Node) -> Vec<&'n Node> {
    let own = version.get("columns").map(Node::items).unwrap_or_default();
    let rule = own.iter().find(|column| is_rule(column));
    let included = |column: &&Node| {
        let name = column.get("name").and_then(Node::text).unwrap_or_default();
        rule.is_none_or(|rule| includes(rule, name))
    };
    let of_model = model.get("columns").map(Node::items).unwrap_or_default();
    let own = own.iter().filter(|column| !is_rule(column));
    of_model.iter().filter(included).chain(own).collect()
}

fn is_rule(column: &Node) -> bool {
    column.get("include").is_some() || column.get("exclude").is_some()
}

fn includes(rule: &Node, name: &str) -> bool {
    let named = |key: &str| {
        let list = rule.get(key).map(Node::items).unwrap_or_default();
        list.iter().any(|item| item.text() == Some(name))
    };
    let all = match rule.get("include") {
        None => true,
        Some(include) => matches!(include.text(), Some("*" | "all")),
    };
    (all || named("include")) && !named("exclude")
}

const TESTS: &[&str] = &["tests", "data_tests"];

/// Whether a value is rendered when it is used, and not when the file is read.
fn is_late(section: Section, path: &[&str]) -> bool {
    match (section, path) {
        (
            Section::Sources,
            ["description" | "loaded_at_query", ..] | ["config", "loaded_at_query", ..],
        )
        | (Section::SavedQueries, ["query_params", "where", ..]) => true,
        (Section::Sources, ["tables", _, rest @ ..])
        | (Section::Macros, ["arguments", rest @ ..]) => is_late_of_node(rest),
        (Section::Sources, _) => false,
        (Section::Metrics, path) if is_filter(path) => true,
        (_, ["metrics", ..]) if is_filter(path) => true,
        (_, path) => is_late_of_node(path),
    }
}

fn is_filter(path: &[&str]) -> bool {
    matches!(path, [.., "filter"] | [.., "filter", _])
}

fn is_late_of_node(path: &[&str]) -> bool {
    let late = |key: &str| TESTS.contains(&key) || matches!(key, "description" | "loaded_at_query");
    let described = |key: &str| TESTS.contains(&key) || key == "description";
    match path {
        ["config", "pre_hook" | "post_hook" | "loaded_at_query", ..]
        | [_, _, _, _, "description"] => true,
        [first, ..] if late(first) => true,
        [_, second] => late(second),
        ["versions", _, "columns", _, key, ..] if described(key) => true,
        [
            "versions" | "columns" | "dimensions" | "measures" | "entities" | "metrics",
            _,
            key,
            ..,
        ]
        | ["derived_semantics", "dimensions" | "entities", _, key, ..] => described(key),
        _ => false,
    }
}
