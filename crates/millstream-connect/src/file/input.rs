//! Opening a file: kept on the way or already kept, decompressed, its form told.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;
use millstream_core::hash::ContentHash;

use super::settings::FileFormat;
use crate::error::SyncError;
use crate::raw::{Keeper, RawEntry, RawLoad};

/// Bytes at the start and at the end of a file by which it is told from others.
const IDENTITY_BYTES: u64 = 64 * 1024;
/// Bytes that a decompressor reads at a time.
const DECODE_BYTES: usize = 256 * 1024;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const PARQUET: &[u8] = b"PAR1";

/// A file to read.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// Where its bytes are now.
    pub path: PathBuf,
    /// As people know it.
    pub place: String,
    /// Its name that stays the same when the input moves.
    pub name: String,
    /// Whether its bytes still have to be kept.
    pub state: InputState,
}

/// Whether the bytes of an input still have to be kept.
#[derive(Debug, Clone)]
pub(crate) enum InputState {
    /// They are outside.
    Outside,
    /// They are kept, or nothing is to be kept.
    Kept(RawEntry),
}

/// What the first bytes of a file tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Input {
    /// Tells this file from others without reading it all: by name, size, start and end. The same
    /// wherever it lies.
    pub(crate) fn identity(&self) -> Result<ContentHash, SyncError> {
        let failed = |error| SyncError::io(&self.place, error);
        let mut file = File::open(&self.path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let mut head = Vec::new();
        (&mut file).take(IDENTITY_BYTES).read_to_end(&mut head).map_err(failed)?;
        let mut tail = Vec::new();
        let tail_start = bytes.saturating_sub(IDENTITY_BYTES);
        file.seek(SeekFrom::Start(tail_start)).map_err(failed)?;
        file.take(IDENTITY_BYTES).read_to_end(&mut tail).map_err(failed)?;
        let size = bytes.to_le_bytes();
        Ok(ContentHash::of_parts([self.name.as_bytes(), &size, &head, &tail]))
    }

    /// The form of the content: as set, else by extension, else by the first bytes.
    pub(crate) fn format(&self, set: Option<FileFormat>) -> Result<FileFormat, SyncError> {
        if let Some(format) = set {
            return Ok(format);
        }
        let name = self.name.to_ascii_lowercase();
        let name = [".gz", ".gzip", ".zst", ".zstd"]
            .iter()
            .find_map(|packed| name.strip_suffix(packed))
            .unwrap_or(&name);
        match name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv" | "tsv" | "txt") => return Ok(FileFormat::Csv),
            Some("jsonl" | "ndjson" | "json") => return Ok(FileFormat::Jsonl),
            Some("parquet" | "pq") => return Ok(FileFormat::Parquet),
            _ => {}
        }
        let head = self.head()?;
        Ok(match head.trim_ascii_start() {
            [b'{', ..] => FileFormat::Jsonl,
            start if start.starts_with(PARQUET) => FileFormat::Parquet,
            _ => FileFormat::Csv,
        })
    }

    /// Opens the content for reading from its start. Blocking.
    pub(crate) fn open(&self, load: &RawLoad) -> Result<Opened, SyncError> {
        let packing = self.packing()?;
        let raw: Box<dyn Read + Send>;
        let keeper = match &self.state {
            InputState::Kept(entry) => {
                let file = File::open(&self.path);
                raw = Box::new(file.map_err(|error| SyncError::io(&self.place, error))?);
                KeeperState::Done(entry.clone())
            }
            InputState::Outside => {
                let keeper =
                    Arc::new(Mutex::new(load.keep_file(&self.path, &self.place, &self.name)?));
                raw = Box::new(SharedKeeper(Arc::clone(&keeper)));
                KeeperState::Open(keeper)
            }
        };
        let content: Box<dyn Read + Send> = match packing {
            Packing::Plain => raw,
            Packing::Gzip => {
                Box::new(MultiGzDecoder::new(BufReader::with_capacity(DECODE_BYTES, raw)))
            }
            Packing::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(
                    DECODE_BYTES,
                    raw,
                ))
                .map_err(|error| SyncError::io(&self.place, error))?,
            ),
        };
        Ok(Opened { content, keeper, packing, place: self.place.clone() })
    }

    /// Keeps the bytes without reading the content, and gives the input as it is kept. Blocking.
    pub(crate) fn keep(self, load: &RawLoad) -> Result<Self, SyncError> {
        match self.state {
            InputState::Kept(_) => Ok(self),
            InputState::Outside => {
                let keeper = load.keep_file(&self.path, &self.place, &self.name)?;
                let path = keeper.path().to_owned();
                Ok(Self { path, state: InputState::Kept(keeper.finish()?), ..self })
            }
        }
    }

    fn packing(&self) -> Result<Packing, SyncError> {
        let packing = match self.head()? {
            head if head.starts_with(GZIP) => Packing::Gzip,
            head if head.starts_with(ZSTD) => Packing::Zstd,
            _ => Packing::Plain,
        };
        let is_said_packed = [".gz", ".zst"].iter().any(|end| self.name.ends_with(end));
        if packing == Packing::Plain && is_said_packed {
            return Err(SyncError::BadFormat {
                path: self.place.clone(),
                format: "compressed data",
                message: "its first bytes are those of neither gzip nor Zstandard".to_owned(),
            });
        }
        Ok(packing)
    }

    fn head(&self) -> Result<Vec<u8>, SyncError> {
        let failed = |error| SyncError::io(&self.place, error);
        let mut head = Vec::new();
        let file = File::open(&self.path).map_err(failed)?;
        file.take(1024).read_to_end(&mut head).map_err(failed)?;
        if head.is_empty() {
            return Err(SyncError::Empty { path: self.place.clone() });
        }
        Ok(head)
    }
}

