//! Reading a stream: which files, which columns, then the rows.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use millstream_core::error::Result;
use millstream_core::spec::{ContractMode, StreamSpec, SyncMode};
use tokio::task::spawn_blocking;

use super::checkpoint::{FileCheckpoint, FileMark};
use super::input::{Input, InputState, hash_file};
use super::location::{LocalFile, Location, public_address};
use super::pipeline::{self, Feed, Stop};
use super::settings::{FileFormat, FileStreamSettings};
use super::shape::Shape;
use super::{csv_file, http, json_file, parquet_file};
use crate::columns::{KeptColumn, Missing, Selection};
use crate::error::SyncError;
use crate::raw::{RawEntry, RawLoad};
use crate::source::{SourceEvent, SourceRead};

/// How the files of a stream become rows.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Settings of the stream.
    pub settings: FileStreamSettings,
    /// Which columns are kept.
    pub selection: Selection,
    /// The schema of the rows.
    pub schema: SchemaRef,
    /// What a named column means that a file does not have.
    pub missing: Missing,
    /// Bytes of a block.
    pub block_bytes: usize,
}

impl Plan {
    /// The columns of a file that are kept.
    pub(crate) fn resolve(
        &self,
        place: &str,
        names: &[String],
    ) -> Result<Vec<KeptColumn>, SyncError> {
        self.selection.resolve_with(place, names, self.missing)
    }

    /// The columns of the rows, as one file has them.
    pub(crate) fn columns_of(&self, resolved: &[KeptColumn]) -> Vec<Option<KeptColumn>> {
        let of = |name: &str| resolved.iter().find(|column| column.name == name).cloned();
        self.schema.fields().iter().map(|field| of(field.name())).collect()
    }
}

/// What was found out about the files before any row is given.
pub(crate) struct Discovered {
    /// The files.
    pub inputs: Vec<Input>,
    /// Their columns.
    pub shape: Shape,
    /// Their rows.
    pub rows: u64,
}

/// The plan of a stream before its columns are known.
pub(crate) fn plan(
    stream: &StreamSpec,
    missing: Missing,
    block_bytes: usize,
) -> Result<Plan, SyncError> {
    let settings = FileStreamSettings::read(&stream.settings)?;
    let selection = Selection::of(stream)?;
    let schema = Shape::default().schema();
    Ok(Plan { settings, selection, schema, missing, block_bytes })
}

/// The files of a stream that are to be read: all, or, when the table keeps what was read before,
/// those that are new.
pub(crate) async fn inputs(
    location: &Location,
    stream: &StreamSpec,
    earlier: &FileCheckpoint,
    load: &RawLoad,
) -> Result<Vec<Input>, SyncError> {
    match location {
        Location::Http(address) => {
            let entry = http::fetch(address, load).await?;
            let place = public_address(address);
            let known = earlier.file(&place).is_some_and(|mark| mark.hash == entry.hash);
            if known && keeps_rows(stream) {
                return Ok(Vec::new());
            }
            let path = load.path(&entry);
            let name = entry.name.clone();
            Ok(vec![Input { path, place, name, state: InputState::Kept(entry) }])
        }
        Location::Local(local) => {
            let (local, earlier) = (local.clone(), earlier.clone());
            let is_new = keeps_rows(stream);
            blocking(move || {
                let mut inputs = Vec::new();
                for file in local.files()? {
                    if is_new && was_read(&earlier, &file)? {
                        continue;
                    }
                    let LocalFile { path, place, name, .. } = file;
                    inputs.push(Input { path, place, name, state: InputState::Outside });
                }
                Ok(inputs)
            })
            .await
        }
    }
}

fn keeps_rows(stream: &StreamSpec) -> bool {
    stream.sync != SyncMode::Replace
}

fn was_read(earlier: &FileCheckpoint, file: &LocalFile) -> Result<bool, SyncError> {
    let Some(mark) = earlier.file(&file.place).filter(|mark| mark.bytes == file.bytes) else {
        return Ok(false);
    };
    if file.modified.is_some() && mark.modified == file.modified {
        return Ok(true);
    }
    Ok(hash_file(&file.path, &file.place)? == mark.hash)
}

/// Opens the events of some files.
pub(crate) async fn open(
    mut plan: Plan,
    stream: &StreamSpec,
    inputs: Vec<Input>,
    earlier: FileCheckpoint,
    load: &RawLoad,
) -> Result<SourceRead, SyncError> {
    let mut shape = Shape::default();
    let mut inputs = inputs;
    if let Some(schema) = plan.selection.declared_schema()? {
        plan.schema = schema;
    } else {
        let has_new = !inputs.is_empty();
        let (discovering, load) = (plan.clone(), load.clone());
        let found = blocking(move || discover(&discovering, inputs, &load)).await?;
        (inputs, shape) = (found.inputs, found.shape);
        if keeps_rows(stream) || stream.contract == ContractMode::Freeze {
            shape.widen_by(&earlier.shape);
        }
        if keeps_rows(stream) && (stream.contract == ContractMode::Evolve || !has_new) {
            shape.append_missing(&earlier.shape);
        }
        plan.schema = shape.schema();
    }
    let files = if keeps_rows(stream) { earlier.files } else { Vec::new() };
    let checkpoint = FileCheckpoint { files, shape };
    let schema = Arc::clone(&plan.schema);
    let load = load.clone();
    let plan = Arc::new(plan);
    let events = pipeline::run(move |feed| feed_files(&plan, inputs, &load, checkpoint, feed));
    Ok(SourceRead { schema, events })
}

/// Finds out the columns of some files by reading them whole; keeps them on the way. Blocking.
pub(crate) fn discover(
    plan: &Plan,
    inputs: Vec<Input>,
    load: &RawLoad,
) -> Result<Discovered, SyncError> {
    let mut shape = Shape::default();
    let mut rows = 0;
    let mut kept = Vec::with_capacity(inputs.len());
    for input in inputs {
        let (input, count) = match input.format(plan.settings.format)? {
            FileFormat::Csv => csv_file::discover(plan, input, load, &mut shape)?,
            FileFormat::Jsonl => json_file::discover(plan, input, load, &mut shape)?,
            FileFormat::Parquet => parquet_file::discover(plan, input, load, &mut shape)?,
        };
        rows += count;
        kept.push(input);
    }
    Ok(Discovered { inputs: kept, shape, rows })
}

fn feed_files(
    plan: &Arc<Plan>,
    inputs: Vec<Input>,
    load: &RawLoad,
    mut checkpoint: FileCheckpoint,
    feed: &Feed,
) -> Result<(), Stop> {
    for input in inputs {
        let place = input.place.clone();
        let entry: RawEntry = match input.format(plan.settings.format)? {
            FileFormat::Csv => csv_file::read(plan, &input, load, feed)?,
            FileFormat::Jsonl => json_file::read(plan, &input, load, feed)?,
            FileFormat::Parquet => parquet_file::read(plan, input, load, feed)?,
        };
        let RawEntry { bytes, modified, hash, .. } = entry;
        checkpoint.note(FileMark { place, bytes, modified, hash });
    }
    feed.event(SourceEvent::Checkpoint(checkpoint.to_value()))
}

/// Runs work that blocks on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SyncError> + Send + 'static,
) -> Result<T, SyncError> {
    let done = spawn_blocking(work).await;
    done.map_err(|error| SyncError::Worker { message: error.to_string() })?
}
