//! Python's patterns in the syntax of the engine.

/// The pattern as the engine reads it. What the engine refuses, it refuses itself.
pub(super) fn translated(pattern: &str, flags: i128) -> String {
    let inline: String = [('i', 2), ('m', 8), ('s', 16), ('x', 64)]
        .into_iter()
        .filter(|(_, bit)| flags & bit != 0)
        .map(|(flag, _)| flag)
        .collect();
    let mut out = if inline.is_empty() { String::new() } else { format!("(?{inline})") };
    let lines = flags & 8 != 0 || sets_flag(pattern, 'm');
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => escape(rest.next(), Place::Outside, &mut out),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first is an item of the set.
                if rest.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                set(&mut rest, &mut out);
            }
            // The end of the text, and before a line feed at the end.
            '$' if !lines => out.push_str("(?=\\n?\\z)"),
            c => out.push(c),
        }
    }
    out
}

/// Whether blanks and comments in the pattern do not count.
pub(super) fn is_verbose(pattern: &str, flags: i128) -> bool {
    flags & 64 != 0 || sets_flag(pattern, 'x')
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Outside,
    InSet,
}

/// Whether the pattern begins with this flag: `(?im)`.
fn sets_flag(pattern: &str, flag: char) -> bool {
    let flags = pattern.strip_prefix("(?").and_then(|rest| rest.split_once(')'));
    flags.is_some_and(|(flags, _)| {
        flags.contains(flag) && flags.chars().all(|c| c.is_ascii_lowercase())
    })
}

fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    while let Some(c) = rest.next() {
        match c {
            ']' => return out.push(']'),
            '\\' => escape(rest.next(), Place::InSet, out),
            // The engine would read sets within sets and operators of sets.
            '[' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
}

fn escape(escaped: Option<char>, place: Place, out: &mut String) {
    match escaped {
        None => out.push('\\'),
        Some('Z') => out.push_str("\\z"),
        Some('b') if place == Place::InSet => out.push_str("\\x08"),
        Some(
            c
            @ ('<' | '>' | '/' | '"' | '\'' | '`' | '@' | '!' | '%' | ',' | ':' | ';' | '=' | '_'),
        ) => out.push(c),
        Some(c) => {
            out.push('\\');
            out.push(c);
        }
    }
}
