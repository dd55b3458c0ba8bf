//! The errors of the engine, and what becomes of those of the libraries below it.

use std::fmt;
use std::sync::Arc;

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use deltalake_core::DeltaTableError;
use millstream_core::name::Relation;
use millstream_core::{Coded, Error, Fault, Retry};

/// What can go wrong between SQL and the files of a table.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the messages and `explain` say it")]
pub enum EngineError {
    #[error("{message}")]
    Parse { message: String },
    #[error("`{name}` is not a table or view here")]
    UnknownTable { name: String, near: Option<String> },
    #[error("there is no column `{name}`")]
    UnknownColumn { name: String, near: Option<String> },
    #[error("there is no function `{name}`")]
    UnknownFunction { name: String, advice: Option<String> },
    #[error("column `{name}` could be meant in more than one table")]
    AmbiguousColumn { name: String },
    #[error("{message}")]
    Plan { message: String },
    #[error("{message}")]
    Unsupported { message: String },
    #[error("{message}")]
    Type { message: String },
    #[error("{message}")]
    Arithmetic { message: String },
    #[error("{message}")]
    Execution { message: String },
    #[error("{message}")]
    Resources { message: String },
    #[error("only one statement that returns rows can run here")]
    NotAQuery,
    #[error("view `{name}` refers to itself: {path}")]
    ViewCycle { name: String, path: String },
    #[error("{message}")]
    BadModelCall { message: String },

    #[error("`{relation}` has no version {version}")]
    NoVersion { relation: Relation, version: u64 },
    #[error("`{relation}` has no version as of {at}")]
    NoVersionAt { relation: Relation, at: String },
    #[error("`{relation}` has already been published by {application} up to {reached}")]
    Fenced { relation: Relation, application: String, reached: u64, sequence: u64 },
    #[error("`{relation}` has changed since it was read (it was at {base}, it is at {latest})")]
    Conflict { relation: Relation, base: String, latest: String },
    #[error("what was staged for `{relation}` is not there any more: {message}")]
    StagedLost { relation: Relation, message: String },
    #[error("column `{column}` of `{relation}` is {old} and cannot become {new}")]
    IncompatibleSchema { relation: Relation, column: String, old: String, new: String },
    #[error("column `{column}` has the type {data_type}, which a table cannot keep")]
    UnsupportedType { column: String, data_type: String },
    #[error("the columns of `{relation}` and of its new rows differ: {difference}")]
    SchemaChanged { relation: Relation, difference: String },
    #[error("two columns are named `{column}`")]
    DuplicateColumn { column: String },
    #[error("key column `{column}` of `{relation}` has no value in {rows} rows")]
    NullKey { relation: Relation, column: String, rows: u64 },
    #[error("`{relation}` has no key column `{column}`")]
    NoKeyColumn { relation: Relation, column: String },
    #[error("`{relation}` was written by a newer release: {reason}")]
    NewerFormat { relation: Relation, reason: String },
    #[error("the files of a table are damaged: {message}")]
    Unreadable { message: String },
    #[error("the lake cannot be reached: {message}")]
    Storage { message: String },
    #[error("no space is left for the lake or for spilled rows: {message}")]
    Full { message: String },
    #[error("`{location}` is not a place for a lake: {message}")]
    BadLocation { location: String, message: String },
    #[error("{message}")]
    Internal { message: String },
}

