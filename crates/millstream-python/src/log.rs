//! What a program prints.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line; what is longer is cut into several.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Lines of one program that are told.
const LINES_MAX: usize = 10_000;
/// Lines that errors show.
const LINES_LAST: usize = 20;
/// Bytes that are read at once.
const READ_BYTES: usize = 8 * 1024;

/// Takes the lines that programs print, with the name of the program.
#[derive(Clone)]
pub struct LineSink(Arc<Take>);

type Take = dyn Fn(&str, &str) + Send + Sync;

impl LineSink {
    /// Takes them with a function of the program's name and the line.
    pub fn new(take: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }
}

impl fmt::Debug for LineSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LineSink")
    }
}

/// The last lines of a program.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    pub(crate) fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES_LAST {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
}

/// Tells everything that is printed, to its end, so that nobody who prints has to wait.
pub(crate) async fn follow(
    mut from: impl AsyncRead + Unpin,
    name: String,
    sink: LineSink,
    last: LastLines,
) {
    let mut lines = Lines { name, sink, last, told: 0, open: Vec::new() };
    let mut bytes = [0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        lines.take(&bytes[..count]);
    }
    lines.end();
}

struct Lines {
    name: String,
    sink: LineSink,
    last: LastLines,
    told: usize,
    open: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.tell();
            } else {
                self.open.push(byte);
                if self.open.len() == LINE_BYTES_MAX {
                    self.tell();
                }
            }
        }
    }

    fn end(&mut self) {
        if !self.open.is_empty() {
            self.tell();
        }
    }

    fn tell(&mut self) {
        let line = std::mem::take(&mut self.open);
        let line = String::from_utf8_lossy(&line);
        let line: String = line.trim_end().chars().map(shown).collect();
        self.last.push(&line);
        self.told += 1;
        match self.told.cmp(&LINES_MAX) {
            std::cmp::Ordering::Less => (self.sink.0)(&self.name, &line),
            std::cmp::Ordering::Equal => (self.sink.0)(&self.name, "(what follows is left out)"),
            std::cmp::Ordering::Greater => {}
        }
    }
}

/// A letter as a terminal may be given it.
fn shown(letter: char) -> char {
    if letter.is_control() && letter != '\t' { char::REPLACEMENT_CHARACTER } else { letter }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn told(bytes: &[u8]) -> (Vec<String>, String) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (kept, last) = (Arc::clone(&lines), LastLines::default());
        let sink = LineSink::new(move |name, line| {
            assert_eq!(name, "models/a.py");
            kept.lock().unwrap().push(line.to_owned());
        });
        follow(bytes, "models/a.py".to_owned(), sink, last.clone()).await;
        let lines = lines.lock().unwrap().clone();
        (lines, last.text())
    }

    #[tokio::test]
    async fn lines_are_told_whatever_they_are_made_of() {
        let (lines, last) = told(b"one\ntwo \xff\x1b[2J\r\nthree").await;
        assert_eq!(lines, ["one", "two \u{fffd}\u{fffd}[2J", "three"]);
        assert_eq!(last.lines().count(), 3);
    }

    #[tokio::test]
    async fn nobody_is_flooded() {
        let (lines, last) = told("x\n".repeat(LINES_MAX + 5).as_bytes()).await;
        assert_eq!(lines.len(), LINES_MAX);
        assert_eq!(lines.last().unwrap(), "(what follows is left out)");
        assert_eq!(last.lines().count(), LINES_LAST);
        let (lines, _) = told(&vec![b'x'; LINE_BYTES_MAX * 2 + 1]).await;
        assert_eq!(lines.len(), 3);
    }
}
