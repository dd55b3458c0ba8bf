//! Slack's incoming webhooks, and what takes the same: text with an attachment in a colour.

use serde_json::{Value, json};

use crate::message::{Message, MessageKind};
use crate::text::{bounded, slack, slack_code};

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
    let facts = message.facts().into_iter();
    let facts = facts.map(|(name, text)| format!("*{name}*: {}", slack(&text)));
    let commands = message.commands().into_iter();
    let commands = commands.map(|(name, text)| format!("*{name}*: `{}`", slack_code(text)));
    let facts: Vec<String> = facts.chain(commands).collect();
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
        MessageKind::Question => ":raised_hand:",
        MessageKind::Resolved => ":white_check_mark:",
        MessageKind::Test => ":information_source:",
    }
}

fn color(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Problem | MessageKind::Changed | MessageKind::Reminder => "danger",
        MessageKind::Question => "warning",
        MessageKind::Resolved => "good",
        MessageKind::Test => "#888888",
    }
}
