//! Reads the file of a seed into one batch.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema};
use memchr::memchr_iter;

use super::{ColumnNames, SeedError, SeedFile, guess};
use crate::columns::parse_type;
use crate::file::{Dialect, all_records};

/// Reads a seed. Blocking; the file is in memory as a whole, as dbt has it.
pub(super) fn read(file: &SeedFile) -> Result<RecordBatch, SeedError> {
    let path = || file.shown.clone();
    let bytes =
        std::fs::read(&file.path).map_err(|cause| SeedError::Unreadable { path: path(), cause })?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let dialect = Dialect { delimiter: file.delimiter as u8, quote: Some(b'"'), terminator: b'\n' };
    let mut records = all_records(bytes, dialect.with_line_ends_of(bytes)).map_err(|offset| {
        let line = memchr_iter(b'\n', &bytes[..offset]).count() + 1;
        SeedError::Quote { path: path(), line }
    })?;
    if records.is_empty() {
        return Err(SeedError::Empty { path: path() });
    }
    let rows = records.split_off(1);
    let originals = unique(records.remove(0));
    let width = originals.len();
    if let Some(row) = rows.iter().position(|row| row.len() > width) {
        let fields = rows[row].len();
        return Err(SeedError::Fields { path: path(), row: row + 1, fields, columns: width });
    }
    let mut arrays = Vec::with_capacity(width);
    for (position, name) in originals.iter().enumerate() {
        let values: Vec<&str> =
            rows.iter().map(|row| row.get(position).map_or("", String::as_str)).collect();
        arrays.push(column(file, name, &values)?);
    }
    batch(file, &originals, arrays, rows.len())
}

/// A column in its declared type, or in the one that it shows.
fn column(file: &SeedFile, name: &str, values: &[&str]) -> Result<ArrayRef, SeedError> {
    let Some((_, written)) = file.column_types.iter().find(|(column, _)| column == name) else {
        return Ok(guess::column(values));
    };
    let Some(wanted) = sql_type(written) else {
        let (path, column) = (file.shown.clone(), name.to_owned());
        return Err(SeedError::Type { path, column, name: written.clone() });
    };
    let texts = match wanted {
        DataType::Timestamp(..) => guess::texts(values).iter().map(|text| text.map(full)).collect(),
        _ => guess::texts(values),
    };
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let cast = cast_with_options(&texts, &wanted, &options)
        .map_err(|cause| SeedError::Table { path: file.shown.clone(), cause })?;
    match lost(&texts, &cast) {
        None => Ok(cast),
        Some(row) => Err(SeedError::Value {
            path: file.shown.clone(),
            row: row + 1,
            column: name.to_owned(),
            value: texts.value(row).to_owned(),
            name: written.clone(),
        }),
    }
}

/// A moment with its seconds, which databases let people leave out.
fn full(moment: &str) -> Cow<'_, str> {
    let is_short = moment.len() >= 15 && moment.matches(':').count() == 1;
    let ends_with_minutes = moment.rsplit(':').next().is_some_and(|minutes| {
        minutes.len() == 2 && minutes.bytes().all(|byte| byte.is_ascii_digit())
    });
    if is_short && ends_with_minutes {
        Cow::Owned(format!("{moment}:00"))
    } else {
        Cow::Borrowed(moment)
    }
}

/// The first row whose value a cast could not keep.
fn lost(before: &StringArray, after: &ArrayRef) -> Option<usize> {
    (0..before.len()).find(|&row| before.is_valid(row) && after.is_null(row))
}

/// The type of an SQL name, in the words of the databases that dbt's projects are written for.
fn sql_type(written: &str) -> Option<DataType> {
    let lower = written.trim().to_ascii_lowercase();
    let (base, arguments) = match lower.find('(') {
        Some(open) => lower.split_at(open),
        None => (lower.as_str(), ""),
    };
    let base = match base.trim() {
        "character varying" | "character" | "nvarchar" | "bpchar" | "uuid" | "json" | "jsonb" => {
            return Some(DataType::Utf8);
        }
        "int2" | "tinyint" => "smallint",
        "int4" | "int32" => "integer",
        "int8" | "int64" => "bigint",
        "float" | "float8" | "float64" => "double",
        "float4" => "real",
        "number" | "bignumeric" => "numeric",
        "datetime" | "timestamp_ntz" | "timestamp without time zone" => "timestamp",
        "timestamp_tz" => "timestamptz",
        other => other,
    };
    parse_type(&format!("{base}{arguments}")).ok()
}

/// The names of the header: an empty one is a letter, one that is there before gets a number.
fn unique(header: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for (position, name) in header.into_iter().enumerate() {
        let name = if name.is_empty() { letter(position) } else { name };
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        let free = candidates.find(|candidate| !seen.contains(candidate)).unwrap_or(name);
        seen.insert(free.clone());
        names.push(free);
    }
    names
}

/// `a` to `z`, then `aa`, `bb`.
fn letter(position: usize) -> String {
    let letter = char::from(b'a' + (position % 26) as u8);
    letter.to_string().repeat(position / 26 + 1)
}

fn batch(
    file: &SeedFile,
    originals: &[String],
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch, SeedError> {
    let names = match file.names {
        ColumnNames::AsWritten => originals.to_vec(),
        ColumnNames::Lowercase => unique(originals.iter().map(|name| name.to_lowercase())),
    };
    let field =
        |(name, array): (String, &ArrayRef)| Field::new(name, array.data_type().clone(), true);
    let fields: Vec<Field> = names.into_iter().zip(&arrays).map(field).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)
        .map_err(|cause| SeedError::Table { path: file.shown.clone(), cause })
}
