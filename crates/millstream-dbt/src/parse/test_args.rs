//! A generic test as it is written, taken apart: its name, arguments and configuration.

use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::entries::{TestUse, TestedColumn};
use super::files::hex;
use super::generic::{Target, TargetOf};
use super::test_name::{self, Names};
use super::values::{as_text, python_repr, python_text};
use super::yaml::{YamlContext, is_template};

/// How much of a hash stands in a unique id.
const HASH_KEPT: usize = 10;
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

/// What a key `arguments` of a test means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentsKey {
    /// It holds arguments.
    HoldsArguments,
    /// It is an argument.
    IsArgument,
}

/// A test as it is written, taken apart.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) name: String,
    pub(super) namespace: Option<String>,
    pub(super) kwargs: Map<String, Value>,
    pub(super) config: Map<String, Value>,
    pub(super) description: String,
    pub(super) names: Names,
}

impl Written {
    /// Takes a test apart. `arguments` says what a key of that name means.
    pub(super) fn of(
        target: &Target<'_>,
        used: &TestUse,
        arguments: ArgumentsKey,
        context: &YamlContext,
    ) -> Result<Self, String> {
        let (full_name, args) = name_and_args(&used.written)?;
        let mut args = flat(args, arguments);
        if args.contains_key("model") {
            return Err("Test arguments include \"model\", which is a reserved argument".to_owned());
        }
        let (namespace, name) = split_name(&full_name)?;
        let mut config = config_of(target, &mut args, context)?;
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
        Ok(Self {
            name,
            namespace,
            kwargs: args,
            config,
            description: description.unwrap_or_default(),
            names,
        })
    }

    /// The text that the test renders.
    pub(super) fn raw_code(&self) -> String {
        let mut text = String::from("{{ ");
        if let Some(namespace) = &self.namespace {
            text.extend([namespace.as_str(), "."]);
        }
        text.extend(["test_", &self.name, "(**_dbt_generic_test_kwargs) }}"]);
        if self.config.is_empty() {
            return text;
        }
        let settings: Vec<String> = self
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

    /// The id, which ends with a part of the hash of what the test is.
    pub(super) fn unique_id(&self, package: &str) -> String {
        let hash = hex(&Md5::digest(format!("{}{}", self.names.full, self.metadata_text())));
        format!("test.{package}.{}.{}", self.names.full, &hash[hash.len() - HASH_KEPT..])
    }

    fn metadata_text(&self) -> String {
        let namespace = self.namespace.as_deref().unwrap_or("None");
        let mut text = String::from("{'kwargs': ");
        test_name::hashable(&Value::Object(self.kwargs.clone()), &mut text);
        text.push_str(", 'name': ");
        test_name::hashable(&Value::from(self.name.as_str()), &mut text);
        text.push_str(", 'namespace': ");
        test_name::hashable(&Value::from(namespace), &mut text);
        text.push('}');
        text
    }
}

/// Arguments beside and under `arguments`.
fn flat(mut args: Map<String, Value>, key: ArgumentsKey) -> Map<String, Value> {
    if key == ArgumentsKey::HoldsArguments
        && let Some(Value::Object(more)) = args.shift_remove("arguments")
    {
        args.extend(more);
    }
    args
}

/// Takes the configuration out of arguments.
fn config_of(
    target: &Target<'_>,
    args: &mut Map<String, Value>,
    context: &YamlContext,
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
    for value in config.values_mut() {
        if let Value::String(text) = value
            && is_template(text)
        {
            *value = context.render(text).map_err(|error| error.message().to_owned())?;
        }
    }
    Ok(config)
}

/// The name of a test and its arguments.
fn name_and_args(written: &Value) -> Result<(String, Map<String, Value>), String> {
    let map = match written {
        // Room for the column and the model.
        Value::String(name) => return Ok((name.clone(), Map::with_capacity(2))),
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
pub(super) fn column_text(column: &TestedColumn) -> String {
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
