//! Columns of a stream: their SQL types, their names in the table, which of them are kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use millstream_core::name::snake_case;
use millstream_core::spec::{ColumnSpec, Columns, StreamSpec};

use crate::error::SyncError;
use crate::hints::closest;

/// The types that a column may declare, for messages.
pub(crate) const TYPE_NAMES: &str = "text, boolean, smallint, integer, bigint, real, double, \
     decimal(p,s), date, timestamp, timestamptz, binary";
/// The types by one word each, to tell which was meant.
const TYPE_WORDS: &[&str] = &[
    "text",
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double",
    "decimal",
    "date",
    "timestamp",
    "timestamptz",
    "binary",
];
/// Key of the field metadata that keeps the name which a column has in its source.
pub const ORIGINAL: &str = "millstream.original";
/// Most digits of a decimal.
pub(crate) const DECIMAL_DIGITS_MAX: u8 = 38;

/// The Arrow type of an SQL type as [`millstream_core::spec::ColumnSpec`] names it.
pub fn parse_type(name: &str) -> Result<DataType, SyncError> {
    let bad = || SyncError::BadType { name: name.to_owned() };
    let text = name.trim().to_ascii_lowercase();
    let (base, arguments) = match text.split_once('(') {
        Some((base, rest)) => (base.trim(), Some(rest.strip_suffix(')').ok_or_else(bad)?)),
        None => (text.as_str(), None),
    };
    let plain = match base {
        "decimal" | "numeric" => return decimal(arguments.unwrap_or("38,10")).ok_or_else(bad),
        "varchar" | "char" => return Ok(DataType::Utf8),
        _ if arguments.is_some() => return Err(bad()),
        "text" | "string" => DataType::Utf8,
        "boolean" | "bool" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" | "int" => DataType::Int32,
        "bigint" => DataType::Int64,
        "real" | "float" => DataType::Float32,
        "double" | "double precision" => DataType::Float64,
        "date" => DataType::Date32,
        "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamptz" | "timestamp with time zone" => timestamptz(),
        "binary" | "bytea" | "blob" => DataType::Binary,
        _ => return Err(bad()),
    };
    Ok(plain)
}

/// What to do about a type that does not exist.
pub(crate) fn type_hint(name: &str) -> String {
    let word = name.split('(').next().unwrap_or(name).trim();
    let meant = closest(word, TYPE_WORDS.iter().copied()).filter(|meant| *meant != word);
    let meant = meant.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
    format!("{meant}the types are: {TYPE_NAMES}")
}

fn decimal(arguments: &str) -> Option<DataType> {
    let (precision, scale) = arguments.split_once(',').unwrap_or((arguments, "0"));
    let precision: u8 = precision.trim().parse().ok()?;
    let scale: i8 = scale.trim().parse().ok()?;
    let fits = (1..=DECIMAL_DIGITS_MAX).contains(&precision)
        && scale >= 0
        && scale.unsigned_abs() <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

/// The type that a column of a stream declares, if it does.
pub(crate) fn declared_type(
    stream: &str,
    column: &ColumnSpec,
) -> Result<Option<DataType>, SyncError> {
    let Some(name) = &column.data_type else { return Ok(None) };
    let bad = |_| SyncError::BadColumnType {
        stream: stream.to_owned(),
        column: column.name.clone(),
        name: name.clone(),
    };
    parse_type(name).map(Some).map_err(bad)
}

/// A moment: microseconds in UTC.
pub fn timestamptz() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

/// The SQL name of an Arrow type; the inverse of [`parse_type`] for the types that it gives.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "text".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "integer".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "real".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Decimal128(precision, scale) => format!("decimal({precision},{scale})"),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Binary => "binary".to_owned(),
        other => other.to_string(),
    }
}

/// The narrowest type that holds the values of both without changing one. Text holds everything.
pub fn widen(left: &DataType, right: &DataType) -> DataType {
    use DataType::{Decimal128, Float32, Float64, Int16, Int32, Int64, Utf8};
    if left == right {
        return left.clone();
    }
    match (left, right) {
        (Int16, Int32) | (Int32, Int16) => Int32,
        (Int16 | Int32, Int64) | (Int64, Int16 | Int32) => Int64,
        (Float32 | Int16 | Int32, Float64) | (Float64, Float32 | Int16 | Int32) => Float64,
        (Int16 | Int32 | Int64 | Decimal128(..), Int16 | Int32 | Int64 | Decimal128(..)) => {
            widen_decimals(digits(left), digits(right))
        }
        _ => Utf8,
    }
}

