//! Makes notifications of what the files say; every problem is reported with its place.

use std::collections::HashMap;

use millstream_core::diagnostic::Place;
use millstream_core::name::is_name;
use millstream_files::yaml::{self, Document, Entry, Kind, Node};
use millstream_files::{Report, shown, whole};
use schemars::schema_for;
use serde_json::json;

use super::channel;
use super::declared::Notifications;
use super::rule;
use super::spec::{ChannelSpec, RuleSpec};
use crate::declared::{declare, invalid_name};
use crate::project::Project;

/// Reads all channels and rules. Those with problems are left out; what rules select is looked up
/// only in a project without problems.
pub(crate) fn read(
    documents: &[Document],
    project: Option<&Project>,
    report: &mut Report,
) -> Notifications {
    conform_files(documents, report);
    let mut read = Notifications::default();
    let schema = schema_for!(ChannelSpec).to_value();
    let channels = named(documents, "channels", "channel", report);
    for (document, entry) in &channels {
        let Some(declared) = declare::<ChannelSpec>(document, &entry.value, &schema, report) else {
            continue;
        };
        if let Some(channel) = channel::read(&declared, report) {
            read.channels.insert(entry.key.clone(), channel);
        }
    }
    let names: Vec<&str> = channels.iter().map(|(_, entry)| entry.key.as_str()).collect();
    let schema = schema_for!(RuleSpec).to_value();
    for (document, entry) in named(documents, "rules", "rule", report) {
        let Some(declared) = declare::<RuleSpec>(document, &entry.value, &schema, report) else {
            continue;
        };
        let around = rule::Around { project, channels: &names };
        read.rules.extend(rule::read(&entry.key, &declared, around, report));
    }
    read
}

/// Reports keys of files that are not known.
fn conform_files(documents: &[Document], report: &mut Report) {
    let schema = json!({
        "type": "object",
        "properties": {"channels": {"type": "object"}, "rules": {"type": "object"}},
        "additionalProperties": false,
    });
    for document in documents {
        if document.root.is_null() {
            let hint = "name something under `channels:` or `rules:`, or remove the file";
            let message = "the file is empty";
            report.error("yaml.key_missing", whole(&document.file), message, hint.to_owned());
        } else {
            yaml::conform(document, &document.root, &schema, report);
        }
    }
}

/// What all files have under one key, as far as its names can be.
fn named<'a>(
    documents: &'a [Document],
    key: &str,
    what: &str,
    report: &mut Report,
) -> Vec<(&'a Document, &'a Entry)> {
    let mut seen: HashMap<&str, Place> = HashMap::new();
    let mut found = Vec::new();
    for document in documents {
        for entry in document.root.get(key).map(Node::entries).unwrap_or_default() {
            let at = entry.key_at.within(&document.file);
            if !is_name(&entry.key) {
                invalid_name(what, &entry.key, at, report);
            } else if let Some(first) = seen.get(entry.key.as_str()) {
                let message = format!("{what} `{}` is here for the second time", entry.key);
                let hint = format!("the first is in {}", shown(first));
                report.error("name.duplicate", at, message, hint);
            } else if !matches!(entry.value.kind, Kind::Map(_)) {
                let message = format!("{what} `{}` must be a map", entry.key);
                report.error("yaml.value_wrong", at, message, None);
            } else {
                seen.insert(&entry.key, at);
                found.push((document, entry));
            }
        }
    }
    found
}
