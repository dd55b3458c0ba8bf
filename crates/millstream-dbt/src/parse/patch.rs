//! What property files say of a node: its patch.

use indexmap::IndexMap;
use millstream_core::diagnostic::Place;
use millstream_files::Report;
use serde_json::{Map, Value, json};

use super::entries::{Entry, Section};
use super::values::{as_text, map_of, python_text, take_text, texts};
use crate::manifest::{Column, Function};

/// Properties that are configuration as well.
const CONFIG: &[&str] = &["meta", "docs", "group", "contract", "access"];
/// What a column says that has a place of its own.
const OF_COLUMN: &[&str] = &[
    "name",
    "description",
    "meta",
    "data_type",
    "constraints",
    "docs",
    "config",
    "quote",
    "tags",
    "tests",
    "data_tests",
];

/// What property files say of a node.
#[derive(Debug, Clone)]
pub(super) struct Patch {
    /// `package://models/schema.yml`.
    pub(super) path: String,
    pub(super) place: Place,
    pub(super) config: Map<String, Value>,
    /// The same before it was rendered.
    pub(super) written: Map<String, Value>,
    pub(super) description: String,
    pub(super) columns: IndexMap<String, Column>,
    pub(super) constraints: Vec<Value>,
    pub(super) version: Option<Value>,
    pub(super) latest_version: Option<Value>,
    pub(super) deprecation_date: Option<String>,
    pub(super) time_spine: Option<Value>,
    /// The signature of a function.
    pub(super) function: Option<Function>,
}

/// A version of a model.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) v: Value,
    pub(super) data: Map<String, Value>,
}

impl Version {
    /// `2`, as it stands in names.
    pub(super) fn text(&self) -> String {
        python_text(&self.v)
    }
}

/// The versions of a model with the one that is the latest. Problems are reported.
pub(super) fn versions(
    entry: &Entry,
    data: &Map<String, Value>,
    report: &mut Report,
) -> (Vec<Version>, Option<Value>) {
    let mut versions: Vec<Version> = Vec::new();
    for item in data.get("versions").and_then(Value::as_array).into_iter().flatten() {
        let mut data = map_of(Some(item.clone()));
        let Some(v) = data.remove("v").filter(|v| !v.is_null()) else {
            let message = format!("a version of model '{}' has no `v`", entry.name);
            report.error("dbt.version_invalid", entry.place.clone(), message, None);
            continue;
        };
        let version = Version { v, data };
        if versions.iter().any(|other| other.text() == version.text()) {
            let message = format!(
                "Found duplicate version: '{}' in versions list of model '{}'",
                version.text(),
                entry.name
            );
            report.error("dbt.version_duplicate", entry.place.clone(), message, None);
            continue;
        }
        versions.push(version);
    }
    let said = data.get("latest_version").filter(|v| !v.is_null()).cloned();
    if let Some(latest) = &said
        && !versions.iter().any(|version| version.v == *latest)
    {
        let known: Vec<String> =
            versions.iter().map(|version| super::values::python_repr(&version.v)).collect();
        let message = format!(
            "latest_version: {} is not one of model '{}' versions: [{}]",
            python_text(latest),
            entry.name,
            known.join(", ")
        );
        report.error("dbt.version_invalid", entry.place.clone(), message, None);
    }
    let newest = || {
        let newest = versions.iter().max_by(|a, b| order(&a.v, &b.v));
        newest.map(|version| version.v.clone())
    };
    let latest = said.or_else(newest);
    (versions, latest)
}

/// Versions are compared as numbers if all are numbers, else as texts.
fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    let number = |value: &Value| python_text(value).parse::<f64>().ok();
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => python_text(a).cmp(&python_text(b)),
    }
}

/// The patch of an entry that says `data`, or of one version of it. Problems are reported.
pub(super) fn patch(
    entry: &Entry,
    mut data: Map<String, Value>,
    package: &str,
    version: Option<&Version>,
    report: &mut Report,
) -> Patch {
    let mut config = map_of(data.remove("config"));
    let mut written = entry.written.clone().unwrap_or_default();
    if version.is_none() {
        written.values_mut().for_each(said_twice);
    }
    for key in CONFIG {
        let Some(value) = data.remove(*key) else { continue };
        if config.contains_key(*key) {
            let message = format!(
                "In {}: found {key} dictionary in 'config' dictionary and as top-level key. Remove \
                 the top-level key and define it under 'config' dictionary only.",
                entry.home.original.display()
            );
            report.error("dbt.properties_invalid", entry.place.clone(), message, None);
        }
        written.insert((*key).to_owned(), value.clone());
        config.insert((*key).to_owned(), value);
    }
    let is_function = entry.section == Section::Functions;
    let function = is_function.then(|| super::functions::signature(entry, &data, report));
    let of_model = data.remove("columns");
    let mut columns: Vec<&Value> = of_model.as_ref().map(items).unwrap_or_default();
    let mut said = Map::new();
    if let Some(version) = version {
        columns = versioned_columns(&columns, version);
        said.clone_from(&version.data);
        let of_version = map_of(said.remove("config"));
        deep_merge(&mut written, of_version.clone());
        deep_merge(&mut config, of_version);
        if let Some(access) = said.remove("access") {
            config.insert("access".to_owned(), access);
        }
    }
    let mut take =
        |key: &str| said.remove(key).filter(|v| !v.is_null()).or_else(|| data.remove(key));
    let description = take("description").as_ref().and_then(as_text).unwrap_or_default();
    let constraints = take("constraints");
    // A version ends by itself.
    let date = if version.is_some() { &mut said } else { &mut data };
    let date = take_text(date, "deprecation_date");
    let constraints = constraints.as_ref().map(items).unwrap_or_default();
    Patch {
        path: format!("{package}://{}", entry.home.original.display()),
        place: entry.place.clone(),
        config,
        written,
        description,
        columns: columns_of(&columns, entry, report),
        constraints: constraints.iter().map(|one| constraint(one, &json!([]))).collect(),
        version: version.map(|version| version.v.clone()),
        latest_version: None,
        deprecation_date: date.map(|date| normalized_date(&date)),
        time_spine: data.remove("time_spine").filter(|spine| !spine.is_null()).map(time_spine),
        function,
    }
}

