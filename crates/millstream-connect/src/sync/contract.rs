//! What a sync notes for the next one, and whether the columns still are what they were.

use arrow::datatypes::Schema;
use millstream_core::spec::{ContractMode, StreamSpec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::columns::type_name;
use crate::error::SyncError;

/// The checkpoint of a sync: that of its source, and the columns that the table has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SyncCheckpoint {
    /// The columns.
    #[serde(default)]
    pub columns: Vec<ColumnMark>,
    /// Where the source goes on.
    #[serde(default)]
    pub source: Option<Value>,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColumnMark {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
}

impl SyncCheckpoint {
    /// Reads a checkpoint of the ledger; none is empty.
    pub(super) fn read(checkpoint: Option<&Value>) -> Self {
        checkpoint.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
    }

    /// The checkpoint as the ledger keeps it.
    pub(super) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a checkpoint is plain data, which is always JSON")
    }
}

/// The columns of a schema, for the checkpoint.
pub(super) fn marks(schema: &Schema) -> Vec<ColumnMark> {
    let mark = |field: &arrow::datatypes::FieldRef| ColumnMark {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
    };
    schema.fields().iter().map(mark).collect()
}

/// Refuses columns that differ from those of the last sync, if the contract is `freeze`.
pub(super) fn refuse_change(
    stream: &StreamSpec,
    before: &[ColumnMark],
    schema: &Schema,
) -> Result<(), SyncError> {
    if stream.contract == ContractMode::Evolve || before.is_empty() {
        return Ok(());
    }
    let now = marks(schema);
    let mut changes = Vec::new();
    for mark in before {
        match now.iter().find(|column| column.name == mark.name) {
            None => changes.push(format!("column `{}` is gone", mark.name)),
            Some(column) if column.data_type != mark.data_type => changes.push(format!(
                "column `{}` was {} and is {}",
                mark.name, mark.data_type, column.data_type
            )),
            Some(_) => {}
        }
    }
    let is_new = |column: &&ColumnMark| before.iter().all(|mark| mark.name != column.name);
    changes.extend(now.iter().filter(is_new).map(|new| format!("column `{}` is new", new.name)));
    if changes.is_empty() {
        return Ok(());
    }
    Err(SyncError::ContractBroken { stream: stream.name.clone(), change: changes.join("; ") })
}
