//! The `file` connector: CSV, JSON lines and Parquet, compressed or not, from a path, a pattern or
//! the web.

mod block;
mod builder;
mod checkpoint;
mod csv;
mod csv_file;
mod evidence;
mod http;
mod input;
mod json_file;
mod location;
mod parquet_file;
mod pipeline;
mod read;
mod settings;
mod shape;
mod text;
mod value;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::kind::{KindInfo, SettingProblem};
use millstream_core::spec::{SourceSpec, StreamSpec};
use serde_json::{Map, Value};

use self::checkpoint::FileCheckpoint;
use self::csv::BLOCK_BYTES;
pub(crate) use self::csv::{Dialect, all_records};
use self::input::{Input, InputState, hash_file};
use self::location::{LocalFile, Location};
use self::read::blocking;
pub use self::settings::{Encoding, FileFormat, FileSettings, FileStreamSettings};
use crate::columns::{Missing, type_name};
use crate::error::SyncError;
use crate::raw::{EntryKind, RawLoad};
use crate::registry::SourceContext;
use crate::review::review;
use crate::settings::{problems, schema};
use crate::source::{DiscoveredColumn, DiscoveredStream, Source, SourceRead};

/// Files up to this size are told by their content, larger ones by the time of their last change.
const PROBED_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What the reader of a project must know of this connector.
pub fn info() -> KindInfo {
    KindInfo {
        kind: "file",
        schema: schema::<FileSettings>(),
        stream_schema: Some(schema::<FileStreamSettings>()),
        validate,
        review,
    }
}

/// Makes a source of a spec. Does no I/O.
pub fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Arc<dyn Source>> {
    let settings = FileSettings::read(&spec.settings)?;
    for stream in &spec.streams {
        FileStreamSettings::read(&stream.settings)?;
    }
    Ok(Arc::new(FileSource {
        streams: spec.streams.clone(),
        root: settings.root,
        project_root: context.project_root.clone(),
        block_bytes: BLOCK_BYTES,
    }))
}

/// The local files of all streams. Blocking.
pub(crate) fn input_files(spec: &SourceSpec, project_root: &Path) -> Vec<PathBuf> {
    let Ok(settings) = FileSettings::read(&spec.settings) else { return Vec::new() };
    let files = |stream: &StreamSpec| {
        let path = FileStreamSettings::read(&stream.settings).ok()?.path;
        match Location::new(project_root, settings.root.as_deref(), &path).ok()? {
            Location::Local(local) => local.files().ok(),
            Location::Http(_) => None,
        }
    };
    spec.streams.iter().filter_map(files).flatten().map(|file| file.path).collect()
}

fn validate(
    settings: &Map<String, Value>,
    stream: Option<&Map<String, Value>>,
) -> Vec<SettingProblem> {
    let Some(stream) = stream else { return problems::<FileSettings>(settings, &[]) };
    let mut found = problems::<FileStreamSettings>(stream, &["path"]);
    if found.is_empty()
        && let Err(SyncError::BadSetting { key, message }) = FileStreamSettings::read(stream)
    {
        found.push(SettingProblem { key, message, hint: None });
    }
    found
}

/// Files of one source.
#[derive(Debug)]
struct FileSource {
    streams: Vec<StreamSpec>,
    root: Option<String>,
    project_root: PathBuf,
    block_bytes: usize,
}

impl FileSource {
    fn location(&self, stream: &StreamSpec) -> Result<Location, SyncError> {
        let settings = FileStreamSettings::read(&stream.settings)?;
        Location::new(&self.project_root, self.root.as_deref(), &settings.path)
    }

    async fn check_stream(&self, stream: &StreamSpec) -> Result<(usize, u64), SyncError> {
        match self.location(stream)? {
            Location::Http(address) => http::fingerprint(&address).await.map(|_| (1, 0)),
            Location::Local(local) => {
                let files = blocking(move || local.files()).await?;
                Ok((files.len(), files.iter().map(|file| file.bytes).sum()))
            }
        }
    }

