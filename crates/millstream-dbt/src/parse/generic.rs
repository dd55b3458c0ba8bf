//! Generic tests: made as data. A test's macro is rendered only if it may say something of the
//! test.

use std::path::Path;
use std::sync::Arc;

use md5::{Digest, Md5};
use millstream_core::diagnostic::Place;
use millstream_files::Report;
use millstream_jinja::{Program, Syntax};
use serde_json::{Map, Value, json};

use super::config::{ConfigKind, Configs, Said};
use super::draft::{prefix, report_failure};
use super::entries::{Home, TestUse, TestedColumn};
use super::files::hex;
use super::macros::Calls;
use super::naming::{Named, Namer};
use super::plain;
use super::project::Project;
use super::test_name::{self, Names};
use super::values::{as_text, listed, map_of, python_repr, python_text, texts};
use super::yaml::{YamlContext, is_template};
use crate::context::{CaptureSubject, Captured, ParseSession, capture};
use crate::manifest::{
    Access, Checksum, Config, DependsOn, Language, MacroDef, Node, NodeKind, RefArgs, SourceArgs,
    TestOf, TestTarget, UniqueId,
};

/// What a test may say that is configuration and no argument.
const CONFIG: &[&str] = &[
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "sql_header",
    "meta",
    "database",
    "schema",
    "alias",
];
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
    /// Whether `arguments:` holds arguments.
    pub(super) arguments_property: bool,
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

/// A test as it is written, taken apart.
struct Written {
    name: String,
    namespace: Option<String>,
    kwargs: Map<String, Value>,
    config: Map<String, Value>,
    description: String,
    names: Names,
}

