//! Numbers with a precision, as Python writes them.

use crate::number::not_finite;

/// On which side of zero a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Minus,
    Plus,
}

impl Sign {
    pub(super) fn of_int(int: i128) -> Self {
        if int < 0 { Self::Minus } else { Self::Plus }
    }

    pub(super) fn of_float(float: f64) -> Self {
        if float.is_sign_negative() && !float.is_nan() { Self::Minus } else { Self::Plus }
    }
}

/// With a point and so many digits behind it.
pub(super) fn fixed(float: f64, precision: usize) -> String {
    if float.is_finite() { format!("{float:.precision$}") } else { not_finite(float).to_owned() }
}

/// With an exponent of at least two digits.
pub(super) fn exponent(float: f64, precision: usize) -> String {
    if !float.is_finite() {
        return not_finite(float).to_owned();
    }
    let text = format!("{float:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    with_exponent(digits, exponent.parse().unwrap_or_default())
}

/// With so many digits that count, without zeros at the end, and an exponent where it is shorter.
pub(super) fn general(float: f64, precision: usize) -> String {
    if !float.is_finite() {
        return not_finite(float).to_owned();
    }
    let precision = precision.max(1);
    let text = format!("{float:.*e}", precision - 1);
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if exponent < -4 || exponent >= precision as i32 {
        return with_exponent(trimmed(digits), exponent);
    }
    let behind = (precision as i32 - 1 - exponent).max(0) as usize;
    trimmed(&format!("{float:.behind$}")).to_owned()
}

fn with_exponent(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// The digits of a whole number in another base, without sign and prefix.
pub(super) fn in_base(int: u128, kind: char) -> String {
    match kind {
        'b' => format!("{int:b}"),
        'o' => format!("{int:o}"),
        'x' => format!("{int:x}"),
        'X' => format!("{int:X}"),
        _ => int.to_string(),
    }
}
