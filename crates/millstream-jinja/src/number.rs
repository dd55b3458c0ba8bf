//! Numbers as Python computes and writes them.

use crate::ast::BinaryOp;
use crate::error::{Error, ErrorKind, Outcome, unfit};
use crate::value::Value;

/// A float as Python's `repr` writes it: the shortest digits that give it back.
pub(crate) fn float_repr(float: f64) -> String {
    if !float.is_finite() {
        return not_finite(float).to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if float == 0.0 || (-4..16).contains(&exponent) {
        return format!("{float:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// `inf`, `-inf` or `nan`.
pub(crate) fn not_finite(float: f64) -> &'static str {
    if float.is_nan() {
        "nan"
    } else if float > 0.0 {
        "inf"
    } else {
        "-inf"
    }
}

/// Two numbers with an operator between them; nothing if one is no number.
pub(crate) fn binary(op: BinaryOp, left: &Value, right: &Value) -> Option<Outcome> {
    if let (Some(left), Some(right)) = (left.as_int(), right.as_int()) {
        return Some(ints(op, left, right));
    }
    Some(floats(op, left.as_float()?, right.as_float()?))
}

fn ints(op: BinaryOp, left: i128, right: i128) -> Outcome {
    let result = match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Subtract => left.checked_sub(right),
        BinaryOp::Multiply => left.checked_mul(right),
        BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder if right == 0 => {
            return by_zero();
        }
        BinaryOp::Divide => return Ok(Value::Float(left as f64 / right as f64)),
        BinaryOp::FloorDivide => floor_divide(left, right),
        BinaryOp::Remainder => floor_divide(left, right)
            .and_then(|quotient| quotient.checked_mul(right))
            .and_then(|product| left.checked_sub(product)),
        BinaryOp::Power if right < 0 => return floats(op, left as f64, right as f64),
        BinaryOp::Power => u32::try_from(right).ok().and_then(|right| left.checked_pow(right)),
    };
    match result {
        Some(result) => Ok(Value::Int(result)),
        None => {
            Err(Error::new(ErrorKind::TooLarge, "a whole number needs more than 128 bits").into())
        }
    }
}

fn floor_divide(left: i128, right: i128) -> Option<i128> {
    let quotient = left.checked_div(right)?;
    let uneven = left.checked_rem(right)? != 0;
    Some(if uneven && (left < 0) != (right < 0) { quotient - 1 } else { quotient })
}

fn floats(op: BinaryOp, left: f64, right: f64) -> Outcome {
    let divides = matches!(op, BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder);
    if divides && right == 0.0 {
        return by_zero();
    }
    Ok(Value::Float(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        BinaryOp::FloorDivide => (left / right).floor(),
        BinaryOp::Remainder => remainder(left, right),
        BinaryOp::Power if left == 0.0 && right < 0.0 => return by_zero(),
        BinaryOp::Power if left < 0.0 && right.fract() != 0.0 => {
            return unfit("a root of a negative number is no number");
        }
        BinaryOp::Power => left.powf(right),
    }))
}

/// The remainder with the sign of the divisor.
fn remainder(left: f64, right: f64) -> f64 {
    let rest = left % right;
    if rest != 0.0 && (rest < 0.0) != (right < 0.0) {
        rest + right
    } else if rest == 0.0 {
        0.0_f64.copysign(right)
    } else {
        rest
    }
}

fn by_zero<T>() -> Outcome<T> {
    unfit("division by zero")
}

/// The number with the sign turned.
pub(crate) fn negative(value: &Value) -> Option<Outcome> {
    match value {
        Value::Float(float) => Some(Ok(Value::Float(-float))),
        _ => value.as_int().map(|int| ints(BinaryOp::Subtract, 0, int)),
    }
}

/// A whole number written in a text, as Python's `int(text, base)` reads it.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefix = match base {
        2 => "0b",
        8 => "0o",
        16 => "0x",
        _ => "",
    };
    let head = digits.get(..prefix.len()).unwrap_or_default();
    let digits =
        if !prefix.is_empty() && head.eq_ignore_ascii_case(prefix) { &digits[2..] } else { digits };
    let int = i128::from_str_radix(&without_marks(digits)?, base).ok()?;
    Some(if negative { -int } else { int })
}

/// A number written in a text, as Python's `float` reads it.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = without_marks(text.strip_prefix(['-', '+']).unwrap_or(text))?;
    let float: f64 = plain.parse().ok()?;
    Some(if text.starts_with('-') { -float } else { float })
}

/// Digits without the `_` between them; nothing if one is in the wrong place or a sign is left.
fn without_marks(digits: &str) -> Option<String> {
    let wrong =
        digits.starts_with(['_', '-', '+']) || digits.ends_with('_') || digits.contains("__");
    (!wrong).then(|| digits.replace('_', ""))
}
