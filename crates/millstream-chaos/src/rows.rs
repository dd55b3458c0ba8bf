//! What is in the rows of a table, in whatever order they come.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::picture::Picture;

/// The fact about whole rows.
pub(crate) const WHOLE: &str = "rows as a whole";
/// The fact about the number of rows.
const COUNT: &str = "number of rows";
/// What the name of a fact about a column begins with.
const COLUMN: &str = "column ";

/// Sums of hashes: of the values of each column, and of whole rows. A sum does not depend on the
/// order, and a row that is there twice counts twice.
#[derive(Debug)]
pub struct Rows {
    left_out: BTreeSet<String>,
    columns: Vec<(String, u64)>,
    whole: u64,
    count: u64,
}

impl Rows {
    /// No rows yet. The columns that are left out do not count for whole rows.
    pub fn new(left_out: BTreeSet<String>) -> Self {
        Self { left_out, columns: Vec::new(), whole: 0, count: 0 }
    }

    /// Adds the rows of a batch. All have the same columns.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns: Result<Vec<(String, Vec<u64>)>, ArrowError> = batch
            .schema()
            .fields()
            .iter()
            .zip(batch.columns())
            .map(|(field, column)| Ok((field.name().clone(), hashes(column)?)))
            .collect();
        self.add_hashes(&columns?, batch.num_rows());
        Ok(())
    }

    /// Adds one row of texts, as a database without types gives it.
    pub fn add_texts(&mut self, row: &[(&str, Option<String>)]) {
        let columns: Vec<(String, Vec<u64>)> = row
            .iter()
            .map(|(name, text)| {
                let hash = text.as_ref().map_or(0, |text| hash(text.as_bytes()));
                ((*name).to_owned(), vec![hash])
            })
            .collect();
        self.add_hashes(&columns, 1);
    }

    /// Notes what was found as facts about an asset.
    pub fn note(self, asset: &str, picture: &mut Picture) {
        picture.note(asset, COUNT, self.count);
        picture.note(asset, WHOLE, format!("{:016x}", self.whole));
        for (name, sum) in self.columns {
            picture.note(asset, &format!("{COLUMN}{name}"), format!("{sum:016x}"));
        }
    }

    /// The column that a fact is about.
    pub(crate) fn column_of(fact: &str) -> Option<&str> {
        fact.strip_prefix(COLUMN)
    }

    fn add_hashes(&mut self, columns: &[(String, Vec<u64>)], rows: usize) {
        self.count += rows as u64;
        if self.columns.is_empty() {
            self.columns = columns.iter().map(|(name, _)| (name.clone(), 0)).collect();
        }
        let mut whole = vec![0_u64; rows];
        for ((name, values), (_, sum)) in columns.iter().zip(&mut self.columns) {
            *sum = values.iter().fold(*sum, |sum, value| sum.wrapping_add(*value));
            if !self.left_out.contains(name) {
                whole.iter_mut().zip(values).for_each(|(row, value)| *row = joined(*row, *value));
            }
        }
        self.whole = whole.into_iter().fold(self.whole, u64::wrapping_add);
    }
}

/// A hash of each value.
fn hashes(column: &ArrayRef) -> Result<Vec<u64>, ArrowError> {
    let blurred = blurred(column.data_type());
    let column =
        if *column.data_type() == blurred { Arc::clone(column) } else { cast(column, &blurred)? };
    let field = SortField::new(blurred);
    if !RowConverter::supports_fields(std::slice::from_ref(&field)) {
        let options = FormatOptions::default().with_null("null");
        let shown = ArrayFormatter::try_new(&column, &options)?;
        return Ok((0..column.len())
            .map(|row| hash(shown.value(row).to_string().as_bytes()))
            .collect());
    }
    let rows = RowConverter::new(vec![field])?.convert_columns(&[column])?;
    Ok(rows.iter().map(|row| hash(row.as_ref())).collect())
}

/// The type in which values are compared: sums of long fractions end in other digits when their
/// parts come in another order, so that about seven of them count.
fn blurred(kind: &DataType) -> DataType {
    let inner = |field: &FieldRef| {
        Arc::new(Field::new(field.name(), blurred(field.data_type()), field.is_nullable()))
    };
    match kind {
        DataType::Float64 => DataType::Float32,
        DataType::List(field) => DataType::List(inner(field)),
        DataType::LargeList(field) => DataType::LargeList(inner(field)),
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(inner(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        other => other.clone(),
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The hash of a row and one more value of it.
fn joined(row: u64, value: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(row);
    hasher.write_u64(value);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn picture(batches: &[RecordBatch], left_out: &[&str]) -> Picture {
        let mut rows = Rows::new(left_out.iter().map(|name| (*name).to_owned()).collect());
        for batch in batches {
            rows.add(batch).unwrap();
        }
        let mut picture = Picture::default();
        rows.note("table:main.t", &mut picture);
        picture
    }

    fn batch(ids: &[i64], names: &[&str], numbers: &[f64]) -> RecordBatch {
        RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(ids.to_vec())) as ArrayRef),
            ("name", Arc::new(StringArray::from(names.to_vec()))),
            ("number", Arc::new(Float64Array::from(numbers.to_vec()))),
        ])
        .unwrap()
    }

    #[test]
    fn the_order_of_rows_does_not_count() {
        let one = batch(&[1, 2], &["a", "b"], &[0.5, 1.5]);
        let other = [batch(&[2], &["b"], &[1.5]), batch(&[1], &["a"], &[0.5])];
        assert_eq!(picture(&[one], &[]), picture(&other, &[]));
    }

    #[test]
    fn a_row_that_is_there_twice_does() {
        let once = batch(&[1], &["a"], &[0.5]);
        assert_ne!(picture(std::slice::from_ref(&once), &[]), picture(&[once.clone(), once], &[]));
    }

    #[test]
    fn values_that_have_changed_places_are_seen() {
        let one = picture(&[batch(&[1, 2], &["a", "b"], &[0.5, 0.5])], &[]);
        let other = picture(&[batch(&[1, 2], &["b", "a"], &[0.5, 0.5])], &[]);
        assert_eq!(
            one.fact("table:main.t", "column name"),
            other.fact("table:main.t", "column name")
        );
        assert_ne!(one.fact("table:main.t", WHOLE), other.fact("table:main.t", WHOLE));
    }

    #[test]
    fn what_is_left_out_does_not_count_for_rows() {
        let one = picture(&[batch(&[1], &["a"], &[0.5])], &["name"]);
        let other = picture(&[batch(&[1], &["b"], &[0.5])], &["name"]);
        assert_eq!(one.fact("table:main.t", WHOLE), other.fact("table:main.t", WHOLE));
        assert_ne!(one, other);
    }

    #[test]
    fn the_last_digits_of_fractions_do_not_count() {
        let sums: [f64; 2] = [0.1 + 0.2 + 0.3, 0.3 + 0.2 + 0.1];
        assert_ne!(sums[0].to_bits(), sums[1].to_bits());
        let [one, other] = sums.map(|sum| picture(&[batch(&[1], &["a"], &[sum])], &[]));
        assert_eq!(one, other);
        assert_ne!(one, picture(&[batch(&[1], &["a"], &[0.61])], &[]));
    }
}
