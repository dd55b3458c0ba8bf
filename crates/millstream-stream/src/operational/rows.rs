//! From Arrow to the few types that an operational table has.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::FormatOptions;
use millstream_core::clock::Timestamp;
use millstream_core::name::{DEFAULT_SCHEMA, Relation};

use super::error::OperationalError;
use super::{EFFECTS_TABLE, OPERATIONAL_SCHEMA};

/// Most digits of a decimal that a double keeps.
const DOUBLE_DIGITS: u8 = 15;

/// The type of a column in an operational table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    Text,
    Bigint,
    Double,
    Boolean,
    /// Microseconds, UTC.
    Timestamp,
}

impl ColumnType {
    /// The type that keeps an Arrow type.
    fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Null
            | DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_) => Self::Text,
            DataType::Boolean => Self::Boolean,
            data_type if data_type.is_integer() => Self::Bigint,
            data_type if data_type.is_floating() => Self::Double,
            DataType::Decimal32(digits, _)
            | DataType::Decimal64(digits, _)
            | DataType::Decimal128(digits, _)
            | DataType::Decimal256(digits, _) => {
                if *digits <= DOUBLE_DIGITS {
                    Self::Double
                } else {
                    Self::Text
                }
            }
            DataType::Timestamp(_, _) => Self::Timestamp,
            DataType::Dictionary(_, values) => return Self::of(values),
            _ => return None,
        })
    }

    /// The Arrow type in which values of this type are handed to the database. A zone given by
    /// its offset needs no table of zones.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bigint => DataType::Int64,
            Self::Double => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        }
    }

    /// The word for people, which is also PostgreSQL's.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Bigint => "bigint",
            Self::Double => "double precision",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp with time zone",
        }
    }
}

/// A column of rows to be written.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnType,
    /// Values in the Arrow type of the column type.
    pub(super) values: ArrayRef,
}

/// Rows to be written.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    pub(super) count: usize,
}

impl Rows {
    /// The rows of all batches.
    pub(super) fn all(
        table: &str,
        key: &str,
        batches: &[RecordBatch],
    ) -> Result<Vec<Self>, OperationalError> {
        batches.iter().map(|batch| Self::new(table, key, batch)).collect()
    }

    /// The rows of a batch, or why they cannot be written.
    pub(super) fn new(
        table: &str,
        key: &str,
        batch: &RecordBatch,
    ) -> Result<Self, OperationalError> {
        let schema = batch.schema();
        let columns: Vec<Column> = schema
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, values)| column(field.name(), values))
            .collect::<Result<_, _>>()?;
        let mut seen = BTreeSet::new();
        if let Some(twice) = columns.iter().find(|c| !seen.insert(c.name.to_lowercase())) {
            let reason = "two columns of the rows have it";
            return Err(OperationalError::Name { name: twice.name.clone(), reason });
        }
        let (table, owned_key) = (table.to_owned(), key.to_owned());
        match columns.iter().find(|column| column.name == key) {
            None => Err(OperationalError::KeyMissing { table, key: owned_key }),
            Some(column) if column.values.null_count() > 0 => {
                Err(OperationalError::KeyNull { table, key: owned_key })
            }
            Some(_) => Ok(Self { columns, count: batch.num_rows() }),
        }
    }

    /// Some of the rows.
    pub(super) fn slice(&self, start: usize, count: usize) -> Self {
        let slice = |column: &Column| Column {
            name: column.name.clone(),
            kind: column.kind,
            values: column.values.slice(start, count),
        };
        Self { columns: self.columns.iter().map(slice).collect(), count }
    }
}

fn column(name: &str, values: &ArrayRef) -> Result<Column, OperationalError> {
    if name.is_empty() || name.contains('\0') {
        let reason = "a name has characters, and no NUL among them";
        return Err(OperationalError::Name { name: name.to_owned(), reason });
    }
    let Some(column_type) = ColumnType::of(values.data_type()) else {
        let data_type = values.data_type().to_string();
        return Err(OperationalError::Type { column: name.to_owned(), data_type });
    };
    let wanted = column_type.arrow();
    let values = if *values.data_type() == wanted {
        Arc::clone(values)
    } else {
        let options = CastOptions { safe: false, format_options: FormatOptions::new() };
        cast_with_options(values, &wanted, &options).map_err(|error| OperationalError::Value {
            column: name.to_owned(),
            reason: error.to_string(),
        })?
    };
    Ok(Column { name: name.to_owned(), kind: column_type, values })
}

/// Whether rows can be written to a table at all, before the database is asked.
pub(crate) fn check(
    table: &Relation,
    key: &str,
    batch: &RecordBatch,
) -> Result<(), OperationalError> {
    Rows::new(table_name(table)?, key, batch).map(|_| ())
}

/// The name of a table in the database.
pub(super) fn table_name(table: &Relation) -> Result<&str, OperationalError> {
    let refuse = |reason| Err(OperationalError::Name { name: table.to_string(), reason });
    if ![OPERATIONAL_SCHEMA, DEFAULT_SCHEMA].contains(&table.schema()) {
        return refuse("it is written `operational.<name>`");
    }
    if table.name().eq_ignore_ascii_case(EFFECTS_TABLE) {
        return refuse("Millstream keeps its own marks there");
    }
    Ok(table.name())
}

/// A name in SQL text.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A moment as text of fixed length, so that its order is that of time.
pub(super) fn moment(micros: i64) -> String {
    format!("{:.6}", Timestamp::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_sort_as_text() {
        assert_eq!(moment(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(moment(1_700_000_000_123_456), "2023-11-14T22:13:20.123456Z");
        assert!(moment(1_700_000_000_000_000) < moment(1_700_000_000_100_000));
    }

    #[test]
    fn the_table_of_marks_and_other_schemas_are_out_of_reach() {
        let name = |text: &str| table_name(&text.parse().unwrap()).map(str::to_owned);
        assert_eq!(name("operational.predictions").unwrap(), "predictions");
        assert_eq!(name("predictions").unwrap(), "predictions");
        assert!(name("operational.Millstream_Effects").is_err());
        assert!(name("public.predictions").is_err());
    }
}
