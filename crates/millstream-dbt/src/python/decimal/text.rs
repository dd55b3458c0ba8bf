//! Decimals as text, as Python writes and reads them.

use std::fmt;

use num_bigint::{BigInt, Sign};

use super::Decimal;

/// Exponents beyond this make numbers that would fill the memory when they are added.
const EXPONENT_MAX: i64 = 5_000;
/// Digits beyond this are none of a number.
const DIGITS_MAX: usize = 20_000;

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.coefficient.sign() == Sign::Minus { "-" } else { "" };
        let digits = self.coefficient.magnitude().to_string();
        let point = digits.len() as i64 + self.exponent;
        if self.exponent > 0 || point <= -6 {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            return write!(f, "{sign}{first}{dot}{rest}E{:+}", point - 1);
        }
        if self.exponent == 0 {
            return write!(f, "{sign}{digits}");
        }
        if let Ok(point) = usize::try_from(point)
            && point > 0
        {
            let (whole, behind) = digits.split_at(point);
            return write!(f, "{sign}{whole}.{behind}");
        }
        let zeros = "0".repeat(usize::try_from(-point).unwrap_or(0));
        write!(f, "{sign}0.{zeros}{digits}")
    }
}

/// The number written in a text.
pub(super) fn parse(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, behind) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [whole, behind].concat();
    let exponent = exponent.checked_sub(behind.len() as i64)?;
    let fits = !digits.is_empty()
        && digits.len() <= DIGITS_MAX
        && exponent.abs() <= EXPONENT_MAX
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !fits {
        return None;
    }
    let coefficient: BigInt = digits.parse().ok()?;
    let coefficient = if number.starts_with('-') { -coefficient } else { coefficient };
    Some(Decimal { coefficient, exponent })
}

/// How many digits a number has.
pub(super) fn digits(number: &BigInt) -> i64 {
    number.magnitude().to_string().len() as i64
}

/// `10 ^ exponent`; 1 for what is negative.
pub(super) fn power_of_ten(exponent: i64) -> BigInt {
    let most = 4 * EXPONENT_MAX;
    BigInt::from(10_u8).pow(u32::try_from(exponent.min(most)).unwrap_or(0))
}
