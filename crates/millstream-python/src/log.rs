//! What a program prints.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::log::{AttemptLog, Origin, Said};
use millstream_core::printed::Printed;
use millstream_core::secret::{Secret, hidden};
use tokio::io::{AsyncRead, AsyncReadExt};

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

/// Who is told what a program prints.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// The name of the program.
    pub(crate) name: String,
    pub(crate) sink: LineSink,
    pub(crate) log: AttemptLog,
    pub(crate) last: LastLines,
    /// What they are not told.
    pub(crate) secrets: Vec<Secret>,
}

impl Listeners {
    fn tell(&self, line: &str) {
        let line = hidden(line, &self.secrets);
        self.last.push(&line);
        (self.sink.0)(&self.name, &line);
        self.log.say(Said::printed(Origin::Stdout, line));
    }
}

/// Tells everything that is printed, to its end, so that nobody who prints has to wait.
pub(crate) async fn follow(mut from: impl AsyncRead + Unpin, listeners: Listeners) {
    let mut printed = Printed::default();
    let mut tell = |line: &str| listeners.tell(line);
    let mut bytes = [0; READ_BYTES];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        printed.take(&bytes[..count], &mut tell);
    }
    printed.end(&mut tell);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_listen_are_told_every_line() {
        let (told, logged) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (keep, log) = (Arc::clone(&told), Arc::clone(&logged));
        let last = LastLines::default();
        let listeners = Listeners {
            name: "models/a.py".to_owned(),
            sink: LineSink::new(move |name, line| {
                keep.lock().unwrap().push(format!("{name}: {line}"));
            }),
            log: AttemptLog::new(move |said| log.lock().unwrap().push(said.text)),
            last: last.clone(),
            secrets: vec![Secret::new("three"), Secret::new("one")],
        };
        follow(&b"one\ntwo \xff\x1b[2J\r\nthree"[..], listeners).await;
        assert_eq!(*logged.lock().unwrap(), ["one", "two \\xff", "***"]);
        assert_eq!(told.lock().unwrap()[1], "models/a.py: two \\xff");
        assert_eq!(last.text().lines().count(), 3);
    }
}
