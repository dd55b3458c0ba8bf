//! PostgreSQL's templates of numbers: `FM9,999.00`.

/// A number as text; `#` where it does not fit.
pub(super) fn show(value: f64, template: &str) -> String {
    let (bare, template) = match template.get(..2) {
        Some(head) if head.eq_ignore_ascii_case("FM") => (true, &template[2..]),
        _ => (false, template),
    };
    let upper = template.to_uppercase();
    let (whole, fraction) = upper.split_once(['.', 'D']).unwrap_or((&upper, ""));
    let decimals = fraction.chars().filter(|c| matches!(c, '9' | '0')).count();
    let digits = format!("{:.decimals$}", value.abs());
    let (whole_digits, fraction_digits) = digits.split_once('.').unwrap_or((&digits, ""));
    let negative = value < 0.0 && digits.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0');
    let sign = match (negative, upper.contains('S')) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) if bare => "",
        (false, false) => " ",
    };
    let mut text = whole_part(whole, whole_digits, sign, bare);
    if decimals > 0 {
        text.push('.');
        text.push_str(&fraction_part(fraction, fraction_digits, bare));
    }
    if upper.ends_with('%') {
        text.push('%');
    }
    text
}

/// Places from the right: digits, then blanks, with the sign before the first digit.
fn whole_part(template: &str, digits: &str, sign: &str, bare: bool) -> String {
    let places: Vec<char> =
        template.chars().filter(|c| matches!(c, '9' | '0' | ',' | 'G')).collect();
    let room = places.iter().filter(|c| matches!(c, '9' | '0')).count();
    let digits = if digits == "0" && !places.contains(&'0') { "" } else { digits };
    let overflows = digits.len() > room;
    let forced_from = places.iter().position(|c| *c == '0').unwrap_or(places.len());
    let mut rest = digits.chars().rev();
    let mut reversed = String::new();
    let mut blanks = 0;
    let mut left = digits.len();
    for (place, c) in places.iter().enumerate().rev() {
        let is_digit = matches!(c, '9' | '0');
        let shown = match (is_digit, left > 0, place >= forced_from) {
            (true, ..) if overflows => Some('#'),
            (true, true, _) => rest.next(),
            (true, false, true) => Some('0'),
            (false, true, _) | (false, false, true) => Some(','),
            (_, false, false) => None,
        };
        match shown {
            Some(shown) => reversed.push(shown),
            None => blanks += 1,
        }
        if is_digit {
            left = left.saturating_sub(1);
        }
    }
    let number: String = reversed.chars().rev().collect();
    let padding = if bare { String::new() } else { " ".repeat(blanks) };
    let currency: String =
        template.chars().filter(|c| matches!(c, '$' | 'L')).map(|_| '$').collect();
    format!("{padding}{sign}{currency}{number}")
}

/// Digits after the point; `FM` leaves out those zeros that the template does not ask for.
fn fraction_part(template: &str, digits: &str, bare: bool) -> String {
    let asked = template.chars().filter(|c| matches!(c, '9' | '0'));
    let asked_zeros = asked.clone().collect::<String>().rfind('0').map_or(0, |place| place + 1);
    if !bare {
        return digits.to_owned();
    }
    let kept = digits.trim_end_matches('0').len().max(asked_zeros);
    digits[..kept.min(digits.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::show;

    /// Checked with PostgreSQL 15.
    #[test]
    fn numbers_look_as_in_postgresql() {
        for (value, template, expected) in [
            (125.0, "999", " 125"),
            (-3.0, "999", "  -3"),
            (1234.5, "FM9,999.00", "1,234.50"),
            (5.0, "FM000", "005"),
            (0.5, "FM990.0", "0.5"),
            (0.5, "9.99", "  .50"),
            (1234.0, "999", " ###"),
            (1.5, "FM999.99", "1.5"),
            (12.0, "S99", "+12"),
            (1_234_567.0, "9,999,999", " 1,234,567"),
        ] {
            assert_eq!(show(value, template), expected, "{value} as {template}");
        }
    }
}
