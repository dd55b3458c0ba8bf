//! Filters of texts.

use std::fmt::Write as _;

use super::{Filter, flag, int_or, size_or};
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::format;
use crate::machine::Machine;
use crate::methods;
use crate::value::{Dict, Key, Value, missing};

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "string" => string,
        "upper" => |_, value, args| mapped(value, args, str::to_uppercase),
        "lower" => |_, value, args| mapped(value, args, str::to_lowercase),
        "capitalize" => |_, value, args| mapped(value, args, methods::capitalized),
        "title" => |_, value, args| mapped(value, args, title),
        "escape" | "e" | "forceescape" => |_, value, args| mapped(value, args, escaped),
        "wordcount" => word_count,
        "trim" => trim,
        "replace" => replace,
        "center" => center,
        "indent" => indent,
        "truncate" => truncate,
        "wordwrap" => word_wrap,
        "format" => formatted,
        "urlencode" => url_encode,
        "striptags" => |_, value, args| mapped(value, args, without_tags),
        _ => return None,
    })
}

pub(super) fn string(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("string")?;
    value.to_text().map(Value::Text)
}

fn mapped(value: &Value, args: Args, change: impl Fn(&str) -> String) -> Outcome {
    args.none("this filter")?;
    Ok(Value::text(change(&value.to_text()?)))
}

/// The text of a filter that takes nothing else.
fn strictly_text(value: &Value) -> Outcome<&str> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Undefined(reason) => missing(reason),
        _ => unfit(format!("a str is needed here, not a {}", value.type_name())),
    }
}

/// Each word with a large first letter; words begin behind blanks, hyphens and brackets.
fn title(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins {
            title.extend(c.to_uppercase());
        } else {
            title.extend(c.to_lowercase());
        }
        begins = c.is_whitespace() || "-({[<".contains(c);
    }
    title
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\'' => escaped.push_str("&#39;"),
            '"' => escaped.push_str("&#34;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The text without what is between `<` and `>`, its blanks as single ones.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let end = if rest[start..].starts_with("<!--") {
            rest[start..].find("-->").map(|end| start + end + 3)
        } else {
            rest[start..].find('>').map(|end| start + end + 1)
        };
        let Some(end) = end else { break };
        plain.push_str(&rest[..start]);
        rest = &rest[end..];
    }
    plain.push_str(rest);
    let words: Vec<&str> = plain.split_whitespace().collect();
    words
        .join(" ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

fn word_count(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("wordcount")?;
    let text = value.to_text()?;
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    Ok(Value::from(words.filter(|word| !word.is_empty()).count()))
}

fn trim(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [chars] = args.bind("trim", ["chars"], 0)?;
    let text = value.to_text()?;
    Ok(Value::text(match chars.as_ref().and_then(Value::as_text) {
        Some(chars) => text.trim_matches(|c| chars.contains(c)),
        None => text.trim(),
    }))
}

fn replace(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"], 2)?;
    let (old, new) = (old.unwrap_or(Value::None), new.unwrap_or(Value::None));
    let count = match count {
        None | Some(Value::None) => None,
        Some(count) => Some(int_or(Some(&count), -1)?),
    };
    let (old, new) = (old.to_text()?, new.to_text()?);
    methods::replaced(machine, &value.to_text()?, &old, &new, count)
}

fn center(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [width] = args.bind("center", ["width"], 0)?;
    let width = size_or(width.as_ref(), 80)?;
    methods::centered(machine, &value.to_text()?, width, ' ')
}

fn indent(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [width, first, blank] = args.bind("indent", ["width", "first", "blank"], 0)?;
    let indention = match width {
        Some(Value::Text(text)) => text.to_string(),
        width => {
            let width = size_or(width.as_ref(), 4)?;
            machine.charge_text(width)?;
            " ".repeat(width)
        }
    };
    let text = strictly_text(value)?;
    let lines = methods::lines(text, methods::Ends::Drop);
    let ends_line = text.ends_with(['\n', '\r']);
    machine.charge_text(
        (lines.len() + 1).saturating_mul(indention.len()).saturating_add(text.len()),
    )?;
    let mut indented = String::new();
    if flag(first.as_ref()) {
        indented.push_str(&indention);
    }
    let extra = (ends_line || lines.is_empty()).then_some("");
    for (index, line) in lines.iter().copied().chain(extra).enumerate() {
        if index > 0 {
            indented.push('\n');
            if !line.is_empty() || flag(blank.as_ref()) {
                indented.push_str(&indention);
            }
        }
        indented.push_str(line);
    }
    Ok(Value::text(indented))
}

fn truncate(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [length, kill, end, leeway] =
        args.bind("truncate", ["length", "killwords", "end", "leeway"], 0)?;
    let length = size_or(length.as_ref(), 255)?;
    let leeway = size_or(leeway.as_ref().filter(|leeway| !matches!(leeway, Value::None)), 5)?;
    let end = end.map_or(Ok("...".into()), |end| end.to_text())?;
    let end_length = end.chars().count();
    if length < end_length {
        return unfit("`truncate` needs room for the end");
    }
    match value.length() {
        Some(found) if found <= length.saturating_add(leeway) => return Ok(value.clone()),
        _ => {}
    }
    let text = strictly_text(value)?;
    let head: String = text.chars().take(length - end_length).collect();
    let head = match head.rsplit_once(' ') {
        Some((words, _)) if !flag(kill.as_ref()) => words,
        _ => &head,
    };
    Ok(Value::text(format!("{head}{end}")))
}

/// Breaks lines between words; hyphens do not part words.
fn word_wrap(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let params = ["width", "break_long_words", "wrapstring", "break_on_hyphens"];
    let [width, long, wrap, _] = args.bind("wordwrap", params, 0)?;
    let width = size_or(width.as_ref(), 79)?.max(1);
    let breaks = long.as_ref().is_none_or(Value::truth);
    let long = if breaks { LongWords::Break } else { LongWords::Keep };
    let wrap = match wrap {
        None | Some(Value::None) => "\n".into(),
        Some(wrap) => wrap.to_text()?,
    };
    let text = strictly_text(value)?;
    machine.charge_text(text.len().saturating_mul(1 + wrap.len()))?;
    let wrapped: Vec<String> = methods::lines(text, methods::Ends::Drop)
        .iter()
        .map(|line| wrapped_line(line, width, long).join(&wrap))
        .collect();
    Ok(Value::text(wrapped.join(&wrap)))
}

/// What becomes of words that are longer than a line.
#[derive(Clone, Copy, PartialEq)]
enum LongWords {
    Break,
    Keep,
}

fn wrapped_line(line: &str, width: usize, long: LongWords) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut used = 0;
    let mut rest = line;
    while !rest.is_empty() {
        let blank = rest.starts_with(char::is_whitespace);
        let end = rest.find(|c: char| c.is_whitespace() != blank).unwrap_or(rest.len());
        let (chunk, behind) = rest.split_at(end);
        let length = chunk.chars().count();
        if used + length <= width {
            if !(blank && current.is_empty() && !lines.is_empty()) {
                current.push_str(chunk);
                used += length;
            }
            rest = behind;
        } else if used > 0
            && !(length > width && long == LongWords::Break && !blank && used < width)
        {
            if !current.trim_end().is_empty() {
                lines.push(current.trim_end().to_owned());
            }
            (current, used) = (String::new(), 0);
            rest = if blank { behind } else { rest };
        } else {
            let room = if long == LongWords::Break { width - used } else { length };
            let cut = chunk.char_indices().nth(room).map_or(chunk.len(), |(at, _)| at);
            current.push_str(&chunk[..cut]);
            used += room.min(length);
            rest = &rest[cut..];
        }
    }
    if !current.trim_end().is_empty() {
        lines.push(current.trim_end().to_owned());
    }
    lines
}

