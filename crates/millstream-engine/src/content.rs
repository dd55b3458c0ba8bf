//! The content hash of a query's rows: the same for the same rows in any order.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use futures::StreamExt as _;
use millstream_core::ContentHash;
use millstream_core::batch::BatchStream;
use millstream_core::error::Result;

use crate::error::from_arrow;

/// Sums the hashes of the rows, so that their order does not matter and their number does. Names
/// and types of the columns are part of it, their order is not.
pub(crate) async fn content_hash(mut rows: BatchStream, excluded: &[&str]) -> Result<ContentHash> {
    let columns = columns_by_name(&rows.schema, excluded);
    let fields = columns.iter().map(|&column| rows.schema.field(column).data_type().clone());
    let converter = RowConverter::new(fields.map(SortField::new).collect()).map_err(from_arrow)?;
    let mut sum = [0_u64; 4];
    let mut count = 0_u64;
    while let Some(batch) = rows.batches.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        add_rows(&converter, &batch, &columns, &mut sum)?;
    }
    let mut parts: Vec<Vec<u8>> = vec![count.to_le_bytes().to_vec()];
    parts.extend(sum.iter().map(|lane| lane.to_le_bytes().to_vec()));
    for column in columns {
        let field = rows.schema.field(column);
        parts.push(format!("{}:{}", field.name(), field.data_type()).into_bytes());
    }
    Ok(ContentHash::of_parts(parts))
}

fn columns_by_name(schema: &SchemaRef, excluded: &[&str]) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..schema.fields().len())
        .filter(|&column| !excluded.contains(&schema.field(column).name().as_str()))
        .collect();
    columns.sort_by_key(|&column| schema.field(column).name());
    columns
}

fn add_rows(
    converter: &RowConverter,
    batch: &RecordBatch,
    columns: &[usize],
    sum: &mut [u64; 4],
) -> Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let arrays: Vec<_> = columns.iter().map(|&column| Arc::clone(batch.column(column))).collect();
    for row in &converter.convert_columns(&arrays).map_err(from_arrow)? {
        let hash = ContentHash::of(row.as_ref());
        for (lane, bytes) in sum.iter_mut().zip(hash.as_bytes().chunks_exact(8)) {
            let bytes = bytes.try_into().expect("chunks of eight bytes");
            *lane = lane.wrapping_add(u64::from_le_bytes(bytes));
        }
    }
    Ok(())
}
