//! Finds the types of columns from what is declared and from every value.
//!
//! SQLite keeps any value in any column. A type is only given when it holds every value as it is;
//! a column with values of several storage classes becomes text.

use arrow::datatypes::DataType;
use rusqlite::types::ValueRef;

use super::values::{boolean, date, decimal_of, moment, time};
use crate::columns::{parse_type, timestamptz, widen};

/// Whole numbers beyond it have no exact double.
const EXACT_IN_DOUBLE: u64 = 1 << 53;

/// What is known of one column.
#[derive(Debug)]
pub(super) struct Survey {
    declared: String,
    /// The type that the declaration asks for, while every value fits.
    wanted: Option<DataType>,
    integers: u64,
    reals: u64,
    texts: u64,
    blobs: u64,
    fits_double: bool,
}

impl Survey {
    /// A column of a declared type, given in capitals.
    pub(super) fn new(declared: &str) -> Self {
        Self {
            declared: declared.to_owned(),
            wanted: wanted(declared),
            integers: 0,
            reals: 0,
            texts: 0,
            blobs: 0,
            fits_double: true,
        }
    }

    /// Takes notice of a value.
    pub(super) fn see(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => return,
            ValueRef::Integer(number) => {
                self.integers += 1;
                self.fits_double &= number.unsigned_abs() <= EXACT_IN_DOUBLE;
            }
            ValueRef::Real(_) => self.reals += 1,
            ValueRef::Text(_) => self.texts += 1,
            ValueRef::Blob(_) => self.blobs += 1,
        }
        if self.wanted.as_ref().is_some_and(|wanted| !holds(wanted, value)) {
            // A declared TIMESTAMP may hold moments with a zone as well as those without.
            let other = match &self.wanted {
                Some(DataType::Timestamp(_, None)) if self.seen() == 1 => Some(timestamptz()),
                _ => None,
            };
            self.wanted = other.filter(|other| holds(other, value));
        }
    }

    /// The type. `before` is the one that earlier rows had.
    pub(super) fn data_type(&self, before: Option<&DataType>) -> DataType {
        match (before, self.seen()) {
            (Some(before), 0) => before.clone(),
            (Some(before), _) => widen(before, &self.of_values()),
            (None, 0) => self.wanted.clone().unwrap_or_else(|| of_affinity(&self.declared)),
            (None, _) => self.of_values(),
        }
    }

    fn of_values(&self) -> DataType {
        if let Some(wanted) = &self.wanted {
            return wanted.clone();
        }
        match (self.integers, self.reals, self.texts, self.blobs) {
            (_, 0, 0, 0) => DataType::Int64,
            (_, _, 0, 0) if self.fits_double => DataType::Float64,
            (0, 0, 0, _) => DataType::Binary,
            _ => DataType::Utf8,
        }
    }

    fn seen(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }
}

/// The type that a declaration asks for, where storage classes do not tell.
fn wanted(declared: &str) -> Option<DataType> {
    let name = declared.split('(').next().unwrap_or_default().trim();
    match name {
        "BOOLEAN" | "BOOL" => Some(DataType::Boolean),
        "DATE" => Some(DataType::Date32),
        "TIMESTAMPTZ" | "TIMESTAMP WITH TIME ZONE" => Some(timestamptz()),
        _ if name.starts_with("TIMESTAMP") || name.starts_with("DATETIME") => {
            parse_type("timestamp").ok()
        }
        "DECIMAL" | "NUMERIC" if declared.contains('(') => parse_type(declared).ok(),
        _ => None,
    }
}

fn holds(wanted: &DataType, value: ValueRef<'_>) -> bool {
    match wanted {
        DataType::Boolean => boolean(value).is_some(),
        DataType::Date32 => date(value).is_some(),
        DataType::Timestamp(_, None) => time(value).is_some(),
        DataType::Timestamp(_, Some(_)) => moment(value).is_some(),
        DataType::Decimal128(precision, scale) => decimal_of(value, *precision, *scale).is_some(),
        _ => false,
    }
}

/// The type of a column without values, by SQLite's rules of affinity.
fn of_affinity(declared: &str) -> DataType {
    let has = |part: &str| declared.contains(part);
    if has("INT") {
        DataType::Int64
    } else if has("CHAR") || has("CLOB") || has("TEXT") {
        DataType::Utf8
    } else if has("BLOB") {
        DataType::Binary
    } else if has("REAL") || has("FLOA") || has("DOUB") {
        DataType::Float64
    } else {
        DataType::Utf8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::type_name;

    fn check(declared: &str, values: &[ValueRef<'_>], expected: &str) {
        let mut survey = Survey::new(declared);
        for value in values {
            survey.see(*value);
        }
        assert_eq!(type_name(&survey.data_type(None)), expected, "{declared} of {values:?}");
    }

    #[test]
    fn types_hold_every_value() {
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        check("INTEGER", &[ValueRef::Integer(1), ValueRef::Null], "bigint");
        check("INTEGER", &[ValueRef::Integer(1), text("x")], "text");
        check("REAL", &[ValueRef::Real(1.5), ValueRef::Integer(2)], "double");
        check("NUMERIC", &[ValueRef::Real(1.5), ValueRef::Integer(1 << 60)], "text");
        check("BOOLEAN", &[ValueRef::Integer(1), ValueRef::Integer(0)], "boolean");
        check("BOOLEAN", &[ValueRef::Integer(2)], "bigint");
        check("DATE", &[text("2024-02-29")], "date");
        check("DATE", &[text("2024-02-30")], "text");
        check("DATETIME", &[text("2024-02-29 10:00:00")], "timestamp");
        check("DATETIME", &[text("2024-02-29T10:00:00Z")], "timestamptz");
        check("DATETIME", &[text("2024-02-29T10:00:00Z"), text("2024-02-29 10:00:00")], "text");
        check("DATETIME", &[ValueRef::Integer(1_700_000_000)], "bigint");
        check("DECIMAL(6,2)", &[ValueRef::Real(12.34), ValueRef::Integer(5)], "decimal(6,2)");
        check("DECIMAL(6,2)", &[ValueRef::Real(12.345)], "double");
        check("", &[ValueRef::Blob(b"x")], "binary");
        check("VARCHAR(3)", &[], "text");
        check("TIMESTAMPTZ", &[], "timestamptz");
    }

    #[test]
    fn types_of_earlier_rows_are_kept() {
        let mut survey = Survey::new("INTEGER");
        assert_eq!(survey.data_type(Some(&DataType::Utf8)), DataType::Utf8);
        survey.see(ValueRef::Integer(1));
        assert_eq!(survey.data_type(Some(&DataType::Utf8)), DataType::Utf8);
    }
}
