//! Lists as PostgreSQL writes them (`{1,2}`), as JSON. Its documentation says how: section 8.15.6,
//! "Array Input and Output Syntax".

use std::iter::Peekable;
use std::str::Chars;

/// How the values of a list stand in JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Number,
    Truth,
    Text,
}

/// Types whose values are numbers.
const NUMBERS: &[&str] = &["smallint", "integer", "bigint", "real", "double precision", "numeric"];

/// The JSON of a list; `None` if the text is no list.
pub(super) fn json(written: &str, data_type: &str) -> Option<String> {
    let element = match data_type.trim_end_matches("[]") {
        "boolean" => Element::Truth,
        name if NUMBERS.contains(&name) => Element::Number,
        _ => Element::Text,
    };
    let mut rest = written.chars().peekable();
    let mut out = String::new();
    list(&mut rest, element, &mut out)?;
    rest.next().is_none().then_some(out)
}

fn list(rest: &mut Peekable<Chars<'_>>, element: Element, out: &mut String) -> Option<()> {
    (rest.next()? == '{').then_some(())?;
    out.push('[');
    if rest.next_if_eq(&'}').is_some() {
        out.push(']');
        return Some(());
    }
    loop {
        match rest.peek()? {
            '{' => list(rest, element, out)?,
            '"' => quoted(rest, out)?,
            _ => plain(rest, element, out),
        }
        match rest.next()? {
            ',' => out.push_str(", "),
            '}' => break,
            _ => return None,
        }
    }
    out.push(']');
    Some(())
}

fn quoted(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Option<()> {
    rest.next();
    let mut text = String::new();
    loop {
        match rest.next()? {
            '"' => break,
            '\\' => text.push(rest.next()?),
            letter => text.push(letter),
        }
    }
    out.push_str(&serde_json::Value::String(text).to_string());
    Some(())
}

fn plain(rest: &mut Peekable<Chars<'_>>, element: Element, out: &mut String) {
    let mut text = String::new();
    while let Some(letter) = rest.next_if(|letter| !matches!(letter, ',' | '}')) {
        text.push(letter);
    }
    match text.as_str() {
        "NULL" => out.push_str("null"),
        _ if element == Element::Truth => out.push_str(if text == "t" { "true" } else { "false" }),
        _ if element == Element::Number => out.push_str(&text),
        _ => out.push_str(&serde_json::Value::String(text).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn lists_are_json() {
        let check = |written: &str, data_type: &str, wanted: &str| {
            assert_eq!(json(written, data_type).as_deref(), Some(wanted), "{written}");
        };
        check("{1,2,NULL}", "integer[]", "[1, 2, null]");
        check("{{1},{2}}", "integer[]", "[[1], [2]]");
        check(r#"{a,"b, \"c\"",""}"#, "text[]", r#"["a", "b, \"c\"", ""]"#);
        check("{}", "text[]", "[]");
        assert_eq!(json("{1", "integer[]"), None);
    }
}