/// Digits before the point and after it.
fn digits(data_type: &DataType) -> (u8, u8) {
    match data_type {
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Decimal128(precision, scale) => {
            let scale = scale.unsigned_abs();
            (precision.saturating_sub(scale), scale)
        }
        _ => (19, 0),
    }
}

fn widen_decimals(left: (u8, u8), right: (u8, u8)) -> DataType {
    let (whole, scale) = (left.0.max(right.0), left.1.max(right.1));
    if whole + scale > DECIMAL_DIGITS_MAX {
        return DataType::Utf8;
    }
    DataType::Decimal128(whole + scale, scale as i8)
}

/// A column of the input that the stream keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptColumn {
    /// Position in the input.
    pub position: usize,
    /// Name in the table.
    pub name: String,
    /// Name in the source.
    pub original: String,
    /// Its type, if it is declared.
    pub data_type: Option<DataType>,
    /// Whether a row without a value is refused.
    pub required: bool,
}

/// What a stream's `columns` and `key` ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// The columns in order, or `None` for all.
    pub wanted: Option<Vec<WantedColumn>>,
    required: Vec<String>,
}

/// What a column means that the stream names and the input does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The input cannot be read.
    Refused,
    /// It has no value: input that is kept may be older than the column.
    Null,
}

/// One column that a stream names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedColumn {
    /// Its name as written in the stream.
    pub name: String,
    /// Its type, if it is declared.
    pub data_type: Option<DataType>,
}

impl Selection {
    /// Reads the selection of a stream. The columns of a merge key are required.
    pub fn of(stream: &StreamSpec) -> Result<Self, SyncError> {
        let mut required: Vec<String> = Vec::new();
        if stream.sync == millstream_core::spec::SyncMode::Merge {
            required.extend(stream.key.iter().flat_map(|key| key.columns().iter().cloned()));
        }
        let Some(columns) = &stream.columns else { return Ok(Self { wanted: None, required }) };
        let mut wanted = Vec::with_capacity(columns.len());
        for column in columns {
            wanted.push(match column {
                Columns::Name(name) => WantedColumn { name: name.clone(), data_type: None },
                Columns::Declared(spec) => {
                    if spec.not_null {
                        required.push(spec.name.clone());
                    }
                    let data_type = declared_type(&stream.name, spec)?;
                    WantedColumn { name: spec.name.clone(), data_type }
                }
            });
        }
        Ok(Self { wanted: Some(wanted), required })
    }

    /// Whether every column is named with its type, so that nothing has to be discovered.
    pub fn is_declared(&self) -> bool {
        let all = |wanted: &Vec<WantedColumn>| wanted.iter().all(|w| w.data_type.is_some());
        self.wanted.as_ref().is_some_and(all)
    }

    /// Which of the columns that the input has are kept, in the order of the stream. `place` names
    /// the input in errors.
    pub fn resolve<S: AsRef<str>>(
        &self,
        place: &str,
        originals: &[S],
    ) -> Result<Vec<KeptColumn>, SyncError> {
        self.resolve_with(place, originals, Missing::Refused)
    }

    /// As [`Self::resolve`], with a choice of what a missing column means.
    pub fn resolve_with<S: AsRef<str>>(
        &self,
        place: &str,
        originals: &[S],
        missing: Missing,
    ) -> Result<Vec<KeptColumn>, SyncError> {
        let kept = |position: usize, data_type: Option<DataType>| {
            let original = originals[position].as_ref().to_owned();
            let name = snake_case(&original);
            let required = self.requires(&name, &original);
            KeptColumn { position, name, original, data_type, required }
        };
        let columns: Vec<KeptColumn> = match &self.wanted {
            None => (0..originals.len()).map(|position| kept(position, None)).collect(),
            Some(wanted) => {
                let mut columns = Vec::with_capacity(wanted.len());
                for column in wanted {
                    match (find(place, originals, &column.name), missing) {
                        (Ok(position), _) => {
                            columns.push(kept(position, column.data_type.clone()));
                        }
                        (Err(_), Missing::Null) => {}
                        (Err(error), Missing::Refused) => return Err(error),
                    }
                }
                columns
            }
        };
        refuse_collisions(&columns)?;
        Ok(columns)
    }

