//! What can go wrong with a function.

use std::io;
use std::path::{Path, PathBuf};

use millstream_core::{Coded, Error, Fault, Retry};

/// What can go wrong with a function.
#[derive(Debug, thiserror::Error)]
pub enum FunctionError {
    /// The name cannot be that of a file.
    #[error("`{name}` is not the name of a function")]
    Name {
        /// The name.
        name: String,
    },
    /// `into` does not name a table of the operational database.
    #[error("function `{function}`: `{into}` is not a table of the operational database")]
    Into {
        /// The function.
        function: String,
        /// What it says.
        into: String,
    },
    /// `batch` is zero or too large.
    #[error("function `{function}`: a batch of {batch} events")]
    Batch {
        /// The function.
        function: String,
        /// What it says.
        batch: usize,
    },
    /// The topic ends before the place up to which it was handled.
    #[error("topic `{topic}` ends at {end}, but function `{function}` has handled it to {handled}")]
    TopicShrank {
        /// The function.
        function: String,
        /// The topic.
        topic: String,
        /// Where the topic ends.
        end: u64,
        /// Where the function's checkpoint is.
        handled: u64,
    },
    /// The query failed, or its rows could not be written.
    #[error("function `{function}`: {cause}")]
    Refused {
        /// The function.
        function: String,
        /// What the engine or the database said; it has the code and the hint.
        cause: Error,
    },
    /// A file could not be read or written.
    #[error("{path}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A staged file is not what was written.
    #[error("{path}: {reason}")]
    Staging {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// What the ledger kept of the step is not what the step wrote.
    #[error("the {what} of function `{function}` cannot be read: {reason}")]
    Kept {
        /// The function.
        function: String,
        /// `checkpoint` or `target`.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl FunctionError {
    pub(super) fn refused(function: &str, cause: Error) -> Self {
        Self::Refused { function: function.to_owned(), cause }
    }

    pub(super) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(super) fn staging(path: &Path, error: &dyn std::error::Error) -> Self {
        Self::Staging { path: path.to_owned(), reason: error.to_string() }
    }
}

impl Coded for FunctionError {
    fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "function.name_invalid",
            Self::Into { .. } => "function.into_invalid",
            Self::Batch { .. } => "function.batch_invalid",
            Self::TopicShrank { .. } => "function.topic_shrank",
            Self::Refused { cause, .. } => cause.code(),
            Self::Io { .. } => "function.io",
            Self::Staging { .. } => "function.staging_invalid",
            Self::Kept { .. } => "function.ledger_invalid",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Name { .. }
            | Self::Into { .. }
            | Self::Batch { .. }
            | Self::TopicShrank { .. } => Fault::User,
            Self::Refused { cause, .. } => cause.fault(),
            Self::Io { .. } => Fault::External,
            Self::Staging { .. } | Self::Kept { .. } => Fault::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } => Retry::Backoff,
            Self::Refused { cause, .. } => cause.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { cause, .. } => return cause.hint(),
            Self::Name { .. } => "use letters, digits and `_`, starting with no digit",
            Self::Into { .. } => "write `into: operational.<name>`",
            Self::Batch { .. } => "choose a `batch` from 1 to 10000",
            Self::TopicShrank { .. } => {
                "see that the topic's name is right; if its folder was removed, run with \
                 --full-refresh to start at its beginning"
            }
            Self::Io { .. } => "see that the disk has room and can be written",
            Self::Staging { .. } | Self::Kept { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
