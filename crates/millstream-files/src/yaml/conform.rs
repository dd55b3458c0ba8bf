//! Checks a tree against a JSON Schema and makes the plain value of it, reporting every problem
//! with its place.
//!
//! It knows what `schemars` writes for our own structs and what connectors say of their settings;
//! it is no general validator.

use std::path::Path;

use serde_json::{Map, Value};

use super::parse::number;
use super::tree::{Document, Kind, Node};
use crate::report::{Report, closest, meant};

/// How deep references of a schema are followed.
const REFERENCES_MAX: usize = 16;

/// What a node became.
#[derive(Debug)]
pub struct Conformed {
    /// The plain value; of use only when there were no problems.
    pub value: Value,
    /// Whether the node is what the schema asks for.
    pub fits: bool,
}

/// Checks a node against a schema; `$ref`s are looked up in the same schema.
pub fn conform(document: &Document, node: &Node, schema: &Value, report: &mut Report) -> Conformed {
    conform_as(UnknownKeys::Refused, document, node, schema, report)
}

/// Checks a node of a file of dbt's own: as dbt does, it warns of keys that it does not know and
/// leaves them out.
pub fn conform_dbt(
    document: &Document,
    node: &Node,
    schema: &Value,
    report: &mut Report,
) -> Conformed {
    conform_as(UnknownKeys::LeftOut, document, node, schema, report)
}

/// What becomes of keys that the schema does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnknownKeys {
    Refused,
    LeftOut,
}

fn conform_as(
    unknown_keys: UnknownKeys,
    document: &Document,
    node: &Node,
    schema: &Value,
    report: &mut Report,
) -> Conformed {
    let before = report.errors();
    let mut visit = Visit { file: &document.file, root: schema, unknown_keys, report };
    let value = visit.node(node, schema, "the file");
    Conformed { value, fits: report.errors() == before }
}

struct Visit<'a> {
    file: &'a Path,
    root: &'a Value,
    unknown_keys: UnknownKeys,
    report: &'a mut Report,
}

const ANY: &Value = &Value::Bool(true);

