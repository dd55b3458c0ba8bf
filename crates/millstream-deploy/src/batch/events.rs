//! Events between staging and publication: one durable file of JSON lines for each attempt.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::Result;
use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::id::AttemptId;
use millstream_core::step::Receipt;
use millstream_core::topic::{NewRecord, Topic};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::blocking;
use super::error::ScoringError;
use crate::limits::{APPEND_BYTES_MAX, APPEND_EVENTS_MAX, EVENT_BYTES_MAX};

const FILE_NAME: &str = "events.jsonl";

/// What the intent says of staged events. The folder is the step's own staging.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventsPayload {
    /// Names the folder.
    pub(super) attempt: AttemptId,
    /// How many events.
    pub(super) events: u64,
    /// Size of the file.
    pub(super) bytes: u64,
    /// When they happened.
    pub(super) at: Timestamp,
}

impl EventsPayload {
    pub(super) fn receipt(&self, end: u64) -> Receipt {
        Receipt { version: end, detail: json!({ "events": self.events }) }
    }
}

/// The file of an attempt.
#[derive(Debug, Clone)]
pub(super) struct EventFile {
    folder: PathBuf,
    path: PathBuf,
}

impl EventFile {
    pub(super) fn new(staging: &Path, attempt: AttemptId) -> Self {
        let folder = staging.join(attempt.to_string());
        Self { path: folder.join(FILE_NAME), folder }
    }

    /// Makes the file, empty.
    pub(super) async fn create(self, at: Timestamp) -> Result<EventWriter> {
        blocking(move || {
            make_folder(&self.folder).map_err(staging(&self.folder))?;
            let file = File::create(&self.path).map_err(staging(&self.path))?;
            let out = BufWriter::new(file);
            Ok(EventWriter { file: self, out, events: 0, bytes: 0, at })
        })
        .await
    }

    /// Removes the file and its folder. Harmless when there is none.
    pub(super) async fn remove(self) -> Result<()> {
        blocking(move || match fs::remove_dir_all(&self.folder) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                Err(staging(&self.folder)(cause).into())
            }
            _ => Ok(()),
        })
        .await
    }

    fn damaged(&self, reason: impl Into<String>) -> ScoringError {
        ScoringError::EventsDamaged { path: self.path.clone(), reason: reason.into() }
    }
}

/// Writes the events of an attempt.
#[derive(Debug)]
pub(super) struct EventWriter {
    file: EventFile,
    out: BufWriter<File>,
    events: u64,
    bytes: u64,
    at: Timestamp,
}

/// A writer that the stream of answers and the step share.
#[derive(Debug, Clone)]
pub(super) struct SharedWriter(Arc<Mutex<EventWriter>>);

impl SharedWriter {
    pub(super) fn new(writer: EventWriter) -> Self {
        Self(Arc::new(Mutex::new(writer)))
    }

    pub(super) async fn write(&self, lines: Vec<u8>, events: u64) -> Result<()> {
        let this = Arc::clone(&self.0);
        blocking(move || {
            let mut writer = this.lock().unwrap_or_else(PoisonError::into_inner);
            writer.events += events;
            writer.bytes += lines.len() as u64;
            let written = writer.out.write_all(&lines);
            Ok(written.map_err(staging(&writer.file.path))?)
        })
        .await
    }

    /// Makes what was written durable: the file, then the folder that names it.
    pub(super) async fn finish(&self, attempt: AttemptId) -> Result<EventsPayload> {
        let this = Arc::clone(&self.0);
        blocking(move || {
            let mut writer = this.lock().unwrap_or_else(PoisonError::into_inner);
            let EventWriter { file, out, events, bytes, at } = &mut *writer;
            let written = out.flush().and_then(|()| out.get_ref().sync_all());
            let written = written.and_then(|()| sync_folder(&file.folder));
            written.map_err(staging(&file.path))?;
            Ok(EventsPayload { attempt, events: *events, bytes: *bytes, at: *at })
        })
        .await
    }
}

/// Appends staged events and gives the end offset after the last.
///
/// So that memory stays bounded they go in parts. Each part but the last has an application of its
/// own, the last has the effect itself: so the effect is found only when all are there, and a
/// publication that broke off goes on after the parts that it appended.
pub(super) async fn append(
    file: &EventFile,
    payload: &EventsPayload,
    topic: &dyn Topic,
    effect: &EffectId,
) -> Result<u64> {
    let mut reader = Reader::open(file.clone(), payload.clone()).await?;
    for part in 0_u64.. {
        let (rest, records) = blocking(move || {
            let records = reader.part()?;
            Ok((reader, records))
        })
        .await?;
        reader = rest;
        if reader.left == 0 {
            return topic.append_once(records, effect).await;
        }
        let application = format!("{}#{part}", effect.application);
        let part_effect = EffectId { application, sequence: effect.sequence };
        topic.append_once(records, &part_effect).await?;
        millstream_core::crash::point("scoring.part_appended");
    }
    Err(file.damaged("it does not end").into())
}

struct Reader {
    file: EventFile,
    lines: BufReader<File>,
    left: u64,
    at: Timestamp,
}

/// The part of an event that makes its record's key.
#[derive(Deserialize)]
struct EventHead {
    event_id: String,
    key: Option<String>,
}

impl Reader {
    async fn open(file: EventFile, payload: EventsPayload) -> Result<Self> {
        blocking(move || {
            let lines = File::open(&file.path).map_err(staging(&file.path))?;
            let bytes = lines.metadata().map_err(staging(&file.path))?.len();
            if bytes != payload.bytes {
                let reason = format!("it has {bytes} bytes instead of {}", payload.bytes);
                return Err(file.damaged(reason).into());
            }
            let lines = BufReader::new(lines);
            Ok(Self { file, lines, left: payload.events, at: payload.at })
        })
        .await
    }

    /// The next events, within the limits of one append. The parts of a file are always the same.
    fn part(&mut self) -> Result<Vec<NewRecord>> {
        let (mut records, mut bytes) = (Vec::new(), 0);
        while self.left > 0 && records.len() < APPEND_EVENTS_MAX && bytes < APPEND_BYTES_MAX {
            let record = self.record()?;
            bytes += record.value.len();
            records.push(record);
            self.left -= 1;
        }
        Ok(records)
    }

    fn record(&mut self) -> Result<NewRecord> {
        let mut value = Vec::new();
        let mut line = (&mut self.lines).take(EVENT_BYTES_MAX as u64);
        line.read_until(b'\n', &mut value).map_err(staging(&self.file.path))?;
        if value.pop() != Some(b'\n') {
            return Err(self.file.damaged("a line is cut off").into());
        }
        let head: EventHead =
            serde_json::from_slice(&value).map_err(|cause| self.file.damaged(cause.to_string()))?;
        let key = head.key.unwrap_or(head.event_id).into_bytes();
        Ok(NewRecord { key: Some(key), value, at: self.at })
    }
}

fn staging(path: &Path) -> impl Fn(io::Error) -> ScoringError {
    let path = path.to_owned();
    move |source| ScoringError::Staging { path: path.clone(), source }
}

/// Makes a folder and those above it that are missing; each is durable in the one above.
fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_folder(parent)?;
    match fs::create_dir(folder) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(cause),
        _ => {}
    }
    sync_folder(parent)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
