//! What goes wrong in the objects of templates, in the kinds that dbt tells apart.

use millstream_jinja::{Error, Interrupt, Outcome};

/// An error that an object raises. The context finds it again as the source of the template's error
/// and reports it under its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What is wrong, in dbt's words where projects know them.
    pub message: String,
}

/// The kinds of errors that dbt tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The project asks for something that has no meaning.
    Compilation,
    /// A value does not fit.
    Validation,
    /// The warehouse refused or gave something unexpected.
    Database,
    /// It cannot be done now.
    Runtime,
    /// The adapter has no such ability.
    NotImplemented,
    /// The state of the run contradicts itself.
    Internal,
}

impl ProblemKind {
    /// dbt's title of such errors.
    pub fn title(self) -> &'static str {
        match self {
            Self::Compilation => "Compilation Error",
            Self::Validation => "Validation Error",
            Self::Database => "Database Error",
            Self::Runtime => "Runtime Error",
            Self::NotImplemented => "ERROR",
            Self::Internal => "Internal Error",
        }
    }
}

impl Problem {
    /// A problem of a kind.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<Problem> for Interrupt {
    fn from(problem: Problem) -> Self {
        Error::host(problem).into()
    }
}

/// Raises a compilation error.
pub(crate) fn compilation<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Problem::new(ProblemKind::Compilation, message).into())
}

/// Raises a runtime error.
pub(crate) fn runtime<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Problem::new(ProblemKind::Runtime, message).into())
}

/// Raises a validation error.
pub(crate) fn validation<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Problem::new(ProblemKind::Validation, message).into())
}
