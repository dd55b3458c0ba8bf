//! Generic tests: made as data. A test's macro is rendered only if it may say something of the
//! test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_files::{Report, closest};
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::captures::Captures;
use super::config::{ConfigKind, Configs, Said};
use super::docs::Describer;
use super::draft::{prefix, report_failure};
use super::entries::{Home, TestUse};
use super::macros::Calls;
use super::naming::{Named, Namer};
use super::plain;
use super::project::Project;
use super::test_args::{ArgumentsKey, Written, column_text};
use super::values::{as_text, listed, map_of, python_text, texts};
use super::yaml::{YamlContext, is_template};
use crate::context::{CaptureSubject, Captured, ParseSession, capture};
use crate::manifest::{
    Checksum, Config, DependsOn, Language, MacroDef, Node, NodeKind, RefArgs, SourceArgs, TestOf,
    TestTarget, UniqueId,
};

/// Functions that stand in arguments without braces.
const FUNCTIONS: &[&str] = &["env_var", "ref", "var", "source", "doc"];

/// Makes generic tests.
#[derive(Debug)]
pub(super) struct Tester<'a> {
    pub(super) projects: &'a [Project],
    /// What templates of property files see, by project.
    pub(super) contexts: &'a [YamlContext],
    pub(super) configs: &'a Configs<'a>,
    pub(super) namer: &'a Namer<'a>,
    pub(super) session: &'a ParseSession,
    pub(super) calls: &'a Calls,
    pub(super) captures: &'a Captures,
    pub(super) describer: &'a Describer<'a>,
    pub(super) arguments: ArgumentsKey,
    pub(super) now: f64,
}

/// What a test is about.
#[derive(Debug, Clone)]
pub(super) struct Target<'a> {
    pub(super) home: &'a Home,
    pub(super) name: &'a str,
    /// `models.orders`.
    pub(super) file_key_name: String,
    pub(super) of: TargetOf<'a>,
    /// Tags that its tests have too.
    pub(super) tags: Vec<String>,
}

