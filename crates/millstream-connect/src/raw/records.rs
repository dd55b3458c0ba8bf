//! Records of database sources, kept as Arrow IPC streams with zstd.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};

use super::keep::{KeptWriter, Origin};
use super::load::{RawEntry, RawLoad};
use crate::error::SyncError;

/// Keeps records of one schema. Without retention it takes them and keeps nothing.
pub struct RecordWriter {
    writer: Option<StreamWriter<BufWriter<KeptWriter>>>,
}

impl std::fmt::Debug for RecordWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordWriter").field("keeps", &self.writer.is_some()).finish()
    }
}

impl RecordWriter {
    pub(super) fn new(
        path: Option<&Path>,
        schema: &SchemaRef,
        origin: Origin,
        load: RawLoad,
    ) -> Result<Self, SyncError> {
        let Some(path) = path else { return Ok(Self { writer: None }) };
        let file = KeptWriter::new(path, origin, load)?.of_records();
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::ZSTD))
            .map_err(SyncError::shape)?;
        let writer =
            StreamWriter::try_new_with_options(BufWriter::new(file), schema.as_ref(), options)
                .map_err(SyncError::shape)?;
        Ok(Self { writer: Some(writer) })
    }

    /// Keeps some records. Blocking.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), SyncError> {
        match &mut self.writer {
            None => Ok(()),
            Some(writer) => writer.write(batch).map_err(ipc_failed),
        }
    }

    /// Waits until all records are durable and notes them in the load; `None` if nothing is kept.
    /// Blocking.
    pub fn finish(self) -> Result<Option<RawEntry>, SyncError> {
        let Some(mut writer) = self.writer else { return Ok(None) };
        writer.finish().map_err(ipc_failed)?;
        let buffered = writer.into_inner().map_err(ipc_failed)?;
        let file = buffered
            .into_inner()
            .map_err(|error| SyncError::io("records.arrow", error.into_error()))?;
        file.finish(None).map(Some)
    }
}

/// Reads kept records.
pub struct RecordReader {
    reader: StreamReader<BufReader<File>>,
}

impl std::fmt::Debug for RecordReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordReader").field("schema", &self.reader.schema()).finish()
    }
}

impl RecordReader {
    pub(super) fn open(path: &Path) -> Result<Self, SyncError> {
        let file = File::open(path).map_err(|error| SyncError::io(path.display(), error))?;
        let reader = StreamReader::try_new_buffered(file, None).map_err(ipc_failed)?;
        Ok(Self { reader })
    }

    /// The schema of the records.
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }
}

impl Iterator for RecordReader {
    type Item = Result<RecordBatch, SyncError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.reader.next()?.map_err(ipc_failed))
    }
}

fn ipc_failed(error: arrow::error::ArrowError) -> SyncError {
    match error {
        arrow::error::ArrowError::IoError(_, cause) => SyncError::io("records.arrow", cause),
        other => SyncError::shape(other),
    }
}
