//! Errors of the listener, and how any coded error becomes an answer.

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use millstream_core::explain::Explanation;
use millstream_core::{Coded, Error, Fault, Retry};
use serde_json::json;

/// The header that carries the code of an error.
pub const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("millstream-error-code");

/// What the listener can refuse.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// Outside loopback without a guard.
    #[error("a listener on {0} would be open to other machines without authentication")]
    UnauthenticatedListener(SocketAddr),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot be used.
    #[error("the TLS file `{path}` cannot be used: {reason}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A page of another origin asks, through the browser of the local user.
    #[error("requests for the host `{0}` are not answered without authentication")]
    ForeignHost(String),
    /// The body is larger than the limit.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The request took too long.
    #[error("the request took longer than {0} ms")]
    Timeout(u128),
    /// No such route.
    #[error("there is nothing at `{0}`")]
    NotFound(String),
    /// The route has other methods.
    #[error("`{0}` is not offered")]
    MethodNotAllowed(String),
    /// A handler could not read the request.
    #[error("{message}")]
    BadRequest {
        /// What the handler answered.
        status: StatusCode,
        /// Why.
        message: String,
    },
    /// A handler panicked.
    #[error("the request met a defect of the server")]
    Panic,
}

impl ServerError {
    fn status(&self) -> StatusCode {
        match self {
            Self::UnauthenticatedListener(_) | Self::Listen { .. } | Self::Tls { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ForeignHost(_) => StatusCode::FORBIDDEN,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::BadRequest { status, .. } => *status,
            Self::Panic => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ServerError {
    fn into_response(self) -> Response {
        coded_response(self.status(), &self)
    }
}

impl Coded for ServerError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnauthenticatedListener(_) => "server.unauthenticated_listener",
            Self::Listen { .. } => "server.listen",
            Self::Tls { .. } => "server.tls",
            Self::ForeignHost(_) => "server.foreign_host",
            Self::BodyTooLarge(_) => "server.body_too_large",
            Self::Timeout(_) => "server.timeout",
            Self::NotFound(_) => "server.not_found",
            Self::MethodNotAllowed(_) => "server.method_not_allowed",
            Self::BadRequest { .. } => "server.bad_request",
            Self::Panic => "server.panic",
        }
    }

    fn fault(&self) -> Fault {
        match self {
            Self::Listen { .. } => Fault::External,
            Self::Timeout(_) | Self::Panic => Fault::Internal,
            _ => Fault::User,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Timeout(_) => Retry::Backoff,
            _ => Retry::Never,
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            Self::UnauthenticatedListener(_) => {
                "listen on 127.0.0.1, or make a token first, so that the server can ask for it"
            }
            Self::Listen { .. } => "choose a free port of this machine; port 0 finds one",
            Self::Tls { .. } => "give the paths of a PEM certificate and of its private key",
            Self::ForeignHost(_) => "use the address 127.0.0.1 or localhost",
            Self::BodyTooLarge(_) => "send fewer rows at a time, or score them in batch",
            Self::Timeout(_) => "send fewer rows at a time",
            Self::MethodNotAllowed(_) => "the header `Allow` of the answer lists what is",
            Self::NotFound(_) | Self::BadRequest { .. } | Self::Panic => return None,
        };
        Some(text.to_owned())
    }
}

/// A coded error as an answer: 400 for a fault of the user, 503 for one of an outside system, 500
/// for our own.
pub fn error_response(error: &Error) -> Response {
    let status = match error.fault() {
        Fault::User => StatusCode::BAD_REQUEST,
        Fault::External => StatusCode::SERVICE_UNAVAILABLE,
        Fault::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    };
    answer(status, error.code(), &error.chain(), error.hint().as_deref())
}

/// As [`error_response`], with a status that says more.
pub fn coded_response(status: StatusCode, error: &dyn Coded) -> Response {
    answer(status, error.code(), &error.to_string(), error.hint().as_deref())
}

/// `{"code", "message", "hint"}`, and the code in a header as well. The Open Inference Protocol calls
/// the message `error`.
fn answer(status: StatusCode, code: &'static str, message: &str, hint: Option<&str>) -> Response {
    let body = Json(json!({ "code": code, "message": message, "hint": hint, "error": message }));
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(ERROR_CODE_HEADER, HeaderValue::from_static(code));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// What every request that is refused is answered with, as JSON Schema.
pub(crate) fn refusal_schema() -> serde_json::Value {
    json!({
        "type": "object",
        "required": ["code", "message", "hint"],
        "properties": {
            "code": {"type": "string", "description": "Stable: `millstream explain CODE`."},
            "message": {"type": "string", "description": "What is wrong, for people."},
            "hint": {"type": ["string", "null"], "description": "What to do about it."},
        },
    })
}

/// The pages of this crate's codes.
pub const EXPLANATIONS: &[Explanation] = &[
    Explanation {
        code: "server.unauthenticated_listener",
        title: "the listener would be open to other machines",
        text: "Without tokens the server answers everybody who reaches it, so it only listens on \
               this machine (127.0.0.1 or ::1). To listen elsewhere, make a token first: as soon \
               as there is one, the server asks for it. Nothing was started.",
    },
    Explanation {
        code: "server.listen",
        title: "the address cannot be listened on",
        text: "Another process has the port, the address is not one of this machine, or the port \
               needs rights that the process lacks. The cause is named in the message.",
    },
    Explanation {
        code: "server.tls",
        title: "certificate or key cannot be used",
        text: "Both files are PEM. The first holds the certificate, then those that lead to its \
               root; the second its private key (PKCS#8, PKCS#1 or SEC1, not encrypted).",
    },
    Explanation {
        code: "server.foreign_host",
        title: "the request names a host that is not this machine",
        text: "Without authentication the server answers only requests whose `Host` and `Origin` \
               name this machine. So no web page can reach it through the browser of the person \
               who runs it. Use 127.0.0.1 or localhost, or turn authentication on.",
    },
    Explanation {
        code: "server.body_too_large",
        title: "the body of the request is too large",
        text: "Bodies have a limit, 16 MiB unless the settings say otherwise. Send fewer rows at a \
               time, or let a deployment score a whole table in batch.",
    },
    Explanation {
        code: "server.timeout",
        title: "the request took too long",
        text: "A request may take 30 seconds unless the settings say otherwise. A prediction that \
               was being recorded may be found in the topic although its answer was not given: \
               send the same request id again, and it counts once.",
    },
    Explanation {
        code: "server.not_found",
        title: "there is no such route",
        text: "Look at the path and the method of the request.",
    },
    Explanation {
        code: "server.method_not_allowed",
        title: "the route has other methods",
        text: "There is something at this path, but not for this method. The header `Allow` of the \
               answer lists the methods; `/api/v1/openapi.json` says what each does.",
    },
    Explanation {
        code: "server.bad_request",
        title: "the request cannot be read",
        text: "A part of the path, the query or the body does not have the form that the route \
               expects. The message says which.",
    },
    Explanation {
        code: "server.panic",
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
        for source in [include_str!("error.rs")] {
            let codes = source.split('"').filter(|text| text.starts_with("server."));
            for text in codes.filter(|text| *text != "server.") {
                assert!(EXPLANATIONS.iter().any(|page| page.code == text), "{text}");
            }
        }
    }
}
