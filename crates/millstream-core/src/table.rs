//! Plain data about lake tables.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalog::CatalogEntry;
use crate::comments::Comments;
use crate::error::{Error, Plain};
use crate::id::AttemptId;
use crate::name::Relation;

/// How new rows meet those of a table.
///
/// A condition is SQL over the columns of the table. In it the table's row is
/// `dbt_internal_dest`, and the new row, where there is one, is `dbt_internal_source`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// The new rows are the table.
    Replace,
    /// The new rows are added.
    Append,
    /// A new row takes the place of those with the same key; other rows stay.
    Merge {
        /// Columns that make the key. Of several new rows with one key the last counts.
        key: Vec<String>,
        /// Where the merge differs from the plain one.
        #[serde(default)]
        rules: MergeRules,
    },
    /// Rows whose key occurs among the new rows go, then all new rows are added. Keys need not
    /// be unique; a key with a null matches nothing.
    DeleteInsert {
        /// Columns that make the key.
        key: Vec<String>,
        /// Conditions that a row must meet besides to go.
        #[serde(default)]
        conditions: Vec<String>,
    },
    /// The new rows take the place of a part of the table.
    Overwrite {
        /// The rows that go.
        part: TablePart,
    },
}

impl WriteMode {
    /// The plain merge: whole rows, by a key that is never null.
    pub fn merge(key: Vec<String>) -> Self {
        Self::Merge { key, rules: MergeRules::default() }
    }

    /// Columns by which a new row finds those whose place it takes.
    pub fn key(&self) -> &[String] {
        match self {
            Self::Merge { key, .. } | Self::DeleteInsert { key, .. } => key,
            Self::Replace | Self::Append | Self::Overwrite { .. } => &[],
        }
    }

    /// Whether some old rows go while others stay, so that their files are written anew.
    pub fn rewrites_files(&self) -> bool {
        match self {
            Self::Replace | Self::Append => false,
            Self::Merge { .. } | Self::DeleteInsert { .. } | Self::Overwrite { .. } => true,
        }
    }
}

/// Where a merge differs from the plain one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeRules {
    /// What a matched row takes from the new one.
    #[serde(default)]
    pub update: UpdateColumns,
    /// Conditions that a pair of rows with one key must meet to match. A new row that matches
    /// nothing is added, whatever its key.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// What a key with a null means.
    #[serde(default)]
    pub null_keys: NullKeys,
}

/// The columns that a matched row takes from the new one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateColumns {
    /// All.
    #[default]
    All,
    /// These.
    Only(Vec<String>),
    /// All but these.
    Except(Vec<String>),
}

/// What a key with a null means to a merge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NullKeys {
    /// A mistake: nothing is written.
    #[default]
    Refuse,
    /// It matches nothing, so that its row is added.
    Insert,
}

/// The part of a table that new rows take the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TablePart {
    /// The rows that have the values of these columns in common with a new row; null is a value.
    SameValues(Vec<String>),
    /// The rows that meet a condition, such as a range of time.
    Where(String),
}

/// How a table takes rows whose columns are not its own. Replacing a table takes any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaChange {
    /// New columns come last, missing ones are null, integers grow; other types must stay.
    #[default]
    Evolve,
    /// New columns are left out, missing ones are null, values become the types of the table.
    Ignore,
    /// Any difference refuses the rows.
    Fail,
    /// New columns come last, missing ones are null, values become the types of the table.
    AppendNewColumns,
    /// The table gets the columns and types of the rows; its files are written anew when one goes
    /// or changes.
    SyncAllColumns,
}

/// How large the files of a table become.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSize {
    /// For tables that are read more than they are changed.
    #[default]
    Large,
    /// For tables of which some rows change: every file with such a row is written anew.
    Small,
}

/// Where and how rows are staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteRequest {
    /// The table.
    pub relation: Relation,
    /// How the rows meet those that are there.
    pub mode: WriteMode,
    /// How the table takes rows whose columns are not its own.
    #[serde(default)]
    pub schema_change: SchemaChange,
    /// The files of a table that is replaced; see [`WriteMode::rewrites_files`] for others.
    #[serde(default)]
    pub file_size: FileSize,
    /// Names the files.
    pub attempt: AttemptId,
    /// The comments that the table has from now on. Without them those of columns that stay stay.
    #[serde(default)]
    pub comments: Option<Comments>,
}

