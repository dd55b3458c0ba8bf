//! What can go wrong when records come in. A record that does not fit is no error: it goes to
//! quarantine as a [`crate::source::RefusedRecord`].

use std::io;

use millstream_core::error::{Coded, Fault, Retry};

use crate::hints::alternatives;

/// A sync that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// A source names a connector that does not exist.
    #[error("there is no connector `{connector}`")]
    UnknownConnector {
        /// The name as written.
        connector: String,
        /// The names that exist.
        known: String,
    },
    /// A setting of a source or stream has a value that cannot be used.
    #[error("`{key}`: {message}")]
    BadSetting {
        /// The setting.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// No file lies where the stream says.
    #[error("no file at `{path}`")]
    NotFound {
        /// Path or pattern.
        path: String,
        /// What lies near it, as a hint.
        near: Option<String>,
    },
    /// A file holds something else than what it was to be read as.
    #[error("`{path}` is not readable as {format}: it is {content}")]
    OtherContent {
        /// The file.
        path: String,
        /// The format it was read as.
        format: &'static str,
        /// What it is.
        content: &'static str,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The header of a CSV is one field that has another delimiter in it.
    #[error("`{path}` has one column, `{column}`: its fields seem to be separated by `{found}`")]
    WrongDelimiter {
        /// The file.
        path: String,
        /// The whole header.
        column: String,
        /// The delimiter it seems to have, as it is written in the stream.
        found: &'static str,
        /// The delimiter it was read with.
        used: char,
    },
    /// The operating system refused to read or write a file.
    #[error("`{path}` cannot be used")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// A compressed file ends before its end mark.
    #[error("`{path}` is cut off: its compressed data ends early")]
    Truncated {
        /// The file.
        path: String,
    },
    /// The bytes are not what the extension or the setting says.
    #[error("`{path}` is not readable as {format}: {message}")]
    BadFormat {
        /// The file.
        path: String,
        /// The format it was read as.
        format: &'static str,
        /// What the decoder said.
        message: String,
    },
    /// The file has no byte.
    #[error("`{path}` is empty")]
    Empty {
        /// The file.
        path: String,
    },
    /// The text is not UTF-8 at all.
    #[error("`{path}` is in {encoding}, not UTF-8")]
    BadEncoding {
        /// The file.
        path: String,
        /// What it looks like.
        encoding: &'static str,
    },
    /// A column that the stream names is not in the input.
    #[error("`{place}` has no column `{column}`")]
    MissingColumn {
        /// File or stream.
        place: String,
        /// The column as the stream names it.
        column: String,
        /// The columns that exist.
        known: Vec<String>,
    },
    /// Two columns get the same name.
    #[error("the columns `{first}` and `{second}` both become `{name}`")]
    ColumnCollision {
        /// The name in the table.
        name: String,
        /// One original name.
        first: String,
        /// The other.
        second: String,
    },
    /// A declared type does not exist.
    #[error("`{name}` is not a type")]
    BadType {
        /// The type as written.
        name: String,
    },
    /// A column of a stream declares a type that does not exist.
    #[error("stream `{stream}`, column `{column}`: `{name}` is not a type")]
    BadColumnType {
        /// The stream.
        stream: String,
        /// The column.
        column: String,
        /// The type as written.
        name: String,
    },
    /// The columns changed and the contract is `freeze`.
    #[error("stream `{stream}` breaks its contract: {change}")]
    ContractBroken {
        /// The stream.
        stream: String,
        /// What changed.
        change: String,
    },
    /// The stream declares what the rows of its table, which stay, cannot be.
    #[error("stream `{stream}` declares what its table cannot become: {change}")]
    DeclarationChanged {
        /// The stream.
        stream: String,
        /// What changed.
        change: String,
    },
    /// The stream needs a key and has none.
    #[error("stream `{stream}` merges but names no key")]
    MissingKey {
        /// The stream.
        stream: String,
    },
    /// A pattern matches more files, or an answer has more bytes, than a sync reads.
    #[error("{what} exceeds the limit of {limit}")]
    TooMuch {
        /// What was counted.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// A web server could not be reached or broke off.
    #[error("`{address}` did not answer: {message}")]
    HttpFailed {
        /// The address without credentials and query.
        address: String,
        /// What happened.
        message: String,
    },
    /// A web server said no.
    #[error("`{address}` answered {status}")]
    HttpRefused {
        /// The address without credentials and query.
        address: String,
        /// The status.
        status: u16,
    },
    /// The raw input that a replay needs is not kept.
    #[error("no raw input of `{stream}` is kept{detail}")]
    RawMissing {
        /// `source.stream`.
        stream: String,
        /// More, as the name of the load.
        detail: String,
    },
    /// Kept raw input does not have the hash that was noted.
    #[error("the raw file `{path}` has changed since it was kept")]
    RawDamaged {
        /// The file.
        path: String,
    },
    /// Rows could not be brought into the shape of the table.
    #[error("rows cannot be shaped: {message}")]
    Shape {
        /// What the columnar library said.
        message: String,
    },
    /// A worker thread died.
    #[error("a worker stopped: {message}")]
    Worker {
        /// How.
        message: String,
    },
}

impl SyncError {
    /// An I/O error with the file it is about.
    pub(crate) fn io(path: impl std::fmt::Display, cause: io::Error) -> Self {
        let path = path.to_string();
        match cause.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path, near: None },
            _ => Self::Io { path, cause },
        }
    }

    /// A failure of the columnar library on data that was already checked.
    pub(crate) fn shape(cause: impl std::fmt::Display) -> Self {
        Self::Shape { message: cause.to_string() }
    }
}

