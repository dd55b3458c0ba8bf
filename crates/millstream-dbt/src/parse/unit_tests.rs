//! Tests of models on rows that they name.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use millstream_files::{Report, whole};
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::config::{ConfigKind, Configs, Said};
use super::draft::prefix;
use super::entries::{Entry, Section};
use super::files::{Content, File};
use super::project::Project;
use super::refs::{Lookup, same};
use super::search::FileKind;
use super::uses::Sorted;
use super::values::{as_text, listed, map_of, python_repr, python_text};
use crate::manifest::{DependsOn, Node, NodeKind, UniqueId, UnitTest};

/// What unit tests are read with.
pub(super) struct Reader<'a> {
    pub(super) projects: &'a [Project],
    pub(super) configs: &'a Configs<'a>,
    pub(super) lookup: &'a Lookup,
    pub(super) nodes: &'a HashMap<&'a UniqueId, &'a Node>,
    pub(super) files: &'a [File],
}

impl Reader<'_> {
    /// The unit tests. Problems are reported.
    pub(super) fn read(&self, entries: &[Entry], report: &mut Report) -> Sorted<UnitTest> {
        self.check_fixtures(report);
        let mut found = Sorted::default();
        for entry in entries.iter().filter(|entry| entry.section == Section::UnitTests) {
            for test in self.tests(entry, &mut found.disabled, report) {
                if found.enabled.insert(test.unique_id.clone(), test).is_some() {
                    super::uses::twice("unit tests", entry, report);
                }
            }
        }
        found
    }

    /// Tests know fixtures by their names alone.
    fn check_fixtures(&self, report: &mut Report) {
        let mut known: HashMap<(usize, &std::ffi::OsStr), &File> = HashMap::new();
        for file in self.files.iter().filter(|file| file.found.kind == FileKind::Fixture) {
            let Some(name) = file.found.path.file_stem() else { continue };
            let Some(first) = known.insert((file.found.project, name), file) else { continue };
            let message =
                format!("dbt found two fixtures with the name \"{}\".", name.to_string_lossy());
            let hint = format!("the other is {}", first.shown.display());
            report.error("dbt.name_duplicate", whole(&file.shown), message, hint);
        }
    }

    /// The unit tests of an entry: one for each version of its model.
    fn tests(
        &self,
        entry: &Entry,
        disabled: &mut Vec<UnitTest>,
        report: &mut Report,
    ) -> Vec<UnitTest> {
        let mut test = match self.test(entry) {
            Ok(test) => test,
            Err(message) => {
                report.error("dbt.unit_test_invalid", entry.place.clone(), message, None);
                return Vec::new();
            }
        };
        if !test.config.enabled() {
            disabled.push(test);
            return Vec::new();
        }
        let (name, version) = match test.model.split_once(' ') {
            Some((name, version)) => (name, Some(Value::from(version))),
            None => (test.model.as_str(), None),
        };
        let package = Some(&*test.package_name);
        let Some(id) = self.lookup.node(name, package, version.as_ref()) else {
            if self.lookup.disabled(name, package, version.as_ref()).is_some() {
                test.config.set("enabled", false);
                disabled.push(test);
            } else {
                let message = format!(
                    "Unable to find model '{}.{}' for unit test '{}' in {}",
                    test.package_name,
                    test.model,
                    test.name,
                    entry.home.original.display()
                );
                report.error("dbt.reference_unknown", entry.place.clone(), message, None);
            }
            return Vec::new();
        };
        let Some(model) = self.nodes.get(id).filter(|node| node.kind == NodeKind::Model) else {
            return Vec::new();
        };
        if let Err(message) = check_incremental(&test, model) {
            report.error("dbt.unit_test_invalid", entry.place.clone(), message, None);
        }
        if model.version.is_none() {
            return vec![of_model(test, model)];
        }
        self.of_versions(&test, model, entry, report)
    }

    fn test(&self, entry: &Entry) -> Result<UnitTest, String> {
        let project = &self.projects[entry.home.project];
        let text = |key: &str| entry.data.get(key).and_then(as_text);
        let Some(model) = text("model") else {
            return Err(format!("unit test '{}' does not name its model", entry.name));
        };
        let below: PathBuf = entry.home.original.components().skip(1).collect();
        let mut fqn = prefix(&project.name, &below);
        fqn.extend([Arc::from(model.as_str()), Arc::from(entry.name.as_str())]);
        let config = map_of(entry.data.get("config").cloned());
        let said = Said { properties: Some(&config), ..Said::default() };
        let merged = self.configs.merge(ConfigKind::UnitTest, project, &fqn, said);
        let given = entry.data.get("given").map(listed).unwrap_or_default();
        let given = given
            .into_iter()
            .map(|given| self.rows(given, entry, "input"))
            .collect::<Result<Vec<_>, _>>()?;
        let expect = entry.data.get("expect").cloned().unwrap_or_else(|| json!({}));
        let expect = self.rows(expect, entry, "expected")?;
        let unique_id = format!("unit_test.{}.{model}.{}", project.name, entry.name);
        Ok(UnitTest {
            unique_id: UniqueId::new(unique_id),
            name: entry.name.clone(),
            model,
            tested_node: None,
            package_name: Arc::clone(&project.name),
            fqn,
            original_file_path: entry.home.original.clone(),
            description: text("description").unwrap_or_default(),
            given,
            expect,
            overrides: entry.data.get("overrides").filter(|value| !value.is_null()).cloned(),
            versions: entry.data.get("versions").map(
                |rule| json!({"include": rule.get("include"), "exclude": rule.get("exclude")}),
            ),
            version: None,
            config: merged.config,
            depends_on: DependsOn::default(),
        })
    }

    /// An input or output with its rows as a list of maps, or as SQL.
    fn rows(&self, given: Value, entry: &Entry, kind: &str) -> Result<Value, String> {
        let mut given = map_of(Some(given));
        let format = given.get("format").and_then(as_text).unwrap_or_else(|| "dict".to_owned());
        let mismatch = |expected: &str| {
            format!(
                "Unit test {} has {kind} rows which do not match format {format}.{expected}",
                entry.name
            )
        };
        let fixture = given.get("fixture").and_then(as_text);
        let rows = given.get("rows").filter(|rows| !rows.is_null()).cloned();
        let rows = match (format.as_str(), rows, fixture) {
            ("dict", Some(rows @ Value::Array(_)), _)
            | ("sql", Some(rows @ Value::String(_)), None) => rows,
            ("dict", None, None) => self.rows_of_seed(&given, entry)?,
            ("csv", _, Some(fixture)) => csv_rows(&self.fixture(&fixture, entry)?),
            ("csv", Some(Value::String(text)), None) => csv_rows(&text),
            ("sql", _, Some(fixture)) => Value::from(self.fixture(&fixture, entry)?),
            ("csv" | "sql", ..) => return Err(mismatch("  Expected string.")),
            _ => return Err(mismatch("")),
        };
        given.insert("format".to_owned(), Value::from(format.as_str()));
        given.insert("rows".to_owned(), whole_row_first(rows));
        Ok(Value::Object(given))
    }

    fn fixture(&self, name: &str, entry: &Entry) -> Result<String, String> {
        let found = self.files.iter().find(|file| {
            let stem = file.found.path.file_stem().and_then(|stem| stem.to_str());
            file.found.kind == FileKind::Fixture
                && file.found.project == entry.home.project
                && stem == Some(name)
        });
        match found.map(|file| &file.content) {
            Some(Content::Text { text, .. }) => Ok(text.to_string()),
            Some(Content::Template(template)) => Ok(template.raw.to_string()),
            _ => Err(format!(
                "File not found for fixture '{name}' in unit tests in {}",
                entry.home.original.display()
            )),
        }
    }

    /// An input that is a seed and names no rows has those of the seed's file.
    fn rows_of_seed(&self, given: &Map<String, Value>, entry: &Entry) -> Result<Value, String> {
        let input = given.get("input").and_then(as_text).unwrap_or_default();
        let text = format!("{{{{ {input} }}}}");
        let package = &*self.projects[entry.home.project].name;
        let program = Program::parse("", &text, &Syntax::default()).ok();
        let calls = program.as_ref().and_then(|program| program.plain_calls());
        let args = calls.iter().flatten().next().and_then(super::plain::reference);
        let seed = args.map(|args| (args.package.unwrap_or_else(|| package.to_owned()), args.name));
        let id = seed.as_ref().and_then(|(of, name)| self.lookup.node(name, Some(of), None));
        let node = id.and_then(|id| self.nodes.get(id));
        let Some((NodeKind::Seed { root_path }, node)) = node.map(|node| (&node.kind, node)) else {
            let Some((of, name)) = seed else {
                return Err(format!("Unit test {} names no rows for {input}", entry.name));
            };
            let place = if of == package {
                let folders = Value::from(self.projects[entry.home.project].paths.seeds.clone());
                format!("directories: {}", python_repr(&folders))
            } else {
                format!("'{of}' package")
            };
            return Err(format!("Unable to find seed '{of}.{name}' for unit tests in {place}"));
        };
        let path = root_path.join(&node.original_file_path);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(csv_rows(&text)),
            Err(error) => Err(format!("cannot read the seed {}: {error}", path.display())),
        }
    }

    fn of_versions(
        &self,
        test: &UnitTest,
        model: &Node,
        entry: &Entry,
        report: &mut Report,
    ) -> Vec<UnitTest> {
        let rule = entry.data.get("versions");
        let named = |key: &str| rule.and_then(|rule| rule.get(key)).map(listed).unwrap_or_default();
        let (include, exclude) = (named("include"), named("exclude"));
        let is_wanted = |version: &Value| match (exclude.is_empty(), include.is_empty()) {
            (false, _) => !exclude.iter().any(|other| same(other, version)),
            (true, false) => include.iter().any(|other| same(other, version)),
            (true, true) => true,
        };
        let mut versions: Vec<&Node> = self
            .nodes
            .values()
            .filter(|node| {
                node.kind == NodeKind::Model
                    && node.name == model.name
                    && node.package_name == model.package_name
                    && node.config.enabled()
                    && node.version.as_ref().is_some_and(is_wanted)
            })
            .copied()
            .collect();
        versions.sort_by(|a, b| a.unique_id.cmp(&b.unique_id));
        if versions.is_empty() {
            let message = format!(
                "Unit test '{}' referenced a version of '{}' which was not found.",
                test.name, model.name
            );
            report.error("dbt.reference_unknown", entry.place.clone(), message, None);
        }
        versions.into_iter().map(|version| of_model(test.clone(), version)).collect()
    }
}

