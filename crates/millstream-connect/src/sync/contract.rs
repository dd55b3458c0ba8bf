//! What a sync notes for the next one, and whether the table can still be what is asked of it.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::name::snake_case;
use millstream_core::spec::{ColumnSpec, Columns, ContractMode, StreamSpec, SyncMode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SyncStep;
use crate::columns::{self, declared_type, type_name, widen};
use crate::error::SyncError;

/// The checkpoint of a sync: that of its source, and what the table is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SyncCheckpoint {
    /// The columns.
    #[serde(default)]
    pub columns: Vec<ColumnMark>,
    /// What was asked of its rows; a checkpoint of an earlier version has none.
    #[serde(default)]
    pub rules: Option<RowRules>,
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

/// What a stream asks of the rows of its table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RowRules {
    key: Vec<String>,
    not_null: Vec<String>,
}

impl RowRules {
    /// Those of a step.
    pub(super) fn of(step: &SyncStep) -> Self {
        let needed = declared(&step.stream).filter(|column| column.not_null);
        let not_null = needed.map(|column| snake_case(&column.name)).collect();
        Self { key: step.key.clone(), not_null }
    }
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

/// The schema of what is read, with the types that the stream declares also where no record has
/// shown them: a source without new records may know the columns of the last sync alone.
pub(super) fn with_declared(stream: &StreamSpec, read: &SchemaRef) -> Result<Schema, SyncError> {
    let mut fields: Vec<Field> = read.fields().iter().map(|f| f.as_ref().clone()).collect();
    for column in declared(stream) {
        let Some(data_type) = declared_type(&stream.name, column)? else { continue };
        let name = snake_case(&column.name);
        match fields.iter_mut().find(|field| *field.name() == name) {
            Some(field) => *field = field.clone().with_data_type(data_type),
            None => fields.push(columns::field(&name, &column.name, data_type)),
        }
    }
    Ok(Schema::new(fields))
}

/// What a declaration means for a table that keeps its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TableChange {
    /// The table has all of it.
    None,
    /// It gets columns, or wider ones.
    Grows,
}

/// Compares what the stream declares with what the table became by the last sync. What the rows
/// that are there cannot be is refused; a table that is replaced takes everything.
pub(super) fn compare(step: &SyncStep, before: &SyncCheckpoint) -> Result<TableChange, SyncError> {
    if step.stream.sync == SyncMode::Replace || before.columns.is_empty() {
        return Ok(TableChange::None);
    }
    let mut change = TableChange::None;
    let mut refused = Vec::new();
    for column in declared(&step.stream) {
        let Some(wanted) = declared_type(&step.stream.name, column)? else { continue };
        match in_table(before, column).map(|mark| &*mark.data_type) {
            None => change = TableChange::Grows,
            Some(has) if has == type_name(&wanted) => {}
            Some(has) if grows(has, &wanted) => change = TableChange::Grows,
            Some(has) => refused.push(format!(
                "column `{}` is {has} in the table and declared {}",
                column.name,
                type_name(&wanted)
            )),
        }
    }
    refused.extend(before.rules.iter().flat_map(|rules| broken_rules(rules, &RowRules::of(step))));
    if refused.is_empty() {
        return Ok(change);
    }
    Err(SyncError::DeclarationChanged {
        stream: step.stream.name.clone(),
        change: refused.join("; "),
    })
}

/// The declared columns of a stream; those that are only named are none.
fn declared(stream: &StreamSpec) -> impl Iterator<Item = &ColumnSpec> {
    stream.columns.iter().flatten().filter_map(|column| match column {
        Columns::Declared(spec) => Some(spec),
        Columns::Name(_) => None,
    })
}

fn in_table<'a>(before: &'a SyncCheckpoint, column: &ColumnSpec) -> Option<&'a ColumnMark> {
    let name = snake_case(&column.name);
    before.columns.iter().find(|mark| mark.name == name)
}

/// Whether a column of the table can grow into a type: integers can, as in the lake.
fn grows(has: &str, wanted: &DataType) -> bool {
    let integers = [DataType::Int16, DataType::Int32, DataType::Int64];
    let has = integers.iter().find(|integer| type_name(integer) == has);
    integers.contains(wanted) && has.is_some_and(|has| widen(has, wanted) == *wanted)
}

/// What the rows of the table need not be by the rules under which they came.
fn broken_rules(before: &RowRules, now: &RowRules) -> Vec<String> {
    let named = |key: &[String]| match key {
        [] => "none".to_owned(),
        columns => format!("`{}`", columns.join("`, `")),
    };
    let mut broken = Vec::new();
    if before.key != now.key {
        broken.push(format!("the key was {} and is {}", named(&before.key), named(&now.key)));
    }
    let newly = now.not_null.iter().filter(|column| !before.not_null.contains(column));
    broken.extend(newly.map(|column| format!("column `{column}` was not yet `not_null`")));
    broken
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
