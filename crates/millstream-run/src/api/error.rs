//! What a request is refused for, and how that is answered: `{code, message, hint}`.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use millstream_core::error::{Coded, Error, Fault, Retry};
use millstream_core::explain::Explanation;
use millstream_guard::GuardError;
use millstream_ledger::{LedgerError, StepError};
use schemars::JsonSchema;
use serde::Serialize;

/// The header that carries the code of an error.
pub(crate) const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("millstream-error-code");

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no such thing.
    #[error("there is no {kind} `{name}`")]
    NoSuch {
        /// What kind of thing.
        kind: &'static str,
        /// Its name in the request.
        name: String,
    },
    /// A parameter cannot be read.
    #[error("`{name}` cannot be read: {problem}")]
    BadParameter {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The asset has no columns.
    #[error("`{0}` has no columns now")]
    NoColumns(String),
    /// The asset is not divided.
    #[error("`{0}` has no partitions")]
    NotDivided(String),
    /// The run is not at work.
    #[error("run {0} is not at work")]
    RunEnded(String),
    /// All of it succeeded.
    #[error("every step of run {0} succeeded")]
    NothingToRerun(String),
    /// More clients follow the events than the server has room for.
    #[error("{0} clients follow the events")]
    TooManyStreams(usize),
    /// A task of the server broke down.
    #[error("the request met a defect of the server")]
    Defect,
}

impl ApiError {
    pub(super) fn no_such(kind: &'static str, name: impl Into<String>) -> Self {
        Self::NoSuch { kind, name: name.into() }
    }

    pub(super) fn bad(name: &'static str, problem: impl Into<String>) -> Self {
        Self::BadParameter { name, problem: problem.into() }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoSuch { .. } | Self::NoColumns(_) | Self::NotDivided(_) => StatusCode::NOT_FOUND,
            Self::BadParameter { .. } => StatusCode::BAD_REQUEST,
            Self::RunEnded(_) | Self::NothingToRerun(_) => StatusCode::CONFLICT,
            Self::TooManyStreams(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Defect => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Coded for ApiError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoSuch { .. } => "api.no_such_thing",
            Self::BadParameter { .. } => "api.bad_parameter",
            Self::NoColumns(_) => "api.no_columns",
            Self::NotDivided(_) => "api.not_divided",
            Self::RunEnded(_) => "api.run_ended",
            Self::NothingToRerun(_) => "api.nothing_to_rerun",
            Self::TooManyStreams(_) => "api.too_many_streams",
            Self::Defect => "api.defect",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Defect => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::TooManyStreams(_) => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NoColumns(_) => "only tables that were made have columns",
            Self::NotDivided(_) => "`partitions` of the model says how it is divided",
            Self::NothingToRerun(_) => "`steps: all` runs them again",
            Self::TooManyStreams(_) => "close a page that follows the events, or ask again later",
            _ => return None,
        };
        Some(text.to_owned())
    }
}

/// What every request that is refused is answered with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Refusal {
    /// The stable code; `millstream explain CODE` tells more.
    code: String,
    /// What is wrong, for people.
    message: String,
    /// What to do about it.
    hint: Option<String>,
    #[serde(skip)]
    status: StatusCode,
}

impl Refusal {
    fn of(status: StatusCode, error: &dyn Coded) -> Self {
        let (code, message) = (error.code().to_owned(), error.to_string());
        Self { code, message, hint: error.hint(), status }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = HeaderValue::from_str(&self.code);
        let mut response = (self.status, Json(self)).into_response();
        response.headers_mut().extend(code.ok().map(|code| (ERROR_CODE_HEADER, code)));
        response
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::of(error.status(), &error)
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        let status = match &error {
            LedgerError::UnknownVersion { .. }
            | LedgerError::UnknownMessage { .. }
            | LedgerError::UnknownRelease { .. }
            | LedgerError::UnknownToken { .. }
            | LedgerError::NothingAsked { .. } => StatusCode::NOT_FOUND,
            LedgerError::OwnRelease { .. } => StatusCode::FORBIDDEN,
            LedgerError::Answered { .. }
            | LedgerError::MessageNotDead { .. }
            | LedgerError::NoEarlierVersion { .. }
            | LedgerError::ReleaseDecided { .. }
            | LedgerError::ReleaseOutdated { .. }
            | LedgerError::BackfillHeld { .. }
            | LedgerError::BackfillEnded { .. } => StatusCode::CONFLICT,
            error => status_of(error.fault()),
        };
        Self::of(status, &error)
    }
}

impl From<GuardError> for Refusal {
    fn from(error: GuardError) -> Self {
        Self::of(StatusCode::FORBIDDEN, &error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.code() {
            "run.too_many" => StatusCode::TOO_MANY_REQUESTS,
            "notify.channel_unknown" => StatusCode::NOT_FOUND,
            "ledger.backfill_held" | "ledger.backfill_ended" => StatusCode::CONFLICT,
            _ => status_of(error.fault()),
        };
        let code = error.code().to_owned();
        Self { code, message: error.chain(), hint: error.hint(), status }
    }
}

fn status_of(fault: Fault) -> StatusCode {
    match fault {
        Fault::User => StatusCode::BAD_REQUEST,
        Fault::External => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The error of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Problem {
    code: String,
    message: String,
    hint: Option<String>,
    /// Who has to act: `user`, `external` or `internal`.
    fault: String,
    /// Whether trying again can help: `never` or `backoff`.
    retry: String,
}

impl From<StepError> for Problem {
    fn from(error: StepError) -> Self {
        let StepError { code, message, fault, retry, hint } = error;
        Self { code, message, hint, fault: word(&fault), retry: word(&retry) }
    }
}

/// The word that JSON has for a value without data.
pub(super) fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

/// The pages of the codes of the interface.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "api.no_such_thing",
        title: "what the path names is not there",
        text: "The path names an asset, partition, run, backfill, schedule, release, notice, mute, \
               model, source or token that there is not in this environment. The lists of the same \
               interface show what there is.",
    },
    Explanation {
        code: "api.bad_parameter",
        title: "a parameter of the request cannot be read",
        text: "The message names the parameter and what is wrong with it. `/api/v1/openapi.json` \
               says what each parameter may be.",
    },
    Explanation {
        code: "api.no_columns",
        title: "the asset has no columns",
        text: "Only tables and views that have a version have columns and rows. A topic is read as \
               `topic.NAME` with SQL.",
    },
    Explanation {
        code: "api.not_divided",
        title: "the asset has no partitions",
        text: "Only models that say `partitions`, and dbt's microbatch models, are divided. All \
               others are made as a whole.",
    },
    Explanation {
        code: "api.run_ended",
        title: "the run is not at work",
        text: "The run has ended, or its process died, before it could be stopped.",
    },
    Explanation {
        code: "api.nothing_to_rerun",
        title: "no step of the run has to run again",
        text: "A rerun takes the steps that did not succeed, unless it is asked for all of them.",
    },
    Explanation {
        code: "api.too_many_streams",
        title: "too many clients follow the events",
        text: "Every client that follows the events keeps a connection. Their number is limited; \
               close one, or ask again later.",
    },
    Explanation {
        code: "api.defect",
        title: "a defect of the server",
        text: "The request met a defect. The server goes on; its log has the details. Please \
               report it.",
    },
];

#[cfg(test)]
mod tests {
    use super::EXPLANATIONS;

    #[test]
    fn every_code_has_a_page() {
        let codes = include_str!("error.rs").split('"').filter(|text| text.starts_with("api."));
        for text in codes.filter(|text| *text != "api.") {
            assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
        }
    }
}
