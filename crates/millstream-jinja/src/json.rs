//! Values as JSON text, as Python's `json.dumps` writes it.

use std::fmt::Write as _;

use crate::error::{Error, ErrorKind, Outcome, unfit};
use crate::number;
use crate::value::{TEXT_BYTES_MAX, Value, order};

/// How deeply values are written.
const DEPTH_MAX: usize = 100;

/// In which order the keys of a dict are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// As they came.
    InOrder,
    /// Sorted.
    Sorted,
}

/// A value as JSON text; with `indent` on several lines.
pub fn dumps(value: &Value, keys: Keys, indent: Option<usize>) -> Outcome<String> {
    let mut json = Json { text: String::new(), keys, indent, depth: 0 };
    json.value(value)?;
    Ok(json.text)
}

struct Json {
    text: String,
    keys: Keys,
    indent: Option<usize>,
    depth: usize,
}

impl Json {
    fn value(&mut self, value: &Value) -> Outcome<()> {
        if self.text.len() > TEXT_BYTES_MAX {
            return crate::error::too_large("a text");
        }
        match value {
            Value::None => self.text.push_str("null"),
            Value::Bool(true) => self.text.push_str("true"),
            Value::Bool(false) => self.text.push_str("false"),
            Value::Int(int) => self.text.push_str(&int.to_string()),
            Value::Float(float) => self.float(*float),
            Value::Text(text) => self.string(text),
            Value::List(list) => self.array(&list.snapshot())?,
            Value::Tuple(tuple) => self.array(tuple.items())?,
            Value::Dict(dict) => self.object(dict.snapshot())?,
            _ => return unfit(format!("a {} cannot be written as JSON", value.type_name())),
        }
        Ok(())
    }

    fn float(&mut self, float: f64) {
        self.text.push_str(&match number::not_finite(float) {
            "nan" => "NaN".to_owned(),
            _ if float.is_finite() => number::float_repr(float),
            "inf" => "Infinity".to_owned(),
            _ => "-Infinity".to_owned(),
        });
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\x08' => self.text.push_str("\\b"),
                '\x0c' => self.text.push_str("\\f"),
                ' '..='~' => self.text.push(c),
                c => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(self.text, "\\u{unit:04x}");
                    }
                }
            }
        }
        self.text.push('"');
    }

    fn array(&mut self, items: &[Value]) -> Outcome<()> {
        if items.is_empty() {
            self.text.push_str("[]");
            return Ok(());
        }
        self.open('[')?;
        for (index, item) in items.iter().enumerate() {
            self.separator(index);
            self.value(item)?;
        }
        self.close(']');
        Ok(())
    }

    fn object(&mut self, mut items: Vec<(Value, Value)>) -> Outcome<()> {
        if items.is_empty() {
            self.text.push_str("{}");
            return Ok(());
        }
        if self.keys == Keys::Sorted {
            for pair in items.windows(2) {
                order(&pair[0].0, &pair[1].0)?;
            }
            items.sort_by(|(a, _), (b, _)| {
                order(a, b).ok().flatten().unwrap_or(std::cmp::Ordering::Equal)
            });
        }
        self.open('{')?;
        for (index, (key, value)) in items.iter().enumerate() {
            self.separator(index);
            self.key(key)?;
            self.text.push_str(": ");
            self.value(value)?;
        }
        self.close('}');
        Ok(())
    }

    fn key(&mut self, key: &Value) -> Outcome<()> {
        match key {
            Value::Text(text) => self.string(text),
            Value::None | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {
                self.text.push('"');
                self.value(key)?;
                self.text.push('"');
            }
            _ => return unfit(format!("a {} cannot be a key in JSON", key.type_name())),
        }
        Ok(())
    }

    fn open(&mut self, bracket: char) -> Outcome<()> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::new(ErrorKind::TooDeep, "this value is too deep for JSON").into());
        }
        self.depth += 1;
        self.text.push(bracket);
        Ok(())
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.text.push(',');
        }
        match self.indent {
            None if index > 0 => self.text.push(' '),
            None => {}
            Some(_) => self.line(),
        }
    }

    fn line(&mut self) {
        let blanks = self.indent.unwrap_or_default() * self.depth;
        self.text.push('\n');
        self.text.extend(std::iter::repeat_n(' ', blanks));
    }

    fn close(&mut self, bracket: char) {
        self.depth -= 1;
        if self.indent.is_some() {
            self.line();
        }
        self.text.push(bracket);
    }
}
