//! Text to values, exactly: a text that a type cannot hold unchanged is no value of the type.

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// Whether a time has to name its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    /// A time on a wall: it must name none.
    Without,
    /// A moment: it must name one.
    With,
}

/// A whole number, with or without a sign.
#[inline]
pub(crate) fn whole(text: &[u8]) -> Option<i64> {
    let (sign, digits) = signed(text);
    if digits.is_empty() {
        return None;
    }
    if digits.len() <= 18 {
        let mut value = 0_i64;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        return Some(if sign == Sign::Minus { -value } else { value });
    }
    long_whole(sign, digits)
}

#[cold]
fn long_whole(sign: Sign, digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    for &byte in digits {
        let digit = i64::from(digit_of(byte)?);
        value = value.checked_mul(10)?;
        value = match sign {
            Sign::Minus => value.checked_sub(digit)?,
            Sign::Plus => value.checked_add(digit)?,
        };
    }
    Some(value)
}

/// A decimal number as an integer of `10^-scale`; digits that the scale would drop must be zeros.
#[inline]
pub(crate) fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let (sign, digits) = signed(text);
    // The common case fits 64 bits; it is several times faster than 128.
    if digits.len() <= 16 && precision <= 18 {
        let value = short_decimal(digits, scale)?;
        let limit = 10_i64.pow(u32::from(precision));
        if value >= limit {
            return None;
        }
        return Some(i128::from(if sign == Sign::Minus { -value } else { value }));
    }
    long_decimal(sign, digits, precision, scale)
}

#[inline]
fn short_decimal(digits: &[u8], scale: u8) -> Option<i64> {
    let mut value = 0_i64;
    let mut index = 0;
    while index < digits.len() && digits[index] != b'.' {
        value = value * 10 + i64::from(digit_of(digits[index])?);
        index += 1;
    }
    let mut some = index > 0;
    let mut missing = scale;
    index += 1;
    while index < digits.len() {
        let digit = digit_of(digits[index])?;
        index += 1;
        some = true;
        if missing == 0 {
            if digit != 0 {
                return None;
            }
            continue;
        }
        value = value.checked_mul(10)? + i64::from(digit);
        missing -= 1;
    }
    if !some {
        return None;
    }
    value.checked_mul(10_i64.checked_pow(u32::from(missing))?)
}

fn long_decimal(sign: Sign, digits: &[u8], precision: u8, scale: u8) -> Option<i128> {
    let point = digits.iter().position(|&byte| byte == b'.').unwrap_or(digits.len());
    let fraction = digits.get(point + 1..).unwrap_or_default();
    if point + fraction.len() == 0 {
        return None;
    }
    let mut value = 0_i128;
    for &byte in &digits[..point] {
        value = value.checked_mul(10)?.checked_add(i128::from(digit_of(byte)?))?;
    }
    for index in 0..usize::from(scale).max(fraction.len()) {
        let digit = fraction.get(index).map_or(Some(0), |&byte| digit_of(byte))?;
        if index < usize::from(scale) {
            value = value.checked_mul(10)?.checked_add(i128::from(digit))?;
        } else if digit != 0 {
            return None;
        }
    }
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (value < limit).then_some(if sign == Sign::Minus { -value } else { value })
}

/// A floating-point number; `NaN` and `inf` included, an overflow not.
pub(crate) fn double(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    let overflowed = value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit());
    (!overflowed).then_some(value)
}

/// `true` or `false`, in lower case, upper case or capitalized.
pub(crate) fn boolean(text: &[u8]) -> Option<bool> {
    match text {
        b"true" | b"True" | b"TRUE" => Some(true),
        b"false" | b"False" | b"FALSE" => Some(false),
        _ => None,
    }
}

/// `YYYY-MM-DD` as days since 1970-01-01.
#[inline]
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
    let (month, day) = (two(m1, m2)?, two(d1, d2)?);
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, i32::from(month), i32::from(day)))
}

/// `YYYY-MM-DD[T ]HH:MM[:SS[.ffffff]]`, with `Z`, `+HH`, `+HHMM` or `+HH:MM` if and only if the
/// zone is asked for, as microseconds since 1970 (UTC). Digits beyond microseconds must be zeros.
pub(crate) fn timestamp(text: &[u8], zone: Zone) -> Option<i64> {
    let (day, time) = text.split_at_checked(10)?;
    let day = i64::from(date(day)?) * DAY_MICROS;
    let (separator, time) = time.split_first()?;
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    let (micros, rest) = time_of_day(time)?;
    let offset = match zone {
        Zone::Without if rest.is_empty() => 0,
        Zone::With => offset_micros(rest)?,
        Zone::Without => return None,
    };
    Some(day + micros - offset)
}