impl<'a> Visit<'a> {
    fn node(&mut self, node: &Node, schema: &'a Value, name: &str) -> Value {
        let schema = self.resolve(schema);
        if let Some(alternatives) = alternatives(schema) {
            return self.one_of(node, alternatives, name);
        }
        if let Kind::Unrendered(_) = node.kind {
            let types = types(schema);
            let text = types.is_empty() || types.contains(&"string");
            return if text { node.to_json() } else { Value::Null };
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return self.choice(node, &choices.iter().collect::<Vec<_>>(), name);
        }
        if let Some(only) = schema.get("const") {
            return self.choice(node, &[only], name);
        }
        let types = types(schema);
        if types.is_empty() {
            return node.to_json();
        }
        match &node.kind {
            Kind::Map(_) if types.contains(&"object") => self.map(node, schema),
            Kind::List(items) if types.contains(&"array") => {
                let item_schema = schema.get("items").unwrap_or(ANY);
                let item_name = format!("an item of {name}");
                items.iter().map(|item| self.node(item, item_schema, &item_name)).collect()
            }
            Kind::Null if types.contains(&"null") => Value::Null,
            Kind::Rendered(text) => self.rendered(node, text, schema, name),
            Kind::Text(text) if types.contains(&"string") => Value::String(text.clone()),
            Kind::Bool(value) if types.contains(&"boolean") => Value::Bool(*value),
            Kind::Number(value) if number_fits(value, &types) => {
                self.in_range(node, Value::Number(value.clone()), schema, name)
            }
            _ => self.wrong(node, &types, name),
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(found) => schema = found,
                None => return ANY,
            }
        }
        schema
    }

    fn map(&mut self, node: &Node, schema: &'a Value) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties").unwrap_or(ANY);
        let mut result = Map::new();
        for entry in node.entries() {
            let shown = format!("`{}`", entry.key);
            let known = properties.and_then(|properties| properties.get(&entry.key));
            if known.is_none() && others == &Value::Bool(false) {
                let names = properties.into_iter().flat_map(Map::keys).map(String::as_str);
                let hint = meant(&entry.key, names, "");
                let place = entry.key_at.within(self.file);
                let message = format!("unknown key {shown}");
                match self.unknown_keys {
                    UnknownKeys::Refused => {
                        self.report.error("yaml.key_unknown", place, message, hint);
                    }
                    UnknownKeys::LeftOut => {
                        self.report.warning("yaml.key_unknown", place, message, hint);
                    }
                }
                continue;
            }
            let value = self.node(&entry.value, known.unwrap_or(others), &shown);
            result.insert(entry.key.clone(), value);
        }
        self.required(node, schema);
        Value::Object(result)
    }

    fn required(&mut self, node: &Node, schema: &Value) {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        for key in required.filter_map(Value::as_str) {
            if node.entry(key).is_none() {
                let about = schema.pointer(&format!("/properties/{key}/description"));
                let hint =
                    about.and_then(Value::as_str).map(|text| format!("{key}: {}", one_line(text)));
                let place = node.at.within(self.file);
                let message = format!("`{key}` is missing");
                self.report.error("yaml.key_missing", place, message, hint);
            }
        }
    }

    /// Text from a template is also the number or boolean that it spells, where one is wanted.
    fn rendered(&mut self, node: &Node, text: &str, schema: &'a Value, name: &str) -> Value {
        let types = types(schema);
        if types.contains(&"string") {
            return Value::String(text.to_owned());
        }
        if let Some(number) = number(text).filter(|number| number_fits(number, &types)) {
            return self.in_range(node, Value::Number(number), schema, name);
        }
        match text {
            "true" | "True" if types.contains(&"boolean") => Value::Bool(true),
            "false" | "False" if types.contains(&"boolean") => Value::Bool(false),
            "" | "null" | "None" | "none" if types.contains(&"null") => Value::Null,
            _ => self.wrong(node, &types, name),
        }
    }

    fn in_range(&mut self, node: &Node, value: Value, schema: &Value, name: &str) -> Value {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
        let number = value.as_f64().unwrap_or_default();
        let problem = if let Some(least) = bound("minimum").filter(|least| number < *least) {
            format!("{name} must be at least {least}")
        } else if let Some(most) = bound("maximum").filter(|most| number > *most) {
            format!("{name} must be at most {most}")
        } else if let Some(least) = bound("exclusiveMinimum").filter(|least| number <= *least) {
            format!("{name} must be greater than {least}")
        } else if let Some(most) = bound("exclusiveMaximum").filter(|most| number >= *most) {
            format!("{name} must be less than {most}")
        } else {
            return value;
        };
        let place = node.at.within(self.file);
        self.report.error("yaml.value_wrong", place, problem, None);
        value
    }

    fn choice(&mut self, node: &Node, choices: &[&Value], name: &str) -> Value {
        let value = node.to_json();
        if choices.contains(&&value) {
            return value;
        }
        let words: Vec<String> = choices.iter().map(|choice| plain(choice)).collect();
        let names = words.iter().map(String::as_str);
        let message = match node.text() {
            Some(text) => format!("{name} cannot be `{text}`"),
            None => format!("{name} cannot be {}", node.noun()),
        };
        let hint = match node.text().and_then(|text| closest(text, names)) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("one of: {}", words.join(", ")),
        };
        self.report.error("yaml.value_wrong", node.at.within(self.file), message, hint);
        value
    }

    fn one_of(&mut self, node: &Node, alternatives: &'a [Value], name: &str) -> Value {
        let alternatives: Vec<&'a Value> =
            alternatives.iter().map(|alternative| self.resolve(alternative)).collect();
        let choices: Vec<&Value> =
            alternatives.iter().flat_map(|schema| constants(schema)).collect();
        if !choices.is_empty() && !matches!(node.kind, Kind::Map(_) | Kind::List(_)) {
            let null = alternatives.iter().any(|schema| types(schema).contains(&"null"));
            if null && node.is_null() {
                return Value::Null;
            }
            return self.choice(node, &choices, name);
        }
        let fitting: Vec<&'a Value> =
            alternatives.iter().copied().filter(|schema| kind_fits(node, schema)).collect();
        match fitting.as_slice() {
            [] => {
                let wanted: Vec<&str> =
                    alternatives.iter().flat_map(|schema| types(schema)).collect();
                self.wrong(node, &wanted, name)
            }
            [only] => self.node(node, only, name),
            several => self.first_clean(node, several, name),
        }
    }

    /// The first alternative without problems; if there is none, the problems of the last one.
    fn first_clean(&mut self, node: &Node, alternatives: &[&'a Value], name: &str) -> Value {
        for alternative in alternatives {
            let mut trial = Report::default();
            let (file, root, unknown_keys) = (self.file, self.root, self.unknown_keys);
            let mut visit = Visit { file, root, unknown_keys, report: &mut trial };
            let value = visit.node(node, alternative, name);
            if trial.is_empty() {
                return value;
            }
        }
        self.node(node, alternatives[alternatives.len() - 1], name)
    }

    fn wrong(&mut self, node: &Node, types: &[&str], name: &str) -> Value {
        let mut wanted: Vec<&str> = Vec::new();
        for noun in types.iter().filter(|kind| **kind != "null").map(|kind| noun(kind)) {
            if !wanted.contains(&noun) {
                wanted.push(noun);
            }
        }
        let wanted = wanted.join(" or ");
        let message = match &node.kind {
            Kind::Null => format!("{name} is empty"),
            _ => format!("{name} must be {wanted}, not {}", node.noun()),
        };
        let hint = match &node.kind {
            Kind::Null => Some(format!("give {wanted}")),
            Kind::Text(text) if types.contains(&"boolean") => {
                matches!(text.to_lowercase().as_str(), "yes" | "no" | "on" | "off")
                    .then(|| "write `true` or `false`".to_owned())
            }
            Kind::Number(_) | Kind::Bool(_) if types.contains(&"string") => {
                Some("put it in quotes".to_owned())
            }
            Kind::Text(text) if !types.contains(&"string") && number(text).is_some() => {
                Some("remove the quotes".to_owned())
            }
            _ => None,
        };
        self.report.error("yaml.value_wrong", node.at.within(self.file), message, hint);
        Value::Null
    }
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)
}

