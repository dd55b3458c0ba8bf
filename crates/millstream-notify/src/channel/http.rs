//! Posts a request: over TLS, to no other place than the one that is named, bounded in time.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::secret::Secret;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use rustls::ClientConfig;
use serde_json::Value;

use crate::error::NotifyError;
use crate::text::{bounded, one_line, scrubbed};

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// What is read of an answer.
const ANSWER_BYTES_MAX: usize = 4096;
/// What is told of an answer, in characters.
const ANSWER_CHARS_MAX: usize = 200;
/// The longest that a receiver can ask to wait, in seconds.
const WAIT_SECONDS_MAX: u64 = 3600;

/// A request to post.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: Secret,
    pub(super) body: String,
    pub(super) headers: Vec<(&'static str, String)>,
}

impl Request {
    pub(super) fn new(url: Secret, body: &Value) -> Self {
        Self { url, body: body.to_string(), headers: Vec::new() }
    }
}

pub(super) async fn post(tls: &Arc<ClientConfig>, request: Request) -> Result<(), NotifyError> {
    let url = checked(request.url.expose())?;
    let client = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .redirect(Policy::none())
        .use_preconfigured_tls(ClientConfig::clone(tls))
        .build()
        .map_err(|error| unreached(&error))?;
    let mut post = client.post(url).header(CONTENT_TYPE, "application/json");
    post = post.header(USER_AGENT, concat!("Millstream/", env!("CARGO_PKG_VERSION")));
    for (name, value) in request.headers {
        post = post.header(name, value);
    }
    let answer = post.body(request.body).send().await.map_err(|error| unreached(&error))?;
    judged(answer).await
}

/// An address to which messages may go.
fn checked(text: &str) -> Result<Url, NotifyError> {
    let problem = |problem| NotifyError::Address { problem };
    let url = Url::parse(text.trim()).map_err(|_| problem("cannot be read"))?;
    let is_here = match url.host_str() {
        None => return Err(problem("has no host")),
        Some(host) => {
            let host = host.trim_matches(['[', ']']);
            host == "localhost"
                || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(problem("has a name or password in it"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        _ => Err(problem("is not encrypted")),
    }
}

/// What the answer means.
async fn judged(mut answer: Response) -> Result<(), NotifyError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wait = wait.and_then(|text| text.trim().parse::<u64>().ok());
    let wait = wait.map(|seconds| Duration::from_secs(seconds.min(WAIT_SECONDS_MAX)));
    let mut said = Vec::new();
    while said.len() < ANSWER_BYTES_MAX
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - said.len())]);
    }
    let said = one_line(&scrubbed(&String::from_utf8_lossy(&said)));
    let said = bounded(format!("status {} {said}", status.as_u16()).trim(), ANSWER_CHARS_MAX);
    let is_passing = status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS);
    if is_passing {
        Err(NotifyError::Busy { answer: said, wait })
    } else {
        Err(NotifyError::Refused { answer: said })
    }
}

/// The library's message names the address with its secrets; only its cause is told.
fn unreached(error: &reqwest::Error) -> NotifyError {
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    let detail = match cause {
        _ if error.is_timeout() => "no answer in time".to_owned(),
        Some(cause) => scrubbed(&cause.to_string()),
        None => "the connection failed".to_owned(),
    };
    NotifyError::Unreached { detail }
}
