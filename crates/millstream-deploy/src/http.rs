//! What the protocols share: the routes, the body, and how an error is answered.

use std::error::Error as _;
use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use bytes::Bytes;
use http_body_util::LengthLimitError;
use millstream_core::Coded as _;
use millstream_core::limits::REQUEST_BODY_BYTES_MAX;
use millstream_guard::Operation;
use serde_json::json;

use crate::error::DeployError;
use crate::realtime::Deployments;
use crate::{mlflow, v2};

/// The header that carries the code of an error.
const ERROR_CODE_HEADER: HeaderName = HeaderName::from_static("millstream-error-code");

/// A route of a protocol: what it is, and what answers.
pub(crate) type Route = (Operation, MethodRouter<Arc<Deployments>>);

/// The routes of the protocols, each with its description. Those that say whether the server lives
/// and is ready need no scope.
pub fn routes(deployments: &Arc<Deployments>) -> Vec<(Operation, Router)> {
    let all = v2::routes().into_iter().chain(mlflow::routes());
    all.map(|(operation, handler)| {
        let router = Router::new().route(operation.path(), handler);
        (operation, router.with_state(Arc::clone(deployments)))
    })
    .collect()
}

/// The whole body, held to the limit.
pub(crate) async fn read_body(request: Request) -> Result<Bytes, DeployError> {
    to_bytes(request.into_body(), REQUEST_BODY_BYTES_MAX).await.map_err(|cause| {
        let mut source = cause.source();
        while let Some(inner) = source {
            if inner.is::<LengthLimitError>() {
                return DeployError::BodyTooLarge;
            }
            source = inner.source();
        }
        DeployError::Malformed(format!("its body broke off: {cause}"))
    })
}

/// Bodies are taken as they are, never compressed.
pub(crate) fn check_encoding(headers: &HeaderMap) -> Result<(), DeployError> {
    let encoding = headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes);
    match encoding {
        None | Some(b"" | b"identity") => Ok(()),
        Some(other) => Err(DeployError::ContentType(String::from_utf8_lossy(other).into_owned())),
    }
}

/// An error as the Open Inference Protocol writes it: `{"error": "..."}`; code and hint beside.
#[derive(Debug)]
pub(crate) struct Refusal(DeployError);

impl From<DeployError> for Refusal {
    fn from(error: DeployError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let error = self.0;
        let body = json!({
            "error": error.to_string(),
            "message": error.to_string(),
            "code": error.code(),
            "hint": error.hint(),
        });
        with_code(&error, (error.status(), Json(body)).into_response())
    }
}

/// The answer to an error with its code in the header.
pub(crate) fn with_code(error: &DeployError, mut response: Response) -> Response {
    let code = HeaderValue::from_static(error.code());
    response.headers_mut().insert(ERROR_CODE_HEADER, code);
    response
}
