//! Arrow batches in the bodies of frames: each body is a whole stream of Arrow's IPC format.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;

use crate::error::PythonError;
use crate::wire::BODY_BYTES_MAX;

/// The most rows of a batch that comes; the side that sends cuts batches accordingly. A column of
/// nulls has no bytes that would limit them.
const ROWS_MAX: usize = 64 * 1024;

/// A schema and batches as a body.
pub(crate) fn encoded(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Vec<u8>, PythonError> {
    let write = || -> Result<Vec<u8>, ArrowError> {
        let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
        batches.iter().try_for_each(|batch| writer.write(batch))?;
        writer.into_inner()
    };
    write().map_err(|error| unreadable(&error.to_string()))
}

/// The batch in pieces that fit into a body, with room for what frames them.
pub(crate) fn pieces(batch: RecordBatch) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    if rows < 2 || batch.get_array_memory_size() <= BODY_BYTES_MAX / 2 {
        return vec![batch];
    }
    let parts = batch.get_array_memory_size().div_ceil(BODY_BYTES_MAX / 2);
    let step = rows.div_ceil(parts).max(1);
    let starts = (0..rows).step_by(step);
    starts.map(|start| batch.slice(start, step.min(rows - start))).collect()
}

/// What a body holds. It may be anything.
pub(crate) fn decoded(body: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), PythonError> {
    // The reader is not made for bytes that mean to deceive it.
    match catch_unwind(AssertUnwindSafe(|| read(body))) {
        Ok(found) => found.map_err(|error| unreadable(&error.to_string())),
        Err(_) => Err(unreadable("they are not in Arrow's format")),
    }
}

/// Reads a body without trusting the lengths in it.
fn read(body: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let mut rest = Buffer::from(body);
    let mut decoder = StreamDecoder::new();
    let mut batches = Vec::new();
    while !rest.is_empty() {
        if let Some(batch) = decoder.decode(&mut rest)? {
            if batch.num_rows() > ROWS_MAX {
                let problem = format!("{} rows at once", batch.num_rows());
                return Err(ArrowError::IpcError(problem));
            }
            batches.push(batch);
        }
    }
    decoder.finish()?;
    let schema = decoder.schema();
    let schema = schema.ok_or_else(|| ArrowError::IpcError("no columns".to_owned()))?;
    Ok((schema, batches))
}

fn unreadable(problem: &str) -> PythonError {
    PythonError::Nonsense { problem: format!("rows that cannot be read: {problem}") }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let words: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        RecordBatch::try_from_iter([("n", numbers), ("w", words)]).unwrap()
    }

    #[test]
    fn batches_are_read_as_they_were_written() {
        let body = encoded(&batch().schema(), &[batch()]).unwrap();
        assert_eq!(decoded(body).unwrap(), (batch().schema(), vec![batch()]));
    }

    #[test]
    fn broken_bodies_are_errors() {
        let body = encoded(&batch().schema(), &[batch()]).unwrap();
        for place in 0..body.len() {
            let mut broken = body.clone();
            broken[place] ^= 0xff;
            // Some bytes are padding, or values: then it is other rows, or the same.
            let _ = decoded(broken);
        }
        assert!(decoded(b"nonsense".to_vec()).is_err());
        assert!(decoded(Vec::new()).is_err());
    }

    #[test]
    fn large_batches_are_cut() {
        let wide = "x".repeat(1 << 20);
        let words: ArrayRef = Arc::new(StringArray::from(vec![wide.as_str(); 100]));
        let batch = RecordBatch::try_from_iter([("w", words)]).unwrap();
        let cut = pieces(batch.clone());
        assert!(cut.len() > 2);
        assert_eq!(cut.iter().map(RecordBatch::num_rows).sum::<usize>(), 100);
        for piece in &cut {
            assert!(
                encoded(&batch.schema(), std::slice::from_ref(piece)).unwrap().len()
                    < BODY_BYTES_MAX
            );
        }
    }
}
