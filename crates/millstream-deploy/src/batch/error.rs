//! What a scoring step can meet.

use std::path::PathBuf;

use millstream_core::{Coded, Fault, Retry};

/// Why a relation is not scored.
#[derive(Debug, thiserror::Error)]
pub enum ScoringError {
    /// The deployment has no `batch` part.
    #[error("deployment `{deployment}` has no `batch`")]
    NoBatch {
        /// The deployment.
        deployment: String,
    },
    /// The key has the name of a column of the answers.
    #[error("a key cannot be named `{0}`: the scoring writes a column of that name")]
    KeyReserved(String),
    /// The alias names no version yet.
    #[error("`{reference}` names no version yet")]
    NoVersion {
        /// The reference.
        reference: String,
        /// What to do.
        remedy: String,
    },
    /// The relation lacks the key or an input.
    #[error("`{relation}` has no column `{column}`")]
    ColumnMissing {
        /// What is scored.
        relation: String,
        /// What is missing.
        column: String,
        /// What there is.
        known: String,
    },
    /// Values that cannot be what the model takes.
    #[error("column `{column}` cannot be scored: {reason}")]
    ColumnType {
        /// The column.
        column: String,
        /// Why.
        reason: String,
    },
    /// The staging cannot be written or read.
    #[error("cannot use the staging `{path}`")]
    Staging {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The staged events are not those of the intent.
    #[error("the staged events `{path}` are damaged: {reason}")]
    EventsDamaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Events are to be published, but the deployment records nowhere any more.
    #[error("deployment `{deployment}` has staged events and no topic")]
    NoTopic {
        /// The deployment.
        deployment: String,
    },
    /// An intent that this version cannot read.
    #[error("the intent cannot be read: {0}")]
    Payload(String),
    /// A thread of the scoring died.
    #[error("a thread of the scoring died: {0}")]
    Died(String),
}

impl Coded for ScoringError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoBatch { .. } => "scoring.no_batch",
            Self::KeyReserved(_) => "scoring.key_reserved",
            Self::NoVersion { .. } => "scoring.no_version",
            Self::ColumnMissing { .. } => "scoring.column_missing",
            Self::ColumnType { .. } => "scoring.column_type",
            Self::Staging { .. } => "scoring.staging",
            Self::EventsDamaged { .. } => "scoring.events_damaged",
            Self::NoTopic { .. } => "scoring.no_topic",
            Self::Payload(_) => "scoring.payload",
            Self::Died(_) => "scoring.died",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NoBatch { .. }
            | Self::KeyReserved(_)
            | Self::NoVersion { .. }
            | Self::ColumnMissing { .. }
            | Self::ColumnType { .. }
            | Self::NoTopic { .. } => Fault::User,
            Self::Staging { .. } | Self::EventsDamaged { .. } => Fault::External,
            Self::Payload(_) | Self::Died(_) => Fault::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Staging { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoBatch { .. } => "add `batch: {over, key, into}` to the deployment".to_owned(),
            Self::KeyReserved(_) => "select the key under another name in a model".to_owned(),
            Self::NoVersion { remedy, .. } => remedy.clone(),
            Self::ColumnMissing { known, .. } => format!("there are: {known}"),
            Self::ColumnType { .. } => {
                "score a relation with the types that the model was trained on".to_owned()
            }
            Self::Staging { .. } => {
                "look at the free space and the rights of the environment's folder".to_owned()
            }
            Self::NoTopic { .. } => {
                "put `record` back until the interrupted run has been finished".to_owned()
            }
            Self::EventsDamaged { .. } | Self::Payload(_) | Self::Died(_) => return None,
        })
    }
}
