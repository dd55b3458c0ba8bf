//! What attempts said: one file of JSON lines for each run, beside the ledger.
//!
//! A log explains and decides nothing: it is written without waiting for the disk, and a line that
//! cannot be written is left out. What a program prints is limited for each attempt and each run;
//! what Millstream itself says of a step is not, because it is little. Files lie in a folder for
//! each day; when a day begins, the folders of long ago are removed (see [`clean`]).
//!
//! Reading order: `entry`, `write`, `read`, `clean`, `story`.

mod clean;
mod entry;
mod read;
mod story;
mod write;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::clock::{Clock, Timestamp};
use millstream_core::id::RunId;

pub use entry::LogEntry;
pub use read::{LogPage, LogQuery, Start};
pub(crate) use story::told;
pub(crate) use write::RunLog;

/// The logs of an environment. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs {
    root: Option<Arc<Path>>,
    clock: Clock,
}

impl Logs {
    /// Those in a folder, which need not exist.
    pub fn new(root: PathBuf, clock: Clock) -> Self {
        Self { root: Some(root.into()), clock }
    }

    /// Logs that keep nothing.
    pub fn nowhere() -> Self {
        Self { root: None, clock: Clock::System }
    }

    /// The file of a run. Its day is that of the run's id, so that no index is needed.
    fn file(&self, run: RunId) -> Option<PathBuf> {
        let root = self.root.as_ref()?;
        Some(root.join(day(run.made_at())).join(format!("{run}.jsonl")))
    }
}

/// The name of the folder of a day, as `2026-11-22`.
fn day(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('T').map_or(text.clone(), |(day, _)| day.to_owned())
}

#[cfg(test)]
mod tests;
