//! A problem that a function of ours finds while a template is rendered.

use std::error::Error as _;

use millstream_jinja::{Error, Interrupt};

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
    ) -> Interrupt {
        Error::host(Self { code, message: message.into(), hint: hint.into() }).into()
    }

    /// The refusal that caused an error of the engine.
    pub(crate) fn inside(error: &Error) -> Option<&Self> {
        error.source().and_then(|source| source.downcast_ref())
    }
}
