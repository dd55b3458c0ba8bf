//! Posts spans to a collector: to no other place than the one that is named, bounded in time.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use rustls::ClientConfig;
use serde_json::Value;

use crate::error::TraceError;
use crate::target::Target;

/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that a request may take; OpenTelemetry's own default.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that a collector is left alone because it asks for that.
const WAIT_MAX: Duration = Duration::from_hours(1);
/// What is read of an answer.
const ANSWER_BYTES_MAX: usize = 4096;
/// What is told of an answer, in characters.
const ANSWER_CHARS_MAX: usize = 200;

/// A way to a collector.
#[derive(Debug)]
pub(crate) struct Collector {
    client: Client,
    target: Target,
}

impl Collector {
    pub(crate) fn new(target: Target, tls: ClientConfig) -> Result<Self, TraceError> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .redirect(Policy::none())
            .use_preconfigured_tls(tls)
            .build();
        let client = client.map_err(|error| TraceError::Target { problem: error.to_string() })?;
        Ok(Self { client, target })
    }

    pub(crate) async fn post(&self, body: &Value) -> Result<(), TraceError> {
        let post = self
            .client
            .post(self.target.url.clone())
            .headers(self.target.headers.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(
                USER_AGENT,
                concat!("OTel-OTLP-Exporter-Millstream/", env!("CARGO_PKG_VERSION")),
            )
            .body(body.to_string());
        match post.send().await {
            Ok(answer) => judged(answer).await,
            Err(error) => {
                let detail =
                    if error.is_timeout() { "no answer in time" } else { "it is not reached" };
                Err(TraceError::Away { detail: detail.to_owned(), wait: None })
            }
        }
    }
}

/// What the answer means: which may be asked again says "OTLP/HTTP Response".
async fn judged(mut answer: Response) -> Result<(), TraceError> {
    let (status, wait) = (answer.status(), wait(answer.headers()));
    let mut said = Vec::new();
    while said.len() < ANSWER_BYTES_MAX
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - said.len())]);
    }
    if status.is_success() {
        let answer: Value = serde_json::from_slice(&said).unwrap_or_default();
        let rejected = &answer["partialSuccess"]["rejectedSpans"];
        if rejected.as_str().is_some_and(|it| it != "0") || rejected.as_u64().unwrap_or(0) > 0 {
            let why = answer["partialSuccess"]["errorMessage"].as_str().unwrap_or_default();
            return Err(TraceError::Refused { answer: shown(status, why) });
        }
        return Ok(());
    }
    let answer = shown(status, &String::from_utf8_lossy(&said));
    let is_passing = matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    );
    if is_passing {
        Err(TraceError::Away { detail: answer, wait })
    } else {
        Err(TraceError::Refused { answer })
    }
}

/// How long the collector wants to be left alone: `Retry-After` in seconds.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

fn shown(status: StatusCode, said: &str) -> String {
    let plain = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    let text = format!("status {} {}", status.as_u16(), plain.collect::<String>());
    text.trim().chars().take(ANSWER_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_left_alone_as_long_as_it_asks_for_and_no_longer_than_an_hour() {
        let asked = |text: &str| {
            let value = text.parse().expect("it is a header");
            wait(&HeaderMap::from_iter([(RETRY_AFTER, value)]))
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("1000000"), Some(WAIT_MAX));
        assert_eq!(asked("soon"), None);
        assert_eq!(wait(&HeaderMap::new()), None);
    }
}
