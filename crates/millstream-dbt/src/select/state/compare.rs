//! What is different of one resource.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Map, Value};

use super::super::methods::access_word;
use super::super::tokens::{same_python, same_sql};
use super::previous::{PreviousManifest, PreviousNode};
use super::{contract, macros};
use crate::artifacts::{Shape, entry_dict, freshness_dict, python};
use crate::manifest::{
    Language, Manifest, Node, NodeKind, Overload, SourceTable, TestOf, UniqueId,
};
use crate::select::Entry;

/// Configurations that do not count: they name the relation, or sort nodes.
const NOT_COMPARED: &[&str] = &["alias", "schema", "database", "tags", "group"];

/// Configurations that count for generic tests.
const OF_TESTS: &[&str] = &[
    "severity",
    "where",
    "limit",
    "fail_calc",
    "warn_if",
    "error_if",
    "store_failures",
    "store_failures_as",
    "sql_header",
];

/// A manifest against that of another run.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    previous: &'a PreviousManifest,
    macros: HashSet<&'a UniqueId>,
}

impl<'a> Comparison<'a> {
    pub(crate) fn new(manifest: &'a Manifest, previous: &'a PreviousManifest) -> Self {
        Self { previous, macros: macros::modified(manifest, previous) }
    }

    pub(crate) fn previous_node(&self, entry: Entry<'_>) -> Option<&'a PreviousNode> {
        self.previous.node(entry.id().as_str())
    }

    /// Whether anything counts as a change.
    pub(crate) fn is_modified(&self, entry: Entry<'_>) -> bool {
        !self.differences(entry).is_empty()
    }

    /// What is different, in dbt's words.
    pub(crate) fn differences(&self, entry: Entry<'_>) -> Vec<&'static str> {
        let mut found = match entry {
            Entry::Node(node) => match self.previous_node(entry) {
                None => vec!["new"],
                Some(old) => node_differences(node, old),
            },
            // A source or use that is new changes nothing that is made.
            Entry::Source(source) => match self.previous_node(entry) {
                None => Vec::new(),
                Some(old) => source_differences(source, old),
            },
            Entry::UnitTest(_) => match self.previous.resource(entry.id().as_str()) {
                None => vec!["new"],
                Some(old) => resource_differences(entry, old),
            },
            Entry::Exposure(_) | Entry::Semantic(_) => self
                .previous
                .resource(entry.id().as_str())
                .map_or_else(Vec::new, |old| resource_differences(entry, old)),
        };
        if self.calls_modified_macro(entry) {
            found.push("macros");
        }
        found
    }

    /// Whether one aspect is different. Whatever has the aspect and is new is different in it.
    pub(crate) fn differs_in(&self, entry: Entry<'_>, aspect: &str) -> bool {
        let has_aspect = match aspect {
            "macros" => return self.calls_modified_macro(entry),
            "configs" => !matches!(entry, Entry::UnitTest(_)),
            "relation" => matches!(entry, Entry::Node(_) | Entry::Source(_)),
            _ => matches!(entry, Entry::Node(_)),
        };
        if !has_aspect {
            return false;
        }
        if !self.previous.contains(entry.id().as_str()) {
            return true;
        }
        if let (Entry::Node(node), "body", Some(old)) = (entry, aspect, self.previous_node(entry)) {
            return !same_body(node, old);
        }
        self.differences(entry).contains(&aspect)
    }

    fn calls_modified_macro(&self, entry: Entry<'_>) -> bool {
        let macros = match entry {
            Entry::Node(node) => &node.depends_on.macros,
            Entry::Semantic(semantic) => &semantic.depends_on.macros,
            Entry::UnitTest(test) => &test.depends_on.macros,
            Entry::Exposure(exposure) => &exposure.depends_on.macros,
            Entry::Source(_) => return false,
        };
        macros.iter().any(|id| self.macros.contains(id))
    }
}

fn node_differences(node: &Node, old: &PreviousNode) -> Vec<&'static str> {
    let is_generic = matches!(node.kind, NodeKind::Test(TestOf::Generic(_)));
    let aspects = [
        ("body", is_generic || same_body(node, old)),
        ("configs", same_config(node, old, is_generic)),
        ("persisted_descriptions", is_generic || same_descriptions(node, old)),
        ("fqn", same_fqn(&node.fqn, &old.fqn)),
        ("relation", is_generic || same_relation(node, old)),
        ("contract", contract::is_same(node, old)),
        ("references", same_references(node, old)),
        ("signature", same_signature(node, old)),
    ];
    aspects.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

fn same_body(node: &Node, old: &PreviousNode) -> bool {
    match (&node.kind, node.language) {
        (NodeKind::Seed { .. }, _) => old.checksum.as_ref().is_some_and(|old| {
            old.name == node.checksum.name
                && old.name != "none"
                && old.checksum == node.checksum.checksum
        }),
        (_, Language::Python | Language::JavaScript) => same_python(old.code(), &node.raw_code),
        (_, Language::Sql) => same_sql(old.code(), &node.raw_code),
    }
}

fn same_config(node: &Node, old: &PreviousNode, is_generic: bool) -> bool {
    same_fields(&node.unrendered_config.0, &old.unrendered_config, |key| {
        if is_generic { OF_TESTS.contains(&key) } else { !NOT_COMPARED.contains(&key) }
    })
}

fn same_fields(
    new: &Map<String, Value>,
    old: &Map<String, Value>,
    counts: impl Fn(&str) -> bool,
) -> bool {
    let name = |key: &String| key.replace('-', "_");
    let keys: BTreeSet<String> =
        new.keys().chain(old.keys()).map(name).filter(|key| counts(key)).collect();
    let get = |fields: &Map<String, Value>, key: &str| {
        fields.get(key).or_else(|| fields.get(&key.replace('_', "-"))).cloned()
    };
    keys.iter().all(|key| match (get(new, key), get(old, key)) {
        (Some(new), Some(old)) => same_value(&new, &old),
        (new, old) => new.is_none() && old.is_none(),
    })
}

/// Whether two written values mean the same. dbt writes `true` as `True` or `"True"`, a list that
/// `config()` was given as the text of it, and one hook as a text or in a list.
fn same_value(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same_value(l, r))
        }
        (Value::Object(left), Value::Object(right)) => same_fields(left, right, |_| true),
        (whole @ (Value::Array(_) | Value::Object(_)), Value::String(text))
        | (Value::String(text), whole @ (Value::Array(_) | Value::Object(_)))
            if python(whole) == *text =>
        {
            true
        }
        (Value::Array(items), other) | (other, Value::Array(items)) => {
            matches!(items.as_slice(), [only] if same_value(only, other))
        }
        (Value::Object(_), _) | (_, Value::Object(_)) => false,
        (left, right) => left == right || scalar(left) == scalar(right),
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => match text.as_str() {
            "True" => "true".to_owned(),
            "False" => "false".to_owned(),
            "None" => "null".to_owned(),
            other => other.split_whitespace().collect::<Vec<_>>().join(" "),
        },
        other => other.to_string(),
    }
}