impl Coded for SyncError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownConnector { .. } => "sync.unknown_connector",
            Self::BadSetting { .. } => "sync.bad_setting",
            Self::NotFound { .. } => "sync.not_found",
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                "sync.disk_full"
            }
            Self::Io { .. } => "sync.io",
            Self::Truncated { .. } => "sync.truncated_file",
            Self::BadFormat { .. } | Self::OtherContent { .. } => "sync.bad_format",
            Self::WrongDelimiter { .. } => "sync.wrong_delimiter",
            Self::Empty { .. } => "sync.empty_file",
            Self::BadEncoding { .. } => "sync.bad_encoding",
            Self::MissingColumn { .. } => "sync.missing_column",
            Self::ColumnCollision { .. } => "sync.column_collision",
            Self::BadType { .. } | Self::BadColumnType { .. } => "sync.bad_type",
            Self::ContractBroken { .. } => "sync.contract_broken",
            Self::DeclarationChanged { .. } => "sync.declaration_changed",
            Self::MissingKey { .. } => "sync.missing_key",
            Self::TooMuch { .. } => "sync.limit",
            Self::HttpFailed { .. } => "sync.http_failed",
            Self::HttpRefused { .. } => "sync.http_refused",
            Self::RawMissing { .. } => "sync.raw_missing",
            Self::RawDamaged { .. } => "sync.raw_damaged",
            Self::Shape { .. } => "sync.shape",
            Self::Worker { .. } => "sync.worker",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Io { .. } | Self::HttpFailed { .. } | Self::RawDamaged { .. } => Fault::External,
            Self::HttpRefused { status, .. } if *status >= 500 || *status == 429 => Fault::External,
            Self::Shape { .. } | Self::Worker { .. } => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Io { .. } | Self::HttpFailed { .. } => Retry::Backoff,
            Self::HttpRefused { status, .. } if *status >= 500 || *status == 429 => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownConnector { known, .. } => format!("use one of: {known}"),
            Self::NotFound { near: Some(near), .. } => near.clone(),
            Self::NotFound { near: None, .. } => {
                "check `path`; a relative path starts at the project's folder".to_owned()
            }
            Self::OtherContent { remedy, .. } => (*remedy).to_owned(),
            Self::BadFormat { .. } => "set `format`, or fetch the file again".to_owned(),
            Self::WrongDelimiter { found, used, .. } => format!(
                "set `delimiter: \"{found}\"`, or `delimiter: \"{used}\"` if it is one column"
            ),
            Self::Truncated { .. } => "fetch the file again; nothing of it was used".to_owned(),
            Self::Empty { .. } => {
                "remove the file, or write at least a header line into it".to_owned()
            }
            Self::BadEncoding { .. } => "convert the file to UTF-8".to_owned(),
            Self::MissingColumn { column, known, .. } => missing_column_hint(column, known),
            Self::HttpFailed { .. } => {
                "see that the address is right and can be reached from here".to_owned()
            }
            Self::HttpRefused { status, .. } => http_hint(*status).to_owned(),
            Self::ColumnCollision { .. } => {
                "rename one in the source, or list the `columns` to keep".to_owned()
            }
            Self::BadType { name } | Self::BadColumnType { name, .. } => {
                crate::columns::type_hint(name)
            }
            Self::ContractBroken { .. } => {
                "correct the source, or set `contract: evolve`, or run with --full-refresh"
                    .to_owned()
            }
            Self::DeclarationChanged { .. } => {
                "run with --full-refresh, which reads the source anew, or take the change back"
                    .to_owned()
            }
            Self::MissingKey { .. } => "set `key:` to the columns of the key".to_owned(),
            Self::Io { cause, .. } if cause.kind() == io::ErrorKind::StorageFull => {
                "free some space for the environment's folder, then run again".to_owned()
            }
            Self::RawMissing { .. } => "raise `keep_raw`, and sync again".to_owned(),
            _ => return None,
        };
        Some(hint)
    }
}

fn missing_column_hint(column: &str, known: &[String]) -> String {
    let hint = alternatives(column, known, "the columns are");
    match known {
        [one] if one.contains([',', ';', '\t', '|']) => {
            format!("{hint}; if these are several, set `delimiter`")
        }
        _ => hint,
    }
}

fn http_hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "the address needs rights that an anonymous request does not have",
        404 | 410 => "nothing is there: check the address in `path`",
        429 | 500.. => "the server is busy or broken: it is asked again later",
        _ => "open the address in a browser to see what the server wants",
    }
}
