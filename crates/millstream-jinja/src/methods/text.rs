//! Methods of texts, without those that take them apart.

use super::Method;
use crate::args::Args;
use crate::error::{Outcome, too_large, unfit};
use crate::format;
use crate::machine::Machine;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Method> {
    changes(name).or_else(|| questions(name)).or_else(|| {
        Some(match name {
            "strip" => |_, of, args| stripped(of, args, |text, chars| text.trim_matches(chars)),
            "lstrip" => {
                |_, of, args| stripped(of, args, |text, chars| text.trim_start_matches(chars))
            }
            "rstrip" => {
                |_, of, args| stripped(of, args, |text, chars| text.trim_end_matches(chars))
            }
            "replace" => replace,
            "format" => |machine, of, args| format::braces(machine, text(of)?, &args),
            "find" => |_, of, args| sought(of, args, |text, sub| text.find(sub), None),
            "rfind" => |_, of, args| sought(of, args, |text, sub| text.rfind(sub), None),
            "index" => |_, of, args| {
                sought(of, args, |text, sub| text.find(sub), Some("the text is not there"))
            },
            "rindex" => |_, of, args| {
                sought(of, args, |text, sub| text.rfind(sub), Some("the text is not there"))
            },
            "count" => count,
            "startswith" => |_, of, args| affixed(of, args, |text, affix| text.starts_with(affix)),
            "endswith" => |_, of, args| affixed(of, args, |text, affix| text.ends_with(affix)),
            "removeprefix" => |_, of, args| {
                let prefix = args.one("removeprefix", "prefix")?;
                let whole = text(of)?;
                Ok(Value::text(whole.strip_prefix(text(&prefix)?).unwrap_or(whole)))
            },
            "removesuffix" => |_, of, args| {
                let suffix = args.one("removesuffix", "suffix")?;
                let whole = text(of)?;
                Ok(Value::text(whole.strip_suffix(text(&suffix)?).unwrap_or(whole)))
            },
            "ljust" => |machine, of, args| padded(machine, of, args, Side::Right),
            "rjust" => |machine, of, args| padded(machine, of, args, Side::Left),
            "center" => |machine, of, args| padded(machine, of, args, Side::Both),
            "zfill" => zero_filled,
            "expandtabs" => expand_tabs,
            _ => return None,
        })
    })
}

/// Methods that change letters.
fn changes(name: &str) -> Option<Method> {
    Some(match name {
        "upper" => |_, of, args| changed(of, args, str::to_uppercase),
        "lower" | "casefold" => |_, of, args| changed(of, args, str::to_lowercase),
        "capitalize" => |_, of, args| changed(of, args, capitalized),
        "title" => |_, of, args| changed(of, args, titled),
        "swapcase" => |_, of, args| changed(of, args, swapped),
        _ => return None,
    })
}

/// Methods that say yes or no.
fn questions(name: &str) -> Option<Method> {
    Some(match name {
        "islower" => |_, of, args| asked(of, args, is_lower),
        "isupper" => |_, of, args| asked(of, args, is_upper),
        "istitle" => |_, of, args| asked(of, args, |text| has_case(text) && titled(text) == text),
        "isdigit" | "isdecimal" => {
            |_, of, args| asked(of, args, |text| all(text, |c| c.is_ascii_digit()))
        }
        "isnumeric" => |_, of, args| asked(of, args, |text| all(text, char::is_numeric)),
        "isalpha" => |_, of, args| asked(of, args, |text| all(text, char::is_alphabetic)),
        "isalnum" => |_, of, args| asked(of, args, |text| all(text, char::is_alphanumeric)),
        "isspace" => |_, of, args| asked(of, args, |text| all(text, char::is_whitespace)),
        "isascii" => |_, of, args| asked(of, args, str::is_ascii),
        "isidentifier" => |_, of, args| {
            asked(of, args, |text| {
                all(text, |c| c == '_' || c.is_alphanumeric())
                    && !text.starts_with(|c: char| c.is_numeric())
            })
        },
        _ => return None,
    })
}

fn text(of: &Value) -> Outcome<&str> {
    match of.as_text() {
        Some(text) => Ok(text),
        None => unfit(format!("a str is needed here, not a {}", of.type_name())),
    }
}