impl Coded for EngineError {
    fn code(&self) -> &'static str {
        match self {
            Self::Parse { .. } => "sql.parse",
            Self::UnknownTable { .. } => "sql.unknown_table",
            Self::UnknownColumn { .. } => "sql.unknown_column",
            Self::UnknownFunction { .. } => "sql.unknown_function",
            Self::AmbiguousColumn { .. } => "sql.ambiguous_column",
            Self::Plan { .. } => "sql.plan",
            Self::Unsupported { .. } => "sql.unsupported",
            Self::Type { .. } => "sql.type",
            Self::Arithmetic { .. } => "sql.arithmetic",
            Self::Execution { .. } => "sql.execution",
            Self::Resources { .. } => "sql.resources",
            Self::NotAQuery => "sql.not_a_query",
            Self::ViewCycle { .. } => "sql.view_cycle",
            Self::BadModelCall { .. } => "sql.predict",
            Self::NoVersion { .. } | Self::NoVersionAt { .. } => "table.no_version",
            Self::Fenced { .. } => "table.fenced",
            Self::Conflict { .. } => "table.conflict",
            Self::StagedLost { .. } => "table.staged_lost",
            Self::IncompatibleSchema { .. } => "table.incompatible_schema",
            Self::UnsupportedType { .. } => "table.unsupported_type",
            Self::SchemaChanged { .. } => "table.schema_changed",
            Self::DuplicateColumn { .. } => "table.duplicate_column",
            Self::NullKey { .. } => "table.null_key",
            Self::NoKeyColumn { .. } => "table.no_key_column",
            Self::NewerFormat { .. } => "table.newer_format",
            Self::Unreadable { .. } => "table.unreadable",
            Self::Storage { .. } => "lake.unreachable",
            Self::Full { .. } => "lake.full",
            Self::BadLocation { .. } => "lake.bad_location",
            Self::Internal { .. } => "engine.internal",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Storage { .. } | Self::Full { .. } | Self::Unreadable { .. } => Fault::External,
            Self::Fenced { .. }
            | Self::Conflict { .. }
            | Self::StagedLost { .. }
            | Self::Internal { .. } => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Storage { .. } | Self::Conflict { .. } | Self::StagedLost { .. } => {
                Retry::Backoff
            }
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownTable { near: Some(near), .. }
            | Self::UnknownColumn { near: Some(near), .. } => {
                return Some(format!("did you mean `{near}`?"));
            }
            Self::UnknownFunction { advice: Some(advice), .. } => return Some(advice.clone()),
            Self::UnknownFunction { .. } => {
                "functions are those of PostgreSQL; a macro can write what another database has"
            }
            Self::UnknownTable { .. } => "write it as `schema.name`; `main` is the default schema",
            Self::NotAQuery => {
                "`select`, `describe TABLE` and `explain select`; what changes tables are the files \
                 of the project, and hooks and operations of `millstream dbt`"
            }
            Self::AmbiguousColumn { .. } => "put the name of its table before it",
            Self::Resources { .. } => "raise the environment's memory limit, or read fewer rows",
            Self::Type { .. } => "`try_cast` gives null where a value does not fit",
            Self::ViewCycle { .. } => "break the circle",
            Self::IncompatibleSchema { .. } => {
                "cast the column in the query, or rebuild the table with `--full-refresh`"
            }
            Self::UnsupportedType { .. } => "cast the column in the query",
            Self::SchemaChanged { .. } => {
                "set `on_schema_change` to what shall become of them, or rebuild with `--full-refresh`"
            }
            Self::DuplicateColumn { .. } => "give one of them another name with `as`",
            Self::NullKey { .. } => "leave these rows out, or choose another key",
            Self::NewerFormat { .. } => "use the newer release",
            Self::Full { .. } => "free some space, then run again; nothing is lost",
            Self::Conflict { .. } => "run again",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// An error of another room on its way through DataFusion and back.
#[derive(Debug, Clone)]
pub(crate) struct Relayed(Arc<Error>);

impl Relayed {
    pub(crate) fn new(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl fmt::Display for Relayed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl std::error::Error for Relayed {}

impl Coded for Relayed {
    fn code(&self) -> &'static str {
        self.0.code()
    }
    fn fault(&self) -> Fault {
        self.0.fault()
    }
    fn retry(&self) -> Retry {
        self.0.retry()
    }
    fn hint(&self) -> Option<String> {
        self.0.hint()
    }
}

/// Carries a coded error through DataFusion.
pub(crate) fn relay(error: impl Into<Error>) -> DataFusionError {
    DataFusionError::External(Box::new(Relayed::new(error.into())))
}

/// What becomes of an error of DataFusion.
pub(crate) fn from_datafusion(error: DataFusionError) -> Error {
    match error {
        DataFusionError::External(inner) => match inner.downcast::<Relayed>() {
            Ok(relayed) => (*relayed).into(),
            Err(other) => EngineError::Execution { message: other.to_string() }.into(),
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            from_datafusion(*inner)
        }
        DataFusionError::Collection(mut errors) if !errors.is_empty() => {
            from_datafusion(errors.swap_remove(0))
        }
        DataFusionError::Shared(inner) => from_shared(&inner),
        DataFusionError::ArrowError(inner, _) => from_arrow(*inner),
        DataFusionError::ObjectStore(inner) => from_store(&inner),
        DataFusionError::ParquetError(inner) => {
            EngineError::Unreadable { message: inner.to_string() }.into()
        }
        DataFusionError::IoError(inner) => from_io(&inner),
        other => classify(&other).into(),
    }
}

fn from_shared(error: &DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::External(inner) => match inner.downcast_ref::<Relayed>() {
            Some(relayed) => relayed.clone().into(),
            None => EngineError::Execution { message: inner.to_string() }.into(),
        },
        other => classify(other).into(),
    }
}

fn classify(error: &DataFusionError) -> EngineError {
    let message = plain_message(error);
    match error {
        DataFusionError::SQL(..) => EngineError::Parse { message },
        DataFusionError::SchemaError(inner, _) => from_schema_error(inner, &message),
        DataFusionError::NotImplemented(_) => EngineError::Unsupported { message },
        DataFusionError::ResourcesExhausted(_) => EngineError::Resources { message },
        DataFusionError::Execution(_) | DataFusionError::External(_) => {
            EngineError::Execution { message }
        }
        DataFusionError::ArrowError(inner, _) => classify_arrow(inner),
        DataFusionError::Internal(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::Ffi(_) => EngineError::Internal { message },
        _ => EngineError::Plan { message },
    }
}

fn plain_message(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::SQL(inner, _) => inner.to_string(),
        other => other.message().into_owned(),
    };
    text.trim_start_matches("sql parser error: ").to_owned()
}

fn from_schema_error(error: &SchemaError, message: &str) -> EngineError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let near = nearest(&field.name, valid_fields.iter().map(|column| column.name.as_str()));
            EngineError::UnknownColumn { name: field.quoted_flat_name(), near }
        }
        SchemaError::AmbiguousReference { field } => {
            EngineError::AmbiguousColumn { name: field.name.clone() }
        }
        SchemaError::DuplicateUnqualifiedField { name }
        | SchemaError::DuplicateQualifiedField { name, .. } => {
            EngineError::Plan { message: format!("two columns are named `{name}`: {message}") }
        }
    }
}