impl Tester<'_> {
    /// The node of a test. Problems are reported.
    pub(super) fn node(
        &self,
        target: &Target<'_>,
        used: &TestUse,
        report: &mut Report,
    ) -> Option<Node> {
        let written = match self.written(target, used) {
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
            Self::unknown(&written, used.place.clone(), report);
            return None;
        };
        let captured = self.captured(target, &written, &found, used, report)?;
        self.finish(target, used, written, captured, report)
    }

    fn unknown(written: &Written, place: Place, report: &mut Report) {
        let name = match &written.namespace {
            Some(namespace) => format!("{namespace}.test_{}", written.name),
            None => format!("test_{}", written.name),
        };
        let message = format!(
            "'{name}' is undefined. This can happen when calling a macro that does not exist. \
             Check for typos and/or install package dependencies with \"dbt deps\"."
        );
        report.error("dbt.test_unknown", place, message, None);
    }

    fn macro_of(&self, written: &Written, project: &Project) -> Option<Arc<MacroDef>> {
        let macros = &self.session.0.macros;
        let found = match &written.namespace {
            Some(namespace) => macros.within(namespace, &format!("test_{}", written.name)),
            None => macros.test(&project.name, &written.name),
        };
        found.cloned()
    }

    /// Takes a test apart.
    fn written(&self, target: &Target<'_>, used: &TestUse) -> Result<Written, String> {
        let (full_name, args) = name_and_args(&used.written)?;
        let mut args = self.flat(args);
        if args.contains_key("model") {
            return Err("Test arguments include \"model\", which is a reserved argument".to_owned());
        }
        let (namespace, name) = split_name(&full_name)?;
        let mut config = self.config_of(target, &mut args)?;
        let description = args.shift_remove("description").as_ref().and_then(as_text);
        let given = args.shift_remove("name").as_ref().and_then(as_text);
        if let Some(column) = &used.column {
            args.insert("column_name".to_owned(), Value::from(column_text(column)));
        }
        let names = match given {
            Some(name) => Names { short: name.clone(), full: name },
            None => test_name::synthesized(target, namespace.as_deref(), &name, &args),
        };
        if names.short != names.full && !config.contains_key("alias") {
            config.insert("alias".to_owned(), Value::from(names.short.as_str()));
        }
        args.insert("model".to_owned(), Value::from(model_text(target)));
        Ok(Written {
            name,
            namespace,
            kwargs: args,
            config,
            description: description.unwrap_or_default(),
            names,
        })
    }

    /// Arguments beside and under `arguments`.
    fn flat(&self, mut args: Map<String, Value>) -> Map<String, Value> {
        if self.arguments_property
            && let Some(Value::Object(more)) = args.shift_remove("arguments")
        {
            args.extend(more);
        }
        args
    }

    /// Takes the configuration out of arguments.
    fn config_of(
        &self,
        target: &Target<'_>,
        args: &mut Map<String, Value>,
    ) -> Result<Map<String, Value>, String> {
        let mut nested = match args.shift_remove("config") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(map)) => map,
            Some(other) => {
                return Err(format!(
                    "The test definition at {} has a config that is no dictionary: {}",
                    target.file_key_name,
                    python_repr(&other)
                ));
            }
        };
        let mut config = Map::new();
        for key in CONFIG {
            let own = args.shift_remove(*key).filter(|value| !value.is_null());
            if own.is_some() && nested.contains_key(*key) {
                return Err(format!(
                    "Test cannot have the same key at the top-level and in config: {key}"
                ));
            }
            if let Some(value) = own.or_else(|| nested.shift_remove(*key)) {
                config.insert((*key).to_owned(), value);
            }
        }
        config.extend(nested);
        config.retain(|_, value| !value.is_null());
        let context = &self.contexts[target.home.project];
        for value in config.values_mut() {
            if let Value::String(text) = value
                && is_template(text)
            {
                *value = context.render(text).map_err(|error| error.message().to_owned())?;
            }
        }
        Ok(config)
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

    /// The same without rendering, where arguments are literals and the macro tells nothing.
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
        refer_to(target, &mut captured);
        let is_simple = found.package_name.as_ref() == crate::macros::registry::DBT
            && matches!(found.name.as_str(), "test_unique" | "test_not_null");
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
        let text = raw_code(written);
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
        captured.text = String::new();
        Ok(captured)
    }

    fn finish(
        &self,
        target: &Target<'_>,
        used: &TestUse,
        written: Written,
        captured: Captured,
        report: &mut Report,
    ) -> Option<Node> {
        let project = &self.projects[target.home.project];
        let mut call = written.config.clone();
        for (key, value) in captured.config {
            call.entry(key).or_insert(value);
        }
        let below: std::path::PathBuf = target.home.original.components().skip(1).collect();
        let mut fqn = prefix(&project.name, &below);
        fqn.push(Arc::from(written.names.full.as_str()));
        let said = Said { properties: None, properties_written: None, call: Some(&call) };
        let merged = self.configs.merge(ConfigKind::Test, project, &fqn, said);
        let config = Config(Map::clone(&merged.config));
        let mut tags = target.tags.clone();
        tags.extend(used.column.iter().flat_map(|column| column.tags.clone()));
        tags.extend(written.config.get("tags").map(texts).unwrap_or_default());
        tags.sort_unstable();
        tags.dedup();
        let tags = super::nodes::tags(&tags, &config);
        let metadata = metadata_text(&written);
        let hash = hex(&Md5::digest(format!("{}{metadata}", written.names.full)));
        let unique_id =
            format!("test.{}.{}.{}", project.name, written.names.full, &hash[hash.len() - 10..]);
        let named = Named { package: &project.name, name: &written.names.full, version: None };
        let seen = || {
            map_of(Some(json!({
                "resource_type": "test", "name": written.names.full, "unique_id": unique_id,
                "package_name": &*project.name, "config": config.0, "tags": tags,
                "original_file_path": target.home.original.to_string_lossy(),
                "fqn": fqn.iter().map(|part| &**part).collect::<Vec<_>>(),
            })))
        };
        let located = match self.namer.locate(&config.0, &named, seen) {
            Ok(located) => located,
            Err(failure) => {
                report.error("dbt.compilation", used.place.clone(), failure.to_string(), None);
                return None;
            }
        };
        let is_stored = config.bool("store_failures").unwrap_or(false);
        let relation = is_stored.then(|| {
            let (database, schema) = (located.database.as_deref(), &located.schema);
            self.namer.relation(database, schema, &located.alias, None)
        });
        let raw = raw_code(&written);
        let (attached_node, group) = match &target.of {
            TargetOf::Node { attached, group, .. } => (attached.clone(), group.clone()),
            TargetOf::Source { .. } => (None, None),
        };
        let of = TestTarget {
            name: written.name,
            namespace: written.namespace,
            kwargs: written.kwargs,
            column_name: used.column.as_ref().map(column_text),
            attached_node,
            file_key_name: target.file_key_name.clone(),
        };
        Some(Node {
            unique_id: UniqueId::new(unique_id),
            kind: NodeKind::Test(TestOf::Generic(Box::new(of))),
            name: written.names.full,
            package_name: Arc::clone(&project.name),
            path: super::nodes::test_path(&written.names.short),
            original_file_path: target.home.original.clone(),
            fqn,
            raw_code: self.namer.shared(&raw),
            language: Language::Sql,
            checksum: Checksum { name: "none".to_owned(), checksum: String::new() },
            config,
            unrendered_config: merged.unrendered,
            config_call: call,
            database: located.database,
            schema: located.schema,
            alias: located.alias,
            relation_name: relation,
            description: written.description,
            columns: indexmap::IndexMap::new(),
            constraints: Vec::new(),
            patch_path: None,
            group,
            tags,
            access: Access::Protected,
            version: None,
            latest_version: None,
            deprecation_date: None,
            primary_key: Vec::new(),
            refs: captured.refs,
            sources: captured.sources,
            metrics: captured.metrics,
            depends_on: DependsOn { macros: captured.macros, nodes: Vec::new() },
            doc_blocks: Vec::new(),
            time_spine: None,
            created_at: self.now,
        })
    }
}

