//! What the values of a column have shown, and the type that tells no lie about them.
//!
//! Evidence of two parts of the input merges into that of both, in any order: parts are looked at
//! in parallel, and what earlier loads showed is kept with the checkpoint.

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

use super::value::{self, Zone};
use crate::columns::{DECIMAL_DIGITS_MAX, timestamptz};

const BOOLEAN: u16 = 1;
const WHOLE: u16 = 1 << 1;
const LONG_WHOLE: u16 = 1 << 2;
const POINT: u16 = 1 << 3;
const EXPONENT: u16 = 1 << 4;
const DATE: u16 = 1 << 5;
const TIMESTAMP: u16 = 1 << 6;
const TIMESTAMPTZ: u16 = 1 << 7;
const TEXT: u16 = 1 << 8;

const NUMBER: u16 = WHOLE | LONG_WHOLE | POINT | EXPONENT;
/// Significant digits that a double always gives back as they were.
const DOUBLE_DIGITS_SAFE: usize = 15;

/// What the values of a column have shown so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Evidence {
    /// Kinds of values seen.
    kinds: u16,
    /// Whether a number was seen that a double would change.
    inexact: bool,
    /// Most digits before the point.
    whole_digits: u8,
    /// Most digits after it.
    fraction_digits: u8,
}

impl Evidence {
    /// Whether nothing more can be learned: the column is text.
    pub(crate) fn is_settled(self) -> bool {
        self.kinds & TEXT != 0
    }

    /// Takes a value into account that came as text, as in CSV.
    pub(crate) fn see(&mut self, text: &[u8]) {
        match text.first() {
            Some(b'0'..=b'9' | b'-' | b'.') => self.see_digits(text),
            _ if value::boolean(text).is_some() => self.kinds |= BOOLEAN,
            _ => self.kinds |= TEXT,
        }
    }

    /// Takes a value into account that the input itself calls text, as a JSON string: it may be a
    /// date or a time, for which JSON has no other form, but never a number.
    pub(crate) fn see_text(&mut self, text: &[u8]) {
        self.kinds |= calendar_kind(text).unwrap_or(TEXT);
    }

    /// The evidence of both.
    pub(crate) fn merge(&mut self, other: Self) {
        self.kinds |= other.kinds;
        self.inexact |= other.inexact;
        self.whole_digits = self.whole_digits.max(other.whole_digits);
        self.fraction_digits = self.fraction_digits.max(other.fraction_digits);
    }

    /// The narrowest type that holds every value unchanged.
    pub(crate) fn data_type(self) -> DataType {
        match self.kinds {
            BOOLEAN => DataType::Boolean,
            WHOLE => DataType::Int64,
            DATE => DataType::Date32,
            TIMESTAMP => DataType::Timestamp(TimeUnit::Microsecond, None),
            TIMESTAMPTZ => timestamptz(),
            kinds if kinds != 0 && kinds & !NUMBER == 0 => self.number_type(),
            _ => DataType::Utf8,
        }
    }

    fn number_type(self) -> DataType {
        let digits = self.whole_digits.saturating_add(self.fraction_digits);
        if self.kinds & (POINT | EXPONENT) == 0 {
            return match digits {
                0..=20 => DataType::Decimal128(20, 0),
                21..=DECIMAL_DIGITS_MAX => DataType::Decimal128(DECIMAL_DIGITS_MAX, 0),
                _ => DataType::Utf8,
            };
        }
        if !self.inexact {
            return DataType::Float64;
        }
        if self.kinds & EXPONENT == 0 && digits <= DECIMAL_DIGITS_MAX {
            return DataType::Decimal128(digits, self.fraction_digits as i8);
        }
        DataType::Utf8
    }

    fn see_digits(&mut self, text: &[u8]) {
        match Number::parse(text) {
            None => self.kinds |= calendar_kind(text).unwrap_or(TEXT),
            Some(number) => {
                self.kinds |= number.kind(text);
                self.inexact |= !number.is_exact_double(text);
                self.whole_digits = self.whole_digits.max(clamp(number.whole.len()));
                self.fraction_digits = self.fraction_digits.max(clamp(number.fraction.len()));
            }
        }
    }
}

fn calendar_kind(text: &[u8]) -> Option<u16> {
    if value::date(text).is_some() {
        return Some(DATE);
    }
    if value::timestamp(text, Zone::Without).is_some() {
        return Some(TIMESTAMP);
    }
    value::timestamp(text, Zone::With).map(|_| TIMESTAMPTZ)
}

