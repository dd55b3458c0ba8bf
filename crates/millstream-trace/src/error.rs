//! What can go wrong on the way to a collector. No error has a header's value in it.

use std::time::Duration;

use millstream_core::error::{Coded, Fault, Retry};

/// Why traces did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// What was asked for cannot be.
    #[error("traces cannot be sent: {problem}")]
    Target {
        /// What is wrong.
        problem: String,
    },
    /// The collector does not want them.
    #[error("the collector of traces refuses them: {answer}")]
    Refused {
        /// What it says.
        answer: String,
    },
    /// The collector does not want them now, or was not reached.
    #[error("the collector of traces cannot be had: {detail}")]
    Away {
        /// What happened.
        detail: String,
        /// How long it wants to be left alone, if it says so.
        wait: Option<Duration>,
    },
}

impl Coded for TraceError {
    fn code(&self) -> &'static str {
        match self {
            Self::Target { .. } => "trace.target",
            Self::Refused { .. } => "trace.refused",
            Self::Away { .. } => "trace.away",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Target { .. } => Fault::User,
            Self::Refused { .. } | Self::Away { .. } => Fault::External,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Target { .. } | Self::Refused { .. } => Retry::Never,
            Self::Away { .. } => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Target { .. } => "endpoint: https://HOST, and headers as NAME=VALUE,NAME=VALUE",
            Self::Refused { .. } => "see that the endpoint takes OTLP/HTTP, and the headers",
            Self::Away { .. } => {
                "traces wait in the ledger and are sent by a server or the next run"
            }
        };
        Some(hint.to_owned())
    }
}
