//! The id of every row: made of its key, or else of its place in the input.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use millstream_core::hash::ContentHash;

use super::{ROW_FIRST, ROW_PREFIX, SyncStep};
use crate::error::SyncError;

/// Bytes of a key's hash that make a row id; 128 bits never meet by chance.
const KEY_HASH_BYTES: usize = 16;

/// Gives the rows of one load their ids.
#[derive(Debug)]
pub(super) struct RowIds {
    key: Vec<String>,
    key_hasher: blake3::Hasher,
    /// Prefix and number of rows that come without a place.
    fallback_prefix: String,
    fallback_rows: u64,
}

impl RowIds {
    /// Ids of the rows of a step. `basis` is what the input depends on besides the source: its
    /// checkpoint.
    pub(super) fn new(step: &SyncStep, basis: &str) -> Self {
        let stream = ContentHash::of_parts([step.source_name.as_str(), step.stream.name.as_str()]);
        Self::of_stream(&stream, step.key.clone(), basis)
    }

    fn of_stream(stream: &ContentHash, key: Vec<String>, basis: &str) -> Self {
        let mut key_hasher = blake3::Hasher::new();
        key_hasher.update(stream.as_bytes());
        let fallback_prefix =
            ContentHash::of_parts([stream.as_bytes().as_slice(), basis.as_bytes()]).short();
        Self { key, key_hasher, fallback_prefix, fallback_rows: 0 }
    }

    /// The ids of a batch as its source gave it.
    pub(super) fn of(&mut self, batch: &RecordBatch) -> Result<ArrayRef, SyncError> {
        if !self.key.is_empty() {
            return self.ids_of_keys(batch);
        }
        let schema = batch.schema();
        let place = schema.metadata().get(ROW_PREFIX).zip(schema.metadata().get(ROW_FIRST));
        if let Some((prefix, first)) = place
            && let Ok(first) = first.parse()
        {
            return numbered(prefix, first, batch.num_rows());
        }
        let first = self.fallback_rows;
        self.fallback_rows += batch.num_rows() as u64;
        numbered(&self.fallback_prefix, first, batch.num_rows())
    }

    fn ids_of_keys(&self, batch: &RecordBatch) -> Result<ArrayRef, SyncError> {
        let columns = self.key.iter().map(|name| key_column(batch, name));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let values = columns.iter().map(KeyValues::new).collect::<Result<Vec<_>, _>>()?;
        let rows = batch.num_rows();
        let mut ids = StringBuilder::with_capacity(rows, rows * 2 * KEY_HASH_BYTES);
        let mut text = String::new();
        for row in 0..rows {
            let mut hasher = self.key_hasher.clone();
            for values in &values {
                values.hash(row, &mut hasher, &mut text)?;
            }
            ids.append_value(&hasher.finalize().to_hex()[..2 * KEY_HASH_BYTES]);
        }
        Ok(Arc::new(ids.finish()))
    }
}

/// A key column in a form whose text depends on the value alone: moments and days are numbers,
/// so that no zone and no calendar counts, and numbers of two widths are the same.
fn key_column(batch: &RecordBatch, name: &str) -> Result<ArrayRef, SyncError> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| SyncError::shape(format!("the source left out the key `{name}`")))?;
    let form = match column.data_type() {
        DataType::Timestamp(..) => DataType::Int64,
        DataType::Date32 => DataType::Int32,
        DataType::Float32 => DataType::Float64,
        _ => return Ok(Arc::clone(column)),
    };
    cast(column, &form).map_err(SyncError::shape)
}

/// The values of a key column on their way into a hash.
struct KeyValues<'a> {
    column: &'a ArrayRef,
    formatter: ArrayFormatter<'a>,
}

impl<'a> KeyValues<'a> {
    fn new(column: &'a ArrayRef) -> Result<Self, SyncError> {
        const OPTIONS: &FormatOptions<'static> = &FormatOptions::new();
        let formatter = ArrayFormatter::try_new(column.as_ref(), OPTIONS);
        Ok(Self { column, formatter: formatter.map_err(SyncError::shape)? })
    }

    /// Adds a value to a hash. `text` is room to write in.
    fn hash(
        &self,
        row: usize,
        hasher: &mut blake3::Hasher,
        text: &mut String,
    ) -> Result<(), SyncError> {
        if self.column.is_null(row) {
            // No text is as long.
            hasher.update(&u64::MAX.to_le_bytes());
            return Ok(());
        }
        text.clear();
        self.write(row, text)?;
        // The length keeps `a, bc` and `ab, c` apart.
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
        Ok(())
    }

    /// Equal values have equal text: the negative zero is zero, `1.50` is `1.5`, and a double
    /// without a fraction is written as a whole number is.
    fn write(&self, row: usize, text: &mut String) -> Result<(), SyncError> {
        if let Some(doubles) = self.column.as_primitive_opt::<Float64Type>() {
            return write!(text, "{}", doubles.value(row) + 0.0).map_err(SyncError::shape);
        }
        self.formatter.value(row).write(text).map_err(SyncError::shape)?;
        if matches!(self.column.data_type(), DataType::Decimal128(_, 1..)) {
            let digits = text.trim_end_matches('0').trim_end_matches('.').len();
            text.truncate(digits);
        }
        Ok(())
    }
}

