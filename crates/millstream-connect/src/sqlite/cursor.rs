//! The column by which a sync finds what changed, and its values.

use arrow::datatypes::DataType;
use millstream_core::name::snake_case;
use millstream_core::spec::{StreamSpec, SyncMode};
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde::{Deserialize, Serialize};

use super::database::Declared;
use crate::columns::type_name;
use crate::records::error::SourceError;

/// A cursor's value, exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum CursorValue {
    Integer(i64),
    /// The bits of a double, since its decimal text may be read back as its neighbor.
    Real(u64),
    Text(String),
}

impl CursorValue {
    pub(super) fn of(value: ValueRef<'_>) -> Option<Self> {
        match value {
            ValueRef::Integer(number) => Some(Self::Integer(number)),
            ValueRef::Real(number) => Some(Self::Real(number.to_bits())),
            ValueRef::Text(bytes) => String::from_utf8(bytes.to_vec()).ok().map(Self::Text),
            ValueRef::Null | ValueRef::Blob(_) => None,
        }
    }

    pub(super) fn to_sql(&self) -> SqlValue {
        match self {
            Self::Integer(number) => SqlValue::Integer(*number),
            Self::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
            Self::Text(text) => SqlValue::Text(text.clone()),
        }
    }
}

/// The cursor of a stream that merges by one.
pub(super) fn of_stream(stream: &StreamSpec) -> Option<&str> {
    stream.cursor.as_deref().filter(|_| stream.sync == SyncMode::Merge)
}

/// The place of the column that a cursor names, by its name in the source or in the table.
pub(super) fn find(columns: &[Declared], cursor: &str) -> Option<usize> {
    let is_named = |column: &Declared| column.name == cursor || snake_case(&column.name) == cursor;
    columns.iter().position(is_named)
}

/// The place of the cursor column of a stream that merges by one.
pub(super) fn place(
    columns: &[Declared],
    stream: &StreamSpec,
) -> Result<Option<usize>, SourceError> {
    let Some(cursor) = of_stream(stream) else { return Ok(None) };
    let missing = || SourceError::MissingCursor {
        stream: stream.name.clone(),
        column: cursor.to_owned(),
        known: columns.iter().map(|column| column.name.clone()).collect(),
    };
    find(columns, cursor).ok_or_else(missing).map(Some)
}

/// Refuses a cursor whose values have no order that can be followed.
pub(super) fn refuse_unsuitable(
    stream: &StreamSpec,
    column: &Declared,
    data_type: &DataType,
) -> Result<(), SourceError> {
    match data_type {
        DataType::Boolean | DataType::Binary => Err(SourceError::BadCursor {
            stream: stream.name.clone(),
            column: column.name.clone(),
            data_type: type_name(data_type),
        }),
        _ => Ok(()),
    }
}