    async fn discover_stream(&self, stream: &StreamSpec) -> Result<DiscoveredStream, SyncError> {
        let load = RawLoad::scratch()?;
        let plan = read::plan(stream, Missing::Refused, self.block_bytes)?;
        let earlier = FileCheckpoint::default();
        let inputs = read::inputs(&self.location(stream)?, stream, &earlier, &load).await?;
        let found = blocking(move || read::discover(&plan, inputs, &load)).await?;
        let columns = found.shape.columns.iter().map(|column| DiscoveredColumn {
            name: column.name.clone(),
            original: column.original.clone(),
            data_type: type_name(&column.known.data_type()),
            nullable: true,
        });
        Ok(DiscoveredStream {
            name: stream.name.clone(),
            columns: columns.collect(),
            key: stream.key.as_ref().map(|key| key.columns().to_vec()).unwrap_or_default(),
            rows: Some(found.rows),
        })
    }
}

impl Source for FileSource {
    fn check(&self) -> BoxFuture<'_, Result<String>> {
        Box::pin(async {
            let (mut files, mut bytes) = (0, 0);
            for stream in &self.streams {
                let (count, size) = self.check_stream(stream).await?;
                files += count;
                bytes += size;
            }
            Ok(format!("{files} files, {bytes} bytes on disk"))
        })
    }

    fn discover(&self) -> BoxFuture<'_, Result<Vec<DiscoveredStream>>> {
        Box::pin(async {
            let mut streams = Vec::with_capacity(self.streams.len());
            for stream in &self.streams {
                streams.push(self.discover_stream(stream).await?);
            }
            Ok(streams)
        })
    }

    fn probe<'a>(
        &'a self,
        stream: &'a StreamSpec,
        _checkpoint: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async move {
            Ok(Some(match self.location(stream)? {
                Location::Http(address) => http::fingerprint(&address).await?,
                Location::Local(local) => blocking(move || fingerprint(&local.files()?)).await?,
            }))
        })
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(async move {
            let plan = read::plan(stream, Missing::Refused, self.block_bytes)?;
            let earlier = FileCheckpoint::read(checkpoint);
            let inputs = read::inputs(&self.location(stream)?, stream, &earlier, raw).await?;
            Ok(read::open(plan, stream, inputs, earlier, raw).await?)
        })
    }

    fn replay<'a>(
        &'a self,
        stream: &'a StreamSpec,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(async move {
            let plan = read::plan(stream, Missing::Null, self.block_bytes)?;
            let load = raw.clone();
            let inputs = blocking(move || kept_inputs(&load)).await?;
            Ok(read::open(plan, stream, inputs, FileCheckpoint::default(), raw).await?)
        })
    }
}

/// What some files are now. Blocking.
fn fingerprint(files: &[LocalFile]) -> Result<ContentHash, SyncError> {
    let mut parts: Vec<Vec<u8>> = Vec::with_capacity(files.len() * 3);
    for file in files {
        parts.push(file.place.clone().into_bytes());
        parts.push(file.bytes.to_le_bytes().to_vec());
        parts.push(match file.modified {
            Some(modified) if file.bytes > PROBED_BYTES_MAX => modified.to_le_bytes().to_vec(),
            _ => hash_file(&file.path, &file.place)?.as_bytes().to_vec(),
        });
    }
    Ok(ContentHash::of_parts(parts))
}

/// The files of a load, checked against their hashes. Blocking.
fn kept_inputs(load: &RawLoad) -> Result<Vec<Input>, SyncError> {
    let mut inputs = Vec::new();
    for entry in load.entries().into_iter().filter(|entry| entry.kind == EntryKind::Bytes) {
        let path = load.path(&entry);
        if hash_file(&path, &entry.origin)? != entry.hash {
            return Err(SyncError::RawDamaged { path: path.display().to_string() });
        }
        let (place, name) = (entry.origin.clone(), entry.name.clone());
        inputs.push(Input { path, place, name, state: InputState::Kept(entry) });
    }
    Ok(inputs)
}

#[cfg(test)]
mod mistakes_tests;
#[cfg(test)]
mod tests;