fn formatted(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let Args { positional, named } = args;
    let template = value.to_text()?;
    if named.is_empty() {
        return format::percent(machine, &template, &Value::tuple(positional));
    }
    if !positional.is_empty() {
        return unfit("`format` takes arguments with or without names, not both");
    }
    let dict = Dict::default();
    for (name, value) in named {
        dict.insert(Key::text(name), value);
    }
    format::percent(machine, &template, &Value::Dict(dict.into()))
}

fn url_encode(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    args.none("urlencode")?;
    let pairs = match value {
        Value::Dict(dict) => dict.snapshot(),
        _ if value.as_text().is_none() && value.iterate().is_ok() => {
            let mut pairs = Vec::new();
            for item in machine.items(value)? {
                match <[Value; 2]>::try_from(item.items()?) {
                    Ok([key, value]) => pairs.push((key, value)),
                    Err(_) => return unfit("`urlencode` takes a text, a dict or pairs"),
                }
            }
            pairs
        }
        _ => return Ok(Value::text(quoted(&value.to_text()?, "/"))),
    };
    let mut parts = Vec::new();
    for (key, value) in pairs {
        let [key, value] = [key, value].map(|part| part.to_text());
        let [key, value] = [key?, value?].map(|part| quoted(&part, " ").replace(' ', "+"));
        parts.push(format!("{key}={value}"));
    }
    Ok(Value::text(parts.join("&")))
}

fn quoted(text: &str, kept: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || (c.is_ascii() && kept.contains(c)) {
            quoted.push(c);
        } else {
            let _ = write!(quoted, "%{byte:02X}");
        }
    }
    quoted
}