fn of_model(mut test: UnitTest, model: &Node) -> UnitTest {
    if let Some(version) = &model.version {
        let id = format!("{}_v{}", test.unique_id, python_text(version));
        test.unique_id = UniqueId::new(id);
        test.version = Some(version.clone());
    }
    test.tested_node = Some(model.unique_id.clone());
    test.depends_on.nodes = vec![model.unique_id.clone()];
    test
}

/// What a model does on its first and on later runs differs; a test says which of them it means.
fn check_incremental(test: &UnitTest, model: &Node) -> Result<(), String> {
    let is_incremental =
        model.depends_on.macros.iter().any(|id| id.as_str() == "macro.dbt.is_incremental");
    if !is_incremental {
        return Ok(());
    }
    let said = test.overrides.as_ref().and_then(|all| all.get("macros")?.get("is_incremental"));
    let Some(said) = said.and_then(Value::as_bool) else {
        return Err(format!(
            "Boolean override for 'is_incremental' must be provided for unit test '{}' in model \
             '{}'",
            test.name, model.name
        ));
    };
    let has_this = test.given.iter().any(|given| given.get("input") == Some(&json!("this")));
    if said && !has_this {
        return Err(format!(
            "Unit test '{}' for incremental model '{}' must have a 'this' input",
            test.name, model.name
        ));
    }
    Ok(())
}

/// The rows of a CSV text; what is empty is null.
fn csv_rows(text: &str) -> Value {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let Ok(header) = reader.headers().cloned() else { return json!([]) };
    let row = |record: csv::StringRecord| {
        let values = record.iter().map(|value| match value {
            "" => Value::Null,
            value => Value::from(value),
        });
        let values = values.chain(std::iter::repeat(Value::Null));
        let names = header.iter().map(str::to_owned);
        Value::Object(names.zip(values).collect())
    };
    Value::Array(reader.into_records().flatten().map(row).collect())
}

/// A row without nulls goes first: warehouses take types from the first row.
fn whole_row_first(mut rows: Value) -> Value {
    if let Some(rows) = rows.as_array_mut() {
        let is_whole = |row: &Value| {
            row.as_object().is_some_and(|row| row.values().all(|value| !value.is_null()))
        };
        if let Some(whole) = rows.iter().position(is_whole) {
            rows.swap(0, whole);
        }
    }
    rows
}