fn same_descriptions(node: &Node, old: &PreviousNode) -> bool {
    let persists = |what: &str| {
        node.config.get("persist_docs").and_then(|docs| docs.get(what)) == Some(&Value::Bool(true))
    };
    if persists("relation") && node.description != old.description {
        return false;
    }
    !persists("columns")
        || (node.columns.len() == old.columns.len()
            && node.columns.iter().all(|(name, column)| {
                old.columns.get(name).is_some_and(|old| old.description == column.description)
            }))
}

fn same_relation(node: &Node, old: &PreviousNode) -> bool {
    let named = ["database", "schema", "alias"];
    same_fields(&node.unrendered_config.0, &old.unrendered_config, |key| named.contains(&key))
}

/// What a function takes and gives, and the texts of its overloads.
fn same_signature(node: &Node, old: &PreviousNode) -> bool {
    let NodeKind::Function(new) = &node.kind else { return true };
    let form = |overload: &Overload| Overload {
        description: None,
        compiled_body: None,
        ..overload.clone()
    };
    new.arguments == old.arguments
        && Some(&new.returns) == old.returns.as_ref()
        && new.overloads.iter().map(form).eq(old.overloads.iter().map(form))
}

/// What `ref` of other models depends on.
fn same_references(node: &Node, old: &PreviousNode) -> bool {
    node.kind != NodeKind::Model
        || (node.latest_version == old.latest_version
            && access_word(node.access) == old.access.as_deref().unwrap_or("protected")
            && node.deprecation_date == old.deprecation_date)
}