fn changed(of: &Value, args: Args, change: impl Fn(&str) -> String) -> Outcome {
    args.none("this method")?;
    Ok(Value::text(change(text(of)?)))
}

fn asked(of: &Value, args: Args, question: impl Fn(&str) -> bool) -> Outcome {
    args.none("this method")?;
    Ok(Value::Bool(question(text(of)?)))
}

fn all(text: &str, test: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(test)
}

fn has_case(text: &str) -> bool {
    text.chars().any(|c| c.is_lowercase() || c.is_uppercase())
}

/// Whether all letters are small, and there is one.
pub(crate) fn is_lower(text: &str) -> bool {
    has_case(text) && !text.chars().any(char::is_uppercase)
}

/// Whether all letters are large, and there is one.
pub(crate) fn is_upper(text: &str) -> bool {
    has_case(text) && !text.chars().any(char::is_lowercase)
}

/// The text with a large first letter and small ones behind.
pub(crate) fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest.as_str().to_lowercase().chars()).collect()
}

fn titled(text: &str) -> String {
    let mut title = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            title.extend(c.to_lowercase());
        } else {
            title.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    title
}

fn swapped(text: &str) -> String {
    let swap = |c: char| -> String {
        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
    };
    text.chars().map(swap).collect()
}

type Chars<'a> = Box<dyn Fn(char) -> bool + 'a>;

fn stripped(
    of: &Value,
    args: Args,
    strip: impl for<'a> Fn(&'a str, &Chars<'_>) -> &'a str,
) -> Outcome {
    let [chars] = args.bind("strip", ["chars"], 0)?;
    let is_stripped: Chars<'_> = match &chars {
        None | Some(Value::None) => Box::new(char::is_whitespace),
        Some(chars) => {
            let chars = text(chars)?;
            Box::new(move |c| chars.contains(c))
        }
    };
    Ok(Value::text(strip(text(of)?, &is_stripped)))
}

fn replace(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [old, new, count] = args.bind("replace", ["old", "new", "count"], 2)?;
    let (old, new) = (old.unwrap_or(Value::None), new.unwrap_or(Value::None));
    let count = match &count {
        None => None,
        Some(count) => match count.as_int() {
            Some(count) => Some(count),
            None => return unfit("how often to replace is a whole number"),
        },
    };
    replaced(machine, text(of)?, text(&old)?, text(&new)?, count)
}

/// A text with another in the place of a part of it; a negative count means everywhere.
pub(crate) fn replaced(
    machine: &mut Machine<'_>,
    whole: &str,
    old: &str,
    new: &str,
    count: Option<i128>,
) -> Outcome {
    let count = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    machine.charge_text(whole.len())?;
    let places = whole.matches(old).take(count).count();
    machine.charge_text(places.saturating_mul(new.len()).saturating_add(whole.len()))?;
    Ok(Value::text(whole.replacen(old, new, count)))
}

/// The part of a text between two places, and how many characters are before it.
fn part(
    whole: &str,
    start: Option<&Value>,
    end: Option<&Value>,
) -> Outcome<Option<(String, usize)>> {
    let characters: Vec<char> = whole.chars().collect();
    let length = characters.len() as i128;
    let place = |value: Option<&Value>, default: i128| match value {
        None | Some(Value::None) => Ok(default),
        Some(value) => match value.as_int() {
            Some(int) if int < 0 => Ok(int.saturating_add(length).max(0)),
            Some(int) => Ok(int),
            None => unfit("a place in a text is a whole number"),
        },
    };
    let (start, end) = (place(start, 0)?, place(end, length)?.min(length));
    if start > end {
        return Ok(None);
    }
    let (start, end) = (start as usize, end as usize);
    Ok(Some((characters[start..end].iter().collect(), start)))
}

