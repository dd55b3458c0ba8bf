//! Why a template cannot be read or rendered, and where.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// A place in a file of templates. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The name under which the template was read.
    pub file: Arc<str>,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
    /// Offset in bytes; line ends count as one byte each.
    pub offset: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A macro that was running when something went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// Name of the macro.
    pub name: Arc<str>,
    /// Where it was called, unless the host called it.
    pub place: Option<Place>,
}

/// What kind of problem it is, for those who decide on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is no template.
    Syntax,
    /// Something is used that is not defined.
    Undefined,
    /// Something is called that is not defined.
    UnknownFunction,
    /// There is no such filter.
    UnknownFilter,
    /// There is no such test.
    UnknownTest,
    /// An operation does not fit the values.
    Operation,
    /// The rendering took more steps than it may.
    OutOfFuel,
    /// Calls and blocks are nested too deeply.
    TooDeep,
    /// The output or a value is too large.
    TooLarge,
    /// A function of the host ended the rendering.
    Host,
}

/// A template that cannot be read or rendered.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    kind: ErrorKind,
    message: String,
    subject: Option<Arc<str>>,
    place: Option<Place>,
    stack: Vec<Trace>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(place) = &self.0.place {
            write!(f, " ({place})")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl Error {
    /// An error without a place; the machine adds it.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            subject: None,
            place: None,
            stack: Vec::new(),
            source: None,
        }))
    }

    /// An error of the host, which finds it again with [`StdError::source`].
    pub fn host(source: impl StdError + Send + Sync + 'static) -> Self {
        let mut error = Self::new(ErrorKind::Host, source.to_string());
        error.0.source = Some(Arc::new(source));
        error
    }

    /// The same error, about a name.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        self.0.subject = Some(Arc::from(name));
        self
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, without the place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of what is not there, where the problem is one of a name.
    pub fn subject(&self) -> Option<&str> {
        self.0.subject.as_deref()
    }

    /// Where it is.
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// The macros that were running, innermost first.
    pub fn stack(&self) -> &[Trace] {
        &self.0.stack
    }

    pub(crate) fn is_placed(&self) -> bool {
        self.0.place.is_some()
    }

    pub(crate) fn set_place(&mut self, place: Place, stack: Vec<Trace>) {
        self.0.place = Some(place);
        self.0.stack = stack;
    }
}

/// Why a piece of a template has no value: an error, or `return()` on its way out of a macro.
#[derive(Debug)]
pub enum Interrupt {
    /// An error.
    Error(Error),
    /// The innermost macro ends with this value.
    Return(Box<Value>),
}

/// What a piece of a template gives.
pub type Outcome<T = Value> = Result<T, Interrupt>;

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl Interrupt {
    /// Ends the innermost macro with a value: what a host's `return` gives.
    pub fn returning(value: Value) -> Self {
        Self::Return(Box::new(value))
    }

    /// The error; a `return` that no macro caught is one too.
    pub fn into_error(self) -> Error {
        match self {
            Self::Error(error) => error,
            Self::Return(_) => {
                Error::new(ErrorKind::Operation, "`return` has a meaning in macros only")
            }
        }
    }
}

/// An operation that does not fit its values.
pub(crate) fn unfit<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Error::new(ErrorKind::Operation, message).into())
}

/// A value that would be too large.
pub(crate) fn too_large<T>(what: &str) -> Outcome<T> {
    Err(Error::new(ErrorKind::TooLarge, format!("{what} would be too large")).into())
}
