//! Names of generic tests, letter by letter as dbt makes them: selections and stored failures name
//! them.

use md5::{Digest, Md5};
use serde_json::{Map, Value};

use super::files::hex;
use super::generic::{Target, TargetOf};
use super::values::{python_repr, python_text};

/// The longest name that stays whole.
const NAME_MAX: usize = 63;
/// How much of the identifier stays in a name that is too long.
const KEPT: usize = 30;

/// The names of a test.
#[derive(Debug)]
pub(super) struct Names {
    /// For its file and relation.
    pub(super) short: String,
    /// For its unique id.
    pub(super) full: String,
}

/// The names of a test that has none of its own.
pub(super) fn synthesized(
    target: &Target<'_>,
    namespace: Option<&str>,
    name: &str,
    args: &Map<String, Value>,
) -> Names {
    let (kind, of) = match &target.of {
        TargetOf::Source { source } => {
            (format!("source_{name}"), format!("{source}_{}", target.name))
        }
        TargetOf::Node { version: Some(version), .. } => {
            (name.to_owned(), format!("{}_v{}", target.name, python_text(version)))
        }
        TargetOf::Node { .. } => (name.to_owned(), target.name.to_owned()),
    };
    let kind = match namespace {
        Some(namespace) => format!("{namespace}_{kind}"),
        None => kind,
    };
    of_args(&kind, &of, args)
}

fn of_args(kind: &str, of: &str, args: &Map<String, Value>) -> Names {
    let mut keys: Vec<&String> = args.keys().filter(|key| *key != "model").collect();
    keys.sort_unstable();
    let mut parts = Vec::new();
    for value in keys.into_iter().filter_map(|key| args.get(key)) {
        match value {
            Value::Array(items) => parts.extend(items.iter().map(clean)),
            Value::Object(map) => parts.extend(map.values().map(clean)),
            other => parts.push(clean(other)),
        }
    }
    let identifier = format!("{kind}_{of}");
    let full = format!("{identifier}_{}", parts.join("__"));
    if full.chars().count() <= NAME_MAX {
        return Names { short: full.clone(), full };
    }
    let kept: String = identifier.chars().take(KEPT).collect();
    let short = format!("{kept}_{}", hex(&Md5::digest(&full)));
    Names { short, full }
}

/// Letters, digits and `_`; what stands between them becomes one `_`.
fn clean(value: &Value) -> String {
    let mut text = String::new();
    let mut gap = false;
    for c in python_text(value).chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            text.push(c);
            gap = false;
        } else if !gap {
            text.push('_');
            gap = true;
        }
    }
    text
}

/// Python's `repr` of data whose keys are sorted and whose values are texts.
pub(super) fn hashable(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                quoted(key, out);
                out.push_str(": ");
                hashable(value, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                hashable(item, out);
            }
            out.push(']');
        }
        Value::String(text) => quoted(text, out),
        other => quoted(&python_text(other), out),
    }
}

fn quoted(text: &str, out: &mut String) {
    let is_plain = text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'\'' && b != b'\\');
    if is_plain {
        out.extend(["'", text, "'"]);
    } else {
        out.push_str(&python_repr(&Value::from(text)));
    }
}
