//! What can go wrong in a source of typed records.

use millstream_core::error::{Coded, Error, Fault, Retry};
use millstream_core::explain::Explanation;
use millstream_core::spec::StreamSpec;

use crate::hints::alternatives;

/// An error of a source of typed records.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("the source has no stream `{stream}`")]
    MissingTable { stream: String, known: Vec<String> },
    #[error("stream `{stream}`: key column `{column}` is not among the columns to keep")]
    KeyDropped { stream: String, column: String },
    #[error("stream `{stream}`: column `{column}` is {from} and cannot be read as {to}")]
    NoConversion { stream: String, column: String, from: String, to: String },
    #[error("stream `{stream}` has no cursor column `{column}`")]
    MissingCursor { stream: String, column: String, known: Vec<String> },
    #[error("stream `{stream}`: column `{column}` of type {data_type} cannot be a cursor")]
    BadCursor { stream: String, column: String, data_type: String },
    #[error("stream `{stream}`: a database is synced with `replace` or `merge`")]
    BadMode { stream: String },
    #[error("stream `{stream}`: the table is not there yet and no column says what it will hold")]
    NothingDeclared { stream: String },
    #[error("{what} has no value: {cause}")]
    Secret { what: String, cause: Error },
    #[error("{what} cannot be used: {message}")]
    Address { what: String, message: &'static str },
    #[error("cannot reach {what}")]
    Unreachable {
        what: String,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("{what} refused to let us in")]
    Denied {
        what: String,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("cannot read {what}")]
    Read {
        what: String,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the kept records of stream `{stream}` cannot be read: {message}")]
    Kept { stream: String, message: String },
    #[error("the reader of stream `{stream}` ended without a result")]
    ReaderGone { stream: String },
}

impl Coded for SourceError {
    fn code(&self) -> &'static str {
        match self {
            Self::MissingTable { .. } => "source.stream_missing",
            Self::KeyDropped { .. } => "sync.key_dropped",
            Self::NoConversion { .. } => "sync.type_unsupported",
            Self::MissingCursor { .. } => "sync.cursor_missing",
            Self::BadCursor { .. } => "sync.cursor_unsuitable",
            Self::BadMode { .. } => "sync.mode_unsupported",
            Self::NothingDeclared { .. } => "sync.columns_undeclared",
            Self::Secret { cause, .. } => cause.code(),
            Self::Address { .. } => "sync.bad_setting",
            Self::Unreachable { .. } => "source.unreachable",
            Self::Denied { .. } => "source.denied",
            Self::Read { .. } => "source.read_failed",
            Self::Kept { .. } => "source.raw_unreadable",
            Self::ReaderGone { .. } => "source.reader_gone",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { .. } | Self::Denied { .. } | Self::Read { .. } => Fault::External,
            Self::Kept { .. } | Self::ReaderGone { .. } => Fault::Internal,
            Self::Secret { cause, .. } => cause.fault(),
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::Read { .. } => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::MissingTable { stream, known } => Some(alternatives(stream, known, "it has")),
            Self::MissingCursor { column, known, .. } => {
                Some(alternatives(column, known, "set `cursor:` to one of"))
            }
            Self::Address { .. } => Some(
                "write postgres://user:password@host:5432/database; in user and password `@` is \
                 `%40`, `/` is `%2F` and `:` is `%3A`"
                    .to_owned(),
            ),
            Self::Secret { cause, .. } => cause.hint(),
            Self::KeyDropped { column, .. } => Some(format!("add `{column}` to `columns:`")),
            Self::NoConversion { column, .. } => {
                Some(format!("leave out the type of `{column}`, or declare it as text"))
            }
            Self::BadCursor { .. } => {
                Some("a number, a date, a time or a text that grows can be one".to_owned())
            }
            Self::NothingDeclared { .. } => {
                Some("declare `columns:` with types, or a `key:`".to_owned())
            }
            Self::BadMode { .. } => Some(
                "set `sync: merge` with a `key`, and a `cursor` to read only changes".to_owned(),
            ),
            Self::Denied { .. } => {
                Some("check user, password and database of `url`, and the user's rights".to_owned())
            }
            Self::Unreachable { .. } => Some(
                "see that host and port are right and that it runs; `millstream source check` \
                 tries again"
                    .to_owned(),
            ),
            Self::Kept { .. } => Some("sync the stream with `--full-refresh`".to_owned()),
            Self::Read { .. } | Self::ReaderGone { .. } => None,
        }
    }
}

/// Kept records of a stream that are not what was kept.
pub(super) fn unreadable(stream: &StreamSpec, message: &str) -> SourceError {
    SourceError::Kept { stream: stream.name.clone(), message: message.to_owned() }
}

/// The pages of these errors.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    page(
        "source.stream_missing",
        "The source has no such stream",
        "A stream of a database source is a table or view, of the shop one of its five streams. \
         The table in the lake stays as it was. `millstream source discover` lists the streams.",
    ),
    page(
        "sync.key_dropped",
        "The key is not among the columns to keep",
        "Rows are told apart by the key, so its columns have to be in the table. Add them to \
         `columns:`.",
    ),
    page(
        "sync.type_unsupported",
        "No value of the column can be of the declared type",
        "For instance bytes as a date. A single value that does not fit goes to the quarantine \
         table; here none can. Leave out the type or declare text.",
    ),
    page(
        "sync.cursor_missing",
        "The cursor column is not in the source",
        "`cursor:` names the column by which a sync finds what changed. The table stays as it was.",
    ),
    page(
        "sync.cursor_unsuitable",
        "The cursor column has no order that can be followed",
        "A cursor is a number, a date, a time or a text whose values grow as rows are written or \
         changed. Choose another column, or sync with `replace`.",
    ),
    page(
        "sync.mode_unsupported",
        "A table of a database cannot be appended",
        "To miss nothing, a sync by cursor reads the last rows again; only a merge by key makes \
         that harmless. Set `sync: merge` and `key:`, or `sync: replace`.",
    ),
    page(
        "sync.columns_undeclared",
        "A table that does not exist yet has no declared columns",
        "A table of the operational database is made by the first function that writes to it. \
         Until then its stream is empty, with the declared columns. Declare `columns:` with types, \
         or at least a `key:`.",
    ),
    page(
        "source.unreachable",
        "The source cannot be reached",
        "The server does not answer, the file is not there, or TLS could not be agreed on. The \
         step is tried again with growing pauses. The table stays as it was.",
    ),
    page(
        "source.denied",
        "The source does not let us in",
        "User, password or rights are refused, or the database does not exist. The step is not \
         tried again.",
    ),
    page(
        "source.read_failed",
        "Reading from the source failed",
        "The connection broke or a query failed half-way. What was read is discarded, the \
         checkpoint stays where it was, and the step is tried again.",
    ),
    page(
        "source.raw_unreadable",
        "Kept raw records cannot be read",
        "`source replay` found raw records that are damaged or of another kind. The table stays as \
         it was; a full refresh reads the source itself.",
    ),
    page(
        "source.reader_gone",
        "The reader of a stream ended without a result",
        "A fault of Millstream: a reading thread ended early. Nothing was published. Please report \
         it.",
    ),
];

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}
