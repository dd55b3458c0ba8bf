//! What `dbt ls` prints.

use serde_json::{Map, Value, json};

use super::{Bits, Entry, Graph};
use crate::artifacts::{Shape, entry_dict};
use crate::manifest::{NodeKind, UniqueId};

/// How the selected entries are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFormat {
    /// Texts that select them again.
    Selector,
    /// Their names.
    Name,
    /// Their files.
    Path,
    /// JSON, one object a line. The keys to print; dbt's choice if there are none.
    Json(Vec<String>),
}

/// What is printed of an entry as JSON unless keys are named.
const USUAL_KEYS: &[&str] = &[
    "name",
    "resource_type",
    "package_name",
    "original_file_path",
    "unique_id",
    "source_name",
    "alias",
    "config",
    "tags",
    "depends_on",
    "direct_parents",
];

/// The lines for selected entries, in the order of their ids.
pub fn list(graph: &Graph<'_>, selected: &Bits, format: &ListFormat) -> Vec<String> {
    let ids = graph.ids(selected);
    let entries = ids.iter().filter_map(|id: &UniqueId| graph.position(id.as_str()));
    entries.map(|position| line(graph.entry(position), format)).collect()
}

fn line(entry: Entry<'_>, format: &ListFormat) -> String {
    match format {
        ListFormat::Selector => selector(entry),
        ListFormat::Name => name(entry),
        ListFormat::Path => entry.file().to_string_lossy().replace('\\', "/"),
        ListFormat::Json(keys) => json(entry, keys),
    }
}

fn selector(entry: Entry<'_>) -> String {
    let package = entry.package();
    match entry {
        Entry::Source(source) => format!("source:{package}.{}.{}", source.source_name, source.name),
        Entry::UnitTest(test) => match &test.version {
            Some(version) => format!("unit_test:{package}.{}_v{}", test.name, plain(version)),
            None => format!("unit_test:{package}.{}", test.name),
        },
        Entry::Exposure(_) | Entry::Semantic(_) => {
            format!("{}:{package}.{}", entry.resource_type(), entry.name())
        }
        Entry::Node(node) => node.fqn.join("."),
    }
}

fn name(entry: Entry<'_>) -> String {
    match entry {
        Entry::Source(source) => format!("{}.{}", source.source_name, source.name),
        Entry::Node(node) if node.kind == NodeKind::Model => match &node.version {
            Some(version) => format!("{}.v{}", node.name, plain(version)),
            None => node.name.clone(),
        },
        _ => entry.name().to_owned(),
    }
}

fn json(entry: Entry<'_>, keys: &[String]) -> String {
    let mut fields = match entry_dict(entry, Shape::Template) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if let Entry::Node(node) = entry
        && node.kind == NodeKind::Model
    {
        fields.insert("direct_parents".to_owned(), json!(node.depends_on.nodes));
    }
    let pairs: Vec<(&str, &Value)> = if keys.is_empty() {
        let usual = fields.iter().filter(|(key, _)| USUAL_KEYS.contains(&key.as_str()));
        usual.map(|(key, value)| (key.as_str(), value)).collect()
    } else {
        keys.iter().filter_map(|key| Some((key.as_str(), at(&fields, key)?))).collect()
    };
    let pairs =
        pairs.into_iter().map(|(key, value)| format!("{}: {}", Value::from(key), spaced(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// The value of a key; `config.materialized` looks into what is below, where nothing is left out.
fn at<'v>(fields: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    let mut words = key.split('.');
    let first = fields.get(words.next()?)?;
    if !key.contains('.') {
        return Some(first);
    }
    let value = words.try_fold(first, |value, word| value.get(word))?;
    (!value.is_null()).then_some(value)
}

/// JSON with the spaces that Python puts.
fn spaced(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(spaced).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::from(key.as_str()), spaced(value))
            };
            let pairs: Vec<String> = fields.iter().map(pair).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

fn plain(version: &Value) -> String {
    version.as_str().map_or_else(|| version.to_string(), str::to_owned)
}
