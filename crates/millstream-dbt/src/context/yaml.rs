//! YAML in the hands of templates: `fromyaml` and `toyaml`.

use std::fmt::Write as _;
use std::path::PathBuf;

use millstream_files::{Report, Source, yaml};
use millstream_jinja::Keys;
use serde_json::{Map, Value};

/// Reads a text, if it is YAML.
pub(super) fn read(text: &str) -> Option<Value> {
    let mut report = Report::default();
    let source = Source { path: PathBuf::new(), text: text.to_owned() };
    yaml::parse(&source, &mut report).map(|document| document.root.to_json())
}

/// Writes data as Python's `yaml.safe_dump` does.
pub(super) fn write(value: &Value, keys: Keys) -> String {
    let mut writer = Writer { text: String::new(), keys };
    match value {
        Value::Object(map) if !map.is_empty() => writer.map(map, 0),
        Value::Array(items) if !items.is_empty() => writer.list(items, 0),
        Value::Object(_) | Value::Array(_) => {
            writer.scalar(value);
            writer.text.push('\n');
        }
        _ => {
            writer.scalar(value);
            writer.text.push_str("\n...\n");
        }
    }
    writer.text
}

struct Writer {
    text: String,
    keys: Keys,
}

impl Writer {
    fn map(&mut self, map: &Map<String, Value>, indent: usize) {
        let mut entries: Vec<(&String, &Value)> = map.iter().collect();
        if self.keys == Keys::Sorted {
            entries.sort_by_key(|(key, _)| *key);
        }
        for (index, (key, value)) in entries.into_iter().enumerate() {
            if index > 0 {
                self.blanks(indent);
            }
            self.text(key);
            self.text.push(':');
            match value {
                Value::Object(map) if !map.is_empty() => {
                    self.text.push('\n');
                    self.blanks(indent + 2);
                    self.map(map, indent + 2);
                }
                Value::Array(items) if !items.is_empty() => {
                    self.text.push('\n');
                    self.blanks(indent);
                    self.list(items, indent);
                }
                _ => {
                    self.text.push(' ');
                    self.scalar(value);
                    self.text.push('\n');
                }
            }
        }
    }

    fn list(&mut self, items: &[Value], indent: usize) {
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.blanks(indent);
            }
            self.text.push_str("- ");
            match item {
                Value::Object(map) if !map.is_empty() => self.map(map, indent + 2),
                Value::Array(items) if !items.is_empty() => self.list(items, indent + 2),
                _ => {
                    self.scalar(item);
                    self.text.push('\n');
                }
            }
        }
    }

    fn blanks(&mut self, count: usize) {
        self.text.extend(std::iter::repeat_n(' ', count));
    }

    fn scalar(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(_) => self.text.push_str("[]"),
            Value::Object(_) => self.text.push_str("{}"),
            other => self.text.push_str(&other.to_string()),
        }
    }

    fn text(&mut self, text: &str) {
        if text.chars().any(char::is_control) {
            let _ = write!(self.text, "{}", Value::from(text));
        } else if is_plain(text) {
            self.text.push_str(text);
        } else {
            let _ = write!(self.text, "'{}'", text.replace('\'', "''"));
        }
    }
}

/// Whether a text reads as itself without quotes.
fn is_plain(text: &str) -> bool {
    let indicators = "-?:,[]{}#&*!|>'\"%@`";
    let starts = text.chars().next().is_some_and(|first| {
        let follows = text.chars().nth(1);
        !indicators.contains(first)
            || (matches!(first, '-' | '?' | ':') && follows.is_some_and(|next| next != ' '))
    });
    let inside = text.contains(": ") || text.contains(" #") || text.ends_with(':');
    starts && !inside && text.trim() == text && read(text) == Some(Value::from(text))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_written_as_python_writes_it() {
        let written = |value: Value| write(&value, Keys::InOrder);
        assert_eq!(
            written(json!({"b": [1, {"x": true, "y": [2]}], "a": {"c": null}, "e": {}})),
            "b:\n- 1\n- x: true\n  y:\n  - 2\na:\n  c: null\ne: {}\n"
        );
        assert_eq!(written(json!("text")), "text\n...\n");
        assert_eq!(written(json!(["1", "true", "", "a: b", "it's", "-x"])).lines().count(), 6);
        assert_eq!(
            written(json!(["1", "true", "", "a: b", "- x"])),
            "- '1'\n- 'true'\n- ''\n- 'a: b'\n- '- x'\n"
        );
        assert_eq!(write(&json!({"b": 1, "a": 2}), Keys::Sorted), "a: 2\nb: 1\n");
    }

    #[test]
    fn what_is_no_yaml_gives_nothing() {
        assert_eq!(read("a: [1, 2]"), Some(json!({"a": [1, 2]})));
        assert_eq!(read("a: ["), None);
    }
}
