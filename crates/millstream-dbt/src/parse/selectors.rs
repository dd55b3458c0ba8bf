//! `selectors.yml`: selections with a name.

use std::collections::BTreeMap;
use std::path::Path;

use millstream_files::yaml::{self, Node};
use millstream_files::{Report, read_source};
use serde_json::Value;

use super::values::{as_text, map_of};
use super::yaml::YamlContext;
use crate::manifest::SelectorDef;

/// The selectors of a project by name.
pub(super) fn read(
    root: &Path,
    context: &YamlContext,
    report: &mut Report,
) -> BTreeMap<String, SelectorDef> {
    let mut found = BTreeMap::new();
    let name = Path::new("selectors.yml");
    let full = root.join(name);
    if !full.is_file() {
        return found;
    }
    let source = read_source(&full, name, report);
    let Some(mut document) = source.and_then(|source| yaml::parse_dbt(&source, report)) else {
        return found;
    };
    let mut content = std::mem::take(&mut document.root);
    context.render_node(&document, &mut content, &|_| true, report);
    for item in content.get("selectors").map(Node::items).unwrap_or_default() {
        let map = map_of(Some(item.to_json()));
        let (Some(selector), Some(definition)) =
            (map.get("name").and_then(as_text), map.get("definition"))
        else {
            let message = "a selector has a `name` and a `definition`";
            report.error("dbt.selector_invalid", document.place(item), message, None);
            continue;
        };
        let default = match map.get("default") {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        let selector_def = SelectorDef {
            description: map.get("description").and_then(as_text).unwrap_or_default(),
            default,
            definition: definition.clone(),
        };
        if found.insert(selector.clone(), selector_def).is_some() {
            let message = format!("dbt found two selectors with the name \"{selector}\".");
            report.error("dbt.name_duplicate", document.place(item), message, None);
        }
    }
    found
}
