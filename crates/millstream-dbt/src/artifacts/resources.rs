//! Sources, macros, docs, exposures, groups and unit tests as `manifest.json` has them.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::contract::{hex, python};
use super::fields::{Columns, ConfigView, complete, meta, only, path_text, refs, source_pairs};
use super::node::{NodeView, Shape};
use super::semantic;
use crate::manifest::{Doc, Exposure, FreshnessPeriod, Group, MacroDef, SourceTable, UnitTest};
use crate::select::Entry;

/// An entry of the graph with dbt's keys.
pub fn entry_dict(entry: Entry<'_>, shape: Shape) -> Value {
    let value = match entry {
        Entry::Node(node) => serde_json::to_value(NodeView { node, compiled: None, shape }),
        Entry::Source(source) => serde_json::to_value(SourceView(source, 0.0)),
        Entry::Exposure(found) => Ok(exposure(found, 0.0)),
        Entry::Semantic(found) => Ok(semantic::resource(found, 0.0)),
        Entry::UnitTest(found) => Ok(unit_test(found, None, 0.0)),
    };
    value.unwrap_or_default()
}

/// A source, with the moment at which it was read.
pub(super) struct SourceView<'a>(pub(super) &'a SourceTable, pub(super) f64);

impl Serialize for SourceView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let source = self.0;
        let file = path_text(&source.original_file_path);
        let quoting = Value::Object(source.quoting.clone());
        let no_quoting =
            json!({"database": null, "schema": null, "identifier": null, "column": null});
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("database", &source.database)?;
        map.serialize_entry("schema", &source.schema)?;
        map.serialize_entry("name", &source.name)?;
        map.serialize_entry("resource_type", "source")?;
        map.serialize_entry("package_name", &source.package_name)?;
        map.serialize_entry("path", &file)?;
        map.serialize_entry("original_file_path", &file)?;
        map.serialize_entry("unique_id", &source.unique_id)?;
        map.serialize_entry("fqn", &source.fqn)?;
        map.serialize_entry("source_name", &source.source_name)?;
        map.serialize_entry("source_description", &source.source_description)?;
        map.serialize_entry("loader", &source.loader)?;
        map.serialize_entry("identifier", &source.identifier)?;
        map.serialize_entry("quoting", &only(&quoting, no_quoting))?;
        map.serialize_entry("loaded_at_field", &source.loaded_at_field)?;
        map.serialize_entry("loaded_at_query", &source.loaded_at_query)?;
        map.serialize_entry("freshness", &freshness_dict(source))?;
        map.serialize_entry("external", &source.external.as_ref().map(external))?;
        map.serialize_entry("description", &source.description)?;
        map.serialize_entry("columns", &Columns(&source.columns))?;
        map.serialize_entry("meta", &meta(&source.config))?;
        map.serialize_entry("source_meta", &source.source_meta)?;
        map.serialize_entry("tags", &source.config.tags())?;
        map.serialize_entry("config", &ConfigView(&source.config))?;
        map.serialize_entry("patch_path", &source.patch_path)?;
        map.serialize_entry("unrendered_config", &source.unrendered_config)?;
        map.serialize_entry("relation_name", &source.relation_name)?;
        map.serialize_entry("created_at", &self.1)?;
        map.serialize_entry("unrendered_database", &source.unrendered_database)?;
        map.serialize_entry("unrendered_schema", &source.unrendered_schema)?;
        map.serialize_entry("doc_blocks", &source.doc_blocks)?;
        map.end()
    }
}

/// What is said of a table outside of the warehouse.
fn external(said: &Value) -> Value {
    let table = json!({
        "location": null, "file_format": null, "row_format": null, "tbl_properties": null,
        "partitions": null
    });
    let mut table = with(table, said);
    let partition = json!({"name": "", "description": "", "data_type": "", "meta": {}});
    for one in table["partitions"].as_array_mut().into_iter().flatten() {
        if one.is_object() {
            *one = with(partition.clone(), one);
        }
    }
    table
}