/// `prefix-number` for consecutive numbers.
fn numbered(prefix: &str, first: u64, rows: usize) -> Result<ArrayRef, SyncError> {
    let mut bytes = Vec::with_capacity(rows * (prefix.len() + 9));
    let mut offsets: Vec<i32> = Vec::with_capacity(rows + 1);
    offsets.push(0);
    let mut digits = [0_u8; 20];
    for number in (first..).take(rows) {
        bytes.extend_from_slice(prefix.as_bytes());
        bytes.push(b'-');
        let mut rest = number;
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        bytes.extend_from_slice(&digits[start..]);
        offsets.push(i32::try_from(bytes.len()).map_err(SyncError::shape)?);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let ids = StringArray::try_new(offsets, Buffer::from_vec(bytes), None);
    Ok(Arc::new(ids.map_err(SyncError::shape)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow::array::Date32Array;

    use super::*;
    use crate::columns::parse_type;

    /// Ids of keys in a column of a type, from their text.
    fn ids(type_name: &str, keys: &[&str]) -> Vec<String> {
        let keys: ArrayRef = Arc::new(StringArray::from(keys.to_vec()));
        let column = column(&keys, type_name);
        let batch = RecordBatch::try_from_iter([("key", column)]).unwrap();
        let stream = ContentHash::of(b"stream");
        let ids = RowIds::of_stream(&stream, vec!["key".to_owned()], "").of(&batch).unwrap();
        ids.as_string::<i32>().iter().flatten().map(str::to_owned).collect()
    }

    /// Text as a column; moments by their offset, since Arrow has no table of zones here.
    fn column(text: &ArrayRef, type_name: &str) -> ArrayRef {
        let data_type = parse_type(type_name).unwrap();
        match &data_type {
            DataType::Timestamp(unit, Some(_)) => {
                let by_offset = cast(text, &DataType::Timestamp(*unit, Some("+00:00".into())));
                let micros = cast(&by_offset.unwrap(), &DataType::Int64).unwrap();
                cast(&micros, &data_type).unwrap()
            }
            _ => cast(text, &data_type).unwrap(),
        }
    }

    fn check(type_name: &str, keys: &[&str]) {
        let first = ids(type_name, keys);
        assert_eq!(first, ids(type_name, keys), "{type_name}: the same keys, the same ids");
        let distinct: BTreeSet<_> = first.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{type_name}: one id for each of {keys:?}");
        assert!(first.iter().all(|id| id.len() == 2 * KEY_HASH_BYTES));
    }

    #[test]
    fn keys_of_every_type_have_distinct_ids() {
        let uuid = "6f1c7a52-7d0b-4a5e-9c1d-0123456789ab";
        check("boolean", &["true", "false"]);
        check("smallint", &["-32768", "0", "32767"]);
        check("integer", &["-2147483648", "0", "2147483647"]);
        check("bigint", &["-9223372036854775808", "-1", "1", "9223372036854775807"]);
        check("decimal(38,10)", &["-0.0000000001", "0", "0.0000000001", "10", "100", "100.5"]);
        check("decimal(20,0)", &["10", "100", "18446744073709551615"]);
        check("real", &["0.1", "0.2", "16777216"]);
        check("double", &["-1.5", "0", "1e-300", "1e300", "0.1", "0.10000000000000002", "NaN"]);
        check("date", &["0001-01-01", "1969-12-31", "1970-01-01", "9999-12-31"]);
        let times =
            ["1969-12-31T23:59:59.999999", "1970-01-01T00:00:00", "2024-05-01T12:00:00.000001"];
        check("timestamp", &times);
        check("timestamptz", &times.map(|time| format!("{time}Z")).each_ref().map(String::as_str));
        check("text", &["", " ", "a", "A", "null", "\u{0}", uuid]);
        check("binary", &["", "a", "\u{0}", "\u{0}\u{0}"]);
    }

    #[test]
    fn days_beyond_the_calendar_have_ids() {
        // PostgreSQL's dates reach to the year 5874897.
        let days: ArrayRef = Arc::new(Date32Array::from(vec![i32::MIN, 2_145_031_948, i32::MAX]));
        let batch = RecordBatch::try_from_iter([("key", days)]).unwrap();
        let stream = ContentHash::of(b"stream");
        let ids = RowIds::of_stream(&stream, vec!["key".to_owned()], "").of(&batch).unwrap();
        assert_eq!(ids.as_string::<i32>().iter().flatten().collect::<BTreeSet<_>>().len(), 3);
    }

    #[test]
    fn a_key_keeps_its_id_when_its_column_widens() {
        let one = ids("smallint", &["1"]);
        for wider in ["integer", "bigint", "decimal(20,0)", "decimal(23,4)", "double", "text"] {
            assert_eq!(ids(wider, &["1"]), one, "{wider}");
        }
        assert_eq!(ids("decimal(8,2)", &["9.5"]), ids("decimal(10,4)", &["9.5"]));
        assert_eq!(ids("real", &["0.25"]), ids("double", &["0.25"]));
        assert_eq!(ids("double", &["-0"]), ids("double", &["0"]), "equal keys are one");
    }
}
