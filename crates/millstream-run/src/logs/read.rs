//! Reading the log of a run, in pages that also follow it while it grows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use millstream_core::asset::AssetKey;
use millstream_core::error::Result;
use millstream_core::id::RunId;
use millstream_core::log::Level;

use super::{LogEntry, Logs};
use crate::error::RunError;

/// Bytes of a log that are read for one page.
const PAGE_BYTES_MAX: u64 = 4 << 20;
/// The longest line that is read; nobody writes longer ones.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Bytes before the end of a log in which its last lines are looked for.
const TAIL_BYTES: u64 = 1 << 20;

/// Which lines of a log are meant.
#[derive(Debug, Clone)]
pub struct LogQuery {
    /// Those of the step of this asset: its key, its name, or the last part of its name.
    pub asset: Option<String>,
    /// Those of the attempt of this number.
    pub attempt: Option<u32>,
    /// Those that matter as much as this, or more.
    pub level: Level,
    /// Where to begin.
    pub start: Start,
    /// The most lines.
    pub limit: usize,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At this byte: 0, or what a page before gave as its end.
    At(u64),
    /// At the last lines of the log.
    Tail,
}

/// Lines of a log, in the order in which they were said.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The lines.
    pub entries: Vec<LogEntry>,
    /// Where the next page begins.
    pub next: u64,
    /// Whether there was nothing behind them when they were read.
    pub is_end: bool,
}

impl LogQuery {
    fn takes(&self, entry: &LogEntry) -> bool {
        entry.level >= self.level
            && self.attempt.is_none_or(|number| number == entry.attempt)
            && self.asset.as_deref().is_none_or(|text| is_named(&entry.asset, text))
    }
}

impl Logs {
    /// Reads a page of the log of a run; it is empty if there is none.
    ///
    /// Fails with `run.log_unreadable` if the disk does.
    pub fn read(&self, run: RunId, query: &LogQuery) -> Result<LogPage> {
        let file = self.file(run).map(File::open).transpose();
        match file {
            Ok(Some(file)) => Ok(page_of(file, query).map_err(RunError::from)?),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(RunError::from(error).into())
            }
            Ok(None) | Err(_) => Ok(LogPage { entries: Vec::new(), next: 0, is_end: true }),
        }
    }
}

fn page_of(mut file: File, query: &LogQuery) -> io::Result<LogPage> {
    let from = match query.start {
        Start::At(byte) => byte,
        Start::Tail => file.metadata()?.len().saturating_sub(TAIL_BYTES),
    };
    // The first line of a tail is cut off; it is no JSON, and is passed over.
    file.seek(SeekFrom::Start(from))?;
    let mut page = LogPage { entries: Vec::new(), next: from, is_end: false };
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        if page.next - from >= PAGE_BYTES_MAX {
            break;
        }
        line.clear();
        let count = (&mut reader).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? as u64;
        // A line without an end is still being written.
        if count == 0 || (count < LINE_BYTES_MAX && line.last() != Some(&b'\n')) {
            page.is_end = true;
            break;
        }
        let entry = serde_json::from_slice(&line).ok().filter(|entry| query.takes(entry));
        if entry.is_some() && query.start != Start::Tail && page.entries.len() == query.limit {
            break;
        }
        page.entries.extend(entry);
        page.next += count;
    }
    let left = page.entries.len().saturating_sub(query.limit);
    page.entries.drain(..left);
    Ok(page)
}

fn is_named(asset: &AssetKey, text: &str) -> bool {
    let last = asset.name.rsplit_once('.').map(|(_, last)| last);
    asset.name == text || last == Some(text) || asset.to_string() == text
}
