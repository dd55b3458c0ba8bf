//! All tests of a project: those of property files, and those that are a query of their own under
//! `tests/`.

use std::path::Path;
use std::sync::Arc;

use millstream_core::Relation;
use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Place;
use millstream_core::name::{DEFAULT_SCHEMA, is_name};
use millstream_core::step::Refresh;
use serde_json::{Map, Value};

use crate::checks::{
    ARGUMENTS, CheckDraft, CustomTest, TestConfig, Tested, config_of, counted, custom, custom_name,
    generic, limited, model_relation, threshold,
};
use crate::declared::invalid_name;
use crate::jinja::{ModelName, Names, Pass, Rendered, Renderer};
use crate::models::{is_blank, report_template, report_unknown, statement, test_nodes};
use crate::project::CheckSeverity;
use crate::properties::{Entries, ModelEntry};
use millstream_files::Source;
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, shown, whole};

/// What is needed to read tests.
pub(crate) struct Tests<'a> {
    pub(crate) renderer: &'a Renderer,
    pub(crate) names: Arc<Names>,
    pub(crate) now: Timestamp,
}

impl Tests<'_> {
    /// All tests of a project. Problems are reported.
    pub(crate) fn read(
        &self,
        entries: &Entries<'_>,
        properties: &[Document],
        files: &[Source],
        report: &mut Report,
    ) -> Vec<CheckDraft> {
        let mut drafts = Vec::new();
        for (name, entry) in entries.models.iter().chain(&entries.seeds) {
            let Some(relation) = model_relation(&self.names, name) else {
                self.warn_of_ephemeral(name, entry, report);
                continue;
            };
            self.of_node(entry.document, entry.node, relation, name, false, &mut drafts, report);
        }
        for document in properties {
            self.of_sources(document, &mut drafts, report);
        }
        for source in files {
            drafts.extend(self.singular(source, report));
        }
        drafts.sort_by(|a, b| (&a.name, &a.place).cmp(&(&b.name, &b.place)));
        for pair in drafts.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            let message = format!("test `{}` is here for the second time", pair[1].name);
            let hint = format!("the first is in {}; give one a `name`", shown(&pair[0].place));
            report.error("name.duplicate", pair[1].place.clone(), message, hint);
        }
        drafts
    }

    /// Says that tests of ephemeral models do not run.
    fn warn_of_ephemeral(&self, name: &str, entry: &ModelEntry<'_>, report: &mut Report) {
        let is_ephemeral = matches!(self.names.models.get(name), Some(ModelName::Ephemeral(_)));
        if is_ephemeral && !test_nodes(entry.node).is_empty() {
            let message = format!("tests of `{name}` do not run: it is ephemeral");
            let place = entry.document.place(entry.node);
            report.warning("project.not_read", place, message, None);
        }
    }

    fn of_sources(&self, document: &Document, drafts: &mut Vec<CheckDraft>, report: &mut Report) {
        for source in document.root.get("sources").map(Node::items).unwrap_or_default() {
            let Some(schema) = source.get("name").and_then(Node::text) else { continue };
            for table in source.get("tables").map(Node::items).unwrap_or_default() {
                let Some(name) = table.get("name").and_then(Node::text) else { continue };
                match self.names.stream(schema, name) {
                    Ok(relation) => {
                        let title = format!("{schema}_{name}");
                        self.of_node(document, table, relation, &title, true, drafts, report);
                    }
                    Err(unknown) => {
                        let place = document.place(table.get("name").unwrap_or(table));
                        report.error(unknown.code, place, unknown.message, unknown.hint);
                    }
                }
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a test is about, spelled out once")]
    fn of_node(
        &self,
        document: &Document,
        node: &Node,
        relation: &Relation,
        title: &str,
        is_source: bool,
        drafts: &mut Vec<CheckDraft>,
        report: &mut Report,
    ) {
        for (column, at) in test_nodes(node) {
            let column = column.and_then(|column| column.get("name")).and_then(Node::text);
            let tested = Tested { document, relation, title: title.to_owned(), is_source, column };
            if let Some(test) = custom(&tested, at, self.renderer) {
                drafts.extend(self.of_macro(&tested, &test, document.place(at), report));
            } else if let Some(draft) = generic(&tested, at, &self.names, report) {
                drafts.extend(self.with_templates(draft, document, report));
            }
        }
    }

    /// Renders a template in the condition of a test.
    fn with_templates(
        &self,
        mut draft: CheckDraft,
        document: &Document,
        report: &mut Report,
    ) -> Option<CheckDraft> {
        if !draft.sql.contains("{{") && !draft.sql.contains("{%") {
            return Some(draft);
        }
        let source = Source { path: document.file.clone(), text: draft.sql.clone() };
        let rendered = self.render(&source, Told::default(), Some(&draft.place), report)?;
        draft.sql = rendered.sql;
        for input in rendered.inputs {
            if !draft.inputs.contains(&input) {
                draft.inputs.push(input);
            }
        }
        Some(draft)
    }

    fn render(
        &self,
        source: &Source,
        told: Told,
        instead: Option<&Place>,
        report: &mut Report,
    ) -> Option<Rendered> {
        let pass = Pass {
            refresh: Refresh::Full,
            this: told.this.or_else(|| Relation::new(DEFAULT_SCHEMA, "this").ok())?,
            config: Map::new(),
            now: self.now,
            names: Arc::clone(&self.names),
            locals: told.locals,
        };
        let compiled = self.renderer.compile(&source.path, &source.text);
        match compiled.and_then(|compiled| compiled.render(pass)) {
            Ok(rendered) if rendered.unknown.is_empty() => Some(rendered),
            Ok(rendered) => {
                match instead {
                    None => {
                        report_unknown(&[rendered], source, report);
                    }
                    Some(place) => {
                        for unknown in rendered.unknown {
                            report.error(
                                unknown.code,
                                place.clone(),
                                unknown.message,
                                unknown.hint,
                            );
                        }
                    }
                }
                None
            }
            Err(problem) => {
                match instead {
                    None => report_template(problem, &source.path, report),
                    Some(place) => {
                        report.error(problem.code, place.clone(), problem.message, problem.hint);
                    }
                }
                None
            }
        }
    }

    /// The check of a test that a macro makes.
    fn of_macro(
        &self,
        tested: &Tested<'_>,
        test: &CustomTest,
        place: Place,
        report: &mut Report,
    ) -> Option<CheckDraft> {
        let path = tested.document.file.clone();
        let source = Source { path, text: test.template.clone() };
        let arguments = Value::Object(test.arguments.clone());
        let locals = Map::from_iter([(ARGUMENTS.to_owned(), arguments)]);
        let told = Told { this: Some(tested.relation.clone()), locals };
        let rendered = self.render(&source, told, Some(&place), report)?;
        let mut settings = rendered.config;
        settings.extend(test.settings.clone());
        let config = match test_settings(settings) {
            Ok(config) => config,
            Err(message) => {
                report.error("check.invalid", place, message, None);
                return None;
            }
        };
        if config.enabled == Some(false) {
            return None;
        }
        let mut inputs = rendered.inputs;
        if !inputs.contains(tested.relation) {
            inputs.insert(0, tested.relation.clone());
        }
        Some(CheckDraft {
            name: custom_name(tested, test),
            inputs,
            sql: counted(
                limited(statement(&rendered.sql), config.limit),
                config.fail_calc.as_deref(),
            ),
            severity: config.severity.map_or(CheckSeverity::Error, Into::into),
            warn_if: threshold("warn_if", config.warn_if.as_deref(), &place, report)?,
            error_if: threshold("error_if", config.error_if.as_deref(), &place, report)?,
            description: None,
            place,
        })
    }

    fn singular(&self, source: &Source, report: &mut Report) -> Option<CheckDraft> {
        let name = test_name(&source.path, report)?;
        let place = whole(&source.path);
        let rendered = self.render(source, Told::default(), None, report)?;
        let config = match config_of(&rendered.config) {
            Ok(config) => config,
            Err(message) => {
                report.error("check.invalid", place, message, None);
                return None;
            }
        };
        if config.enabled == Some(false) {
            return None;
        }
        let sql = statement(&rendered.sql);
        if is_blank(&sql) || rendered.inputs.is_empty() {
            let message = "the test reads no table";
            let hint = "select the rows that are wrong from {{ ref('model') }}".to_owned();
            report.error("check.invalid", place, message, hint);
            return None;
        }
        Some(CheckDraft {
            name,
            inputs: rendered.inputs,
            sql: counted(limited(sql, config.limit), config.fail_calc.as_deref()),
            severity: config.severity.map_or(CheckSeverity::Error, Into::into),
            warn_if: threshold("warn_if", config.warn_if.as_deref(), &place, report)?,
            error_if: threshold("error_if", config.error_if.as_deref(), &place, report)?,
            description: None,
            place,
        })
    }
}

/// What the template of a test is told.
#[derive(Default)]
struct Told {
    /// What `this` is, for tests of a table.
    this: Option<Relation>,
    locals: Map<String, Value>,
}

/// The settings of a test, its name and description left out.
fn test_settings(mut settings: Map<String, Value>) -> Result<TestConfig, String> {
    settings.retain(|key, _| !matches!(key.as_str(), "name" | "description"));
    if let Some(Value::String(text)) = settings.get_mut("severity") {
        text.make_ascii_lowercase();
    }
    config_of(&settings)
}

fn test_name(path: &Path, report: &mut Report) -> Option<String> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if is_name(name) {
        return Some(name.to_owned());
    }
    invalid_name("test", name, whole(path), report);
    None
}