fn clamp(digits: usize) -> u8 {
    u8::try_from(digits).unwrap_or(u8::MAX)
}

/// A number as it is written. A plus sign or a leading zero makes it none: it is an id, a code or
/// a telephone number.
struct Number<'a> {
    whole: &'a [u8],
    fraction: &'a [u8],
    has_point: bool,
    has_exponent: bool,
}

impl<'a> Number<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let unsigned = text.strip_prefix(b"-").unwrap_or(text);
        let (whole, rest) = split_digits(unsigned);
        if whole.len() > 1 && whole[0] == b'0' {
            return None;
        }
        let (has_point, fraction, rest) = match rest {
            [b'.', rest @ ..] => {
                let (fraction, rest) = split_digits(rest);
                (true, fraction, rest)
            }
            _ => (false, &rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let has_exponent = match rest {
            [] => false,
            [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
                if digits.is_empty() || !split_digits(digits).1.is_empty() {
                    return None;
                }
                true
            }
            _ => return None,
        };
        Some(Self { whole, fraction, has_point, has_exponent })
    }

    fn kind(&self, text: &[u8]) -> u16 {
        // A minus zero is a value of doubles only.
        if self.has_exponent {
            EXPONENT
        } else if self.has_point || text == b"-0" {
            POINT
        } else if value::whole(text).is_some() {
            WHOLE
        } else {
            LONG_WHOLE
        }
    }

    fn is_exact_double(&self, text: &[u8]) -> bool {
        if !self.has_exponent && self.whole.len() + self.fraction.len() <= DOUBLE_DIGITS_SAFE {
            return true;
        }
        let Some(value) = value::double(text) else { return false };
        let shortest = format!("{value:e}");
        let Some(back) = Number::parse(shortest.as_bytes()) else { return false };
        // The same digits mean the same number: the nearest double is never off by a power of ten.
        self.significant() == back.significant()
    }

    /// The digits without zeros at both ends.
    fn significant(&self) -> Vec<u8> {
        let digits: Vec<u8> = [self.whole, self.fraction].concat();
        let first = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
        let last = digits.iter().rposition(|&digit| digit != b'0').map_or(first, |last| last + 1);
        digits[first..last].to_vec()
    }
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::type_name;

    fn check(values: &[&str], expected: &str) {
        let mut evidence = Evidence::default();
        for value in values {
            evidence.see(value.as_bytes());
        }
        assert_eq!(type_name(&evidence.data_type()), expected, "of {values:?}");
        let mut parts = Evidence::default();
        for value in values.iter().rev() {
            let mut part = Evidence::default();
            part.see(value.as_bytes());
            parts.merge(part);
        }
        assert_eq!(parts, evidence, "in parts: {values:?}");
    }

    #[test]
    fn types_do_not_lie() {
        check(&[], "text");
        check(&["1", "-20", "9223372036854775807"], "bigint");
        check(&["1", "007"], "text");
        check(&["0", "-1"], "bigint");
        check(&["+49", "50"], "text");
        check(&["1", "9223372036854775808"], "decimal(20,0)");
        check(&["18446744073709551615"], "decimal(20,0)");
        check(&["123456789012345678901234567890"], "decimal(38,0)");
        check(&["1234567890123456789012345678901234567890"], "text");
        check(&["1.5", "2", "-0.25", ".5"], "double");
        check(&["0.1", "1e-3", "2E10"], "double");
        check(&["0.1234567890123456789"], "decimal(20,19)");
        check(&["1234567890123456.78", "0.1"], "decimal(18,2)");
        check(&["0.1234567890123456789", "1e3"], "text");
        check(&["1e999"], "text");
        check(&["true", "False"], "boolean");
        check(&["true", "1"], "text");
        check(&["t", "f"], "text");
        check(&["2024-02-29"], "date");
        check(&["2023-02-29"], "text");
        check(&["2024-01-01 10:00:00", "2024-01-01T10:00:00.123456"], "timestamp");
        check(&["2024-01-01T10:00:00Z", "2024-01-01T10:00:00+02:00"], "timestamptz");
        check(&["2024-01-01T10:00:00Z", "2024-01-01T10:00:00"], "text");
        check(&["2024-01-01", "2024-01-01T10:00:00"], "text");
        check(&["2024-01-01T10:00:00.123456789"], "text");
        check(&["NaN", "1.0"], "text");
        check(&["1", "x"], "text");
    }
}
