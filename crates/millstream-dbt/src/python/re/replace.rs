//! What is put in place of a match: a text with `\1` and `\g<name>`, or what a macro gives.

use fancy_regex::Captures;
use millstream_jinja::{Args, Machine, Outcome, Value};

use crate::python::unfit;

/// What is put in place of matches.
pub(super) enum Replacement {
    Parts(Vec<Part>),
    Function(Value),
}

/// A piece of a replacement.
pub(super) enum Part {
    Text(String),
    Number(usize),
    Name(String),
}

impl Replacement {
    pub(super) fn of(given: Value) -> Outcome<Self> {
        if given.is_callable() {
            return Ok(Self::Function(given));
        }
        match given.as_text() {
            Some(text) => parts(text).map(Self::Parts),
            None => unfit("a replacement is a text or a function"),
        }
    }

    pub(super) fn write(
        &self,
        machine: &mut Machine<'_>,
        captures: &Captures<'_>,
        found: impl FnOnce() -> Value,
        out: &mut String,
    ) -> Outcome<()> {
        let parts = match self {
            Self::Function(function) => {
                let given = machine.call(function, Args::of([found()]))?;
                out.push_str(&given.to_text()?);
                return Ok(());
            }
            Self::Parts(parts) => parts,
        };
        for part in parts {
            let group = match part {
                Part::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Part::Number(number) if *number >= captures.len() => {
                    return unfit(format!("invalid group reference {number}"));
                }
                Part::Number(number) => captures.get(*number),
                Part::Name(name) => captures.name(name),
            };
            out.push_str(group.map_or("", |group| group.as_str()));
        }
        Ok(())
    }
}

fn parts(text: &str) -> Outcome<Vec<Part>> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let Some(c) = rest.chars().next() else {
            return unfit("bad escape (end of pattern)");
        };
        let (part, used) = match c {
            'g' => {
                let name = rest[1..].strip_prefix('<').and_then(|rest| rest.split_once('>'));
                let Some((name, _)) = name else { return unfit("missing group name") };
                let part = name.parse().map_or_else(|_| Part::Name(name.to_owned()), Part::Number);
                (Some(part), name.len() + 3)
            }
            '1'..='9' => {
                let digits = rest.bytes().take(2).take_while(u8::is_ascii_digit).count();
                (Some(Part::Number(rest[..digits].parse().unwrap_or(0))), digits)
            }
            c => {
                match c {
                    'n' => plain.push('\n'),
                    't' => plain.push('\t'),
                    'r' => plain.push('\r'),
                    '0' => plain.push('\0'),
                    '\\' => plain.push('\\'),
                    c if c.is_ascii_alphabetic() => return unfit(format!("bad escape \\{c}")),
                    c => plain.extend(['\\', c]),
                }
                (None, c.len_utf8())
            }
        };
        if let Some(part) = part {
            parts.push(Part::Text(std::mem::take(&mut plain)));
            parts.push(part);
        }
        rest = &rest[used..];
    }
    plain.push_str(rest);
    parts.push(Part::Text(plain));
    Ok(parts)
}