/// Microseconds since midnight, and what follows the time.
fn time_of_day(text: &[u8]) -> Option<(i64, &[u8])> {
    let &[h1, h2, b':', m1, m2, ref rest @ ..] = text else { return None };
    let (hour, minute) = (two(h1, h2)?, two(m1, m2)?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (two(*s1, *s2)?, rest),
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = match rest {
        [b'.' | b',', rest @ ..] => fraction_micros(rest)?,
        _ => (0, rest),
    };
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Some((seconds * 1_000_000 + fraction, rest))
}

fn fraction_micros(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if digits.is_empty() || digits.iter().skip(6).any(|&digit| digit != b'0') {
        return None;
    }
    let digit = |index: usize| digits.get(index).map_or(0, |byte| i64::from(byte - b'0'));
    Some(((0..6).fold(0, |micros, index| micros * 10 + digit(index)), rest))
}

fn offset_micros(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    if matches!(text, b"Z" | b"z" | b"UTC") {
        return Some(0);
    }
    let (sign, digits) = text.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = match *digits {
        [h1, h2] => (two(h1, h2)?, 0),
        [h1, h2, m1, m2] | [h1, h2, b':', m1, m2] => (two(h1, h2)?, two(m1, m2)?),
        _ => return None,
    };
    let valid = hours <= 15 && minutes <= 59;
    valid.then_some(sign * (i64::from(hours) * 60 + i64::from(minutes)) * 60_000_000)
}

/// The sign of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Plus,
    Minus,
}

fn signed(text: &[u8]) -> (Sign, &[u8]) {
    match text {
        [b'-', digits @ ..] => (Sign::Minus, digits),
        [b'+', digits @ ..] => (Sign::Plus, digits),
        _ => (Sign::Plus, text),
    }
}

#[inline]
fn digit_of(byte: u8) -> Option<u8> {
    let digit = byte.wrapping_sub(b'0');
    (digit <= 9).then_some(digit)
}

#[inline]
fn two(tens: u8, ones: u8) -> Option<u8> {
    Some(digit_of(tens)? * 10 + digit_of(ones)?)
}

fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. The year is counted from March, so
/// that the leap day is its last.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_keep_to_64_bits() {
        assert_eq!(whole(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(whole(b"9223372036854775807"), Some(i64::MAX));
        for bad in ["9223372036854775808", "", "-", "1.0", "1e3", "1 000", "0x1"] {
            assert_eq!(whole(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn decimals_lose_no_digit() {
        for (text, expected) in [
            ("1", Some(100)),
            ("-1.5", Some(-150)),
            (".25", Some(25)),
            ("7.", Some(700)),
            ("1.100", Some(110)),
            ("1.101", None),
            ("9999999999999.99", Some(999_999_999_999_999)),
            ("10000000000000.00", None),
            ("00000000000000000001.00", Some(100)),
            (".", None),
            ("", None),
            ("1.2.3", None),
            ("1e2", None),
        ] {
            assert_eq!(decimal(text.as_bytes(), 15, 2), expected, "{text}");
        }
        let long = "12345678901234567890123456789012345.678";
        let value = 12_345_678_901_234_567_890_123_456_789_012_345_678;
        assert_eq!(decimal(long.as_bytes(), 38, 3), Some(value));
    }

    #[test]
    fn days_and_times_follow_the_calendar() {
        assert_eq!(date(b"1970-01-01"), Some(0));
        assert_eq!(date(b"2024-02-29"), Some(19_782));
        assert_eq!(date(b"2023-02-29"), None);
        assert_eq!(date(b"0001-01-01"), Some(-719_162));
        assert_eq!(timestamp(b"1970-01-01 00:00:01.5", Zone::Without), Some(1_500_000));
        assert_eq!(timestamp(b"1970-01-01T01:00:00+01:00", Zone::With), Some(0));
        assert_eq!(timestamp(b"1970-01-01T00:00:00Z", Zone::With), Some(0));
        assert_eq!(timestamp(b"1969-12-31 19:00-05", Zone::With), Some(0));
        assert_eq!(timestamp(b"1970-01-01T00:00:00Z", Zone::Without), None);
        assert_eq!(timestamp(b"1970-01-01T00:00:00", Zone::With), None);
        assert_eq!(timestamp(b"1970-01-01T00:00:00.1234567", Zone::Without), None);
        assert_eq!(timestamp(b"1970-01-01T24:00:00", Zone::Without), None);
    }
}
