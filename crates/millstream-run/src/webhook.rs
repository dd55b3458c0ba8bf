//! Requests that start schedules: `POST /api/v1/schedules/{schedule}/hook`.
//!
//! The body is signed with the schedule's secret as GitHub signs its webhooks ("Validating webhook
//! deliveries": HMAC-SHA256 of the body in `X-Hub-Signature-256`, as `sha256=` and 64 hexadecimal
//! digits), so that GitHub, and whatever can sign like it, needs no token.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_lc_rs::hmac;
use axum::body::to_bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use millstream_core::error::Coded;
use millstream_core::secret::Secret;
use millstream_guard::Operation;
use millstream_ledger::Ledger;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::ERROR_CODE_HEADER;
use crate::error::RunError;

/// The largest body of a request that starts a schedule.
const BODY_BYTES_MAX: usize = 1 << 20;
/// The most of the sender's name that is kept.
const SENDER_CHARS_MAX: usize = 200;
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");

/// The schedules that requests start, with their secrets.
#[derive(Debug)]
pub struct Webhooks {
    ledger: Ledger,
    secrets: BTreeMap<String, Secret>,
}

impl Webhooks {
    /// Those of these schedules.
    pub fn new(ledger: Ledger, secrets: BTreeMap<String, Secret>) -> Self {
        Self { ledger, secrets }
    }

    /// The route. It needs no token; what it takes is signed.
    pub fn route(self) -> (Operation, Router) {
        let about = "Starts a schedule, by a request that is signed with its secret.";
        let operation = Operation::post("/api/v1/schedules/{schedule}/hook", None, about)
            .header(
                "X-Hub-Signature-256",
                "`sha256=` and the HMAC-SHA256 of the body in hexadecimal.",
            )
            .takes::<Value>()
            .gives::<Requested>(202);
        let router = Router::new().route(operation.path(), post(take));
        (operation, router.with_state(Arc::new(self)))
    }
}

/// A request that was counted.
#[derive(Debug, Serialize, JsonSchema)]
struct Requested {
    schedule: String,
    /// How many requests for the schedule there were.
    request: u64,
}

async fn take(
    State(hooks): State<Arc<Webhooks>>,
    Path(schedule): Path<String>,
    request: Request,
) -> Response {
    match taken(&hooks, &schedule, request).await {
        Ok(request) => {
            (StatusCode::ACCEPTED, Json(Requested { schedule, request })).into_response()
        }
        Err(refusal) => refusal,
    }
}

/// Counts a request whose signature is right; the scheduler sees it at its next look.
async fn taken(hooks: &Webhooks, schedule: &str, request: Request) -> Result<u64, Response> {
    let unknown = || refusal(StatusCode::NOT_FOUND, &RunError::NoWebhook(schedule.to_owned()));
    let secret = hooks.secrets.get(schedule).ok_or_else(unknown)?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_BYTES_MAX)
        .await
        .map_err(|_| refusal(StatusCode::PAYLOAD_TOO_LARGE, &RunError::WebhookTooLarge))?;
    if !is_signed(secret, &body, &parts.headers) {
        return Err(refusal(StatusCode::UNAUTHORIZED, &RunError::WebhookSignature));
    }
    let sender = sender(&parts.headers);
    let requested = hooks.ledger.request_schedule(schedule, &sender).await;
    requested.map_err(|error| refusal(StatusCode::SERVICE_UNAVAILABLE, &error))
}

/// Whether the signature is that of the body. Takes the same time wherever it differs.
fn is_signed(secret: &Secret, body: &[u8], headers: &HeaderMap) -> bool {
    let given = headers.get(&SIGNATURE).and_then(|value| value.to_str().ok());
    let tag = given.and_then(|text| text.strip_prefix("sha256=")).and_then(bytes_of);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    tag.is_some_and(|tag| hmac::verify(&key, body, &tag).is_ok())
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        digits.chars().map(|digit| Some(digit.to_digit(16)? as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Who sent it, for people.
fn sender(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let name = agent.unwrap_or("an unnamed sender");
    format!("a request of {}", name.chars().take(SENDER_CHARS_MAX).collect::<String>())
}

fn refusal(status: StatusCode, error: &dyn Coded) -> Response {
    let body = Json(json!({
        "message": error.to_string(), "code": error.code(), "hint": error.hint(),
    }));
    let mut response = (status, body).into_response();
    response.headers_mut().insert(ERROR_CODE_HEADER, HeaderValue::from_static(error.code()));
    response
}
