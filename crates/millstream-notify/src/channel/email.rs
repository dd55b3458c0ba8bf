//! Mails: a subject of one line and plain text.

use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;
use millstream_project::notification::Email;

use crate::error::NotifyError;
use crate::message::{Message, MessageKind};
use crate::text::{bounded, one_line};

/// The longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 200;

/// The mail with its headers, as it goes over the wire.
pub(super) fn letter(message: &Message, mail: &Email) -> Result<Vec<u8>, NotifyError> {
    let host = mail.from.rsplit_once('@').map_or("localhost", |(_, host)| host);
    let readers: Vec<&str> = mail.to.iter().map(String::as_str).collect();
    let builder = MessageBuilder::new()
        .from(mail.from.as_str())
        .to(readers)
        .subject(subject(message))
        .date(message.at.as_micros().div_euclid(1_000_000))
        .message_id(format!("{}@{host}", message.id))
        // Mails about one incident stand together.
        .references(format!("{}@{host}", message.incident))
        // Nobody's absence is answered to a machine (RFC 3834).
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .text_body(text(message));
    builder.write_to_vec().map_err(|error| NotifyError::Unreadable { detail: error.to_string() })
}

fn subject(message: &Message) -> String {
    let sign = match message.kind {
        MessageKind::Problem
        | MessageKind::Question
        | MessageKind::Changed
        | MessageKind::Reminder => "",
        MessageKind::Resolved => "resolved: ",
        MessageKind::Test => "test: ",
    };
    let subject = format!("[{}] {sign}{}", message.place(), message.headline);
    bounded(&one_line(&subject), SUBJECT_CHARS_MAX)
}

fn text(message: &Message) -> String {
    let mut text = format!("{}\r\n\r\n", message.headline);
    for (name, fact) in message.facts() {
        let fact = fact.replace('\n', "\r\n  ");
        text.extend([name, ": ", fact.as_str(), "\r\n"]);
    }
    for (name, command) in message.commands() {
        text.extend([name, ": ", command, "\r\n"]);
    }
    if let Some(url) = &message.url {
        text.extend(["\r\n", url.as_str(), "\r\n"]);
    }
    text
}