/// A node or a table of a source.
#[derive(Debug, Clone)]
pub(super) enum TargetOf<'a> {
    Node { version: Option<&'a Value>, attached: Option<UniqueId>, group: Option<String> },
    Source { source: &'a str },
}

impl Tester<'_> {
    /// The node of a test. Problems are reported.
    pub(super) fn node(
        &self,
        target: &Target<'_>,
        used: &TestUse,
        report: &mut Report,
    ) -> Option<Node> {
        let context = &self.contexts[target.home.project];
        let written = match Written::of(target, used, self.arguments, context) {
            Ok(written) => written,
            Err(message) => {
                let message = format!(
                    "Invalid test config given in {}:\n\t{message}",
                    target.home.original.display()
                );
                report.error("dbt.test_invalid", used.place.clone(), message, None);
                return None;
            }
        };
        let project = &self.projects[target.home.project];
        let Some(found) = self.macro_of(&written, project) else {
            self.unknown(&written, project, used.place.clone(), report);
            return None;
        };
        let captured = self.captured(target, &written, &found, used, report)?;
        let making = if is_simple(&found) { Making::ByData } else { Making::ByText };
        self.finish(target, used, written, captured, making, report)
    }

    fn unknown(&self, written: &Written, project: &Project, place: Place, report: &mut Report) {
        let name = match &written.namespace {
            Some(namespace) => format!("{namespace}.test_{}", written.name),
            None => format!("test_{}", written.name),
        };
        let message = format!(
            "'{name}' is undefined. This can happen when calling a macro that does not exist. \
             Check for typos and/or install package dependencies with \"dbt deps\"."
        );
        let known = self.session.0.macros.names(&project.name).into_iter();
        let known = known.filter_map(|name| name.strip_prefix("test_"));
        let hint = closest(&written.name, known).map(|name| format!("did you mean `{name}`?"));
        report.error("dbt.test_unknown", place, message, hint);
    }

    fn macro_of(&self, written: &Written, project: &Project) -> Option<Arc<MacroDef>> {
        let macros = &self.session.0.macros;
        let found = match &written.namespace {
            Some(namespace) => macros.within(namespace, &format!("test_{}", written.name)),
            None => macros.test(&project.name, &written.name),
        };
        found.cloned()
    }

    /// What the test refers to and says of itself.
    fn captured(
        &self,
        target: &Target<'_>,
        written: &Written,
        found: &MacroDef,
        used: &TestUse,
        report: &mut Report,
    ) -> Option<Captured> {
        let project = &self.projects[target.home.project];
        let mut captured = match self.plainly(target, written, found, project) {
            Some(captured) => captured,
            None => match self.rendered(target, written, project) {
                Ok(captured) => captured,
                Err(failure) => {
                    let mut own = Report::default();
                    report_failure(&failure, Path::new(""), 0, &mut own);
                    let message = failure.to_string();
                    report.error("dbt.compilation", used.place.clone(), message, None);
                    return None;
                }
            },
        };
        captured.macros.retain(|id| *id != found.unique_id);
        captured.macros.insert(0, found.unique_id.clone());
        Some(captured)
    }

    /// The same without rendering, where arguments are literals and the macro tells nothing. What is
    /// said twice is told twice, as when it is rendered.
    fn plainly(
        &self,
        target: &Target<'_>,
        written: &Written,
        found: &MacroDef,
        project: &Project,
    ) -> Option<Captured> {
        if self.calls.telling.contains(&found.unique_id) {
            return None;
        }
        let mut captured = Captured::default();
        for (key, value) in &written.kwargs {
            if key != "column_name" && key != "model" {
                refer(value, &mut captured)?;
            }
        }
        let is_simple = is_simple(found);
        refer_to(target, is_simple, &mut captured);
        if !is_simple {
            let subquery = self.session.0.macros.visible(&project.name, "get_where_subquery");
            let subquery = subquery.map(|found| found.unique_id.clone());
            if subquery.as_ref().is_some_and(|id| self.calls.telling.contains(id)) {
                return None;
            }
            captured.macros.extend(subquery);
        }
        Some(captured)
    }

    fn rendered(
        &self,
        target: &Target<'_>,
        written: &Written,
        project: &Project,
    ) -> Result<Captured, crate::context::Failure> {
        let text = written.raw_code();
        let model = json!({
            "resource_type": "test",
            "name": written.names.full,
            "alias": written.names.full,
            "package_name": &*project.name,
            "original_file_path": target.home.original.to_string_lossy(),
            "database": self.session.0.target.database,
            "schema": self.session.0.target.schema,
            "config": {},
        });
        let program = Program::parse("", &text, &Syntax::dbt())
            .map_err(|error| crate::context::Failure::of_template(&error, None))?;
        let model = map_of(Some(model));
        let subject = CaptureSubject {
            package_name: &project.name,
            model: &model,
            test_kwargs: Some(&written.kwargs),
        };
        let mut captured = capture(self.session, &subject, &program)?;
        self.captures.note(&captured);
        captured.text = String::new();
        Ok(captured)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        used: &TestUse,
        written: Written,
        captured: Captured,
        making: Making,
        report: &mut Report,
    ) -> Option<Node> {
        let project = &self.projects[target.home.project];
        let own = own_config(&written, &captured, making);
        let call = whole_config(&written, captured.config, making);
        let below: PathBuf = target.home.original.components().skip(1).collect();
        let mut fqn = prefix(&project.name, &below);
        fqn.push(Arc::from(written.names.full.as_str()));
        let said = Said { call: Some(&call), call_written: Some(&own), ..Said::default() };
        let merged = self.configs.merge(ConfigKind::Test, project, &fqn, said);
        let config = merged.config;
        let raw_code = self.namer.shared(&written.raw_code());
        let mut node = Node {
            unique_id: UniqueId::new(written.unique_id(&project.name)),
            name: written.names.full.clone(),
            package_name: Arc::clone(&project.name),
            path: super::nodes::test_path(&written.names.short),
            original_file_path: target.home.original.clone(),
            fqn,
            raw_code,
            language: Language::Sql,
            checksum: Checksum { name: "none".to_owned(), checksum: String::new() },
            tags: tags(target, used, &written, &config),
            config,
            unrendered_config: merged.unrendered,
            config_call: self.configs.shared(call),
            description: written.description.clone(),
            refs: captured.refs,
            sources: captured.sources,
            metrics: captured.metrics,
            functions: captured.functions,
            depends_on: DependsOn { macros: captured.macros, nodes: Vec::new() },
            created_at: self.now,
            place: Some(used.place.clone()),
            ..Node::default()
        };
        let (id, index) = (node.unique_id.clone(), target.home.project);
        let (id, place) = (id.as_str(), &used.place);
        node.doc_blocks = self.describer.describe(&mut node.description, index, id, place, report);
        self.locate(&mut node, used, report)?;
        let (attached_node, group) = match &target.of {
            TargetOf::Node { attached, group, .. } => (attached.clone(), group.clone()),
            TargetOf::Source { .. } => (None, None),
        };
        node.group = group;
        super::nodes::shrink(&mut node);
        node.kind = NodeKind::Test(TestOf::Generic(Box::new(TestTarget {
            name: written.name,
            namespace: written.namespace,
            kwargs: written.kwargs,
            column_name: used.column.as_ref().map(column_text),
            attached_node,
            file_key_name: target.file_key_name.clone(),
        })));
        Some(node)
    }

    /// Says where failures of a test are kept.
    fn locate(&self, node: &mut Node, used: &TestUse, report: &mut Report) -> Option<()> {
        let named = Named { package: &node.package_name, name: &node.name, version: None };
        let seen = || {
            map_of(Some(json!({
                "resource_type": "test", "name": node.name, "unique_id": node.unique_id,
                "package_name": &*node.package_name, "config": *node.config.0, "tags": node.tags,
                "original_file_path": node.original_file_path.to_string_lossy(),
                "fqn": node.fqn.iter().map(|part| &**part).collect::<Vec<_>>(),
            })))
        };
        let located = match self.namer.locate(&node.config.0, &named, seen) {
            Ok(located) => located,
            Err(failure) => {
                report.error("dbt.compilation", used.place.clone(), failure.to_string(), None);
                return None;
            }
        };
        if node.config.bool("store_failures").unwrap_or(false) {
            let (database, schema) = (located.database.as_deref(), &located.schema);
            node.relation_name = Some(self.namer.relation(database, schema, &located.alias, None));
        }
        node.database = located.database;
        node.schema = located.schema;
        node.alias = located.alias;
        Some(())
    }
}