fn same_fqn<T: AsRef<str>>(new: &[T], old: &[String]) -> bool {
    new.iter().map(AsRef::as_ref).eq(old.iter().map(String::as_str))
}

fn source_differences(source: &SourceTable, old: &PreviousNode) -> Vec<&'static str> {
    let same_place = match (&source.unrendered_schema, &old.unrendered_schema) {
        (Some(_), Some(_)) => {
            source.unrendered_schema == old.unrendered_schema
                && source.unrendered_database == old.unrendered_database
        }
        _ => {
            source.database.as_deref() == old.database.as_deref()
                && Some(source.schema.as_ref()) == old.schema.as_deref()
        }
    };
    let freshness = freshness_dict(source);
    let is_set = |value: &Option<Value>| value.clone().filter(|value| !is_blank(value));
    let same_freshness = is_set(&Some(freshness)) == is_set(&old.freshness)
        && source.loaded_at_field == old.loaded_at_field;
    let fields = |key: &str| !NOT_COMPARED.contains(&key);
    let aspects = [
        ("relation", same_place && Some(&source.identifier) == old.identifier.as_ref()),
        ("fqn", same_fqn(&source.fqn, &old.fqn)),
        ("configs", same_fields(&source.unrendered_config.0, &old.unrendered_config, fields)),
        ("quoting", without_nulls(&source.quoting) == without_nulls(&old.quoting)),
        ("freshness", same_freshness),
        ("external", is_set(&source.external) == is_set(&old.external)),
    ];
    aspects.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

fn without_nulls(fields: &Map<String, Value>) -> Vec<(&String, &Value)> {
    fields.iter().filter(|(_, value)| !value.is_null()).collect()
}

/// `null`, or an object of which every value is.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_blank),
        _ => false,
    }
}

/// The parts of exposures, metrics and the like that count.
fn resource_differences(entry: Entry<'_>, old: &Map<String, Value>) -> Vec<&'static str> {
    let parts: &[&str] = match entry.resource_type() {
        "exposure" => &["fqn", "type", "owner", "maturity", "url", "description", "label"],
        "metric" => &["type", "description", "label"],
        "semantic_model" => &[
            "model",
            "description",
            "defaults",
            "entities",
            "dimensions",
            "measures",
            "config",
            "primary_entity",
            "group",
        ],
        "unit_test" => &["model", "versions", "given", "expect", "overrides"],
        _ => &["query_params", "description", "label", "group", "exports", "tags"],
    };
    let new = entry_dict(entry, Shape::Artifact);
    let same_part = |part: &&str| {
        let (new, old) = (new.get(*part).unwrap_or(&Value::Null), old.get(*part));
        let old = old.unwrap_or(&Value::Null);
        same_value(new, old) || (is_blank(new) && is_blank(old))
    };
    let empty = Map::new();
    let unrendered = |fields: Option<&Value>| fields.and_then(Value::as_object).cloned();
    let new_config = unrendered(new.get("unrendered_config")).unwrap_or_default();
    let old_config = old.get("unrendered_config").and_then(Value::as_object).unwrap_or(&empty);
    let is_compared = |key: &str| !NOT_COMPARED.contains(&key);
    let is_unit_test = matches!(entry, Entry::UnitTest(_));
    let same_parents = entry.resource_type() != "exposure" || same_nodes(&new, old);
    let aspects = [
        ("body", parts.iter().all(same_part) && same_parents),
        ("configs", is_unit_test || same_fields(&new_config, old_config, is_compared)),
    ];
    aspects.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

fn same_nodes(new: &Value, old: &Map<String, Value>) -> bool {
    let nodes = |value: Option<&Value>| -> BTreeSet<String> {
        let nodes = value.and_then(|depends_on| depends_on.get("nodes")?.as_array());
        let texts = nodes.into_iter().flatten().filter_map(Value::as_str);
        texts.map(str::to_owned).collect()
    };
    nodes(new.get("depends_on")) == nodes(old.get("depends_on"))
}
