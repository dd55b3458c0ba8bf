//! A problem that a function of ours finds while a template is rendered.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};

/// Travels through the template engine as the source of its error.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Refusal {
    /// A refusal as an error of the engine.
    pub(crate) fn error(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> Error {
        let refusal = Self { code, message: message.into(), hint: hint.into() };
        Error::new(ErrorKind::InvalidOperation, refusal.message.clone()).with_source(refusal)
    }

    /// The refusal that caused an error of the engine.
    pub(crate) fn inside(error: &Error) -> Option<&Self> {
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(refusal) = cause.downcast_ref::<Self>() {
                return Some(refusal);
            }
            source = cause.source();
        }
        None
    }
}
