//! Row groups, encoded beside each other, and the file that they are put into in order.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use millstream_core::error::Result;
use millstream_core::table::DataFile;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::error::{EngineError, from_io, from_store};
use crate::stats;
use crate::types::conform;
use crate::write::batch_bytes;

/// Parts of an upload to an object store that are on their way at once.
const UPLOAD_PARTS_MAX: usize = 4;
/// Bytes in memory below which a row group is not compressed: to set up the compression of each
/// column, and each reader's of it, takes longer than such rows take to write.
const COMPRESSED_BYTES_MIN: usize = 64 * 1024;
/// Row groups of which a column must be found without a useful dictionary before it gets none.
const DICTIONARY_TRIALS: usize = 1;

/// A row group in its final bytes.
#[derive(Debug)]
pub(crate) struct EncodedGroup {
    chunks: Vec<ArrowColumnChunk>,
}

/// How the files of one table are encoded. Learns from each row group which columns a dictionary
/// does not help.
#[derive(Debug)]
pub(crate) struct Encoder {
    schema: SchemaRef,
    leaves: SchemaDescriptor,
    learned: Mutex<Learned>,
}

#[derive(Debug, Default)]
struct Learned {
    groups: usize,
    plain: HashSet<usize>,
}

impl Encoder {
    pub(crate) fn new(schema: SchemaRef) -> Result<Self> {
        let leaves = ArrowSchemaConverter::new().convert(&schema).map_err(from_parquet)?;
        Ok(Self { schema, leaves, learned: Mutex::default() })
    }

    fn properties(&self, compression: Compression) -> WriterPropertiesPtr {
        let mut builder = WriterProperties::builder()
            .set_compression(compression)
            .set_created_by("millstream".to_owned());
        let learned = self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for leaf in &learned.plain {
            let path: ColumnPath = self.leaves.column(*leaf).path().clone();
            builder = builder.set_column_dictionary_enabled(path, false);
        }
        Arc::new(builder.build())
    }

    fn column_writers(&self, compression: Compression) -> Result<Vec<ArrowColumnWriter>> {
        let (root, properties) = (self.leaves.root_schema_ptr(), self.properties(compression));
        // The factory wants a file only for its schema and properties.
        let unwritten = SerializedFileWriter::new(std::io::sink(), root, properties);
        let unwritten = unwritten.map_err(from_parquet)?;
        let factory = ArrowRowGroupWriterFactory::new(&unwritten, Arc::clone(&self.schema));
        factory.create_column_writers(0).map_err(from_parquet)
    }

    /// Encodes the batches of one row group as they come. Blocks.
    pub(crate) fn encode(&self, mut batches: mpsc::Receiver<RecordBatch>) -> Result<EncodedGroup> {
        let (first, compression) = first_batches(&mut batches);
        let mut writers = self.column_writers(compression)?;
        for batch in first {
            self.encode_batch(&mut writers, &batch)?;
        }
        while let Some(batch) = batches.blocking_recv() {
            self.encode_batch(&mut writers, &batch)?;
        }
        let chunks: Result<Vec<_>, _> = writers.into_iter().map(ArrowColumnWriter::close).collect();
        let group = EncodedGroup { chunks: chunks.map_err(from_parquet)? };
        self.learn(&group);
        Ok(group)
    }

    fn encode_batch(&self, writers: &mut [ArrowColumnWriter], batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let mut next = writers.iter_mut();
        for (field, column) in self.schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, column).map_err(from_parquet)? {
                let writer = next.next().ok_or_else(|| EngineError::Internal {
                    message: format!("column `{}` has too many leaves", field.name()),
                })?;
                writer.write(&leaf).map_err(from_parquet)?;
            }
        }
        Ok(())
    }

    /// A dictionary that overflowed was work for nothing: the next row groups do without.
    fn learn(&self, group: &EncodedGroup) {
        let mut learned = self.learned.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if learned.groups >= DICTIONARY_TRIALS {
            return;
        }
        learned.groups += 1;
        for (leaf, chunk) in group.chunks.iter().enumerate() {
            let metadata = &chunk.close().metadata;
            let pages = metadata.page_encoding_stats().into_iter().flatten();
            let overflowed = metadata.dictionary_page_offset().is_some()
                && pages.into_iter().any(|page| {
                    page.page_type != PageType::DICTIONARY_PAGE && page.encoding == Encoding::PLAIN
                });
            if overflowed {
                learned.plain.insert(leaf);
            }
        }
    }
}

