//! `PagerDuty`'s Events API v2: an incident there is one here, from the first message to the last.

use millstream_core::secret::Secret;
use millstream_project::notification::Severity;
use serde_json::{Map, Value, json};

use crate::message::{Message, MessageKind};
use crate::text::bounded;

/// The longest summary that is taken, in characters.
const SUMMARY_CHARS_MAX: usize = 1024;

/// What is posted.
pub(super) fn body(message: &Message, routing_key: &Secret, severity: Severity) -> Value {
    let action = match message.kind {
        MessageKind::Resolved => "resolve",
        MessageKind::Problem
        | MessageKind::Question
        | MessageKind::Changed
        | MessageKind::Reminder
        | MessageKind::Test => "trigger",
    };
    let severity = graveness(message, severity);
    let summary = format!("{}: {}", message.place(), message.headline);
    let facts = message.facts().into_iter().map(|(name, text)| (name.to_owned(), json!(text)));
    let commands = message.commands().into_iter().map(|(it, text)| (it.to_owned(), json!(text)));
    let details: Map<String, Value> = facts.chain(commands).collect();
    let links: Vec<Value> =
        message.url.iter().map(|url| json!({"href": url, "text": "Millstream"})).collect();
    json!({
        "routing_key": routing_key.expose(),
        "event_action": action,
        "dedup_key": message.incident,
        "client": "Millstream",
        "client_url": message.url,
        "links": links,
        "payload": {
            "summary": bounded(&summary, SUMMARY_CHARS_MAX),
            "source": message.place(),
            "severity": severity,
            "timestamp": message.last_at.to_string(),
            "component": message.asset,
            "group": message.owner,
            "class": message.event,
            "custom_details": details,
        },
    })
}

/// How grave it is: nothing is broken where somebody is only asked.
fn graveness(message: &Message, severity: Severity) -> Severity {
    match (message.kind, severity) {
        (MessageKind::Test, _) => Severity::Info,
        (_, Severity::Critical | Severity::Error) if message.question.is_some() => {
            Severity::Warning
        }
        _ => severity,
    }
}
