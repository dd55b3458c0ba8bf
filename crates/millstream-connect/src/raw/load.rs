//! One load of one stream, and its manifest.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use serde::{Deserialize, Serialize};

use super::keep::{Keeper, KeptWriter, Origin};
use super::records::{RecordReader, RecordWriter};
use super::{MANIFEST, Retention, sync_folder};
use crate::error::SyncError;

/// Version of the manifest's form.
const FORMAT: u32 = 1;

/// What a complete load holds; its `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub format: u32,
    /// The source.
    pub source: String,
    /// The stream.
    pub stream: String,
    /// The load: the id of its attempt.
    pub load_id: String,
    /// When the attempt was claimed.
    pub at: Timestamp,
    /// What is kept, in the order in which it was read.
    pub entries: Vec<RawEntry>,
}

/// One file of a load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawEntry {
    /// Name in the load's folder.
    pub file: String,
    /// What it is.
    pub kind: EntryKind,
    /// Where it came from: a path, an address without credentials, a table.
    pub origin: String,
    /// Short name that stays the same when the input moves as a whole: the path below the part of
    /// the pattern that is fixed.
    pub name: String,
    /// Size.
    pub bytes: u64,
    /// BLAKE3 hash of all bytes.
    pub hash: ContentHash,
    /// When the original was last changed, in microseconds since 1970, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<i64>,
    /// What the web server called this state of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
}

/// What a raw file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// The bytes as they came.
    Bytes,
    /// Records, as an Arrow IPC stream with zstd.
    Records,
}

impl Manifest {
    pub(super) fn new(source: &str, stream: &str, load_id: &str, at: Timestamp) -> Self {
        Self {
            format: FORMAT,
            source: source.to_owned(),
            stream: stream.to_owned(),
            load_id: load_id.to_owned(),
            at,
            entries: Vec::new(),
        }
    }

    /// The manifest at a path, if there is one.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, SyncError> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SyncError::io(path.display(), error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| SyncError::BadFormat {
            path: path.display().to_string(),
            format: "manifest",
            message: error.to_string(),
        })
    }
}

/// One load of one stream. Cheap to clone; all clones are the same load.
#[derive(Debug, Clone)]
pub struct RawLoad {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: PathBuf,
    retention: Retention,
    manifest: Mutex<Manifest>,
    /// A folder that goes with the last clone; only of loads that nobody keeps.
    _scratch: Option<tempfile::TempDir>,
}

impl RawLoad {
    pub(super) fn new(folder: PathBuf, manifest: Manifest, retention: Retention) -> Self {
        let manifest = Mutex::new(manifest);
        Self { shared: Arc::new(Shared { folder, retention, manifest, _scratch: None }) }
    }

    pub(super) fn sealed(folder: PathBuf, manifest: Manifest) -> Self {
        Self::new(folder, manifest, Retention::For(super::RETENTION_DEFAULT))
    }

    /// A load that keeps nothing, for a preview. Its folder, used by downloads, goes with it.
    pub fn scratch() -> Result<Self, SyncError> {
        let folder = tempfile::tempdir().map_err(|error| SyncError::io("temporary", error))?;
        let manifest = Manifest::new("", "", "", Timestamp::from_micros(0));
        let shared = Shared {
            folder: folder.path().to_owned(),
            retention: Retention::Nothing,
            manifest: Mutex::new(manifest),
            _scratch: Some(folder),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The id of the load.
    pub fn id(&self) -> String {
        self.manifest().load_id
    }

    /// What the load holds so far.
    pub fn manifest(&self) -> Manifest {
        self.shared.manifest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is kept, in the order in which it was read.
    pub fn entries(&self) -> Vec<RawEntry> {
        self.manifest().entries
    }

    /// Opens a local file so that what is read from it is kept and hashed on the way. `place` is
    /// how people know the file; for `name` see [`RawEntry::name`]. Blocking.
    pub fn keep_file(&self, path: &Path, place: &str, name: &str) -> Result<Keeper, SyncError> {
        let source = File::open(path).map_err(|error| SyncError::io(path.display(), error))?;
        let kept = match self.shared.retention {
            Retention::Nothing => None,
            Retention::For(_) => Some(self.next_file(name)),
        };
        let origin = Origin { place: place.to_owned(), name: name.to_owned() };
        Keeper::new(source, path, kept.as_deref(), origin, self.clone())
    }

    /// A file for bytes that come from elsewhere. It is there while the load lives even if raw
    /// input is not kept. Blocking.
    pub fn keep_bytes(&self, origin: &str, name: &str) -> Result<KeptWriter, SyncError> {
        let origin = Origin { place: origin.to_owned(), name: name.to_owned() };
        KeptWriter::new(&self.next_file(name), origin, self.clone())
    }

    /// Keeps records of one schema, as a database source reads them. Blocking.
    pub fn keep_records(
        &self,
        origin: &str,
        schema: &SchemaRef,
    ) -> Result<RecordWriter, SyncError> {
        let kept = match self.shared.retention {
            Retention::Nothing => None,
            Retention::For(_) => Some(self.next_file("records.arrow")),
        };
        let origin = Origin { place: origin.to_owned(), name: "records".to_owned() };
        RecordWriter::new(kept.as_deref(), schema, origin, self.clone())
    }

    /// Where an entry lies.
    pub fn path(&self, entry: &RawEntry) -> PathBuf {
        self.shared.folder.join(&entry.file)
    }

    /// Reads the records of an entry again. Blocking.
    pub fn records(&self, entry: &RawEntry) -> Result<RecordReader, SyncError> {
        RecordReader::open(&self.path(entry))
    }

    /// A path in the load's folder for work that is not kept.
    pub(crate) fn scratch_path(&self, name: &str) -> PathBuf {
        self.shared.folder.join(format!("{name}.tmp"))
    }

    /// Declares the load complete: everything in it is durable, the manifest comes last. Blocking.
    pub fn seal(&self) -> Result<(), SyncError> {
        if self.shared.retention == Retention::Nothing {
            return Ok(());
        }
        let folder = &self.shared.folder;
        let failed = |error| SyncError::io(folder.join(MANIFEST).display(), error);
        let text = serde_json::to_vec_pretty(&self.manifest())
            .expect("a manifest is plain data, which is always JSON");
        let draft = folder.join("manifest.draft");
        let mut file = File::create(&draft).map_err(failed)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(failed)?;
        sync_folder(folder)?;
        fs::rename(&draft, folder.join(MANIFEST)).map_err(failed)?;
        sync_folder(folder)
    }

    pub(super) fn add(&self, entry: RawEntry) {
        let mut manifest = self.shared.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        manifest.entries.push(entry);
    }

    /// The next free file. Its number keeps apart what has the same name.
    fn next_file(&self, name: &str) -> PathBuf {
        let number = self.entries().len();
        let last = name.rsplit('/').next().unwrap_or(name);
        let safe: String = last
            .chars()
            .map(
                |c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' },
            )
            .collect();
        let tail = safe.len().saturating_sub(100);
        self.shared.folder.join(format!("{number:05}-{}", &safe[tail..]))
    }
}
