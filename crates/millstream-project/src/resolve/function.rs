//! `functions/*.yml`, where dbt's functions are described too: those say what they return.

use std::collections::BTreeSet;

use millstream_core::name::is_name;
use millstream_core::spec::FunctionSpec;
use schemars::schema_for;

use crate::declared::{Declared, check_names, declare, invalid_name, listed};
use crate::sql::{is_blank, statement};
use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, closest};

/// Reads all functions; problems are reported, and functions with problems left out.
pub(crate) fn functions(
    documents: &[Document],
    topics: &BTreeSet<&str>,
    report: &mut Report,
) -> Vec<Declared<FunctionSpec>> {
    let own: Vec<Document> = documents.iter().filter(|file| !is_dbt(file)).cloned().collect();
    let mut items = listed(&own, "functions", report);
    items.retain(|(_, node)| !is_dbt_function(node));
    check_names("function", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let schema = schema_for!(FunctionSpec).to_value();
    let mut functions = Vec::new();
    for (document, node) in items {
        let Some(mut declared) = declare::<FunctionSpec>(document, node, &schema, report) else {
            continue;
        };
        declared.spec.sql = statement(&declared.spec.sql);
        check(&declared, topics, report);
        functions.push(declared);
    }
    functions
}

/// Whether a file describes functions of dbt alone.
fn is_dbt(document: &Document) -> bool {
    let items = document.root.get("functions").map(Node::items).unwrap_or_default();
    !items.is_empty() && items.iter().all(is_dbt_function)
}

fn is_dbt_function(node: &Node) -> bool {
    node.get("returns").is_some() && node.get("on").is_none()
}

/// The table of the operational database that a function writes to: `operational.<name>`.
pub(crate) fn operational_table(into: &str) -> Option<&str> {
    into.strip_prefix("operational.").filter(|name| is_name(name))
}

fn check(declared: &Declared<FunctionSpec>, topics: &BTreeSet<&str>, report: &mut Report) {
    let spec = &declared.spec;
    let mut wrong = |keys: &[&str], message: String, hint: &str| {
        report.error("function.invalid", declared.place(keys), message, hint.to_owned());
    };
    if operational_table(&spec.into).is_none() {
        let message = format!("`into` cannot be `{}`", spec.into);
        wrong(&["into"], message, "a table of the operational database: operational.predictions");
    }
    if spec.on.batch == 0 {
        wrong(&["on", "batch"], "`batch` must be at least 1".to_owned(), "the default is 1000");
    }
    if is_blank(&spec.sql) {
        wrong(&["sql"], "the function has no SQL".to_owned(), "select ... from records");
    }
    let topic = spec.on.topic.as_str();
    let place = declared.place(&["on", "topic"]);
    if !is_name(topic) {
        invalid_name("topic", topic, place, report);
    } else if !topics.contains(topic) {
        let message = format!("no deployment records to topic `{topic}`");
        let hint = match closest(topic, topics.iter().copied()) {
            Some(name) => format!("did you mean `{name}`?"),
            None => "events must come to it from elsewhere".to_owned(),
        };
        report.warning("topic.unknown", place, message, hint);
    }
}
