//! `'{} {name}'.format(...)`.

use super::spec::formatted;
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::value::Value;

/// Fills the braces of a text.
pub(crate) fn braces(machine: &mut Machine<'_>, template: &str, args: &Args) -> Outcome {
    let mut filler = Filler { args, numbering: Numbering::Open };
    let text = filler.fill(machine, template, 0)?;
    machine.charge_text(text.len())?;
    Ok(Value::text(text))
}

struct Filler<'a> {
    args: &'a Args,
    numbering: Numbering,
}

/// Whether braces count by themselves or have numbers.
enum Numbering {
    Open,
    Automatic(usize),
    Given,
}

impl Filler<'_> {
    fn fill(&mut self, machine: &mut Machine<'_>, template: &str, depth: usize) -> Outcome<String> {
        let mut text = String::new();
        let mut rest = template;
        while let Some(found) = rest.find(['{', '}']) {
            text.push_str(&rest[..found]);
            machine.charge_text(text.len() / 16)?;
            let brace = &rest[found..=found];
            rest = &rest[found + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = behind;
            } else if brace == "}" {
                return unfit("a single `}` in a format");
            } else {
                let Some(end) = closing(rest) else {
                    return unfit("a `{` in a format is not closed");
                };
                if depth > 1 {
                    return unfit("braces in a format are nested too deeply");
                }
                text.push_str(&self.field(machine, &rest[..end], depth)?);
                rest = &rest[end + 1..];
            }
        }
        text.push_str(rest);
        Ok(text)
    }

    fn field(&mut self, machine: &mut Machine<'_>, field: &str, depth: usize) -> Outcome<String> {
        let end = field_end(field);
        let (head, spec) = (&field[..end], field[end..].strip_prefix(':').unwrap_or_default());
        let (path, conversion) = match head.split_once('!') {
            Some((path, conversion)) => (path, Some(conversion)),
            None => (head, None),
        };
        let value = self.value(machine, path)?;
        let value = match conversion {
            None => value,
            Some("s") => Value::Text(value.to_text()?),
            Some("r" | "a") => Value::text(value.to_repr()?),
            Some(_) => return unfit("a conversion in a format is `!s` or `!r`"),
        };
        let spec = self.fill(machine, spec, depth + 1)?;
        formatted(machine, &value, &spec)
    }

    fn value(&mut self, machine: &mut Machine<'_>, path: &str) -> Outcome {
        let end = path.find(['.', '[']).unwrap_or(path.len());
        let mut value = self.argument(&path[..end])?;
        let mut rest = &path[end..];
        while !rest.is_empty() {
            if let Some(behind) = rest.strip_prefix('.') {
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                value = machine.attribute(&value, &behind[..end])?;
                rest = &behind[end..];
            } else if let Some((key, behind)) = rest[1..].split_once(']') {
                let key = key.parse().map_or_else(|_| Value::text(key), Value::Int);
                value = machine.item(&value, &key)?;
                rest = behind;
            } else {
                return unfit("a `[` in a format is not closed");
            }
        }
        Ok(value)
    }

    fn argument(&mut self, name: &str) -> Outcome {
        let index = match (name.parse::<usize>(), &self.numbering) {
            (Err(_), numbering) if name.is_empty() => match numbering {
                Numbering::Open => 0,
                Numbering::Automatic(next) => *next,
                Numbering::Given => return unfit("a format has braces with numbers and without"),
            },
            (Ok(_), Numbering::Automatic(_)) => {
                return unfit("a format has braces with numbers and without");
            }
            (Ok(index), _) => {
                self.numbering = Numbering::Given;
                return self.positional(index);
            }
            (Err(_), _) => {
                let found = self.args.named.iter().find(|(known, _)| &**known == name);
                return match found {
                    Some((_, value)) => Ok(value.clone()),
                    None => unfit(format!("the format has no value for `{name}`")),
                };
            }
        };
        self.numbering = Numbering::Automatic(index + 1);
        self.positional(index)
    }

    fn positional(&self, index: usize) -> Outcome {
        match self.args.positional.get(index) {
            Some(value) => Ok(value.clone()),
            None => unfit(format!("the format has no value number {index}")),
        }
    }
}

/// Where the brace that was opened is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Where the specification begins: at a colon outside of `[...]`.
fn field_end(field: &str) -> usize {
    let mut inside = false;
    for (at, c) in field.char_indices() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            ':' if !inside => return at,
            _ => {}
        }
    }
    field.len()
}