/// How old a source may be, as artifacts write it: a period that is not said has no parts, rather
/// than being nothing.
pub fn freshness_dict(source: &SourceTable) -> Value {
    let Some(freshness) = &source.freshness else { return Value::Null };
    let said = source.config.get("freshness");
    let period = |key: &str, period: Option<&FreshnessPeriod>| match period {
        Some(period) => json!(period),
        None if said.and_then(|said| said.get(key)) == Some(&Value::Null) => Value::Null,
        None => json!({"count": null, "period": null}),
    };
    json!({
        "warn_after": period("warn_after", freshness.warn_after.as_ref()),
        "error_after": period("error_after", freshness.error_after.as_ref()),
        "filter": freshness.filter,
    })
}

/// A macro.
pub(super) struct MacroView<'a>(pub(super) &'a MacroDef, pub(super) f64);

impl Serialize for MacroView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = self.0;
        let file = path_text(&found.original_file_path);
        let docs = json!({"show": true, "node_color": null});
        let docs = with(docs, &Value::Object(found.docs.clone()));
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &found.name)?;
        map.serialize_entry("resource_type", "macro")?;
        map.serialize_entry("package_name", &found.package_name)?;
        map.serialize_entry("path", &file)?;
        map.serialize_entry("original_file_path", &file)?;
        map.serialize_entry("unique_id", &found.unique_id)?;
        map.serialize_entry("macro_sql", found.text())?;
        map.serialize_entry("depends_on", &json!({"macros": found.depends_on}))?;
        map.serialize_entry("description", &found.description)?;
        map.serialize_entry("meta", &found.meta)?;
        map.serialize_entry("docs", &docs)?;
        map.serialize_entry("config", &json!({"meta": found.meta, "docs": docs}))?;
        map.serialize_entry("patch_path", &found.patch_path)?;
        map.serialize_entry("arguments", &arguments(&found.arguments))?;
        map.serialize_entry("created_at", &self.1)?;
        map.serialize_entry("supported_languages", &found.supported_languages)?;
        map.end()
    }
}

fn arguments(arguments: &[Value]) -> Vec<Value> {
    let defaults = || json!({"name": "", "type": null, "description": ""});
    arguments.iter().map(|argument| only(argument, defaults())).collect()
}

/// A docs block.
pub(super) struct DocView<'a>(pub(super) &'a Doc);

impl Serialize for DocView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let doc = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &doc.name)?;
        map.serialize_entry("resource_type", "doc")?;
        map.serialize_entry("package_name", &doc.package_name)?;
        map.serialize_entry("path", &below_its_folder(&doc.original_file_path))?;
        map.serialize_entry("original_file_path", &path_text(&doc.original_file_path))?;
        map.serialize_entry("unique_id", &doc.unique_id)?;
        map.serialize_entry("block_contents", &doc.block_contents)?;
        map.end()
    }
}

/// `staging/schema.yml` of `models/staging/schema.yml`.
pub(super) fn below_its_folder(path: &std::path::Path) -> String {
    let text = path_text(path);
    match text.split_once('/') {
        Some((_, below)) => below.to_owned(),
        None => text,
    }
}

/// A use outside of dbt.
pub(super) fn exposure(exposure: &Exposure, created_at: f64) -> Value {
    let defaults = json!({
        "type": null, "owner": {}, "description": "", "label": null, "maturity": null,
        "url": null, "metrics": [], "unrendered_config": {}
    });
    let mut fields = complete(&exposure.properties, defaults);
    let owner = json!({"email": null, "name": null});
    fields.insert("owner".to_owned(), with(owner, &fields["owner"]));
    let own = json!({
        "name": exposure.name,
        "resource_type": "exposure",
        "package_name": exposure.package_name,
        "path": below_its_folder(&exposure.original_file_path),
        "original_file_path": path_text(&exposure.original_file_path),
        "unique_id": exposure.unique_id,
        "fqn": exposure.fqn,
        "meta": meta(&exposure.config),
        "tags": exposure.config.tags(),
        "config": with(json!({"enabled": true, "tags": [], "meta": {}}), &config(&exposure.config)),
        "depends_on": {"macros": exposure.depends_on.macros, "nodes": exposure.depends_on.nodes},
        "refs": refs(&exposure.refs),
        "sources": source_pairs(&exposure.sources),
        "created_at": created_at,
    });
    with(own, &Value::Object(fields))
}

