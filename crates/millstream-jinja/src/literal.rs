//! Strings and numbers as they are written.

use std::borrow::Cow;

/// A number as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
}

/// The number at the start of a text, and its length. After a dot only a whole number is read:
/// `a.0.1` is two steps, not one of 0.1.
pub(crate) fn number(text: &str, after_dot: bool) -> (Number, usize) {
    if let Some(found) = radix(text) {
        return found;
    }
    let whole = digits(text);
    let mut length = whole;
    if !after_dot {
        if let Some(fraction) = text[length..].strip_prefix('.').map(digits)
            && fraction > 0
        {
            length += 1 + fraction;
        }
        length += exponent(&text[length..]);
    }
    let plain = text[..length].replace('_', "");
    if length == whole
        && let Ok(int) = plain.parse()
    {
        return (Number::Int(int), length);
    }
    (Number::Float(plain.parse().unwrap_or(f64::INFINITY)), length)
}

fn radix(text: &str) -> Option<(Number, usize)> {
    let radix = match text.get(..2)?.to_ascii_lowercase().as_str() {
        "0b" => 2,
        "0o" => 8,
        "0x" => 16,
        _ => return None,
    };
    let rest = &text[2..];
    let length = rest.find(|c: char| c != '_' && !c.is_digit(radix)).unwrap_or(rest.len());
    let int = i128::from_str_radix(&rest[..length].replace('_', ""), radix).ok()?;
    Some((Number::Int(int), length + 2))
}

/// How many bytes are digits, with single `_` between them.
fn digits(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut length = 0;
    while let Some(byte) = bytes.get(length) {
        let joins = *byte == b'_'
            && length > 0
            && bytes[length - 1] != b'_'
            && bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        if !byte.is_ascii_digit() && !joins {
            break;
        }
        length += 1;
    }
    length
}

fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    match digits(&rest[sign..]) {
        0 => 0,
        length => 1 + sign + length,
    }
}

/// What the inside of a quoted string stands for. Unknown escapes stay as they are.
pub(crate) fn unescaped(text: &str) -> Result<Cow<'_, str>, String> {
    if !text.contains('\\') {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find('\\') {
        plain.push_str(&rest[..found]);
        rest = escape(&rest[found + 1..], &mut plain)?;
    }
    plain.push_str(rest);
    Ok(Cow::Owned(plain))
}

/// One escape; `rest` starts behind the backslash. Gives what follows it.
fn escape<'a>(rest: &'a str, plain: &mut String) -> Result<&'a str, String> {
    let Some(first) = rest.chars().next() else {
        return Err("a string ends with a lone backslash".to_owned());
    };
    let behind = &rest[first.len_utf8()..];
    let simple = match first {
        '\n' => return Ok(behind),
        '\\' | '\'' | '"' => first,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return coded(behind, 2, plain),
        'u' => return coded(behind, 4, plain),
        'U' => return coded(behind, 8, plain),
        '0'..='7' => {
            let length =
                rest.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            let code = u32::from_str_radix(&rest[..length], 8).unwrap_or_default();
            plain.extend(char::from_u32(code));
            return Ok(&rest[length..]);
        }
        other => {
            plain.push('\\');
            other
        }
    };
    plain.push(simple);
    Ok(behind)
}

fn coded<'a>(rest: &'a str, length: usize, plain: &mut String) -> Result<&'a str, String> {
    let digits = rest.get(..length).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match code.and_then(char::from_u32) {
        Some(found) => {
            plain.push(found);
            Ok(&rest[length..])
        }
        None => {
            Err(format!("a string has a `\\` with a code that is no character, of {length} digits"))
        }
    }
}
