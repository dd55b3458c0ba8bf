//! Literals of Python that JSON can hold: what `ast.literal_eval` gives, sets and bytes aside.

use serde_json::{Map, Number, Value};

use super::text::{bare, closed, letter, parts, skipped};

/// Brackets that may stand in each other.
const DEPTH_MAX: usize = 100;

/// The value of a literal; none if the text is more than that.
pub(super) fn value(text: &str) -> Option<Value> {
    value_in(text, DEPTH_MAX)
}

/// The value of a literal in which so many brackets may stand in each other.
fn value_in(text: &str, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    let text = bare(text);
    match text {
        "None" => return Some(Value::Null),
        "True" => return Some(Value::Bool(true)),
        "False" => return Some(Value::Bool(false)),
        _ => {}
    }
    match text.chars().next()? {
        '[' => list(inside(text)?, depth).map(Value::Array),
        '{' => dictionary(inside(text)?, depth),
        '(' => tuple(inside(text)?, depth),
        '+' | '-' | '.' | '0'..='9' => number(text),
        _ => string(text).map(Value::String),
    }
}

/// What stands in the brackets that a text is.
fn inside(text: &str) -> Option<&str> {
    let rest = &text[1..];
    let end = closed(rest)?;
    (end + 1 == rest.len()).then_some(&rest[..end])
}

fn list(text: &str, depth: usize) -> Option<Vec<Value>> {
    parts(text).into_iter().map(|part| value_in(part, depth)).collect()
}

/// A tuple, or what stands in parentheses for itself.
fn tuple(text: &str, depth: usize) -> Option<Value> {
    let mut values = list(text, depth)?;
    match values.len() {
        1 if !bare(text).ends_with(',') => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

fn dictionary(text: &str, depth: usize) -> Option<Value> {
    let mut map = Map::new();
    for part in parts(text) {
        let (key, rest) = part.split_at(colon(part)?);
        let key = match value_in(key, depth)? {
            Value::String(key) => key,
            other => other.to_string(),
        };
        map.insert(key, value_in(&rest[1..], depth)?);
    }
    Some(Value::Object(map))
}

/// Where the key of an entry ends.
fn colon(part: &str) -> Option<usize> {
    let mut at = 0;
    while at < part.len() {
        match skipped(&part[at..]) {
            Some(length) => at += length,
            None if part[at..].starts_with(':') => return Some(at),
            None => at += letter(&part[at..]),
        }
    }
    None
}

fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => (-1, rest.trim_start()),
        None => (1, digits.strip_prefix('+').unwrap_or(&digits).trim_start()),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)].into_iter().find_map(|(prefix, radix)| {
        let rest = digits.to_ascii_lowercase().strip_prefix(prefix)?.to_owned();
        i64::from_str_radix(&rest, radix).ok()
    });
    if let Some(whole) = radix.or_else(|| digits.parse::<i64>().ok()) {
        return Some(Value::from(sign * whole));
    }
    let float = digits.parse::<f64>().ok()?;
    Number::from_f64(f64::from(sign as i32) * float).map(Value::Number)
}

/// Strings beside each other are one.
fn string(text: &str) -> Option<String> {
    let mut whole = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let quote = rest.find(['"', '\''])?;
        let prefix = rest[..quote].to_ascii_lowercase();
        if !matches!(prefix.as_str(), "" | "r" | "u") {
            return None;
        }
        let length = skipped(&rest[quote..])?;
        let (written, behind) = rest[quote..].split_at(length);
        let marks = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
        let inner = written.get(marks..written.len().checked_sub(marks)?)?;
        if prefix == "r" {
            whole.push_str(inner);
        } else {
            unescape(inner, &mut whole)?;
        }
        rest = bare(behind);
    }
    Some(whole)
}

fn unescape(text: &str, into: &mut String) -> Option<()> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            into.push(letter);
            continue;
        }
        let escaped = letters.next()?;
        match escaped {
            '\n' => {}
            'n' => into.push('\n'),
            't' => into.push('\t'),
            'r' => into.push('\r'),
            '\\' | '\'' | '"' => into.push(escaped),
            'x' | 'u' | 'U' => {
                let digits = match escaped {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let code: String = letters.by_ref().take(digits).collect();
                into.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
            }
            // Others are rare enough to ask for another way to write them.
            '0'..='7' | 'N' | 'a' | 'b' | 'f' | 'v' => return None,
            other => into.extend(['\\', other]),
        }
    }
    Some(())
}
