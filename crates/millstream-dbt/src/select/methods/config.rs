//! Values of configurations: `config.materialized:table`, `config.meta.owner:me`.

use serde_json::Value;

use super::super::Entry;

/// Whether the value at a path of the configuration is the one that is looked for.
pub(super) fn is_match(entry: Entry<'_>, path: &[String], wanted: &str) -> bool {
    let (Entry::Node(_) | Entry::Source(_), Some((first, rest))) = (entry, path.split_first())
    else {
        return false;
    };
    let fields = &entry.config().0;
    let start = fields.get(first).or_else(|| fields.get(&first.replace('-', "_")));
    let value = rest.iter().fold(start, |value, key| match value? {
        Value::Object(fields) => fields.get(key),
        _ => None,
    });
    let folds_case = first == "severity" && rest.is_empty();
    match value {
        Some(Value::Array(items)) => items.iter().any(|item| is_value(item, wanted, folds_case)),
        Some(value) => is_value(value, wanted, folds_case),
        None => false,
    }
}

fn is_value(value: &Value, wanted: &str, folds_case: bool) -> bool {
    match value {
        Value::String(text) if folds_case => text.eq_ignore_ascii_case(wanted),
        Value::String(text) => text == wanted,
        Value::Bool(true) => wanted.eq_ignore_ascii_case("true"),
        Value::Bool(false) => wanted.eq_ignore_ascii_case("false"),
        Value::Number(number) => number.to_string() == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
