//! What a block of records becomes, whatever its format.

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;

use crate::error::SyncError;

/// The longest raw text of a refused record that is kept in quarantine.
const REFUSED_BYTES_MAX: usize = 64 * 1024;

/// A parsed block.
#[derive(Debug)]
pub(crate) struct ParsedBlock {
    /// Its rows.
    pub batch: RecordBatch,
    /// What did not fit.
    pub refused: Vec<Refusal>,
    /// Lines in the block.
    pub lines: u64,
}

/// A record that does not fit.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Lines before it in its block.
    pub line: u64,
    /// Code of the reason.
    pub code: &'static str,
    /// The reason.
    pub reason: String,
    /// The record.
    pub raw: String,
}

/// The text of a refused record or value: cut at a limit, lossy where it is not UTF-8.
pub(crate) fn refused_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(REFUSED_BYTES_MAX)]).into_owned()
}

/// A batch of columns without the rows that were refused.
pub(crate) fn without_rows(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
    refused: &[usize],
) -> Result<RecordBatch, SyncError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(SyncError::shape)?;
    if refused.is_empty() {
        return Ok(batch);
    }
    let mut kept = vec![true; rows];
    for &row in refused {
        kept[row] = false;
    }
    filter_record_batch(&batch, &BooleanArray::from(kept)).map_err(SyncError::shape)
}

/// The rows at which a column has no value.
pub(crate) fn null_rows(column: &ArrayRef) -> impl Iterator<Item = usize> {
    let nulls = column.logical_nulls();
    let rows = if nulls.is_some() { column.len() } else { 0 };
    (0..rows).filter(move |&row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)))
}
