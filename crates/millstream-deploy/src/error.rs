//! What a request or a scoring step can meet.

use axum::http::StatusCode;
use millstream_core::{Coded, Error, Fault, Retry};

use crate::limits::{RELOAD_PAUSE, REQUEST_ROWS_MAX};
use crate::reference::BadReference;

/// Why a deployment does not answer.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The model of a deployment is written wrongly.
    #[error("deployment `{deployment}`: {cause}")]
    BadReference {
        /// The deployment.
        deployment: String,
        /// What is wrong.
        cause: BadReference,
    },
    /// Two deployments of one name.
    #[error("there are two deployments named `{0}`")]
    NameTwice(String),
    /// No such deployment.
    #[error("there is no deployment `{name}`")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The version asked for cannot be found.
    #[error("deployment `{deployment}` has no version `{version}`: {reason}")]
    VersionUnknown {
        /// The deployment.
        deployment: String,
        /// What was asked for.
        version: String,
        /// Why.
        reason: String,
    },
    /// The alias names no version yet.
    #[error("deployment `{deployment}` serves `{reference}`, which names no version yet")]
    NoVersion {
        /// The deployment.
        deployment: String,
        /// Its model.
        reference: String,
        /// What to do.
        remedy: String,
    },
    /// The body is not what the protocol says.
    #[error("the request cannot be read: {0}")]
    Malformed(String),
    /// The model needs an input that the request lacks.
    #[error("the request lacks the input `{input}`")]
    InputMissing {
        /// The input.
        input: String,
        /// Those that the model takes.
        known: String,
    },
    /// The request has an input that the model does not take.
    #[error("the model takes no input `{input}`")]
    InputUnknown {
        /// The input.
        input: String,
        /// Those that the model takes.
        known: String,
    },
    /// A value or a tensor of the wrong type.
    #[error("input `{input}` takes {expected}, not {found}")]
    InputType {
        /// The input.
        input: String,
        /// What it takes.
        expected: &'static str,
        /// What came.
        found: String,
    },
    /// Shape and data do not agree, or the tensors have different lengths.
    #[error("input `{input}`: {reason}")]
    InputShape {
        /// The input.
        input: String,
        /// What does not fit.
        reason: String,
    },
    /// An output that there is not.
    #[error("there is no output `{output}`")]
    OutputUnknown {
        /// The output.
        output: String,
        /// Those that there are.
        known: &'static str,
    },
    /// More rows than a request may have.
    #[error("the request has {0} rows, at most {REQUEST_ROWS_MAX} are answered")]
    TooManyRows(usize),
    /// The body is larger than the limit.
    #[error("the body of the request is too large")]
    BodyTooLarge,
    /// A content type or encoding that is not spoken here.
    #[error("content type `{0}` is not understood here")]
    ContentType(String),
    /// The event could not be made durable, so that there is no answer.
    #[error("the prediction cannot be recorded: {0}")]
    NotRecorded(Error),
    /// Loading or scoring failed.
    #[error("{0}")]
    Model(Error),
    /// The model answered something impossible.
    #[error("model `{model}` is defective: {reason}")]
    ModelDefect {
        /// Model and version.
        model: String,
        /// What it did.
        reason: String,
    },
}

impl DeployError {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unknown { .. } | Self::VersionUnknown { .. } => StatusCode::NOT_FOUND,
            Self::NoVersion { .. } | Self::NotRecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooManyRows(_) | Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            other => match other.fault() {
                Fault::User => StatusCode::BAD_REQUEST,
                Fault::External => StatusCode::SERVICE_UNAVAILABLE,
                Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }
}

impl Coded for DeployError {
    fn code(&self) -> &'static str {
        match self {
            Self::BadReference { .. } => "deploy.bad_reference",
            Self::NameTwice(_) => "deploy.name_twice",
            Self::Unknown { .. } => "deploy.unknown",
            Self::VersionUnknown { .. } => "deploy.version_unknown",
            Self::NoVersion { .. } => "deploy.no_version",
            Self::Malformed(_) => "deploy.request_malformed",
            Self::InputMissing { .. } => "deploy.input_missing",
            Self::InputUnknown { .. } => "deploy.input_unknown",
            Self::InputType { .. } => "deploy.input_type",
            Self::InputShape { .. } => "deploy.input_shape",
            Self::OutputUnknown { .. } => "deploy.output_unknown",
            Self::TooManyRows(_) => "deploy.too_many_rows",
            Self::BodyTooLarge => "deploy.body_too_large",
            Self::ContentType(_) => "deploy.content_type",
            Self::NotRecorded(_) => "deploy.not_recorded",
            Self::Model(cause) => cause.code(),
            Self::ModelDefect { .. } => "deploy.model_defect",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::NotRecorded(cause) | Self::Model(cause) => cause.fault(),
            Self::ModelDefect { .. } => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::NotRecorded(_) | Self::NoVersion { .. } => Retry::Backoff,
            Self::Model(cause) => cause.retry(),
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::BadReference { .. } => "write `model: NAME@ALIAS` or `NAME@VERSION`".to_owned(),
            Self::NameTwice(_) => "give every deployment its own name".to_owned(),
            Self::Unknown { known, .. } if known.is_empty() => {
                "no deployment of this project has `realtime: true`".to_owned()
            }
            Self::Unknown { known, .. } => format!("there are: {known}"),
            Self::NoVersion { remedy, .. } => remedy.clone(),
            Self::InputMissing { known, .. } | Self::InputUnknown { known, .. } => {
                format!("the model takes: {known}")
            }
            Self::OutputUnknown { known, .. } => format!("there are: {known}"),
            Self::TooManyRows(_) | Self::BodyTooLarge => {
                "send fewer rows at a time, or score the table in batch".to_owned()
            }
            Self::NotRecorded(_) => {
                format!("send the request again in {} s, with the same id", RELOAD_PAUSE.as_secs())
            }
            Self::Model(cause) => return cause.hint(),
            _ => return None,
        })
    }
}

impl From<Error> for DeployError {
    fn from(error: Error) -> Self {
        Self::Model(error)
    }
}
