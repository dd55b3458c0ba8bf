//! What can go wrong with a topic.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::{Coded, Fault, Retry};

use super::batch::{BadBatch, RECORD_BYTES_MAX};

/// What can go wrong with a topic.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// The name cannot be a folder.
    #[error("`{name}` is not the name of a topic")]
    Name {
        /// The name.
        name: String,
    },
    /// The operating system refused.
    #[error("{path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What it said.
        source: Arc<io::Error>,
    },
    /// Events were not written, and nothing of them is left.
    #[error("events were not written to topic `{topic}`: {reason}")]
    Append {
        /// The topic.
        topic: String,
        /// What the operating system said.
        reason: String,
    },
    /// The disk could not make events durable, so that nothing more is promised.
    #[error("topic `{topic}` takes no more events: the disk did not keep what it was given")]
    Stopped {
        /// The topic.
        topic: String,
    },
    /// A part of the log that was durable is not what was written.
    #[error("{path}, byte {position}: {reason}")]
    Corrupt {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// A record of another writer that this version cannot read.
    #[error("{path}, byte {position}: compressed batches cannot be read")]
    Compressed {
        /// The segment.
        path: PathBuf,
        /// Where in it.
        position: u64,
    },
    /// One event is too large.
    #[error("an event of {bytes} bytes is larger than {RECORD_BYTES_MAX}")]
    RecordTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The events of one effect are too large for one segment.
    #[error("the {bytes} bytes of one effect are more than {limit}")]
    EffectTooLarge {
        /// Their size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// A later effect of the same application is in the topic.
    #[error("effect {effect} comes after sequence {last} of the same application")]
    Fenced {
        /// The effect that was refused.
        effect: String,
        /// The last sequence in the topic.
        last: u64,
    },
    /// The process ends and the events were not written.
    #[error("topic `{topic}` is closing")]
    Closing {
        /// The topic.
        topic: String,
    },
}

impl LogError {
    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source: Arc::new(source) }
    }

    pub(super) fn bad_batch(path: &Path, position: u64, bad: BadBatch) -> Self {
        let path = path.to_owned();
        match bad {
            BadBatch::Compressed => Self::Compressed { path, position },
            other => Self::Corrupt { path, position, reason: other.to_string() },
        }
    }
}

impl Coded for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "topic.name_invalid",
            Self::Io { .. } => "topic.io",
            Self::Append { .. } => "topic.append",
            Self::Stopped { .. } => "topic.stopped",
            Self::Corrupt { .. } => "topic.corrupt",
            Self::Compressed { .. } => "topic.compressed",
            Self::RecordTooLarge { .. } => "topic.record_too_large",
            Self::EffectTooLarge { .. } => "topic.effect_too_large",
            Self::Fenced { .. } => "topic.fenced",
            Self::Closing { .. } => "topic.closing",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Name { .. } | Self::RecordTooLarge { .. } | Self::EffectTooLarge { .. } => {
                Fault::User
            }
            Self::Fenced { .. } => Fault::Internal,
            _ => Fault::External,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } | Self::Append { .. } | Self::Closing { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Name { .. } => "use letters, digits, `_`, `-` and `.`, starting with no `.`",
            Self::Io { .. } | Self::Append { .. } => {
                "see that the disk has room and can be written"
            }
            Self::Stopped { .. } => "check the disk, then start the process again",
            Self::Corrupt { .. } => "restore the topic's folder from a backup",
            Self::Compressed { .. } => "write to the topic without compression",
            Self::RecordTooLarge { .. } => "keep large content elsewhere and name it in the event",
            Self::EffectTooLarge { .. } => "write fewer rows at a time",
            Self::Fenced { .. } | Self::Closing { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
