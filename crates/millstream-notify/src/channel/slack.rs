//! Slack's incoming webhooks, and what takes the same: text with an attachment in a colour.

use serde_json::{Value, json};

use crate::message::{Message, MessageKind};
use crate::text::{bounded, slack};

/// The longest text; Slack cuts at 40 000, others sooner.
const TEXT_CHARS_MAX: usize = 3500;

/// What is posted.
pub(super) fn body(message: &Message) -> Value {
    let title = format!("{} {}", slack(&message.place()), slack(&message.headline));
    let title = match &message.url {
        // Addresses have none of the characters that would end the link.
        Some(url) => format!("{} <{url}|{title}>", sign(message.kind)),
        None => format!("{} {title}", sign(message.kind)),
    };
    let facts: Vec<String> = message
        .facts()
        .into_iter()
        .map(|(name, text)| format!("*{name}*: {}", slack(&text)))
        .collect();
    json!({
        "text": title,
        "attachments": [{
            "color": color(message.kind),
            "text": bounded(&facts.join("\n"), TEXT_CHARS_MAX),
            "mrkdwn_in": ["text"],
        }],
    })
}

fn sign(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Problem | MessageKind::Changed | MessageKind::Reminder => ":red_circle:",
        MessageKind::Resolved => ":white_check_mark:",
        MessageKind::Test => ":information_source:",
    }
}

fn color(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Problem | MessageKind::Changed | MessageKind::Reminder => "danger",
        MessageKind::Resolved => "good",
        MessageKind::Test => "#888888",
    }
}
