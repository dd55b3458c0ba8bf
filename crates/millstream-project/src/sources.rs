//! `sources/*.yml`

use std::collections::HashMap;
use std::path::Path;

use millstream_core::Relation;
use millstream_core::kind::{Declaration, KindInfo};
use millstream_core::name::{QUARANTINE_SCHEMA, SYSTEM_SCHEMA, TOPIC_SCHEMA};
use millstream_core::spec::SourceSpec;
use millstream_dbt::parse::HostTable;
use schemars::schema_for;
use serde_json::Value;

use crate::declared::{Declared, check_names, declare, invalid_name, listed, place_of};
use crate::schedule::{PERIODS, Period};
use crate::settings::{kind_of, report_problems, source_schema};
use millstream_files::Report;
use millstream_files::yaml::{Document, Kind, Node};

/// Schemas that are not for sources.
const RESERVED: &[&str] =
    &[QUARANTINE_SCHEMA, TOPIC_SCHEMA, SYSTEM_SCHEMA, "operational", "information_schema"];

/// Reads the sources; problems are reported, and sources with problems left out.
pub(crate) fn read(
    documents: &[Document],
    connectors: &[KindInfo],
    report: &mut Report,
) -> Vec<Declared<SourceSpec>> {
    let items = listed(documents, "sources", report);
    check_names("source", items.iter().map(|(doc, node)| (doc.file.as_path(), *node)), report);
    let base = schema_for!(SourceSpec).to_value();
    let mut schemas: HashMap<&str, Value> = HashMap::new();
    let mut sources = Vec::new();
    for (document, node) in items {
        check_stream_names(document, node, report);
        let connector = node.get("connector");
        let kind = connector.and_then(|connector| {
            kind_of("connector", "connector.unknown", connectors, document, connector, report)
        });
        let schema = match kind {
            Some(kind) => &*schemas.entry(kind.kind).or_insert_with(|| source_schema(&base, kind)),
            None => &base,
        };
        let declared = declare::<SourceSpec>(document, node, schema, report);
        if let (Some(declared), Some(kind)) = (declared, kind) {
            validate(&declared, kind, document, report);
            sources.push(declared);
        }
    }
    sources
}

/// The tables of all streams, also of sources that have problems elsewhere.
pub(crate) fn tables(documents: &[Document]) -> Vec<HostTable> {
    let mut tables = Vec::new();
    for document in documents {
        for source in document.root.get("sources").map(Node::items).unwrap_or_default() {
            let Some(name) = source.get("name").and_then(Node::text) else { continue };
            for stream in source.get("streams").map(Node::items).unwrap_or_default() {
                let Some(stream) = stream.get("name").and_then(Node::text) else { continue };
                if let Ok(relation) = Relation::new(name, stream) {
                    let quarantine = relation.quarantine();
                    tables.extend([relation, quarantine].map(|it| table(&it, &document.file)));
                }
            }
        }
    }
    tables
}

fn table(relation: &Relation, file: &Path) -> HostTable {
    HostTable {
        source: relation.schema().to_owned(),
        table: relation.name().to_owned(),
        schema: relation.schema().to_owned(),
        identifier: relation.name().to_owned(),
        file: file.to_owned(),
    }
}

fn check_stream_names(document: &Document, source: &Node, report: &mut Report) {
    let file = document.file.as_path();
    if let Some(name) = source.get("name").and_then(Node::text)
        && RESERVED.contains(&name)
    {
        let place = place_of(file, source, &["name"]);
        let message = format!("a source cannot be named `{name}`: Millstream uses that schema");
        report.error("name.reserved", place, message, None);
    }
    let streams = source.get("streams").map(Node::items).unwrap_or_default();
    check_names("stream", streams.iter().map(|stream| (file, stream)), report);
    if let Some(list) = source.get("streams").filter(|_| streams.is_empty())
        && matches!(list.kind, Kind::List(_))
    {
        let message = "the source has no streams";
        report.error("yaml.value_wrong", document.place(list), message, None);
    }
}

fn validate(
    declared: &Declared<SourceSpec>,
    kind: &KindInfo,
    document: &Document,
    report: &mut Report,
) {
    let spec = &declared.spec;
    let mut problems = (kind.validate)(&spec.settings, None);
    problems.dedup();
    report_problems("setting.invalid", problems.clone(), document, &[&declared.node], report);
    let nodes = declared.node.get("streams").map(Node::items).unwrap_or_default();
    for (stream, node) in spec.streams.iter().zip(nodes) {
        let more = (kind.validate)(&spec.settings, Some(&stream.settings));
        let own: Vec<_> = more.into_iter().filter(|problem| !problems.contains(problem)).collect();
        report_problems("setting.invalid", own, document, &[node, &declared.node], report);
        let more = (kind.review)(Declaration::Stream(stream));
        report_problems("source.invalid", more, document, &[node], report);
        check_key(stream, node, document, report);
    }
    check_freshness(declared, nodes, report);
    if let Some(text) = &spec.keep_raw
        && !is_days(text)
    {
        let message = format!("`keep_raw` cannot be `{text}`");
        let place = declared.place(&["keep_raw"]);
        report.error("yaml.value_wrong", place, message, "days, such as 30d".to_owned());
    }
}

/// Reports ages of the source and of its streams that are none.
fn check_freshness(declared: &Declared<SourceSpec>, nodes: &[Node], report: &mut Report) {
    const KEY: &str = "fresh_within";
    let spec = &declared.spec;
    let streams = spec.streams.iter().zip(nodes).map(|(stream, node)| (&stream.fresh_within, node));
    for (text, node) in streams.chain([(&spec.fresh_within, &declared.node)]) {
        if let Some(text) = text
            && text.parse::<Period>().is_err()
        {
            let place = place_of(&declared.file, node, &[KEY]);
            let message = format!("`{KEY}` cannot be `{text}`");
            report.error("schedule.period", place, message, PERIODS.to_owned());
        }
    }
}

fn check_key(
    stream: &millstream_core::spec::StreamSpec,
    node: &Node,
    document: &Document,
    report: &mut Report,
) {
    use millstream_core::spec::SyncMode;
    let place = document.place(node.get("sync").unwrap_or(node));
    let columns = stream.key.as_ref().map(millstream_core::spec::Keys::columns).unwrap_or_default();
    if stream.sync == SyncMode::Merge && columns.is_empty() {
        let message = format!("stream `{}` merges, but has no `key`", stream.name);
        let hint = "name the column that identifies a record: `key: id`".to_owned();
        report.error("yaml.key_missing", place, message, hint);
    }
    if columns.iter().any(String::is_empty) {
        let place = document.place(node.get("key").unwrap_or(node));
        invalid_name("column", "", place, report);
    }
}

fn is_days(text: &str) -> bool {
    text.strip_suffix('d').is_some_and(|days| days.parse::<u32>().is_ok())
}