/// A group.
pub(super) fn group(group: &Group) -> Value {
    let owner = with(json!({"email": null, "name": null}), &Value::Object(group.owner.clone()));
    let fields = complete(&group.properties, json!({"description": null, "config": {"meta": {}}}));
    let own = json!({
        "name": group.name,
        "resource_type": "group",
        "package_name": group.package_name,
        "path": below_its_folder(&group.original_file_path),
        "original_file_path": path_text(&group.original_file_path),
        "unique_id": group.unique_id,
        "owner": owner,
    });
    with(own, &Value::Object(fields))
}

/// A unit test. `schema` is where the tested model is.
pub(super) fn unit_test(test: &UnitTest, schema: Option<&str>, created_at: f64) -> Value {
    let fixture = || json!({"rows": null, "format": "dict", "fixture": null});
    let given: Vec<Value> = test.given.iter().map(|given| with(fixture(), given)).collect();
    let overrides = test
        .overrides
        .as_ref()
        .map(|overrides| with(json!({"macros": {}, "vars": {}, "env_vars": {}}), overrides));
    let config = with(
        json!({"tags": [], "meta": {}, "enabled": true, "static_analysis": null}),
        &config(&test.config),
    );
    let expect = with(fixture(), &test.expect);
    let checksum = unit_test_checksum(test, &given, &expect, overrides.as_ref());
    json!({
        "model": test.model,
        "given": given,
        "expect": expect,
        "name": test.name,
        "resource_type": "unit_test",
        "package_name": test.package_name,
        "path": below_its_folder(&test.original_file_path),
        "original_file_path": path_text(&test.original_file_path),
        "unique_id": test.unique_id,
        "fqn": test.fqn,
        "description": test.description,
        "overrides": overrides,
        "depends_on": {"macros": test.depends_on.macros, "nodes": test.depends_on.nodes},
        "config": config,
        "checksum": checksum,
        "schema": schema,
        "created_at": created_at,
        "versions": test.versions,
        "version": test.version,
    })
}

/// dbt hashes the text that Python gives of all parts but the description.
fn unit_test_checksum(
    test: &UnitTest,
    given: &[Value],
    expect: &Value,
    overrides: Option<&Value>,
) -> String {
    let fixture = |value: &Value| {
        let format = value["format"].as_str().unwrap_or_default();
        let mut letters = format.chars();
        let class = match format {
            "csv" | "sql" => format.to_uppercase(),
            _ => {
                letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default()
                    + letters.as_str()
            }
        };
        format!(
            "rows={}, format=<UnitTestFormat.{class}: '{format}'>, fixture={}",
            python(&value["rows"]),
            python(&value["fixture"])
        )
    };
    let inputs: Vec<String> = given
        .iter()
        .map(|value| {
            let input = python(&value["input"]);
            format!("UnitTestInputFixture(input={input}, {})", fixture(value))
        })
        .collect();
    let overrides = overrides.map_or_else(
        || "None".to_owned(),
        |value| {
            let part = |key: &str| format!("{key}={}", python(&value[key]));
            let parts = ["macros", "vars", "env_vars"].map(part);
            format!("UnitTestOverrides({})", parts.join(", "))
        },
    );
    let versions = test.versions.as_ref().map_or_else(
        || "None".to_owned(),
        |rule| {
            let (include, exclude) = (python(&rule["include"]), python(&rule["exclude"]));
            format!("UnitTestNodeVersions(include={include}, exclude={exclude})")
        },
    );
    let mut text = format!(
        "{}-{versions}-[{}]-UnitTestOutputFixture({})-{overrides}",
        test.model,
        inputs.join(", "),
        fixture(expect)
    );
    for value in given.iter().filter(|value| value["fixture"].is_string()) {
        text.push('-');
        text.push_str(
            &value["rows"].as_str().map_or_else(|| python(&value["rows"]), str::to_owned),
        );
    }
    hex(&Sha256::digest(text.as_bytes()))
}

pub(super) fn config(config: &crate::manifest::Config) -> Value {
    Value::Object(serde_json::Map::clone(&config.0))
}

/// An object with the fields of another put over its own.
pub(super) fn with(base: Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Object(fields), Value::Object(over)) => {
            Value::Object(complete(over, Value::Object(fields)))
        }
        (base, _) => base,
    }
}
