//! Settings of connectors and trainers, checked with what those say of themselves.

use std::collections::BTreeSet;

use millstream_core::kind::{KindInfo, SettingProblem};
use serde_json::{Map, Value, json};

use millstream_files::yaml::{Document, Node};
use millstream_files::{Report, meant};

/// The kind of this name; an unknown one is reported at the node.
pub(crate) fn kind_of<'a>(
    what: &str,
    code: &'static str,
    kinds: &'a [KindInfo],
    document: &Document,
    node: &Node,
    report: &mut Report,
) -> Option<&'a KindInfo> {
    let name = node.text()?;
    let found = kinds.iter().find(|kind| kind.kind == name);
    if found.is_none() {
        let hint = meant(name, kinds.iter().map(|kind| kind.kind), "");
        report.error(code, document.place(node), format!("there is no {what} `{name}`"), hint);
    }
    found
}

/// The schema of a source with the settings of its connector in place of "anything else".
pub(crate) fn source_schema(base: &Value, kind: &KindInfo) -> Value {
    let mut schema = base.clone();
    absorb(&mut schema, "", &kind.schema, kind.kind);
    let stream = kind.stream_schema.clone().unwrap_or_else(|| json!({}));
    absorb(&mut schema, "/$defs/StreamSpec", &stream, &format!("{}_stream", kind.kind));
    schema
}

/// The schema of a training with the settings of its trainer.
pub(crate) fn training_schema(base: &Value, kind: &KindInfo) -> Value {
    let mut schema = base.clone();
    if let Some(settings) = schema.pointer_mut("/properties/settings") {
        *settings = json!({"type": "object", "description": settings["description"]});
    }
    absorb(&mut schema, "/properties/settings", &kind.schema, kind.kind);
    schema
}

/// Adds the properties of another object schema to the one at a pointer, and closes it.
fn absorb(root: &mut Value, pointer: &str, extra: &Value, prefix: &str) {
    let extra = with_prefix(extra, prefix);
    if let Some(definitions) = extra.get("$defs").and_then(Value::as_object)
        && let Some(root) = root.as_object_mut()
        && let Some(target) = root.entry("$defs").or_insert_with(|| json!({})).as_object_mut()
    {
        for (name, definition) in definitions {
            target.insert(format!("{prefix}.{name}"), definition.clone());
        }
    }
    let Some(target) = root.pointer_mut(pointer).and_then(Value::as_object_mut) else { return };
    target.insert("additionalProperties".to_owned(), Value::Bool(false));
    let properties = target.entry("properties").or_insert_with(|| json!({}));
    if let (Some(properties), Some(more)) =
        (properties.as_object_mut(), extra.get("properties").and_then(Value::as_object))
    {
        for (name, property) in more {
            properties.entry(name.clone()).or_insert_with(|| property.clone());
        }
    }
    let required = target.entry("required").or_insert_with(|| json!([]));
    if let (Some(required), Some(more)) =
        (required.as_array_mut(), extra.get("required").and_then(Value::as_array))
    {
        required.extend(more.iter().cloned());
    }
}

/// The same schema with references to definitions under other names.
pub(crate) fn with_prefix(schema: &Value, prefix: &str) -> Value {
    match schema {
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, value)| {
                    let reference = value.as_str().and_then(|text| text.strip_prefix("#/$defs/"));
                    let value = match reference {
                        Some(name) if key == "$ref" => json!(format!("#/$defs/{prefix}.{name}")),
                        _ => with_prefix(value, prefix),
                    };
                    (key.clone(), value)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(|item| with_prefix(item, prefix)).collect(),
        other => other.clone(),
    }
}

/// Reports what a connector or trainer says of settings, at the first of the nodes that has the
/// key.
pub(crate) fn report_problems(
    code: &'static str,
    problems: Vec<SettingProblem>,
    document: &Document,
    nodes: &[&Node],
    report: &mut Report,
) {
    let mut seen = BTreeSet::new();
    for problem in problems {
        let found = nodes.iter().find_map(|node| below(node, &problem.key));
        let node = found.or(nodes.first().copied()).unwrap_or(&document.root);
        if seen.insert((problem.key.clone(), problem.message.clone())) {
            report.error(code, document.place(node), problem.message, problem.hint);
        }
    }
}

/// The node to which a way such as `columns/1/type` leads, or the last one on it that is there.
fn below<'a>(node: &'a Node, way: &str) -> Option<&'a Node> {
    let mut found = None;
    for part in way.split('/') {
        let from = found.unwrap_or(node);
        let item = || part.parse().ok().and_then(|at: usize| from.items().get(at));
        match from.get(part).or_else(item) {
            Some(next) => found = Some(next),
            None => break,
        }
    }
    found
}