impl WriteRequest {
    /// A request with the default handling of other columns.
    pub fn new(relation: Relation, mode: WriteMode, attempt: AttemptId) -> Self {
        let (schema_change, file_size) = (SchemaChange::default(), FileSize::default());
        Self { relation, mode, schema_change, file_size, attempt, comments: None }
    }

    /// The same request with another handling of other columns.
    #[must_use]
    pub fn with_schema_change(mut self, schema_change: SchemaChange) -> Self {
        self.schema_change = schema_change;
        self
    }

    /// The same request with comments for the table.
    #[must_use]
    pub fn with_comments(mut self, comments: Option<Comments>) -> Self {
        self.comments = comments;
        self
    }
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
    /// The schema after the publication, as the Delta log writes it (JSON), with the comments of
    /// columns.
    pub schema: String,
    /// The comment of the table after the publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The version of the asset that has the same rows, if the rows are not new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_of: Option<u64>,
    /// How large the files of the table become from now on.
    #[serde(default)]
    pub file_size: FileSize,
    /// Files that the new version adds.
    pub add: Vec<DataFile>,
    /// Files of the base version that the new one no longer has.
    pub remove: Vec<String>,
    /// Rows in `add`.
    pub rows: u64,
    /// Bytes in `add`.
    pub bytes: u64,
}

impl StagedTable {
    /// The names of the columns after the publication.
    pub fn columns(&self) -> Vec<String> {
        let schema: Value = serde_json::from_str(&self.schema).unwrap_or_default();
        let fields = schema["fields"].as_array().into_iter().flatten();
        fields.filter_map(|field| Some(field["name"].as_str()?.to_owned())).collect()
    }

    /// What the receipt of its publication tells readers of the ledger.
    pub fn detail(&self) -> Value {
        told(json!({ "rows": self.rows }), self.rows_of)
    }
}

/// A detail of a receipt with what [`Receipt::rows_of`](crate::step::Receipt::rows_of) reads.
fn told(mut detail: Value, rows_of: Option<u64>) -> Value {
    if let Some(rows_of) = rows_of {
        detail["rows_of"] = json!(rows_of);
    }
    detail
}

/// A version of a table, for `history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableVersion {
    /// Of the Delta log.
    pub version: u64,
    /// Microseconds since 1970.
    pub at: i64,
    /// `replace`, `append`, `merge`, `delete_insert`, `overwrite`, `optimize`,
    /// `describe`.
    pub operation: String,
    /// Application and sequence that published it.
    pub effect: Option<String>,
    /// Files added and removed.
    pub files_added: u64,
    /// Files removed.
    pub files_removed: u64,
}

/// A relation that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dropped {
    /// A view; it was in the ledger alone.
    View,
    /// A table; its last version has no rows, so that its files can go.
    Table(StagedTable),
}

/// What a step publishes under the name of a relation; the payload of its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TablePayload {
    /// A view; it lives in the ledger alone.
    View {
        /// The query.
        view: String,
        /// What is said of it.
        #[serde(default, skip_serializing_if = "Comments::is_empty")]
        comments: Comments,
        /// The version of the asset with the same query, if only the comments are new.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows_of: Option<u64>,
    },
    /// No relation any more.
    Dropped {
        /// What there was.
        dropped: Dropped,
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

    /// The table that its publication changes, if it changes one.
    pub fn table(&self) -> Option<&StagedTable> {
        match self {
            Self::View { .. } | Self::Dropped { dropped: Dropped::View } => None,
            Self::Dropped { dropped: Dropped::Table(table) } | Self::Files(table) => Some(table),
        }
    }

    /// A view without comments.
    pub fn view(sql: impl Into<String>) -> Self {
        Self::View { view: sql.into(), comments: Comments::default(), rows_of: None }
    }

    /// What the receipt of its publication tells readers of the ledger.
    pub fn detail(&self) -> Value {
        match self {
            Self::View { view, comments, rows_of } => {
                let mut detail = json!({ "view": view });
                if !comments.is_empty() {
                    detail["comments"] = json!(comments);
                }
                told(detail, *rows_of)
            }
            Self::Dropped { .. } => json!({ "dropped": true }),
            Self::Files(staged) => staged.detail(),
        }
    }

    /// What the relation will be once this is published; `None` if it will be none.
    pub fn into_entry(self) -> Option<CatalogEntry> {
        match self {
            Self::View { view, comments, .. } => {
                Some(CatalogEntry::View { sql: view, comments: Arc::new(comments) })
            }
            Self::Dropped { .. } => None,
            Self::Files(staged) => Some(CatalogEntry::Staged(Arc::new(staged))),
        }
    }
}
