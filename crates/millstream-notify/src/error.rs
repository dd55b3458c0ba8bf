//! What can go wrong on the way of a message. No error has an address or a secret in it.

use std::time::Duration;

use millstream_core::error::{Coded, Fault, Retry};

/// Why a message did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// No file declares the channel any more.
    #[error("there is no channel `{0}`")]
    UnknownChannel(String),
    /// A secret of the channel cannot be had.
    #[error("a secret of the channel is missing: {0}")]
    Secret(String),
    /// The address is none to which messages may go.
    #[error("the address of the channel {problem}")]
    Address {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The receiver does not want the message.
    #[error("the receiver refuses the message: {answer}")]
    Refused {
        /// What it says.
        answer: String,
    },
    /// The receiver does not want it now.
    #[error("the receiver cannot take the message now: {answer}")]
    Busy {
        /// What it says.
        answer: String,
        /// How long it asks to wait.
        wait: Option<Duration>,
    },
    /// The receiver was not reached.
    #[error("the receiver was not reached: {detail}")]
    Unreached {
        /// What happened.
        detail: String,
    },
    /// A message that the ledger kept cannot be read.
    #[error("the message cannot be read: {detail}")]
    Unreadable {
        /// What is wrong with it.
        detail: String,
    },
}

impl NotifyError {
    /// How long the receiver asks to wait.
    pub(crate) fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { wait, .. } => *wait,
            _ => None,
        }
    }
}

impl Coded for NotifyError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownChannel(_) => "notify.channel_unknown",
            Self::Secret(_) => "notify.secret_missing",
            Self::Address { .. } => "notify.address",
            Self::Refused { .. } => "notify.refused",
            Self::Busy { .. } => "notify.busy",
            Self::Unreached { .. } => "notify.unreached",
            Self::Unreadable { .. } => "notify.unreadable",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::UnknownChannel(_) | Self::Secret(_) | Self::Address { .. } => Fault::User,
            Self::Refused { .. } | Self::Busy { .. } | Self::Unreached { .. } => Fault::External,
            Self::Unreadable { .. } => Fault::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // A secret or an address can be mended without a change of the project.
            Self::Secret(_) | Self::Address { .. } | Self::Busy { .. } | Self::Unreached { .. } => {
                Retry::Backoff
            }
            Self::UnknownChannel(_) | Self::Refused { .. } | Self::Unreadable { .. } => {
                Retry::Never
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::UnknownChannel(_) => "the channels are in notifications/*.yml",
            Self::Secret(_) => "set what the reference of the channel names",
            Self::Address { .. } => "https://HOST/PATH",
            Self::Refused { .. } => "see that the address, the key and the readers are right",
            Self::Busy { .. } | Self::Unreached { .. } => "it is tried again, ever more seldom",
            Self::Unreadable { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
