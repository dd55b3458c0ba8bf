//! The selectors of a project as `manifest.json` has them: every short form written out.

use serde_json::{Map, Value, json};

use crate::manifest::SelectorDef;
use crate::select::{Criterion, Indirect, Method};

/// A selector by its name.
pub(super) fn selector(name: &str, selector: &SelectorDef) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), name.into());
    if !selector.description.is_empty() {
        fields.insert("description".to_owned(), selector.description.as_str().into());
    }
    if selector.default {
        fields.insert("default".to_owned(), true.into());
    }
    fields.insert("definition".to_owned(), definition(&selector.definition));
    Value::Object(fields)
}

fn definition(written: &Value) -> Value {
    match written {
        Value::String(text) => criterion(text),
        Value::Object(fields) => object(fields),
        other => other.clone(),
    }
}

fn object(fields: &Map<String, Value>) -> Value {
    let listed = |(key, value): (&String, &Value)| match value {
        Value::Array(items) => (key.clone(), items.iter().map(definition).collect()),
        other => (key.clone(), other.clone()),
    };
    match (fields.len(), fields.iter().next()) {
        (1, Some((key, value))) if !value.is_array() => json!({"method": key, "value": value}),
        _ => Value::Object(fields.iter().map(listed).collect()),
    }
}

fn criterion(text: &str) -> Value {
    let Ok(criterion) = Criterion::parse(text, Indirect::Eager) else {
        return json!({"error": "Invalid selector spec"});
    };
    let mut fields = Map::new();
    let mut side = |key: &str, depth: Option<Option<u32>>| {
        if let Some(depth) = depth {
            fields.insert(key.to_owned(), true.into());
            let steps = depth.map(|steps| Value::from(steps.to_string()));
            fields.extend(steps.map(|steps| (format!("{key}_depth"), steps)));
        }
    };
    side("childrens_parents", criterion.reach.childrens_parents.then_some(None));
    side("parents", criterion.reach.parents);
    side("children", criterion.reach.children);
    fields.insert("method".to_owned(), method(text, &criterion).into());
    fields.insert("value".to_owned(), criterion.value.into());
    Value::Object(fields)
}

/// The word before the colon, or that of the method that is meant without one.
fn method(text: &str, criterion: &Criterion) -> String {
    let before = text.trim_start_matches(|char: char| char == '@' || char.is_ascii_digit());
    let before = before.trim_start_matches('+').split_once(':').map(|(method, _)| method);
    match (before, &criterion.method) {
        (Some(written), method) if Method::parse(written).as_ref() == Ok(method) => {
            written.to_owned()
        }
        (_, Method::Path) => "path".to_owned(),
        (_, Method::File) => "file".to_owned(),
        _ => "fqn".to_owned(),
    }
}
