//! Values that come as one type and go into a column of another: exactly, or not at all.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, StringArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{Float64Type, Int64Type, TimestampMicrosecondType};

use super::rows::{Column, ColumnType, Rows, moment};

/// Whole numbers beyond it have no exact double.
const EXACT_IN_DOUBLE: u64 = 1 << 53;
/// The doubles from its negative up to it, itself left out, are in the range of bigint.
const BIGINT_END: f64 = 9_223_372_036_854_775_808.0;

/// A column that a table has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NeededColumn {
    pub(super) name: String,
    pub(super) kind: ColumnType,
}

/// The columns that these batches need, each of the type that holds what all batches have in it.
/// One that has no value anywhere is of the type that the rows say.
pub(super) fn needed(batches: &[Rows]) -> Vec<NeededColumn> {
    let mut needed: Vec<(NeededColumn, Filled)> = Vec::new();
    for column in batches.iter().flat_map(|batch| &batch.columns) {
        let filled = Filled::of(column);
        match needed.iter_mut().find(|(known, _)| known.name == column.name) {
            None => {
                let new = NeededColumn { name: column.name.clone(), kind: column.kind };
                needed.push((new, filled));
            }
            Some((known, seen)) => match (*seen, filled) {
                (_, Filled::No) => {}
                (Filled::No, Filled::Yes) => (known.kind, *seen) = (column.kind, filled),
                (Filled::Yes, Filled::Yes) => known.kind = known.kind.widened(column.kind),
            },
        }
    }
    needed.into_iter().map(|(column, _)| column).collect()
}

/// How a function says the type of a column.
pub(super) fn cast_hint(column: &str, to: &str) -> String {
    format!("write `cast({column} as {to})` in the function's query")
}

/// Whether a column has any value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filled {
    No,
    Yes,
}

impl Filled {
    fn of(column: &Column) -> Self {
        if column.values.null_count() == column.values.len() { Self::No } else { Self::Yes }
    }
}

impl Column {
    /// The same values as another type, or the first value that is none of it.
    pub(super) fn held_as(&self, kind: ColumnType) -> Result<Self, String> {
        let values = if self.kind == kind {
            Arc::clone(&self.values)
        } else if Filled::of(self) == Filled::No {
            new_null_array(&kind.arrow(), self.values.len())
        } else {
            self.converted(kind)?
        };
        Ok(Self { name: self.name.clone(), kind, values })
    }

    fn converted(&self, kind: ColumnType) -> Result<ArrayRef, String> {
        match (self.kind, kind) {
            (ColumnType::Bigint, ColumnType::Double) => self.to_doubles(),
            (ColumnType::Double, ColumnType::Bigint) => self.to_whole_numbers(),
            (ColumnType::Boolean, ColumnType::Bigint) => {
                let bits = self.values.as_boolean().iter();
                let numbers = bits.map(|bit| bit.map(i64::from));
                Ok(Arc::new(numbers.collect::<Int64Array>()))
            }
            (ColumnType::Bigint, ColumnType::Boolean) => self.to_booleans(),
            (_, ColumnType::Text) => Ok(Arc::new(self.to_texts())),
            _ => Err(self.first_value().unwrap_or_default()),
        }
    }

    /// The first value, cut short for a message; none if all are null.
    pub(super) fn first_value(&self) -> Option<String> {
        const SHOWN_MAX: usize = 80;
        let texts = self.to_texts();
        texts.iter().flatten().next().map(|text| text.chars().take(SHOWN_MAX).collect())
    }

    /// The first double that is rounded in half the width.
    pub(super) fn first_beyond_real(&self) -> Option<String> {
        let doubles = self.values.as_primitive_opt::<Float64Type>()?;
        let is_rounded = |n: &f64| f64::from(*n as f32).total_cmp(n).is_ne();
        doubles.iter().flatten().find(is_rounded).map(|n| n.to_string())
    }

    fn to_doubles(&self) -> Result<ArrayRef, String> {
        let numbers = self.values.as_primitive::<Int64Type>();
        match numbers.iter().flatten().find(|n| n.unsigned_abs() > EXACT_IN_DOUBLE) {
            Some(beyond) => Err(beyond.to_string()),
            None => Ok(Arc::new(numbers.unary::<_, Float64Type>(|n| n as f64))),
        }
    }