/// The name of a test and its arguments.
fn name_and_args(written: &Value) -> Result<(String, Map<String, Value>), String> {
    let map = match written {
        Value::String(name) => return Ok((name.clone(), Map::new())),
        Value::Object(map) => map,
        other => {
            let shown = python_repr(other);
            return Err(format!("test must be dict or str, got a value that is neither: {shown}"));
        }
    };
    if let Some(name) = map.get("test_name") {
        let mut args = map.clone();
        args.shift_remove("test_name");
        return Ok((as_text(name).unwrap_or_default(), args));
    }
    let mut entries = map.iter();
    match (entries.next(), entries.next()) {
        (Some((name, Value::Object(args))), None) => Ok((name.clone(), args.clone())),
        (Some((name, Value::Null)), None) => Ok((name.clone(), Map::new())),
        (Some((_, other)), None) => Err(format!(
            "test arguments must be dict, got {} (value {})",
            millstream_jinja::Value::from_json(other).type_name(),
            python_repr(other)
        )),
        _ => Err(format!(
            "test definition dictionary must have exactly one key, got {} instead ({} keys)",
            python_repr(written),
            map.len()
        )),
    }
}

fn split_name(full: &str) -> Result<(Option<String>, String), String> {
    let is_word = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    match full.split_once('.') {
        Some((namespace, name)) if is_word(namespace) && is_word(name) => {
            Ok((Some(namespace.to_owned()), name.to_owned()))
        }
        None if is_word(full) => Ok((None, full.to_owned())),
        _ => Err(format!("Test name string did not match expected pattern: {full}")),
    }
}

/// The column as an argument has it.
fn column_text(column: &TestedColumn) -> String {
    match column.quote {
        Some(true) => format!("\"{}\"", column.name),
        _ => column.name.clone(),
    }
}

fn model_text(target: &Target<'_>) -> String {
    let name = target.name;
    match &target.of {
        TargetOf::Node { version: Some(version), .. } => format!(
            "{{{{ get_where_subquery(ref('{name}', version='{}')) }}}}",
            python_text(version)
        ),
        TargetOf::Node { .. } => format!("{{{{ get_where_subquery(ref('{name}')) }}}}"),
        TargetOf::Source { source } => {
            format!("{{{{ get_where_subquery(source('{source}', '{name}')) }}}}")
        }
    }
}

fn refer_to(target: &Target<'_>, captured: &mut Captured) {
    let name = target.name.to_owned();
    match &target.of {
        TargetOf::Node { version, .. } => {
            let found = RefArgs { name, package: None, version: version.cloned() };
            if !captured.refs.contains(&found) {
                captured.refs.push(found);
            }
        }
        TargetOf::Source { source } => {
            let found = SourceArgs { source: (*source).to_owned(), table: name };
            if !captured.sources.contains(&found) {
                captured.sources.push(found);
            }
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
            "ref" => {
                let found = plain::reference(&call)?;
                if !captured.refs.contains(&found) {
                    captured.refs.push(found);
                }
            }
            "source" => {
                let found = plain::source(&call)?;
                if !captured.sources.contains(&found) {
                    captured.sources.push(found);
                }
            }
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

/// The text that the test renders.
fn raw_code(written: &Written) -> String {
    let mut text = String::from("{{ ");
    if let Some(namespace) = &written.namespace {
        text.extend([namespace.as_str(), "."]);
    }
    text.extend(["test_", &written.name, "(**_dbt_generic_test_kwargs) }}"]);
    if written.config.is_empty() {
        return text;
    }
    let settings: Vec<String> = written
        .config
        .iter()
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}=\"{}\"", text.replace('"', "\\\"")),
            other => format!("{key}={}", python_repr(other)),
        })
        .collect();
    text.extend(["{{ config(", &settings.join(","), ") }}"]);
    text
}

/// The text of which a part of the unique id is the hash.
fn metadata_text(written: &Written) -> String {
    let namespace = written.namespace.as_deref().unwrap_or("None");
    let mut text = String::from("{'kwargs': ");
    test_name::hashable(&Value::Object(written.kwargs.clone()), &mut text);
    text.push_str(", 'name': ");
    test_name::hashable(&Value::from(written.name.as_str()), &mut text);
    text.push_str(", 'namespace': ");
    test_name::hashable(&Value::from(namespace), &mut text);
    text.push('}');
    text
}

/// Tags of a test as `listed` in property files.
pub(super) fn tags_of(data: &Map<String, Value>) -> Vec<String> {
    let mut tags: Vec<Value> = data.get("tags").map(listed).unwrap_or_default();
    let config = data.get("config").and_then(|config| config.get("tags"));
    tags.extend(config.map(listed).unwrap_or_default());
    tags.iter().filter_map(as_text).collect()
}
