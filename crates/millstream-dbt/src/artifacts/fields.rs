//! Parts that many resources have, with what dbt writes where nothing is said.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use crate::manifest::{Column, Config, DependsOn, RefArgs, SourceArgs};

/// A configuration: hooks with dashes in their names, each with its transaction.
pub(super) struct ConfigView<'a>(pub(super) &'a Config);

impl Serialize for ConfigView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.0.len()))?;
        for (key, value) in self.0.0.iter() {
            match key.as_str() {
                "pre_hook" | "pre-hook" => map.serialize_entry("pre-hook", &hooks(value))?,
                "post_hook" | "post-hook" => map.serialize_entry("post-hook", &hooks(value))?,
                key => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

fn hooks(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.iter().map(hook).collect(),
        Value::Null => Vec::new(),
        one => vec![hook(one)],
    }
}

fn hook(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut hook = json!({"sql": null, "transaction": true, "index": null});
            for (key, value) in fields {
                hook[key] = value.clone();
            }
            hook
        }
        sql => json!({"sql": sql, "transaction": true, "index": null}),
    }
}

/// `docs` of a configuration.
pub(super) fn docs(config: &Config) -> Value {
    config.get("docs").cloned().unwrap_or_else(|| json!({"show": true, "node_color": null}))
}

/// `meta` of a configuration.
pub(super) fn meta(config: &Config) -> Value {
    config.get("meta").cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

/// The columns of a node, by their names.
pub(super) struct Columns<'a>(pub(super) &'a indexmap::IndexMap<String, Column>);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, column)| (name, ColumnView(column))))
    }
}

struct ColumnView<'a>(&'a Column);

impl Serialize for ColumnView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &column.name)?;
        map.serialize_entry("description", &column.description)?;
        map.serialize_entry("meta", &column.meta)?;
        map.serialize_entry("data_type", &column.data_type)?;
        map.serialize_entry("constraints", &constraints(&column.constraints))?;
        map.serialize_entry("quote", &column.quote)?;
        map.serialize_entry("config", &ColumnConfig { meta: &column.meta, tags: &column.tags })?;
        map.serialize_entry("tags", &column.tags)?;
        let said = ["granularity", "dimension", "entity"];
        for key in said {
            map.serialize_entry(key, column.extra.get(key).unwrap_or(&Value::Null))?;
        }
        map.serialize_entry("doc_blocks", &column.doc_blocks)?;
        for (key, value) in column.extra.iter().filter(|(key, _)| !said.contains(&key.as_str())) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// What dbt calls the configuration of a column.
#[derive(Serialize)]
struct ColumnConfig<'a> {
    meta: &'a Map<String, Value>,
    tags: &'a [String],
}

/// Constraints of a column.
fn constraints(constraints: &[Value]) -> Vec<Value> {
    constraints.iter().map(|constraint| constraint_of(constraint, &[])).collect()
}

/// Constraints of a model, which name their columns.
pub(super) fn model_constraints(constraints: &[Value]) -> Vec<Value> {
    constraints.iter().map(|constraint| constraint_of(constraint, &["columns"])).collect()
}

fn constraint_of(constraint: &Value, more: &[&str]) -> Value {
    let mut fields = json!({
        "type": null, "name": null, "expression": null, "warn_unenforced": true,
        "warn_unsupported": true, "to": null, "to_columns": []
    });
    for key in more {
        fields[key] = json!([]);
    }
    for (key, value) in constraint.as_object().into_iter().flatten() {
        fields[key] = value.clone();
    }
    fields
}

/// `depends_on`.
pub(super) struct Needs<'a>(pub(super) &'a DependsOn);

impl Serialize for Needs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("macros", &self.0.macros)?;
        map.serialize_entry("nodes", &self.0.nodes)?;
        map.end()
    }
}

/// `sources`: pairs of names.
pub(super) struct SourcePairs<'a>(pub(super) &'a [SourceArgs]);

impl Serialize for SourcePairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for source in self.0 {
            list.serialize_element(&[&source.source, &source.table])?;
        }
        list.end()
    }
}

/// `refs` as a value.
pub(super) fn refs(refs: &[RefArgs]) -> Value {
    let one = |found: &RefArgs| json!({"name": found.name, "package": found.package, "version": found.version});
    refs.iter().map(one).collect()
}

/// `sources` as a value.
pub(super) fn source_pairs(sources: &[SourceArgs]) -> Value {
    sources.iter().map(|found| json!([found.source, found.table])).collect()
}

/// Fields of an object with what counts where one is missing; others are kept.
pub(super) fn complete(given: &Map<String, Value>, defaults: Value) -> Map<String, Value> {
    let mut fields = match defaults {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    fields.extend(given.iter().map(|(key, value)| (key.clone(), value.clone())));
    fields
}

/// Only the fields that the defaults name.
pub(super) fn only(given: &Value, defaults: Value) -> Value {
    let mut fields = defaults;
    for (key, value) in fields.as_object_mut().into_iter().flatten() {
        if let Some(given) = given.get(key).filter(|given| !given.is_null()) {
            *value = given.clone();
        }
    }
    fields
}

/// A path with `/` between its folders.
pub(super) fn path_text(path: &std::path::Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
