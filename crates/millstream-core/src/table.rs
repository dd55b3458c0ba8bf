//! Plain data about lake tables.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::CatalogEntry;
use crate::error::{Error, Plain};
use crate::id::AttemptId;
use crate::name::Relation;

/// How new rows meet those of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// The new rows are the table.
    Replace,
    /// The new rows are added.
    Append,
    /// A new row takes the place of the one with the same key; other rows stay.
    Merge {
        /// Columns that make the key; never null.
        key: Vec<String>,
    },
}

/// Where and how rows are staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRequest {
    /// The table.
    pub relation: Relation,
    /// How the rows meet those that are there.
    pub mode: WriteMode,
    /// Names the files.
    pub attempt: AttemptId,
}

/// A data file of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Path relative to the table's root.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Statistics as the Delta log keeps them (JSON).
    pub stats: String,
}

/// Files that are written and durable, but that no version of the table names yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedTable {
    /// The table.
    pub relation: Relation,
    /// The version on which it builds; `None` if there is no table yet.
    pub base_version: Option<u64>,
    /// The schema after the publication, as the Delta log writes it (JSON).
    pub schema: String,
    /// Files that the new version adds.
    pub add: Vec<DataFile>,
    /// Files of the base version that the new one no longer has.
    pub remove: Vec<String>,
    /// Rows in `add`.
    pub rows: u64,
    /// Bytes in `add`.
    pub bytes: u64,
}

/// A version of a table, for `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableVersion {
    /// Of the Delta log.
    pub version: u64,
    /// Microseconds since 1970.
    pub at: i64,
    /// `replace`, `append`, `merge`, `optimize`.
    pub operation: String,
    /// Application and sequence that published it.
    pub effect: Option<String>,
    /// Files added and removed.
    pub files_added: u64,
    /// Files removed.
    pub files_removed: u64,
}

/// What a step publishes under the name of a relation; the payload of its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TablePayload {
    /// A view; it lives in the ledger alone.
    View {
        /// The query.
        view: String,
    },
    /// The next version of a lake table.
    Files(StagedTable),
}

impl TablePayload {
    /// Reads the payload of a target.
    pub fn read(payload: &Value) -> Result<Self, Error> {
        serde_json::from_value(payload.clone()).map_err(|error| {
            Plain::internal("table.bad_payload", format!("not a table: {error}")).into()
        })
    }

    /// The payload as a target has it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("plain data is always JSON")
    }

    /// What the relation will be once this is published.
    pub fn into_entry(self) -> CatalogEntry {
        match self {
            Self::View { view } => CatalogEntry::View { sql: view },
            Self::Files(staged) => CatalogEntry::Staged(Arc::new(staged)),
        }
    }
}
