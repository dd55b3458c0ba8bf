//! What data files are called, and how large they get.

use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::FileSize;

use crate::encode::OpenFile;

/// When a file is closed: after the row group with which it reaches one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileTargets {
    pub(crate) bytes: usize,
    pub(crate) rows: usize,
}

impl FileTargets {
    pub(crate) const fn of(size: FileSize) -> Self {
        match size {
            FileSize::Large => Self { bytes: 192 * 1024 * 1024, rows: usize::MAX },
            // What a change costs goes with rows where they are short, and with bytes otherwise.
            FileSize::Small => Self { bytes: 16 * 1024 * 1024, rows: 512 * 1024 },
        }
    }

    pub(crate) fn reached(self, file: &OpenFile) -> bool {
        file.bytes() >= self.bytes || file.rows() >= self.rows
    }
}

/// What the files are written for. Their names say it, and the log entry takes it from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Replace,
    Append,
    Merge,
    DeleteInsert,
    Overwrite,
    Optimize,
    /// Rows that a merge reads more than once; gone when it ends.
    Spool,
    /// No files: only the comments of the table are others.
    Describe,
}

impl FileKind {
    /// Those that a version can name.
    const NAMED: [Self; 6] = [
        Self::Replace,
        Self::Append,
        Self::Merge,
        Self::DeleteInsert,
        Self::Overwrite,
        Self::Optimize,
    ];

    /// The word of `history`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Merge => "merge",
            Self::DeleteInsert => "delete_insert",
            Self::Overwrite => "overwrite",
            Self::Optimize => "optimize",
            Self::Spool => "spool",
            Self::Describe => "describe",
        }
    }

    /// What a file was written for.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        let number = path.strip_suffix(SUFFIX)?.rsplit('-').next()?;
        Self::NAMED.into_iter().find(|kind| number.starts_with(kind.letter()))
    }

    /// What stands for the kind in the names of files.
    fn letter(self) -> char {
        match self {
            Self::Replace => 'r',
            Self::Append => 'a',
            Self::Merge => 'm',
            Self::DeleteInsert => 'd',
            Self::Overwrite => 'w',
            Self::Optimize => 'o',
            Self::Spool => 's',
            Self::Describe => 'c',
        }
    }
}

const SUFFIX: &str = ".parquet";

/// Where files go and what they are called.
#[derive(Debug, Clone)]
pub(crate) struct FileTarget {
    pub(crate) relation: Relation,
    pub(crate) attempt: AttemptId,
    pub(crate) kind: FileKind,
    pub(crate) size: FileSize,
}

impl FileTarget {
    pub(crate) fn name(&self, number: usize) -> String {
        format!("{}{}{number:05}{SUFFIX}", attempt_prefix(self.attempt), self.kind.letter())
    }

    /// Whether the files are there after the attempt, and have to be durable.
    pub(crate) fn stays(&self) -> bool {
        self.kind != FileKind::Spool
    }
}

/// How the names of all files of an attempt begin.
pub(crate) fn attempt_prefix(attempt: AttemptId) -> String {
    format!("part-{attempt}-")
}

/// The attempt that wrote a file, from its path.
pub(crate) fn attempt_of(path: &str) -> Option<AttemptId> {
    path.strip_prefix("part-")?.rsplit_once('-')?.0.parse().ok()
}