/// How dbt makes a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Making {
    /// Of what is said of it.
    ByData,
    /// By rendering a text that says it once more.
    ByText,
}

fn is_simple(found: &MacroDef) -> bool {
    found.package_name.as_ref() == crate::macros::registry::DBT
        && matches!(found.name.as_str(), "test_unique" | "test_not_null")
}

/// The configuration of a test as it is written: that of its text, if it has one.
fn own_config(written: &Written, captured: &Captured, making: Making) -> Map<String, Value> {
    let as_text = |(key, value): (&String, &Value)| (key.clone(), python_text(value).into());
    match making {
        Making::ByText if !written.config.is_empty() => {
            written.config.iter().map(as_text).collect()
        }
        _ if written.config.is_empty() => captured.config.clone(),
        _ => written.config.clone(),
    }
}

/// The configuration of a test with what its macro says; tags that its text says again add up.
fn whole_config(
    written: &Written,
    captured: Map<String, Value>,
    making: Making,
) -> Map<String, Value> {
    let mut whole = written.config.clone();
    if let (Making::ByText, Some(tags)) = (making, whole.get_mut("tags")) {
        let once = listed(tags);
        *tags = Value::Array([once.as_slice(), &once].concat());
    }
    for (key, value) in captured {
        whole.entry(key).or_insert(value);
    }
    whole
}

/// The tags of a test: of what it tests, its own, and those of its configuration.
fn tags(target: &Target<'_>, used: &TestUse, written: &Written, config: &Config) -> Vec<String> {
    let mut tags = target.tags.clone();
    tags.extend(used.column.iter().flat_map(|column| column.tags.clone()));
    tags.extend(written.config.get("tags").map(texts).unwrap_or_default());
    tags.sort_unstable();
    tags.dedup();
    super::nodes::tags(&tags, config)
}

/// A test refers to what it is about; one that is rendered says the version as a text.
fn refer_to(target: &Target<'_>, is_simple: bool, captured: &mut Captured) {
    let name = target.name.to_owned();
    match &target.of {
        TargetOf::Node { version, .. } => {
            let as_text = |version: &Value| Value::String(python_text(version));
            let version = version.map(if is_simple { Value::clone } else { as_text });
            captured.refs.push(RefArgs { name, package: None, version });
        }
        TargetOf::Source { source } => {
            captured.sources.push(SourceArgs { source: (*source).to_owned(), table: name });
        }
    }
}

/// Notes what an argument refers to; `None` if it has to be rendered.
fn refer(value: &Value, captured: &mut Captured) -> Option<()> {
    match value {
        Value::String(text) => refer_by_text(text, captured),
        Value::Array(items) => items.iter().try_for_each(|item| refer(item, captured)),
        Value::Object(map) => map.values().try_for_each(|item| refer(item, captured)),
        _ => Some(()),
    }
}

fn refer_by_text(text: &str, captured: &mut Captured) -> Option<()> {
    let braced = looks_like_call(text).then(|| format!("{{{{ {text} }}}}"));
    let text = braced.as_deref().unwrap_or(text);
    if !is_template(text) {
        return Some(());
    }
    let program = Program::parse("", text, &Syntax::default()).ok()?;
    for call in program.plain_calls()? {
        match call.path[0] {
            "ref" => captured.refs.push(plain::reference(&call)?),
            "source" => captured.sources.push(plain::source(&call)?),
            _ => return None,
        }
    }
    Some(())
}

fn looks_like_call(text: &str) -> bool {
    let text = text.trim();
    let Some((name, rest)) = text.split_once('(') else { return false };
    FUNCTIONS.contains(&name.trim_end()) && rest.len() > 1 && rest.ends_with(')')
}

/// Tags of a test as `listed` in property files.
pub(super) fn tags_of(data: &Map<String, Value>) -> Vec<String> {
    let mut tags: Vec<Value> = data.get("tags").map(listed).unwrap_or_default();
    let config = data.get("config").and_then(|config| config.get("tags"));
    tags.extend(config.map(listed).unwrap_or_default());
    tags.iter().filter_map(as_text).collect()
}
