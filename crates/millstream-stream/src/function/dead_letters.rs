//! Events that a function could not read, kept beside the topics: one JSON object per line.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

use millstream_core::clock::Timestamp;
use millstream_core::topic::Record;
use serde::{Deserialize, Serialize};

use crate::log::{create_directory, sync_directory};

/// Bytes read at a time when the last line is looked for.
const CHUNK_BYTES: u64 = 64 * 1024;

/// One event that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DeadLetter {
    topic: String,
    offset: u64,
    at: String,
    reason: String,
    /// The value as text, where it is text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// The value in hexadecimal digits, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value_hex: Option<String>,
}

impl DeadLetter {
    pub(super) fn new(topic: &str, record: &Record, reason: String) -> Self {
        let text = std::str::from_utf8(&record.value).ok().map(str::to_owned);
        Self {
            topic: topic.to_owned(),
            offset: record.offset,
            at: Timestamp::from_micros(record.at_millis.saturating_mul(1000)).to_string(),
            reason,
            value_hex: if text.is_none() { Some(hexadecimal(&record.value)) } else { None },
            value: text,
        }
    }

    /// The line of the file, with its end.
    pub(super) fn line(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What is needed of a line that is there.
#[derive(Deserialize)]
struct Place {
    offset: u64,
}

/// Adds staged lines to the file, durably. Lines at or before the last offset of the file are
/// there already: a publication that is repeated after a crash adds nothing twice.
pub(super) fn keep(staged: &Path, file: &Path) -> io::Result<()> {
    let staged = fs::read_to_string(staged)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    create_directory(folder)?;
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).open(file)?;
    let last = cut_to_last_line(&mut file)?;
    let mut new = String::new();
    for line in staged.lines() {
        if last.is_none_or(|last| place(line).is_some_and(|offset| offset > last)) {
            new.push_str(line);
            new.push('\n');
        }
    }
    file.write_all(new.as_bytes())?;
    file.sync_all()?;
    sync_directory(folder)
}

fn place(line: &str) -> Option<u64> {
    serde_json::from_str::<Place>(line).ok().map(|place| place.offset)
}

/// Cuts off a line that a crash left unfinished, goes to the end, and gives the offset of the
/// last line.
fn cut_to_last_line(file: &mut File) -> io::Result<Option<u64>> {
    let length = file.metadata()?.len();
    let end = after_newline_before(file, length)?;
    if end < length {
        file.set_len(end)?;
    }
    let start = after_newline_before(file, end.saturating_sub(1))?;
    file.seek(SeekFrom::Start(start))?;
    let mut line = String::new();
    file.take(end - start).read_to_string(&mut line)?;
    file.seek(SeekFrom::Start(end))?;
    Ok(place(&line))
}

/// The position after the last line end that lies before a position; 0 if there is none.
fn after_newline_before(file: &mut File, position: u64) -> io::Result<u64> {
    let mut end = position;
    while end > 0 {
        let start = end.saturating_sub(CHUNK_BYTES);
        let mut chunk = vec![0; (end - start) as usize];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        if let Some(index) = chunk.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + index as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(offsets: std::ops::Range<u64>) -> String {
        let record = |offset| Record { offset, key: None, value: vec![0xff], at_millis: 0 };
        offsets.map(|o| DeadLetter::new("t", &record(o), "no".to_owned()).line().unwrap()).collect()
    }

    #[test]
    fn a_repeated_or_torn_publication_keeps_each_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let (staged, file) = (folder.path().join("staged"), folder.path().join("dead/f.jsonl"));
        fs::write(&staged, lines(0..3)).unwrap();
        keep(&staged, &file).unwrap();
        keep(&staged, &file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), lines(0..3));
        let whole = lines(0..6);
        fs::write(&staged, lines(3..6)).unwrap();
        for cut in lines(0..3).len()..whole.len() {
            fs::write(&file, &whole[..cut]).unwrap();
            keep(&staged, &file).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), whole, "cut at {cut}");
        }
    }
}