/// The first batches of a row group, and the compression that they deserve.
fn first_batches(batches: &mut mpsc::Receiver<RecordBatch>) -> (Vec<RecordBatch>, Compression) {
    let (mut first, mut bytes) = (Vec::new(), 0);
    while bytes < COMPRESSED_BYTES_MIN {
        let Some(batch) = batches.blocking_recv() else {
            return (first, Compression::UNCOMPRESSED);
        };
        bytes += batch_bytes(&batch);
        first.push(batch);
    }
    (first, compressed())
}

fn compressed() -> Compression {
    let level = ZstdLevel::try_new(1).expect("1 is a level of zstd");
    Compression::ZSTD(level)
}

/// Where a file's bytes go.
#[derive(Debug)]
pub(crate) enum Destination {
    /// A file of this machine.
    Local(PathBuf),
    /// An object.
    Remote(Arc<dyn ObjectStore>, Path),
}

/// A file that row groups are added to. Blocks; not for async tasks.
pub(crate) struct OpenFile {
    name: String,
    schema: SchemaRef,
    writer: SerializedFileWriter<Sink>,
}

impl OpenFile {
    pub(crate) fn create(
        name: String,
        destination: Destination,
        encoder: &Encoder,
        runtime: &Handle,
    ) -> Result<Self> {
        let sink = Sink::open(destination, runtime)?;
        let root = encoder.leaves.root_schema_ptr();
        let writer = SerializedFileWriter::new(sink, root, encoder.properties(compressed()));
        let writer = writer.map_err(from_parquet)?;
        Ok(Self { name, schema: Arc::clone(&encoder.schema), writer })
    }

    pub(crate) fn append(&mut self, group: EncodedGroup) -> Result<()> {
        let mut row_group = self.writer.next_row_group().map_err(from_parquet)?;
        for chunk in group.chunks {
            chunk.append_to_row_group(&mut row_group).map_err(from_parquet)?;
        }
        row_group.close().map_err(from_parquet)?;
        Ok(())
    }

    pub(crate) fn bytes(&self) -> usize {
        self.writer.bytes_written()
    }

    pub(crate) fn rows(&self) -> usize {
        let groups = self.writer.flushed_row_groups().iter();
        groups.map(|group| group.num_rows().unsigned_abs() as usize).sum()
    }

    /// Ends the file. An object is durable then; a file on the disk is to be synced.
    pub(crate) fn finish(mut self) -> Result<(DataFile, Option<File>)> {
        let metadata = self.writer.finish().map_err(from_parquet)?;
        let bytes = self.writer.bytes_written() as u64;
        let stats = stats::to_delta_json(&self.schema, &metadata);
        let rows = metadata.file_metadata().num_rows().unsigned_abs();
        let unsynced = self.writer.inner_mut().finish()?;
        Ok((DataFile { path: self.name, bytes, rows, stats }, unsynced))
    }
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile").field("name", &self.name).finish_non_exhaustive()
    }
}

enum Sink {
    Local(File),
    Remote { upload: Option<WriteMultipart>, runtime: Handle },
}

impl Sink {
    fn open(destination: Destination, runtime: &Handle) -> Result<Self> {
        match destination {
            Destination::Local(path) => {
                Ok(Self::Local(File::create(path).map_err(|error| from_io(&error))?))
            }
            Destination::Remote(store, path) => {
                let upload = runtime.block_on(store.put_multipart(&path));
                let upload = WriteMultipart::new(upload.map_err(|error| from_store(&error))?);
                Ok(Self::Remote { upload: Some(upload), runtime: runtime.clone() })
            }
        }
    }

    fn finish(&mut self) -> Result<Option<File>> {
        match self {
            Self::Local(file) => Ok(Some(file.try_clone().map_err(|error| from_io(&error))?)),
            Self::Remote { upload, runtime } => {
                if let Some(upload) = upload.take() {
                    runtime.block_on(upload.finish()).map_err(|error| from_store(&error))?;
                }
                Ok(None)
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Local(file) => file.write(bytes),
            Self::Remote { upload: Some(upload), runtime } => {
                runtime.block_on(upload.wait_for_capacity(UPLOAD_PARTS_MAX))?;
                upload.write(bytes);
                Ok(bytes.len())
            }
            Self::Remote { upload: None, .. } => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Local(file) => file.flush(),
            Self::Remote { .. } => Ok(()),
        }
    }
}

fn from_parquet(error: parquet::errors::ParquetError) -> millstream_core::Error {
    match error {
        parquet::errors::ParquetError::External(inner) => {
            match inner.downcast_ref::<std::io::Error>() {
                Some(io) => from_io(io),
                None => EngineError::Internal { message: inner.to_string() }.into(),
            }
        }
        other => EngineError::Internal { message: other.to_string() }.into(),
    }
}
