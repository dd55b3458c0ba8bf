//! The one error of the boundaries between rooms.
//!
//! Inside a crate errors are `thiserror` enums that implement [`Coded`]. At a boundary they become
//! [`Error`], which keeps the code, whose fault it is, whether trying again can help, and a hint.
//! Nothing ever parses the text of an error.

use std::fmt;

/// `Result` with the boundary error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the scheduler, the CLI and the HTTP layer need to know of an error.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    /// Stable and documented name, `area.reason`, as in `sync.cursor_missing`.
    fn code(&self) -> &'static str;
    /// Who has to act. Decides the exit status and the HTTP status.
    fn fault(&self) -> Fault;
    /// Whether the same attempt may succeed later.
    fn retry(&self) -> Retry {
        Retry::Never
    }
    /// One sentence that the reader can act on.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The project, its data or the request.
    User,
    /// A system outside Millstream.
    External,
    /// Millstream itself.
    Internal,
}

impl Fault {
    /// The exit status of the command line (DESIGN 6).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::User => 1,
            Self::External => 3,
            Self::Internal => 70,
        }
    }
}

/// Whether the scheduler tries a failed attempt again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same input gives the same error.
    Never,
    /// Again after a growing pause.
    Backoff,
}

/// Any coded error, boxed once at a boundary.
pub struct Error(Box<dyn Coded>);

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.0.code()
    }

    /// Who has to act.
    pub fn fault(&self) -> Fault {
        self.0.fault()
    }

    /// Whether the attempt may be tried again.
    pub fn retry(&self) -> Retry {
        self.0.retry()
    }

    /// The hint, if there is one.
    pub fn hint(&self) -> Option<String> {
        self.0.hint()
    }

    /// The coded error inside, for walking its sources.
    pub fn inner(&self) -> &dyn Coded {
        &*self.0
    }

    /// The message followed by those of its causes, each once.
    pub fn chain(&self) -> String {
        let mut text = self.0.to_string();
        let mut source = self.0.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            source = cause.source();
        }
        text
    }
}

impl<E: Coded> From<E> for Error {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.chain())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.chain())
    }
}

/// An error that only needs its parts, for places where an enum would have one variant.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Plain {
    /// The stable code.
    pub code: &'static str,
    /// Who has to act.
    pub fault: Fault,
    /// Whether trying again can help.
    pub retry: Retry,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Plain {
    /// A fault of the project, its data or the request.
    pub fn user(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, fault: Fault::User, retry: Retry::Never, message: message.into(), hint: None }
    }

    /// A fault of an outside system; tried again with backoff.
    pub fn external(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            fault: Fault::External,
            retry: Retry::Backoff,
            message: message.into(),
            hint: None,
        }
    }

    /// Our own fault.
    pub fn internal(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            fault: Fault::Internal,
            retry: Retry::Never,
            message: message.into(),
            hint: None,
        }
    }

    /// The same error with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same error, never tried again.
    #[must_use]
    pub fn never_retried(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }
}

impl Coded for Plain {
    fn code(&self) -> &'static str {
        self.code
    }
    fn fault(&self) -> Fault {
        self.fault
    }
    fn retry(&self) -> Retry {
        self.retry
    }
    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}
