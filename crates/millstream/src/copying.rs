//! Progress of a copy: one redrawn line on a terminal, plain lines elsewhere; always on stderr.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use millstream_backup::Progress;

use crate::output::{has_terminal, print_note, size};

/// Copies of fewer bytes need no lines in a log.
const LINES_FROM_BYTES: u64 = 256 << 20;
/// Lines of a copy in a log.
const LINES: u64 = 10;

/// Shows how far a copy is.
#[derive(Debug)]
pub struct CopyView {
    verb: &'static str,
    bar: Option<ProgressBar>,
    /// Tenths that were told already.
    told: AtomicU64,
}

impl CopyView {
    /// For stderr as it is.
    pub fn new(verb: &'static str) -> Self {
        let bar = has_terminal().then(|| {
            let bar = ProgressBar::new(0).with_message(verb);
            let form = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
            match ProgressStyle::with_template(form) {
                Ok(style) => bar.with_style(style),
                Err(_) => bar,
            }
        });
        Self { verb, bar, told: AtomicU64::new(0) }
    }

    /// Shows one piece of progress.
    pub fn show(&self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_length(progress.bytes_all);
            bar.set_position(progress.bytes);
            return;
        }
        if progress.bytes_all < LINES_FROM_BYTES {
            return;
        }
        let tenth = progress.bytes * LINES / progress.bytes_all;
        if self.told.fetch_max(tenth, Ordering::Relaxed) < tenth {
            let (done, all) = (size(progress.bytes), size(progress.bytes_all));
            print_note(&format!("{}: {done} of {all}", self.verb));
        }
    }

    /// Takes the line away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A speed in megabytes per second.
pub fn per_second(bytes: u64, millis: u64) -> String {
    format!("{:.0} MB/s", bytes as f64 / 1000.0 / millis.max(1) as f64)
}