/// Content that is being read.
pub(crate) struct Opened {
    content: Box<dyn Read + Send>,
    keeper: KeeperState,
    packing: Packing,
    place: String,
}

enum KeeperState {
    Open(Arc<Mutex<Keeper>>),
    Done(RawEntry),
}

impl Opened {
    /// Ends the reading: what is left is kept as well. Gives the entry and where its bytes are.
    pub(crate) fn finish(self) -> Result<RawEntry, SyncError> {
        drop(self.content);
        match self.keeper {
            KeeperState::Done(entry) => Ok(entry),
            KeeperState::Open(shared) => {
                let keeper = Arc::into_inner(shared)
                    .expect("the content, dropped above, held the only other reference");
                keeper.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
            }
        }
    }

    /// Where the bytes can be read again.
    pub(crate) fn kept_path(&self, input: &Input) -> PathBuf {
        match &self.keeper {
            KeeperState::Done(_) => input.path.clone(),
            KeeperState::Open(shared) => {
                shared.lock().unwrap_or_else(PoisonError::into_inner).path().to_owned()
            }
        }
    }

    /// Says what an error of reading the content means.
    pub(crate) fn explain(&self, error: io::Error) -> SyncError {
        let (place, path) = (&self.place, self.place.clone());
        if self.packing == Packing::Plain {
            return SyncError::io(place, error);
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof => SyncError::Truncated { path },
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData | io::ErrorKind::Other => {
                let message = error.to_string();
                // The Zstandard library has no kind for an end that comes too early.
                if message.contains("incomplete frame") {
                    return SyncError::Truncated { path };
                }
                SyncError::BadFormat { path, format: "compressed data", message }
            }
            _ => SyncError::io(place, error),
        }
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

struct SharedKeeper(Arc<Mutex<Keeper>>);

impl Read for SharedKeeper {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read(buffer)
    }
}

/// The hash of a file's content. Blocking.
pub(crate) fn hash_file(path: &Path, place: &str) -> Result<ContentHash, SyncError> {
    let mut hasher = blake3::Hasher::new();
    let file = File::open(path).map_err(|error| SyncError::io(place, error))?;
    hasher.update_reader(file).map_err(|error| SyncError::io(place, error))?;
    Ok(ContentHash::from_bytes(*hasher.finalize().as_bytes()))
}
