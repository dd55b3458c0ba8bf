//! The manifest of another run, as far as it is compared. dbt's own are read, of any version.

use std::collections::HashMap;

use millstream_core::error::{Coded, Fault};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::context::Deferred;
use crate::manifest::{Argument, Overload, Returns, UniqueId};

/// A manifest of another run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct PreviousManifest {
    metadata: Metadata,
    nodes: HashMap<String, PreviousNode>,
    sources: HashMap<String, PreviousNode>,
    functions: HashMap<String, PreviousNode>,
    macros: HashMap<String, PreviousMacro>,
    exposures: HashMap<String, Map<String, Value>>,
    metrics: HashMap<String, Map<String, Value>>,
    semantic_models: HashMap<String, Map<String, Value>>,
    saved_queries: HashMap<String, Map<String, Value>>,
    unit_tests: HashMap<String, Map<String, Value>>,
    #[serde(deserialize_with = "or_default")]
    child_map: HashMap<String, Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    dbt_schema_version: String,
}

/// A node, source or function of the manifest of another run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PreviousNode {
    pub resource_type: String,
    pub name: String,
    pub package_name: String,
    pub original_file_path: String,
    pub fqn: Vec<String>,
    pub database: Option<String>,
    pub schema: Option<String>,
    pub alias: Option<String>,
    pub identifier: Option<String>,
    pub relation_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub config: Map<String, Value>,
    #[serde(deserialize_with = "or_default")]
    pub unrendered_config: Map<String, Value>,
    #[serde(alias = "raw_sql")]
    pub raw_code: Option<String>,
    #[serde(alias = "compiled_sql")]
    pub compiled_code: Option<String>,
    pub checksum: Option<PreviousChecksum>,
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    #[serde(deserialize_with = "or_default")]
    pub columns: HashMap<String, PreviousColumn>,
    #[serde(deserialize_with = "or_default")]
    pub constraints: Vec<Value>,
    #[serde(deserialize_with = "or_default")]
    pub contract: PreviousContract,
    pub access: Option<String>,
    pub version: Option<Value>,
    pub latest_version: Option<Value>,
    pub deprecation_date: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub quoting: Map<String, Value>,
    pub freshness: Option<Value>,
    pub loaded_at_field: Option<String>,
    pub external: Option<Value>,
    pub unrendered_database: Option<String>,
    pub unrendered_schema: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub arguments: Vec<Argument>,
    pub returns: Option<Returns>,
    #[serde(deserialize_with = "or_default")]
    pub overloads: Vec<Overload>,
}

/// The checksum of a file.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PreviousChecksum {
    pub name: String,
    pub checksum: String,
}

/// A column of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PreviousColumn {
    pub name: String,
    #[serde(deserialize_with = "or_default")]
    pub description: String,
    pub data_type: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub constraints: Vec<Value>,
}

/// The contract of a node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
#[allow(missing_docs)]
pub struct PreviousContract {
    #[serde(deserialize_with = "or_default")]
    pub enforced: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PreviousMacro {
    pub(super) macro_sql: String,
}

/// Why the manifest of another run cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or its parts are not what they should be.
    #[error("the manifest of the other run cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// It is of another kind, or older than what can be compared.
    #[error(
        "Expected a schema version of \"https://schemas.getdbt.com/dbt/manifest/v12.json\" but found \"{0}\""
    )]
    Version(String),
}

impl Coded for ReadError {
    fn code(&self) -> &'static str {
        "dbt.state.unreadable"
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        Some("`--state` is the folder with the manifest.json of another run".to_owned())
    }
}

/// The first version whose parts have the names that are compared.
const VERSION_MIN: u32 = 4;

impl PreviousManifest {
    /// From the text of a `manifest.json`.
    pub fn read(json: &[u8]) -> Result<Self, ReadError> {
        let manifest: Self = serde_json::from_slice(json)?;
        let schema = &manifest.metadata.dbt_schema_version;
        match version(schema) {
            Some(version) if version >= VERSION_MIN => Ok(manifest),
            None if schema.is_empty() => Ok(manifest),
            _ => Err(ReadError::Version(schema.clone())),
        }
    }

    /// Whether it has a resource.
    pub fn contains(&self, id: &str) -> bool {
        self.node(id).is_some() || self.resource(id).is_some()
    }

    /// A node, source or function.
    pub fn node(&self, id: &str) -> Option<&PreviousNode> {
        let others = || self.sources.get(id).or_else(|| self.functions.get(id));
        self.nodes.get(id).or_else(others)
    }

    /// The nodes, with their ids.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &PreviousNode)> {
        self.nodes.iter().map(|(id, node)| (id.as_str(), node))
    }

    /// The relations of its models, seeds, snapshots and functions.
    pub fn relations(&self) -> impl Iterator<Item = (UniqueId, Deferred)> {
        let nodes = self.tables().filter_map(|id| Some((id, self.nodes.get(id)?)));
        let made = nodes.filter(|(_, node)| {
            node.config.get("materialized").and_then(Value::as_str) != Some("ephemeral")
        });
        let functions = self.functions.iter().map(|(id, node)| (id.as_str(), node));
        made.chain(functions).map(|(id, node)| {
            let deferred = Deferred {
                database: node.database.clone(),
                schema: node.schema.clone().unwrap_or_default(),
                identifier: node.alias.clone().unwrap_or_else(|| node.name.clone()),
                relation_name: node.relation_name.clone(),
            };
            (UniqueId::new(id), deferred)
        })
    }

    /// The models, seeds and snapshots.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &str> {
        let is_table =
            |id: &&str| ["model.", "seed.", "snapshot."].iter().any(|start| id.starts_with(start));
        self.nodes.keys().map(String::as_str).filter(is_table)
    }

    /// What read a node, directly or not.
    pub(crate) fn downstream<'s>(&'s self, id: &'s str) -> Vec<&'s str> {
        let mut found = std::collections::BTreeSet::new();
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let children = self.child_map.get(id).into_iter().flatten();
            open.extend(children.map(String::as_str).filter(|child| found.insert(*child)));
        }
        found.into_iter().collect()
    }

    /// What is neither node nor source.
    pub(super) fn resource(&self, id: &str) -> Option<&Map<String, Value>> {
        let all = [
            &self.exposures,
            &self.metrics,
            &self.semantic_models,
            &self.saved_queries,
            &self.unit_tests,
        ];
        all.into_iter().find_map(|resources| resources.get(id))
    }

    pub(super) fn macro_sql(&self, id: &str) -> Option<&str> {
        self.macros.get(id).map(|found| found.macro_sql.as_str())
    }
}

impl PreviousNode {
    /// Its text as it stood in the file.
    pub fn code(&self) -> &str {
        self.raw_code.as_deref().unwrap_or_default()
    }
}

/// `null` is what nothing is.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The number in `https://schemas.getdbt.com/dbt/manifest/v12.json`.
fn version(schema: &str) -> Option<u32> {
    let file = schema.split_once("/manifest/v")?.1;
    file.strip_suffix(".json")?.parse().ok()
}