    fn to_whole_numbers(&self) -> Result<ArrayRef, String> {
        let numbers: &Float64Array = self.values.as_primitive();
        let is_whole = |n: f64| n.fract() == 0.0 && (-BIGINT_END..BIGINT_END).contains(&n);
        match numbers.iter().flatten().find(|n| !is_whole(*n)) {
            Some(broken) => Err(broken.to_string()),
            None => Ok(Arc::new(numbers.unary::<_, Int64Type>(|n| n as i64))),
        }
    }

    fn to_booleans(&self) -> Result<ArrayRef, String> {
        let numbers = self.values.as_primitive::<Int64Type>();
        match numbers.iter().flatten().find(|n| ![0, 1].contains(n)) {
            Some(other) => Err(other.to_string()),
            None => {
                Ok(Arc::new(numbers.iter().map(|n| n.map(|n| n == 1)).collect::<BooleanArray>()))
            }
        }
    }

    fn to_texts(&self) -> StringArray {
        if self.kind == ColumnType::Timestamp {
            let moments = self.values.as_primitive::<TimestampMicrosecondType>();
            return moments.iter().map(|micros| micros.map(moment)).collect();
        }
        let texts = cast(&self.values, &ColumnType::Text.arrow());
        texts.expect("text holds every number and boolean").as_string::<i32>().clone()
    }
}

impl ColumnType {
    /// The type of a new column for values of both.
    fn widened(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::Bigint, Self::Double) | (Self::Double, Self::Bigint) => Self::Double,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(kind: ColumnType, texts: &[Option<&str>]) -> Column {
        let texts: ArrayRef = Arc::new(StringArray::from(texts.to_vec()));
        Column { name: "c".to_owned(), kind, values: cast(&texts, &kind.arrow()).unwrap() }
    }

    fn check(from: ColumnType, text: &str, to: ColumnType, expected: Result<&str, &str>) {
        let held = column(from, &[None, Some(text)]).held_as(to);
        let held = held.map(|held| held.to_texts().value(1).to_owned());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(held, expected, "{text} of {from:?} as {to:?}");
    }

    #[test]
    fn values_are_held_exactly_or_not_at_all() {
        use ColumnType::{Bigint, Boolean, Double, Text, Timestamp};
        check(Bigint, "9007199254740992", Double, Ok("9007199254740992.0"));
        check(Bigint, "9007199254740993", Double, Err("9007199254740993"));
        check(Double, "-3.0", Bigint, Ok("-3"));
        check(Double, "2.5", Bigint, Err("2.5"));
        check(Double, "9.3e18", Bigint, Err("9300000000000000000"));
        check(Double, "NaN", Bigint, Err("NaN"));
        check(Boolean, "true", Bigint, Ok("1"));
        check(Bigint, "1", Boolean, Ok("true"));
        check(Bigint, "2", Boolean, Err("2"));
        check(Double, "0.5", Text, Ok("0.5"));
        check(Text, "5", Bigint, Err("5"));
        check(Timestamp, "2024-05-01T12:00:00Z", Text, Ok("2024-05-01T12:00:00.000000Z"));
        check(Timestamp, "2024-05-01T12:00:00Z", Bigint, Err("2024-05-01T12:00:00.000000Z"));
    }

    #[test]
    fn a_column_without_values_fits_everywhere() {
        for from in [ColumnType::Text, ColumnType::Bigint] {
            for to in [ColumnType::Double, ColumnType::Boolean, ColumnType::Timestamp] {
                let held = column(from, &[None, None]).held_as(to).unwrap();
                assert_eq!((held.values.null_count(), held.values.data_type()), (2, &to.arrow()));
            }
        }
    }

    #[test]
    fn a_needed_column_holds_the_values_of_all_batches() {
        use ColumnType::{Bigint, Boolean, Double, Text};
        let check = |columns: &[(ColumnType, Option<&str>)], expected| {
            let batch = |&(kind, text)| Rows { columns: vec![column(kind, &[text])], count: 1 };
            let batches: Vec<_> = columns.iter().map(batch).collect();
            let name = "c".to_owned();
            assert_eq!(needed(&batches), [NeededColumn { name, kind: expected }], "{columns:?}");
        };
        check(&[(Bigint, Some("1")), (Double, Some("2.5"))], Double);
        check(&[(Text, None), (Bigint, Some("1")), (Text, None)], Bigint);
        check(&[(Boolean, Some("true")), (Bigint, Some("7"))], Text);
        check(&[(Double, None)], Double);
    }
}
