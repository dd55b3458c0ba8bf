//! `catalog.json`: what is in the warehouse, of what the project knows.

use std::collections::{BTreeMap, HashMap, HashSet};

use indexmap::IndexMap;
use millstream_core::error::Plain as PlainError;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::meta::{Artifact, Metadata, Plain};
use crate::Manifest;
use crate::manifest::{NodeKind, UniqueId};

/// What is in the warehouse.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// The command.
    pub metadata: Metadata,
    /// The relations of nodes.
    pub nodes: BTreeMap<UniqueId, CatalogTable>,
    /// The relations of sources.
    pub sources: BTreeMap<UniqueId, CatalogTable>,
    /// What could not be asked.
    pub errors: Vec<String>,
}

/// A relation of the warehouse.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CatalogTable {
    /// Where it is, and what: `type`, `schema`, `name`, `database`, `comment`, `owner`.
    pub metadata: Map<String, Value>,
    /// Its columns.
    pub columns: IndexMap<String, CatalogColumn>,
    /// What else the warehouse says of it.
    pub stats: BTreeMap<String, CatalogStat>,
}

/// A column of a relation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CatalogColumn {
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Its place.
    pub index: i64,
    /// Its name.
    pub name: String,
    /// The comment in the warehouse.
    pub comment: Option<String>,
}

/// A fact that the warehouse knows of a relation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CatalogStat {
    /// Its id: `size`.
    pub id: String,
    /// What it is called.
    pub label: Value,
    /// The fact.
    pub value: Value,
    /// Whether it is shown.
    pub include: bool,
    /// What it means.
    pub description: Value,
}

/// Database, schema and name in lower case.
type Key = (Option<String>, String, String);

impl Catalog {
    /// Of the rows that the catalog's query gave, one for each column of each relation. The names
    /// of their columns are dbt's: `table_schema`, `column_name`, `stats:size:value`. `selected`
    /// are the nodes and sources that count, if not all do.
    pub fn of_rows(
        manifest: &Manifest,
        rows: impl IntoIterator<Item = Map<String, Value>>,
        selected: Option<&HashSet<UniqueId>>,
    ) -> Result<Self, PlainError> {
        let mut tables: IndexMap<Key, CatalogTable> = IndexMap::new();
        for row in rows {
            let table = tables.entry(key_of_row(&row)?).or_insert_with(|| table(&row));
            let column = column(&row)?;
            table.columns.insert(column.name.clone(), column);
        }
        let is_selected = |id: &UniqueId| selected.is_none_or(|selected| selected.contains(id));
        let mut catalog = Self::default();
        let nodes: HashMap<Key, &UniqueId> = manifest
            .nodes_of(|kind| !matches!(kind, NodeKind::Function(_)))
            .map(|node| (key(node.database.as_deref(), &node.schema, &node.alias), &node.unique_id))
            .collect();
        let mut sources: HashMap<Key, Vec<&UniqueId>> = HashMap::new();
        for source in manifest.sources.values() {
            let key = key(source.database.as_deref(), &source.schema, &source.identifier);
            sources.entry(key).or_default().push(&source.unique_id);
        }
        for (key, table) in tables {
            let ids = sources.get(&key).into_iter().flatten().filter(|id| is_selected(id));
            catalog.sources.extend(ids.map(|id| ((*id).clone(), table.clone())));
            if let Some(id) = nodes.get(&key).filter(|id| is_selected(id)) {
                catalog.nodes.insert((*id).clone(), table);
            }
        }
        Ok(catalog)
    }
}

type Row = Map<String, Value>;

fn key(database: Option<&str>, schema: &str, name: &str) -> Key {
    (database.map(str::to_lowercase), schema.to_lowercase(), name.to_lowercase())
}

fn key_of_row(row: &Row) -> Result<Key, PlainError> {
    let database = row.get("table_database").and_then(Value::as_str);
    Ok(key(database, &text(row, "table_schema")?, &text(row, "table_name")?))
}

fn text(row: &Row, name: &str) -> Result<String, PlainError> {
    match row.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) if !value.is_null() => Ok(value.to_string()),
        _ => {
            let message = format!("Catalog information missing required key {name}");
            Err(PlainError::user("dbt.catalog.incomplete", message)
                .with_hint("the macro `get_catalog` names its columns as dbt does"))
        }
    }
}

fn table(row: &Row) -> CatalogTable {
    let part = |key: &str| row.get(&format!("table_{key}")).cloned();
    let metadata = ["type", "schema", "name", "database", "comment", "owner"]
        .into_iter()
        .map(|key| (key.to_owned(), part(key).unwrap_or(Value::Null)))
        .collect();
    CatalogTable { metadata, columns: IndexMap::new(), stats: stats(row) }
}

fn column(row: &Row) -> Result<CatalogColumn, PlainError> {
    let index = text(row, "column_index")?;
    Ok(CatalogColumn {
        data_type: text(row, "column_type")?,
        index: index.parse::<f64>().unwrap_or_default() as i64,
        name: text(row, "column_name")?,
        comment: text(row, "column_comment").ok(),
    })
}

fn stats(row: &Row) -> BTreeMap<String, CatalogStat> {
    let ids: HashSet<&str> =
        row.keys().filter_map(|name| name.strip_prefix("stats:")?.split(':').next()).collect();
    let part = |id: &str, what: &str| {
        row.get(&format!("stats:{id}:{what}")).cloned().unwrap_or(Value::Null)
    };
    let mut stats: BTreeMap<String, CatalogStat> = ids
        .into_iter()
        .filter(|id| part(id, "include") == Value::Bool(true))
        .map(|id| {
            let stat = CatalogStat {
                id: id.to_owned(),
                label: part(id, "label"),
                value: part(id, "value"),
                include: true,
                description: part(id, "description"),
            };
            (id.to_owned(), stat)
        })
        .collect();
    let has_stats = CatalogStat {
        id: "has_stats".to_owned(),
        label: "Has Stats?".into(),
        value: (!stats.is_empty()).into(),
        include: false,
        description: "Indicates whether there are statistics for this table".into(),
    };
    stats.insert("has_stats".to_owned(), has_stats);
    stats
}

impl Serialize for Catalog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let errors = (!self.errors.is_empty()).then_some(&self.errors);
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("metadata", &Plain(&self.metadata, Artifact::Catalog))?;
        map.serialize_entry("nodes", &Tables(&self.nodes))?;
        map.serialize_entry("sources", &Tables(&self.sources))?;
        map.serialize_entry("errors", &errors)?;
        map.end()
    }
}

struct Tables<'a>(&'a BTreeMap<UniqueId, CatalogTable>);

impl Serialize for Tables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let view = |(id, table): (&'_ UniqueId, &'_ CatalogTable)| {
            let mut fields = Map::new();
            fields.insert("metadata".to_owned(), Value::Object(table.metadata.clone()));
            let columns = table.columns.iter().map(|(name, column)| (name.clone(), json!(column)));
            fields.insert("columns".to_owned(), Value::Object(columns.collect()));
            fields.insert("stats".to_owned(), json!(table.stats));
            fields.insert("unique_id".to_owned(), json!(id));
            fields
        };
        serializer.collect_map(self.0.iter().map(|(id, table)| (id, view((id, table)))))
    }
}