fn sought(
    of: &Value,
    args: Args,
    find: fn(&str, &str) -> Option<usize>,
    absent: Option<&str>,
) -> Outcome {
    let [wanted, start, end] = args.bind("find", ["sub", "start", "end"], 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let wanted = text(&wanted)?;
    let found = part(text(of)?, start.as_ref(), end.as_ref())?.and_then(|(part, before)| {
        let at = find(&part, wanted)?;
        Some(before + part[..at].chars().count())
    });
    match (found, absent) {
        (Some(at), _) => Ok(Value::from(at)),
        (None, None) => Ok(Value::Int(-1)),
        (None, Some(message)) => unfit(message),
    }
}

fn count(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [wanted, start, end] = args.bind("count", ["sub", "start", "end"], 1)?;
    let wanted = wanted.unwrap_or(Value::None);
    let wanted = text(&wanted)?;
    let part = part(text(of)?, start.as_ref(), end.as_ref())?;
    Ok(Value::from(part.map_or(0, |(part, _)| part.matches(wanted).count())))
}

fn affixed(of: &Value, args: Args, test: fn(&str, &str) -> bool) -> Outcome {
    let [affix, start, end] = args.bind("startswith", ["affix", "start", "end"], 1)?;
    let affixes = match affix.unwrap_or(Value::None) {
        Value::Tuple(tuple) => tuple.items().to_vec(),
        one => vec![one],
    };
    let part = part(text(of)?, start.as_ref(), end.as_ref())?;
    for affix in &affixes {
        let affix = text(affix)?;
        if part.as_ref().is_some_and(|(part, _)| test(part, affix)) {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

/// Where a text is filled up.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
    Both,
}

fn padded(machine: &mut Machine<'_>, of: &Value, args: Args, side: Side) -> Outcome {
    let [width, fill] = args.bind("just", ["width", "fillchar"], 1)?;
    let whole = text(of)?;
    let width = width_of(width.as_ref())?;
    let fill = match fill.as_ref().map(Value::as_text) {
        None => ' ',
        Some(fill) => match fill.map(|fill| (fill.chars().next(), fill.chars().count())) {
            Some((Some(fill), 1)) => fill,
            _ => return unfit("a text is filled up with one character"),
        },
    };
    if side == Side::Both {
        return centered(machine, whole, width, fill);
    }
    let missing = width.saturating_sub(whole.chars().count());
    machine.charge_text(missing.saturating_mul(4))?;
    let filling: String = std::iter::repeat_n(fill, missing).collect();
    Ok(Value::text(match side {
        Side::Left => filling + whole,
        _ => whole.to_owned() + &filling,
    }))
}

fn width_of(width: Option<&Value>) -> Outcome<usize> {
    match width.and_then(Value::as_int) {
        Some(width) => Ok(usize::try_from(width.max(0)).unwrap_or(usize::MAX)),
        None => unfit("a width is a whole number"),
    }
}

/// A text in the middle of others.
pub(crate) fn centered(
    machine: &mut Machine<'_>,
    whole: &str,
    width: usize,
    fill: char,
) -> Outcome {
    let missing = width.saturating_sub(whole.chars().count());
    machine.charge_text(missing.saturating_mul(4))?;
    let left = missing / 2 + (missing & width & 1);
    let filling = |length: usize| std::iter::repeat_n(fill, length);
    Ok(Value::text(
        filling(left).chain(whole.chars()).chain(filling(missing - left)).collect::<String>(),
    ))
}

fn zero_filled(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let width = width_of(Some(&args.one("zfill", "width")?))?;
    let whole = text(of)?;
    let missing = width.saturating_sub(whole.chars().count());
    machine.charge_text(missing)?;
    let signs = usize::from(whole.starts_with(['-', '+']));
    let (sign, digits) = whole.split_at(signs);
    Ok(Value::text(format!("{sign}{}{digits}", "0".repeat(missing))))
}

fn expand_tabs(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [size] = args.bind("expandtabs", ["tabsize"], 0)?;
    let size = size.map_or(Ok(8), |size| width_of(Some(&size)))?;
    let whole = text(of)?;
    let tabs = whole.matches('\t').count();
    if size > crate::value::TEXT_BYTES_MAX {
        return too_large("a text");
    }
    machine.charge_text(tabs.saturating_mul(size).saturating_add(whole.len()))?;
    let mut expanded = String::new();
    let mut column = 0;
    for c in whole.chars() {
        match c {
            '\t' => {
                let blanks = (column / size.max(1) + 1) * size - column * usize::from(size > 0);
                expanded.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            }
            '\n' | '\r' => {
                expanded.push(c);
                column = 0;
            }
            c => {
                expanded.push(c);
                column += 1;
            }
        }
    }
    Ok(Value::text(expanded))
}
