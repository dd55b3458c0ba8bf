//! The manifest of a project in which nothing has changed: the one that is there already.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::captures::ReadVars;
use super::inputs::{Fingerprint, Inputs};
use crate::artifacts::Metadata;

/// What stands behind the first part of a manifest.
const BEHIND_METADATA: &[u8] = b",\"nodes\":";
/// The most that stands before it.
const HEAD_BYTES: u64 = 1 << 16;
const BEFORE_METADATA: &[u8] = b"{\"metadata\":";

/// Says of which state of a project a `manifest.json` was written.
#[derive(Debug)]
pub struct Renewal {
    manifest: PathBuf,
    file: PathBuf,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record {
    all: String,
    glance: Option<String>,
    read: ReadVars,
    size: u64,
    modified: u128,
    /// What the command said of the project.
    said: String,
}

impl Renewal {
    /// Of the manifest in a folder of artifacts.
    pub fn new(artifacts: &Path) -> Self {
        Self {
            manifest: artifacts.join("manifest.json"),
            file: artifacts.join("partial_parse.manifest.json"),
        }
    }

    /// Writes the manifest again for another command, if it is the one that was noted and `inputs`
    /// are what they were. Gives what was said of the project then.
    pub fn renew(&self, inputs: &Inputs, command: &Metadata) -> Option<String> {
        let record: Record = serde_json::from_slice(&fs::read(&self.file).ok()?).ok()?;
        let Record { all, glance, read, said, .. } = record;
        let state = (record.size, record.modified);
        let is_complete = self.manifest.with_file_name("semantic_manifest.json").is_file();
        if !is_complete || self.state()? != state {
            return None;
        }
        let fingerprint = inputs.unchanged(&Fingerprint { all, glance, read })?;
        self.rename(command)?;
        self.note(&fingerprint, &said);
        Some(said)
    }

    /// Gives the manifest the metadata of another command. Where it has the room of the old one,
    /// nothing else is written: the rest of a manifest is megabytes.
    fn rename(&self, command: &Metadata) -> Option<()> {
        let mut file = File::open(&self.manifest).ok()?;
        let mut head = Vec::with_capacity(HEAD_BYTES as usize);
        (&mut file).take(HEAD_BYTES).read_to_end(&mut head).ok()?;
        let start = BEFORE_METADATA.len();
        let end = head.windows(BEHIND_METADATA.len()).position(|part| part == BEHIND_METADATA)?;
        let old: Map<String, Value> = serde_json::from_slice(head.get(start..end)?).ok()?;
        let new = serde_json::to_vec(&of_command(old, command)).ok()?;
        if new.len() == end - start {
            let mut file = OpenOptions::new().write(true).open(&self.manifest).ok()?;
            file.seek(SeekFrom::Start(start as u64)).ok()?;
            return file.write_all(&new).ok();
        }
        let mut rest = head.split_off(end);
        file.read_to_end(&mut rest).ok()?;
        replace(&self.manifest, &[BEFORE_METADATA, &new, &rest].concat()).ok()
    }

    /// Notes that the manifest was just written of a project in this state. A note that cannot be
    /// written is none.
    pub fn note(&self, fingerprint: &Fingerprint, said: &str) {
        let Some((size, modified)) = self.state() else { return };
        let Fingerprint { all, glance, read } = fingerprint.clone();
        let record = Record { all, glance, read, size, modified, said: said.to_owned() };
        if let Ok(text) = serde_json::to_vec(&record) {
            let _ = replace(&self.file, &text);
        }
    }

    fn state(&self) -> Option<(u64, u128)> {
        let meta = fs::metadata(&self.manifest).ok()?;
        let modified = meta.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some((meta.len(), modified.as_nanos()))
    }
}

/// The metadata of a manifest, as another command says it.
fn of_command(mut metadata: Map<String, Value>, command: &Metadata) -> Map<String, Value> {
    let own = [
        ("generated_at", json!(command.generated_at)),
        ("invocation_id", json!(command.invocation_id)),
        ("invocation_started_at", json!(command.invocation_started_at)),
        ("run_started_at", json!(command.invocation_started_at)),
        ("env", json!(command.env)),
    ];
    metadata.extend(own.map(|(key, value)| (key.to_owned(), value)));
    metadata
}

/// Writes a file whole, or not at all.
pub(super) fn replace(file: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(name);
    fs::write(&beside, content)?;
    fs::rename(&beside, file)
}
