//! Seeds: CSV files of the project that are tables. What is in the files is read when the seed is
//! made.

use std::fs;
use std::path::Path;

use millstream_core::ContentHash;
use millstream_dbt::comments_of;
use millstream_dbt::manifest::{Node, NodeKind};
use millstream_files::{Report, whole};
use serde_json::Value;

use super::DbtProject;
use super::models::{columns, described, name, relation};
use super::places::Places;
use crate::project::Seed;

/// The seeds in the order of their names. Problems are reported.
pub(super) fn read(project: &DbtProject, places: &Places<'_>, report: &mut Report) -> Vec<Seed> {
    let nodes = project.manifest.nodes_of(|kind| matches!(kind, NodeKind::Seed { .. }));
    let mut seeds: Vec<Seed> = nodes.filter_map(|node| seed(node, places, report)).collect();
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    seeds
}

fn seed(node: &Node, places: &Places<'_>, report: &mut Report) -> Option<Seed> {
    let file = places.file(node);
    let relation = relation(node, places, report);
    let delimiter = delimiter(node, places, report);
    let column_types = column_types(node, places, report)?;
    let (relation, delimiter) = (relation?, delimiter?);
    let quote_columns = node.config.bool("quote_columns") == Some(true);
    let content = content(node, &places.root.join(&file)).or_else(|| {
        let message = "cannot be read";
        report.error("project.file_unreadable", whole(&file), message, None);
        None
    })?;
    let types = column_types.iter().map(|(column, kind)| format!("{column} {kind}"));
    let parts = [content, delimiter.to_string(), quote_columns.to_string()];
    Some(Seed {
        id: node.unique_id.clone(),
        name: name(node),
        relation,
        file,
        description: described(node),
        tags: node.tags.iter().cloned().collect(),
        columns: columns(node),
        comments: comments_of(node),
        delimiter,
        quote_columns,
        definition: ContentHash::of_parts(parts.into_iter().chain(types)),
        column_types,
    })
}

/// The hash of the file. dbt does not look into large ones.
fn content(node: &Node, file: &Path) -> Option<String> {
    if node.checksum.name == "sha256" {
        return Some(node.checksum.checksum.clone());
    }
    fs::read(file).ok().map(|bytes| ContentHash::of(&bytes).to_string())
}

fn delimiter(node: &Node, places: &Places<'_>, report: &mut Report) -> Option<char> {
    let Some(value) = node.config.get("delimiter") else { return Some(',') };
    let text = value.as_str().map(|text| if text == "\\t" { "\t" } else { text });
    let mut characters = text.unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some(only), None) if only.is_ascii() => Some(only),
        _ => {
            let message = "`delimiter` must be one character";
            let hint = "such as \";\" or \"\\t\"".to_owned();
            report.error("model.config", places.setting(node, "delimiter"), message, hint);
            None
        }
    }
}

fn column_types(
    node: &Node,
    places: &Places<'_>,
    report: &mut Report,
) -> Option<Vec<(String, String)>> {
    let Some(value) = node.config.get("column_types") else { return Some(Vec::new()) };
    let types = value.as_object().and_then(|map| {
        let text = |(column, kind): (&String, &Value)| {
            kind.as_str().map(|kind| (column.clone(), kind.to_owned()))
        };
        map.iter().map(text).collect()
    });
    if types.is_none() {
        let message = "`column_types` must be a map of columns and SQL types";
        let hint = "column_types: {zip_code: varchar}".to_owned();
        report.error("model.config", places.setting(node, "column_types"), message, hint);
    }
    types
}
