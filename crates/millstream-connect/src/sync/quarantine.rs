//! The table of refused records.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::clock::Timestamp;

use super::{LOAD_ID, LOADED_AT};
use crate::columns::timestamptz;
use crate::error::SyncError;
use crate::source::RefusedRecord;

/// The schema of every quarantine table.
pub(super) fn schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        text(LOAD_ID),
        Field::new(LOADED_AT, timestamptz(), true),
        text("place"),
        text("code"),
        text("reason"),
        text("raw"),
    ]))
}

/// Refused records as rows.
pub(super) fn batch(
    load_id: &str,
    at: Timestamp,
    refused: &[RefusedRecord],
) -> Result<RecordBatch, SyncError> {
    let text = |of: fn(&RefusedRecord) -> &str| {
        Arc::new(StringArray::from_iter_values(refused.iter().map(of)))
    };
    let load_ids = StringArray::from_iter_values(refused.iter().map(|_| load_id));
    let times = TimestampMicrosecondArray::from_value(at.as_micros(), refused.len());
    RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(load_ids),
            Arc::new(times.with_data_type(timestamptz())),
            text(|record| &record.place),
            text(|record| record.code),
            text(|record| &record.reason),
            text(|record| &record.raw),
        ],
    )
    .map_err(SyncError::shape)
}
