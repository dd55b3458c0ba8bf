//! What can go wrong with a backup.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::{Coded, Fault, Retry};

/// `Result` with the error of backups.
pub type Result<T, E = BackupError> = std::result::Result<T, E>;

/// What can go wrong with a backup.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BackupError {
    /// A file or folder cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The folder holds no backups.
    #[error("`{}` is no folder of backups", folder.display())]
    NotABackup {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds something else.
    #[error("`{}` has other files than backups", folder.display())]
    InTheWay {
        /// The folder.
        folder: PathBuf,
    },
    /// A newer Millstream wrote it.
    #[error(
        "the backup has format {found}; this version of Millstream knows formats up to {known}"
    )]
    NewerFormat {
        /// Format of what was found.
        found: u32,
        /// Highest format that this program reads.
        known: u32,
    },
    /// Another process adds to the folder or removes from it.
    #[error("another process works on `{}`", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// No such backup.
    #[error("there is no backup `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// The folder has no backup that is complete.
    #[error("`{}` has no complete backup", folder.display())]
    Nothing {
        /// The folder.
        folder: PathBuf,
    },
    /// A content is not what was backed up.
    #[error("the backup is damaged: {path}: {reason}")]
    Damaged {
        /// The file of the environment, or of the backup.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// The name of a file is not text.
    #[error("the name of `{}` is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
    },
    /// A file that the copy needs is gone or shorter than it was.
    #[error("{path} was removed while it was copied")]
    SourceGone {
        /// The file of the environment.
        path: String,
    },
    /// A database cannot be copied.
    #[error("the database `{}` cannot be copied: {reason}", path.display())]
    Database {
        /// Its file.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
}

impl BackupError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, source: Arc::new(error) }
    }

    pub(crate) fn damaged(path: &str, reason: impl Into<String>) -> Self {
        Self::Damaged { path: path.to_owned(), reason: reason.into() }
    }
}

impl Coded for BackupError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "backup.io",
            Self::NotABackup { .. } => "backup.not_a_backup",
            Self::InTheWay { .. } => "backup.in_the_way",
            Self::NewerFormat { .. } => "backup.newer_format",
            Self::Busy { .. } => "backup.busy",
            Self::Unknown { .. } => "backup.unknown",
            Self::Nothing { .. } => "backup.nothing",
            Self::Damaged { .. } => "backup.damaged",
            Self::NotText { .. } => "backup.not_text",
            Self::SourceGone { .. } => "backup.source_gone",
            Self::Database { .. } => "backup.database",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotABackup { .. }
            | Self::InTheWay { .. }
            | Self::NewerFormat { .. }
            | Self::Unknown { .. }
            | Self::NotText { .. }
            | Self::Nothing { .. } => Fault::User,
            Self::Io { .. }
            | Self::Busy { .. }
            | Self::Damaged { .. }
            | Self::SourceGone { .. }
            | Self::Database { .. } => Fault::External,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Busy { .. } | Self::SourceGone { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io { .. } => "check the disk and the rights, and run the command again",
            Self::NotABackup { .. } => "name the folder that was given to `millstream backup`",
            Self::InTheWay { .. } => "name an empty folder, or one that does not exist",
            Self::NewerFormat { .. } => "use the newer version of Millstream",
            Self::Busy { .. } => "wait until it has ended",
            Self::Unknown { .. } => "`millstream backup list FOLDER` shows them",
            Self::Nothing { .. } => "`millstream backup FOLDER` makes one, or goes on with one",
            Self::Damaged { .. } => {
                "`millstream backup verify FOLDER` lists all damage of a backup; use another one, or \
                 back up or deploy again"
            }
            Self::NotText { .. } => "give the file another name",
            Self::SourceGone { .. } => "run the command again; what was copied is kept",
            Self::Database { .. } => "run the command again",
        };
        Some(hint.to_owned())
    }
}