/// What becomes of an error of Arrow.
pub(crate) fn from_arrow(error: ArrowError) -> Error {
    match error {
        ArrowError::ExternalError(inner) => match inner.downcast::<DataFusionError>() {
            Ok(inner) => from_datafusion(*inner),
            Err(inner) => match inner.downcast::<Relayed>() {
                Ok(relayed) => (*relayed).into(),
                Err(other) => EngineError::Execution { message: other.to_string() }.into(),
            },
        },
        ArrowError::IoError(_, inner) => from_io(&inner),
        other => classify_arrow(&other).into(),
    }
}

fn classify_arrow(error: &ArrowError) -> EngineError {
    let message = error.to_string();
    match error {
        ArrowError::CastError(inner)
        | ArrowError::ParseError(inner)
        | ArrowError::InvalidArgumentError(inner) => EngineError::Type { message: inner.clone() },
        ArrowError::DivideByZero | ArrowError::ArithmeticOverflow(_) => {
            EngineError::Arithmetic { message }
        }
        ArrowError::ParquetError(_) => EngineError::Unreadable { message },
        _ => EngineError::Execution { message },
    }
}

/// What becomes of an error of a file.
pub(crate) fn from_io(error: &std::io::Error) -> Error {
    let message = error.to_string();
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            EngineError::Full { message }.into()
        }
        _ => EngineError::Storage { message }.into(),
    }
}

/// What becomes of an error of the object store.
pub(crate) fn from_store(error: &object_store::Error) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return from_io(io);
        }
        source = inner.source();
    }
    match error {
        object_store::Error::NotFound { path, .. } => {
            EngineError::Unreadable { message: format!("{path} is missing") }.into()
        }
        other => EngineError::Storage { message: other.to_string() }.into(),
    }
}

/// What becomes of an error of the Delta log of a table.
pub(crate) fn from_delta(relation: &Relation, error: &DeltaTableError) -> Error {
    match error {
        DeltaTableError::ObjectStore { source } => from_store(source),
        DeltaTableError::InvalidVersion(version) => {
            EngineError::NoVersion { relation: relation.clone(), version: *version }.into()
        }
        other if asks_for_newer(other) => {
            EngineError::NewerFormat { relation: relation.clone(), reason: other.to_string() }
                .into()
        }
        other => EngineError::Unreadable { message: other.to_string() }.into(),
    }
}

fn asks_for_newer(error: &DeltaTableError) -> bool {
    use deltalake_core::kernel::transaction::TransactionError;
    matches!(
        error,
        DeltaTableError::Transaction { source: TransactionError::UnsupportedTableFeatures(_) }
    )
}

/// The candidate that a misspelled name most likely means.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let limit = 1 + name.len() / 4;
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// The number of letters to insert, drop or change (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
