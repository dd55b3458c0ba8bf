//! Writing the log of a run.

use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::asset::AssetKey;
use millstream_core::clock::Clock;
use millstream_core::id::RunId;
use millstream_core::log::{AttemptLog, Level, Origin, Said};

use super::clean::clean;
use super::{LogEntry, Logs, day};

/// What the program of one attempt may print; then it is left out.
const ATTEMPT_BYTES_MAX: u64 = 4 << 20;
/// The largest log of a run; then only what Millstream itself says of a step is kept.
const RUN_BYTES_MAX: u64 = 64 << 20;
/// The longest text of a line.
const TEXT_BYTES_MAX: usize = 64 << 10;

/// The log of a run. Cheap to clone; clones write to the same file.
#[derive(Debug, Clone)]
pub(crate) struct RunLog {
    clock: Clock,
    writing: Option<Arc<Mutex<Writing>>>,
}

/// The file of a run, which is made by the first line.
#[derive(Debug)]
struct Writing {
    path: PathBuf,
    file: Option<File>,
    /// Its length, as far as this process knows.
    bytes: u64,
    /// What programs printed, by attempt.
    printed: HashMap<(AssetKey, u32), u64>,
    /// The last line could not be written, or not whole.
    is_broken: bool,
}

/// Whether a line is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Kept,
    /// It is the first that is not.
    Full,
    LeftOut,
}

impl Logs {
    /// The log of a run. Lines are added to those that are there.
    pub(crate) fn of_run(&self, run: RunId) -> RunLog {
        let writing = self.file(run).map(|path| Arc::new(Mutex::new(Writing::new(path))));
        RunLog { clock: self.clock.clone(), writing }
    }

    /// Makes the folder of today. The first to do so removes what is older than is kept, on a
    /// thread on which files may take their time.
    pub(crate) fn begin_day(&self) {
        let Some(root) = &self.root else { return };
        let today = day(self.clock.now());
        let folder = root.join(&today);
        if folder.is_dir() {
            return;
        }
        if let Err(error) = DirBuilder::new().recursive(true).create(&folder) {
            tracing::warn!(%error, folder = %folder.display(), "logs cannot be kept");
            return;
        }
        let root = Arc::clone(root);
        tokio::task::spawn_blocking(move || clean(&root, &today));
    }
}

impl RunLog {
    /// What an attempt is given to say its lines to.
    pub(crate) fn of_attempt(&self, asset: &AssetKey, number: u32) -> AttemptLog {
        if self.writing.is_none() {
            return AttemptLog::default();
        }
        let (log, asset) = (self.clone(), asset.clone());
        AttemptLog::new(move |said| log.say(&asset, number, said))
    }

    /// Adds a line.
    pub(crate) fn say(&self, asset: &AssetKey, number: u32, said: Said) {
        let Some(writing) = &self.writing else { return };
        let entry = LogEntry::of(self.clock.now(), asset, number, said);
        writing.lock().unwrap_or_else(PoisonError::into_inner).keep(entry);
    }
}

impl Writing {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, bytes: 0, printed: HashMap::new(), is_broken: false }
    }

    fn keep(&mut self, mut entry: LogEntry) {
        match self.room(&entry) {
            Room::Kept => {}
            Room::LeftOut => return,
            Room::Full => {
                "(what follows is left out: the log is full)".clone_into(&mut entry.text);
                entry.level = Level::Warn;
                entry.from = Origin::Millstream;
                entry.fields.clear();
            }
        }
        cut(&mut entry.text);
        match self.write(&entry) {
            Ok(()) => self.is_broken = false,
            Err(error) if self.is_broken => tracing::debug!(%error, "a line of a log is lost"),
            Err(error) => {
                self.is_broken = true;
                tracing::warn!(%error, file = %self.path.display(), "the log cannot be written");
            }
        }
    }

    /// Counts a line against the limits.
    fn room(&mut self, entry: &LogEntry) -> Room {
        if entry.from == Origin::Millstream && entry.level > Level::Debug {
            return Room::Kept;
        }
        let key = (entry.asset.clone(), entry.attempt);
        let printed = self.printed.entry(key).or_default();
        if *printed > ATTEMPT_BYTES_MAX {
            return Room::LeftOut;
        }
        *printed += entry.text.len() as u64;
        if *printed > ATTEMPT_BYTES_MAX || self.bytes > RUN_BYTES_MAX {
            *printed = ATTEMPT_BYTES_MAX + 1;
            return Room::Full;
        }
        Room::Kept
    }

    /// One write for a line, so that a process that is killed leaves whole lines.
    fn write(&mut self, entry: &LogEntry) -> io::Result<()> {
        let mut line = Vec::with_capacity(entry.text.len() + 256);
        if self.is_broken {
            line.push(b'\n');
        }
        serde_json::to_writer(&mut line, entry)?;
        line.push(b'\n');
        if self.file.is_none() {
            let (file, bytes) = open(&self.path)?;
            self.bytes = bytes;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&line)?;
        }
        self.bytes += line.len() as u64;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).create(folder)?;
    }
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
        text.push('…');
    }
}
