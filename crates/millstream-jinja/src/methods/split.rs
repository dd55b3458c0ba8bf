//! Methods that take texts apart and put them together.

use super::Method;
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::filters::join_texts;
use crate::machine::Machine;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "split" => |machine, of, args| split(machine, of, args, From::Left),
        "rsplit" => |machine, of, args| split(machine, of, args, From::Right),
        "splitlines" => split_lines,
        "partition" => |_, of, args| partition(of, args, From::Left),
        "rpartition" => |_, of, args| partition(of, args, From::Right),
        "join" => join,
        _ => return None,
    })
}

/// At which end to begin.
#[derive(Clone, Copy, PartialEq)]
enum From {
    Left,
    Right,
}

fn text(of: &Value) -> Outcome<&str> {
    match of.as_text() {
        Some(text) => Ok(text),
        None => unfit(format!("a str is needed here, not a {}", of.type_name())),
    }
}

fn split(machine: &mut Machine<'_>, of: &Value, args: Args, from: From) -> Outcome {
    let [separator, most] = args.bind("split", ["sep", "maxsplit"], 0)?;
    let most = match most.as_ref().map_or(Some(-1), Value::as_int) {
        Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
        None => return unfit("`maxsplit` is a whole number"),
    };
    let whole = text(of)?;
    machine.charge_text(whole.len())?;
    let parts = match &separator {
        None | Some(Value::None) => words(whole, most, from),
        Some(separator) => {
            let separator = text(separator)?;
            if separator.is_empty() {
                return unfit("the text to split at is empty");
            }
            separated(whole, separator, most.saturating_add(1), from)
        }
    };
    machine.charge_items(parts.len())?;
    Ok(Value::list(parts.into_iter().map(Value::text)))
}

fn separated<'a>(whole: &'a str, separator: &str, parts: usize, from: From) -> Vec<&'a str> {
    if from == From::Left {
        return whole.splitn(parts, separator).collect();
    }
    let mut parts: Vec<&str> = whole.rsplitn(parts, separator).collect();
    parts.reverse();
    parts
}

/// Parts between blanks; after `most` splits the rest stays whole.
fn words(whole: &str, most: usize, from: From) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = whole;
    loop {
        rest = match from {
            From::Left => rest.trim_start(),
            From::Right => rest.trim_end(),
        };
        if rest.is_empty() {
            break;
        }
        let blank = match from {
            From::Left => rest.find(char::is_whitespace),
            From::Right => rest.rfind(char::is_whitespace),
        };
        let Some(blank) = blank.filter(|_| parts.len() < most) else {
            parts.push(rest);
            break;
        };
        if from == From::Left {
            parts.push(&rest[..blank]);
            rest = &rest[blank..];
        } else {
            let width = rest[blank..].chars().next().map_or(1, char::len_utf8);
            parts.push(&rest[blank + width..]);
            rest = &rest[..blank];
        }
    }
    if from == From::Right {
        parts.reverse();
    }
    parts
}

/// Whether lines keep their ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    Keep,
    Drop,
}

/// The lines of a text.
pub(crate) fn lines(text: &str, ends: Ends) -> Vec<&str> {
    let is_end = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    let mut lines = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, end) = match rest.find(is_end) {
            Some(found) if rest[found..].starts_with("\r\n") => (found, found + 2),
            Some(found) => (found, found + rest[found..].chars().next().map_or(1, char::len_utf8)),
            None => (rest.len(), rest.len()),
        };
        lines.push(if ends == Ends::Keep { &rest[..end] } else { &rest[..line] });
        rest = &rest[end..];
    }
    lines
}

fn split_lines(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [keep] = args.bind("splitlines", ["keepends"], 0)?;
    let ends = if keep.is_some_and(|keep| keep.truth()) { Ends::Keep } else { Ends::Drop };
    let lines = lines(text(of)?, ends);
    machine.charge_items(lines.len())?;
    Ok(Value::list(lines.into_iter().map(Value::text)))
}

fn partition(of: &Value, args: Args, from: From) -> Outcome {
    let separator = args.one("partition", "sep")?;
    let separator = text(&separator)?;
    if separator.is_empty() {
        return unfit("the text to part at is empty");
    }
    let whole = text(of)?;
    let parts = match from {
        From::Left => whole.split_once(separator),
        From::Right => whole.rsplit_once(separator),
    };
    Ok(Value::tuple(match (parts, from) {
        (Some((before, behind)), _) => [before, separator, behind].map(Value::text),
        (None, From::Left) => [whole, "", ""].map(Value::text),
        (None, From::Right) => ["", "", whole].map(Value::text),
    }))
}

fn join(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let items = machine.items(&args.one("join", "iterable")?)?;
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Value::Text(text) => texts.push(text),
            other => return unfit(format!("`join` joins texts, not a {}", other.type_name())),
        }
    }
    join_texts(machine, text(of)?, &texts)
}
