//! Requests that are signed as GitHub signs its webhooks ("Validating webhook deliveries": HMAC-SHA256
//! of the body in `X-Hub-Signature-256`), as those are that start schedules.

use aws_lc_rs::hmac;
use millstream_core::secret::Secret;
use serde_json::{Value, json};

use crate::message::Message;

/// The version of the shape of the body.
const VERSION: u32 = 1;

/// What is posted.
pub(super) fn body(message: &Message) -> Value {
    let mut body = json!(message);
    body["version"] = json!(VERSION);
    // As the interface and the addresses of the server write it.
    body["run"] = json!(message.run.map(|run| run.to_string()));
    for key in ["first_at", "last_at", "at"] {
        body[key] = json!(moment(message, key));
    }
    if let Some(until) = message.question.as_ref().and_then(|question| question.until) {
        body["question"]["until"] = json!(until.to_string());
    }
    body
}

fn moment(message: &Message, key: &str) -> String {
    match key {
        "first_at" => message.first_at,
        "last_at" => message.last_at,
        _ => message.at,
    }
    .to_string()
}

/// The headers by which the receiver knows who sends, and what it has seen before.
pub(super) fn headers(
    message: &Message,
    secret: &Secret,
    body: &[u8],
) -> Vec<(&'static str, String)> {
    vec![
        ("x-hub-signature-256", signature(secret, body)),
        ("millstream-delivery", message.id.clone()),
        ("idempotency-key", message.id.clone()),
        ("millstream-event", message.event.word().to_owned()),
    ]
}

fn signature(secret: &Secret, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let tag = hmac::sign(&key, body);
    let digits: Vec<String> = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={}", digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_signed_as_github_does() {
        // GitHub, "Validating webhook deliveries": this secret, payload and signature.
        let secret = Secret::new("It's a Secret to Everybody");
        assert_eq!(
            signature(&secret, b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
