//! Of several records with one key, the last one wins.
//!
//! Rows wait until all have come, in memory while they are few and in a file of the load after
//! that. Of each row id only a short hash is remembered; ids whose short hashes meet are compared
//! in full, so that two keys are never taken for one.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;

use arrow::array::{AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;

use super::ROW_ID;
use crate::error::SyncError;

/// Bytes of rows that wait in memory.
const MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Collects rows and gives the last one of every key.
pub(super) struct Latest {
    schema: SchemaRef,
    path: PathBuf,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    memory_bytes_max: usize,
    file: Option<StreamWriter<BufWriter<File>>>,
    seen: HashSet<u64>,
    doubled: HashSet<u64>,
}

impl Latest {
    /// Collects rows of a schema; the file is made when memory does not suffice.
    pub(super) fn new(schema: &SchemaRef, path: PathBuf) -> Self {
        Self::with_memory(schema, path, MEMORY_BYTES_MAX)
    }

    fn with_memory(schema: &SchemaRef, path: PathBuf, memory_bytes_max: usize) -> Self {
        Self {
            schema: schema.clone(),
            path,
            waiting: Vec::new(),
            waiting_bytes: 0,
            memory_bytes_max,
            file: None,
            seen: HashSet::new(),
            doubled: HashSet::new(),
        }
    }

    /// Takes rows. Blocking.
    pub(super) fn push(&mut self, batch: RecordBatch) -> Result<(), SyncError> {
        for id in ids(&batch)?.iter().flatten() {
            let short = short(id);
            if !self.seen.insert(short) {
                self.doubled.insert(short);
            }
        }
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        if self.waiting_bytes > self.memory_bytes_max {
            self.spill()?;
        }
        Ok(())
    }

    /// Ends the collection. Blocking.
    pub(super) fn finish(mut self) -> Result<LatestRows, SyncError> {
        if self.file.is_some() {
            self.spill()?;
        }
        let spilled = match self.file.take() {
            None => None,
            Some(mut writer) => {
                writer.finish().map_err(SyncError::shape)?;
                Some(self.path)
            }
        };
        let mut rows = LatestRows {
            waiting: self.waiting,
            spilled,
            reader: None,
            doubled: self.doubled,
            last: HashMap::new(),
            next_row: 0,
        };
        rows.find_last()?;
        Ok(rows)
    }

    fn spill(&mut self) -> Result<(), SyncError> {
        if self.file.is_none() {
            let file = File::create(&self.path)
                .map_err(|error| SyncError::io(self.path.display(), error))?;
            let writer = StreamWriter::try_new_buffered(file, &self.schema);
            self.file = Some(writer.map_err(SyncError::shape)?);
        }
        if let Some(writer) = &mut self.file {
            for batch in self.waiting.drain(..) {
                writer.write(&batch).map_err(SyncError::shape)?;
            }
        }
        self.waiting_bytes = 0;
        Ok(())
    }
}

/// The collected rows without those that a later one replaces.
pub(super) struct LatestRows {
    waiting: Vec<RecordBatch>,
    spilled: Option<PathBuf>,
    reader: Option<Box<dyn Iterator<Item = Result<RecordBatch, SyncError>> + Send>>,
    doubled: HashSet<u64>,
    /// Number of the last row of each id that came more than once.
    last: HashMap<String, u64>,
    next_row: u64,
}

impl LatestRows {
    /// The next rows. Blocking.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>, SyncError> {
        if self.reader.is_none() {
            self.reader = Some(self.batches()?);
        }
        let Some(batch) = self.reader.as_mut().and_then(Iterator::next).transpose()? else {
            return Ok(None);
        };
        let first = self.next_row;
        self.next_row += batch.num_rows() as u64;
        if self.last.is_empty() {
            return Ok(Some(batch));
        }
        let is_last = |(row, id): (u64, Option<&str>)| {
            id.and_then(|id| self.last.get(id)).is_none_or(|last| *last == row)
        };
        let kept: Vec<bool> = (first..).zip(ids(&batch)?.iter()).map(is_last).collect();
        filter_record_batch(&batch, &BooleanArray::from(kept)).map(Some).map_err(SyncError::shape)
    }

    fn find_last(&mut self) -> Result<(), SyncError> {
        if self.doubled.is_empty() {
            return Ok(());
        }
        let mut row = 0;
        for batch in self.batches()? {
            for id in ids(&batch?)? {
                if let Some(id) = id.filter(|id| self.doubled.contains(&short(id))) {
                    self.last.insert(id.to_owned(), row);
                }
                row += 1;
            }
        }
        Ok(())
    }

    fn batches(
        &self,
    ) -> Result<Box<dyn Iterator<Item = Result<RecordBatch, SyncError>> + Send>, SyncError> {
        let Some(path) = &self.spilled else {
            // Batches share their columns: a copy of the list is cheap.
            return Ok(Box::new(self.waiting.clone().into_iter().map(Ok)));
        };
        let file = File::open(path).map_err(|error| SyncError::io(path.display(), error))?;
        let reader = StreamReader::try_new(BufReader::new(file), None).map_err(SyncError::shape)?;
        Ok(Box::new(reader.map(|batch| batch.map_err(SyncError::shape))))
    }
}

impl Drop for LatestRows {
    fn drop(&mut self) {
        if let Some(path) = &self.spilled {
            // What stays behind goes with the load.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn ids(batch: &RecordBatch) -> Result<&StringArray, SyncError> {
    let column = batch.column_by_name(ROW_ID).and_then(|column| column.as_string_opt::<i32>());
    column.ok_or_else(|| SyncError::shape("rows without an id"))
}

fn short(id: &str) -> u64 {
    let hash = blake3::hash(id.as_bytes());
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::Int64Array;
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};

    use super::*;

    fn check(memory_bytes_max: usize) {
        let folder = tempfile::tempdir().unwrap();
        let schema = Arc::new(Schema::new(vec![
            Field::new(ROW_ID, DataType::Utf8, true),
            Field::new("value", DataType::Int64, true),
        ]));
        let path = folder.path().join("latest");
        let mut latest = Latest::with_memory(&schema, path.clone(), memory_bytes_max);
        for (keys, values) in [(["a", "b", "a"], [1, 2, 3]), (["c", "b", "d"], [4, 5, 6])] {
            let keys = StringArray::from(keys.to_vec());
            let values = Int64Array::from(values.to_vec());
            let columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(keys), Arc::new(values)];
            latest.push(RecordBatch::try_new(schema.clone(), columns).unwrap()).unwrap();
        }
        let mut rows = latest.finish().unwrap();
        let mut values = Vec::new();
        while let Some(batch) = rows.next().unwrap() {
            values.extend(batch.column(1).as_primitive::<Int64Type>().values().to_vec());
        }
        drop(rows);
        assert_eq!(values, [3, 4, 5, 6]);
        assert!(!path.exists());
    }

    #[test]
    fn the_last_record_of_a_key_wins() {
        check(usize::MAX);
    }

    #[test]
    fn the_last_record_of_a_key_wins_on_disk() {
        check(0);
    }
}
