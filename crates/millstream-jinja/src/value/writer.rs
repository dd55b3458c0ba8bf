//! Writes values as text, as Python's `str` and `repr` do.

use std::fmt::Write as _;

use super::{TEXT_BYTES_MAX, Value};
use crate::error::{Error, ErrorKind, Outcome, too_large};
use crate::number;

/// How deeply values are written.
const DEPTH_MAX: usize = 100;
/// How many lists, dicts and other containers are written for one text.
const CONTAINERS_MAX: usize = 1_000_000;

/// A text that grows, up to a limit.
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
    /// The values that are being written, to find one that contains itself.
    open: Vec<Value>,
    containers: usize,
}

impl Writer {
    /// Adds a text.
    pub fn push(&mut self, text: &str) -> Outcome<()> {
        if self.text.len() + text.len() > TEXT_BYTES_MAX {
            return too_large("a text");
        }
        self.text.push_str(text);
        Ok(())
    }

    /// Adds what Python's `str` gives.
    pub fn text_of(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::Undefined(_) => Ok(()),
            Value::Text(text) => self.push(text),
            Value::Object(object) => object.write_text(self),
            _ => self.repr_of(value),
        }
    }

    /// Adds what Python's `repr` gives.
    pub fn repr_of(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::Undefined(_) => self.push("Undefined"),
            Value::None => self.push("None"),
            Value::Bool(true) => self.push("True"),
            Value::Bool(false) => self.push("False"),
            Value::Int(int) => self.push(&int.to_string()),
            Value::Float(float) => self.push(&number::float_repr(*float)),
            Value::Text(text) => self.quoted(text),
            _ => self.nested(value),
        }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn nested(&mut self, value: &Value) -> Outcome<()> {
        if self.open.iter().any(|open| open.is_same(value)) {
            return self.push(match value {
                Value::List(_) => "[...]",
                Value::Dict(_) => "{...}",
                _ => "...",
            });
        }
        self.containers += 1;
        if self.containers > CONTAINERS_MAX {
            return too_large("a text");
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::new(ErrorKind::TooDeep, "this value is too deep to write").into());
        }
        self.open.push(value.clone());
        let written = self.container(value);
        self.open.pop();
        written
    }

    fn container(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::List(list) => {
                self.push("[")?;
                self.separated(&list.snapshot())?;
                self.push("]")
            }
            Value::Tuple(tuple) => {
                self.push("(")?;
                self.separated(tuple.items())?;
                self.push(if tuple.items().len() == 1 { ",)" } else { ")" })
            }
            Value::Set(set) if set.is_empty() => self.push("set()"),
            Value::Set(set) => {
                self.push("{")?;
                self.separated(&set.snapshot())?;
                self.push("}")
            }
            Value::Dict(dict) => {
                self.push("{")?;
                for (index, (key, value)) in dict.snapshot().iter().enumerate() {
                    self.push(if index == 0 { "" } else { ", " })?;
                    self.repr_of(key)?;
                    self.push(": ")?;
                    self.repr_of(value)?;
                }
                self.push("}")
            }
            Value::Object(object) => object.write_repr(self),
            _ => Ok(()),
        }
    }

    fn separated(&mut self, items: &[Value]) -> Outcome<()> {
        for (index, item) in items.iter().enumerate() {
            self.push(if index == 0 { "" } else { ", " })?;
            self.repr_of(item)?;
        }
        Ok(())
    }

    fn quoted(&mut self, text: &str) -> Outcome<()> {
        let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
        let mut quoted = String::with_capacity(text.len() + 2);
        quoted.push(quote);
        for c in text.chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\r' => quoted.push_str("\\r"),
                '\t' => quoted.push_str("\\t"),
                '\\' => quoted.push_str("\\\\"),
                c if c == quote => {
                    quoted.push('\\');
                    quoted.push(c);
                }
                c if is_printable(c) => quoted.push(c),
                c => escape(c, &mut quoted),
            }
        }
        quoted.push(quote);
        self.push(&quoted)
    }
}

/// Whether Python shows a character as it is. Characters without a meaning count as printable.
fn is_printable(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c == ' ' || !(hidden || c.is_control() || c.is_whitespace())
}

fn escape(c: char, quoted: &mut String) {
    let code = u32::from(c);
    let _ = match code {
        0..=0xff => write!(quoted, "\\x{code:02x}"),
        0x100..=0xffff => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
}