/// The values that a schema of a word allows; empty for other schemas.
fn constants(schema: &Value) -> Vec<&Value> {
    if let Some(only) = schema.get("const") {
        return vec![only];
    }
    let listed = schema.get("enum").or_else(|| alternatives(schema).map(|_| schema));
    match listed {
        Some(Value::Array(choices)) => choices.iter().collect(),
        Some(nested) => alternatives(nested).into_iter().flatten().flat_map(constants).collect(),
        None => Vec::new(),
    }
}

/// The JSON types that a schema allows; empty when it allows all.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ => Vec::new(),
    }
}

fn kind_fits(node: &Node, schema: &Value) -> bool {
    let types = types(schema);
    if types.is_empty() {
        return true;
    }
    types.iter().any(|kind| match (&node.kind, *kind) {
        (Kind::Null, "null")
        | (Kind::Bool(_), "boolean")
        | (Kind::Text(_), "string")
        | (Kind::List(_), "array")
        | (Kind::Map(_), "object")
        | (Kind::Rendered(_) | Kind::Unrendered(_), "string" | "number" | "integer" | "boolean") => true,
        (Kind::Number(number), kind) => number_fits(number, &[kind]),
        _ => false,
    })
}

fn number_fits(number: &serde_json::Number, types: &[&str]) -> bool {
    types.contains(&"number") || (types.contains(&"integer") && !number.is_f64())
}

fn noun(kind: &str) -> &str {
    match kind {
        "object" => "a map",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
