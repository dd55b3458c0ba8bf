//! Plain data about lake tables.

use serde::{Deserialize, Serialize};

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