/// dbt merges what is written of a node's configuration with itself, and lists add up.
fn said_twice(value: &mut Value) {
    match value {
        Value::Array(items) => items.extend_from_within(..),
        Value::Object(map) => map.values_mut().for_each(said_twice),
        _ => {}
    }
}

fn time_spine(mut spine: Value) -> Value {
    if let Some(map) = spine.as_object_mut() {
        map.entry("custom_granularities").or_insert_with(|| json!([]));
    }
    spine
}

fn items(value: &Value) -> Vec<&Value> {
    value.as_array().map(|items| items.iter().collect()).unwrap_or_default()
}

fn versioned_columns<'v>(of_model: &[&'v Value], version: &'v Version) -> Vec<&'v Value> {
    let own = version.data.get("columns").map(items).unwrap_or_default();
    let is_rule = |column: &Value| column.get("include").or(column.get("exclude")).is_some();
    let rule = own.iter().find(|column| is_rule(column));
    let named = |rule: &Value, key: &str, name: &str| {
        rule.get(key).map(texts).unwrap_or_default().iter().any(|found| found == name)
    };
    let included = |column: &&&Value| {
        let name = column.get("name").and_then(as_text).unwrap_or_default();
        let Some(rule) = rule else { return true };
        let all = rule.get("include").is_none_or(|said| matches!(said.as_str(), Some("*" | "all")));
        (all || named(rule, "include", &name)) && !named(rule, "exclude", &name)
    };
    let mut columns: Vec<&Value> = of_model.iter().filter(included).copied().collect();
    columns.extend(own.iter().filter(|column| !is_rule(column)));
    columns
}

/// The columns by name.
pub(super) fn columns_of(
    columns: &[&Value],
    entry: &Entry,
    report: &mut Report,
) -> IndexMap<String, Column> {
    let mut found = IndexMap::with_capacity(columns.len());
    for column in columns {
        let column = self::column(column);
        let wrong = column.constraints.iter().any(|one| !is_constraint(one));
        if wrong {
            let message = format!("Invalid constraint type on column {}", column.name);
            let hint =
                "one of: check, not_null, unique, primary_key, foreign_key, custom".to_owned();
            report.error("dbt.constraint_invalid", entry.place.clone(), message, hint);
        }
        found.insert(column.name.clone(), column);
    }
    found
}

fn column(said: &Value) -> Column {
    let mut said = map_of(Some(said.clone()));
    let config = map_of(said.remove("config"));
    let mut meta = map_of(said.remove("meta"));
    if let Some(Value::Object(more)) = config.get("meta") {
        meta.extend(more.clone());
    }
    let mut tags = said.remove("tags").as_ref().map(texts).unwrap_or_default();
    for tag in config.get("tags").map(texts).unwrap_or_default() {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    let constraints = said.remove("constraints");
    let constraints = constraints.as_ref().map(items).unwrap_or_default();
    Column {
        name: take_text(&mut said, "name").unwrap_or_default(),
        description: take_text(&mut said, "description").unwrap_or_default(),
        meta,
        data_type: take_text(&mut said, "data_type"),
        constraints: constraints.iter().map(|one| constraint(one, &Value::Null)).collect(),
        quote: said.remove("quote").and_then(|quote| quote.as_bool()),
        tags,
        doc_blocks: Vec::new(),
        extra: said.into_iter().filter(|(key, _)| !OF_COLUMN.contains(&key.as_str())).collect(),
    }
}

/// A constraint with all its keys; `columns` for one of a whole model.
fn constraint(said: &Value, columns: &Value) -> Value {
    let mut full = json!({
        "type": null, "name": null, "expression": null, "warn_unenforced": true,
        "warn_unsupported": true, "to": null, "to_columns": [],
    });
    if let (Some(full), Some(said)) = (full.as_object_mut(), said.as_object()) {
        if columns.is_array() {
            full.insert("columns".to_owned(), columns.clone());
        }
        full.extend(said.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    full
}

pub(super) fn is_constraint(constraint: &Value) -> bool {
    let kind = constraint.get("type").and_then(Value::as_str);
    matches!(kind, Some("check" | "not_null" | "unique" | "primary_key" | "foreign_key" | "custom"))
}

/// Maps are merged, everything else is replaced.
fn deep_merge(known: &mut Map<String, Value>, said: Map<String, Value>) {
    for (key, value) in said {
        match (known.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(said)) => deep_merge(known, said),
            (_, value) => {
                known.insert(key, value);
            }
        }
    }
}

/// A day is its first moment, in UTC.
fn normalized_date(text: &str) -> String {
    let text = text.trim();
    if text.len() == 10 {
        return format!("{text}T00:00:00+00:00");
    }
    text.replacen(' ', "T", 1)
}
