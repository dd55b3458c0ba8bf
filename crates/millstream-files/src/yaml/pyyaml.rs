//! Plain scalars as `PyYAML` reads them, by the rules of YAML 1.1.

use serde_json::Number;

use super::tree::Kind;

/// What a plain scalar is besides text and what both versions of YAML agree on.
pub(super) fn scalar(text: &str) -> Option<Kind> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Kind::Bool(true)),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Kind::Bool(false)),
        _ => {}
    }
    let first = text.trim_start_matches(['-', '+']).bytes().next()?;
    if !first.is_ascii_digit() && first != b'.' {
        return None;
    }
    integer(text).or_else(|| float(text)).map(Kind::Number)
}

fn integer(text: &str) -> Option<Number> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = rest.replace('_', "");
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let value = match digits.get(..2) {
        Some("0x") => i64::from_str_radix(&digits[2..], 16).ok()?,
        Some("0b") => i64::from_str_radix(&digits[2..], 2).ok()?,
        _ if digits.len() > 1 && digits.starts_with('0') => i64::from_str_radix(&digits, 8).ok()?,
        _ if rest.contains(':') => sexagesimal(&digits)?,
        _ => match digits.parse() {
            Ok(value) => value,
            Err(_) => return (sign == 1).then(|| digits.parse::<u64>().ok().map(Number::from))?,
        },
    };
    Some(Number::from(sign * value))
}

/// `12:30` is 750.
fn sexagesimal(text: &str) -> Option<i64> {
    let mut value: i64 = 0;
    for (place, part) in text.split(':').enumerate() {
        let digits =
            !part.is_empty() && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit());
        let part: i64 = if digits { part.parse().ok()? } else { return None };
        if place > 0 && part > 59 {
            return None;
        }
        value = value.checked_mul(60)?.checked_add(part)?;
    }
    Some(value)
}

/// A number with a dot; an exponent has a sign.
fn float(text: &str) -> Option<Number> {
    let digits = text.replace('_', "");
    let mantissa = digits.split(['e', 'E']).next()?;
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+');
    if !mantissa.contains('.') || !digits.chars().all(plain) {
        return None;
    }
    let exponent = digits.split(['e', 'E']).nth(1);
    if exponent.is_some_and(|exponent| !exponent.starts_with(['-', '+'])) {
        return None;
    }
    digits.parse::<f64>().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_pyyaml_makes_of_them() {
        let check = |text: &str, expected: Option<serde_json::Value>| {
            let found = scalar(text).map(|kind| match kind {
                Kind::Bool(value) => value.into(),
                Kind::Number(number) => serde_json::Value::Number(number),
                other => panic!("{other:?}"),
            });
            assert_eq!(found, expected, "{text}");
        };
        check("yes", Some(true.into()));
        check("Off", Some(false.into()));
        check("010", Some(8.into()));
        check("1_000", Some(1000.into()));
        check("12:30", Some(750.into()));
        check("-7", Some((-7).into()));
        check("1.5", Some(1.5.into()));
        check("1e3", None);
        check("1.0e+3", Some(1000.0.into()));
        check("2024-01-01", None);
        check("08", None);
        check("1.2.3", None);
        check("_1", None);
    }
}