    /// Whether a row without a value in this column is refused.
    pub fn requires(&self, name: &str, original: &str) -> bool {
        self.required.iter().any(|r| r == original || snake_case(r) == name)
    }

    /// The schema of a stream whose columns are all declared; names as the stream writes them.
    pub fn declared_schema(&self) -> Result<Option<SchemaRef>, SyncError> {
        let Some(wanted) = self.wanted.as_ref().filter(|_| self.is_declared()) else {
            return Ok(None);
        };
        let columns: Vec<KeptColumn> = wanted
            .iter()
            .enumerate()
            .map(|(position, column)| KeptColumn {
                position,
                name: snake_case(&column.name),
                original: column.name.clone(),
                data_type: column.data_type.clone(),
                required: self.requires(&snake_case(&column.name), &column.name),
            })
            .collect();
        refuse_collisions(&columns)?;
        Ok(Some(schema_of(&columns)))
    }
}

/// The schema of columns; one without a type is text.
pub fn schema_of(columns: &[KeptColumn]) -> SchemaRef {
    let fields: Vec<Field> = columns.iter().map(field_of).collect();
    Arc::new(Schema::new(fields))
}

fn field_of(column: &KeptColumn) -> Field {
    let data_type = column.data_type.clone().unwrap_or(DataType::Utf8);
    field(&column.name, &column.original, data_type)
}

/// A nullable field that remembers the name which it has in its source.
pub fn field(name: &str, original: &str, data_type: DataType) -> Field {
    let field = Field::new(name, data_type, true);
    if name == original {
        return field;
    }
    field.with_metadata([(ORIGINAL.to_owned(), original.to_owned())].into())
}

fn find<S: AsRef<str>>(place: &str, originals: &[S], name: &str) -> Result<usize, SyncError> {
    let exact = originals.iter().position(|original| original.as_ref() == name);
    let snake = snake_case(name);
    exact
        .or_else(|| originals.iter().position(|original| snake_case(original.as_ref()) == snake))
        .ok_or_else(|| SyncError::MissingColumn {
            place: place.to_owned(),
            column: name.to_owned(),
            known: originals.iter().map(|original| original.as_ref().to_owned()).collect(),
        })
}

fn refuse_collisions(columns: &[KeptColumn]) -> Result<(), SyncError> {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for column in columns {
        if let Some(first) = seen.insert(&column.name, &column.original) {
            return Err(SyncError::ColumnCollision {
                name: column.name.clone(),
                first: first.to_owned(),
                second: column.original.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_and_written_alike() {
        for name in ["text", "bigint", "integer", "double", "decimal(15,2)", "boolean", "date"] {
            assert_eq!(type_name(&parse_type(name).unwrap()), name);
        }
        assert_eq!(type_name(&parse_type("TIMESTAMPTZ").unwrap()), "timestamptz");
        for bad in ["decimal(39,2)", "decimal(2,3)", "strin", "bigint(3)", "decimal(1"] {
            assert!(parse_type(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn widening_changes_no_value() {
        for (left, right, wide) in [
            ("integer", "bigint", "bigint"),
            ("bigint", "decimal(20,0)", "decimal(20,0)"),
            ("bigint", "decimal(10,4)", "decimal(23,4)"),
            ("bigint", "double", "text"),
            ("integer", "double", "double"),
            ("timestamp", "timestamptz", "text"),
            ("date", "timestamp", "text"),
        ] {
            let (l, r) = (parse_type(left).unwrap(), parse_type(right).unwrap());
            assert_eq!(type_name(&widen(&l, &r)), wide, "{left} and {right}");
            assert_eq!(type_name(&widen(&r, &l)), wide, "{right} and {left}");
        }
    }

    #[test]
    fn a_collision_is_an_error() {
        let all = Selection { wanted: None, required: Vec::new() };
        let error = all.resolve("x.csv", &["Order ID", "order_id"]).unwrap_err();
        assert!(matches!(error, SyncError::ColumnCollision { .. }));
    }
}
