//! PostgreSQL's `numeric` in its binary form: digits in base 10,000 with the place of the first.

/// The exact number in units of a scale; `None` if it is none or does not fit.
pub(super) fn decimal(bytes: &[u8], precision: u8, scale: i8) -> Option<i128> {
    const NEGATIVE: u16 = 0x4000;
    let (header, digits) = bytes.split_at_checked(8)?;
    let word = |place: usize| u16::from_be_bytes([header[place], header[place + 1]]);
    let (weight, sign) = (i32::from(word(2).cast_signed()), word(4));
    if sign != 0 && sign != NEGATIVE {
        return None;
    }
    let mut number: i128 = 0;
    for (index, group) in digits.chunks_exact(2).enumerate() {
        let group = i128::from(u16::from_be_bytes([group[0], group[1]]));
        // The power of ten that the last digit of the group stands for, in units of the scale.
        let power = (weight - index as i32) * 4 + i32::from(scale);
        let part = match power {
            _ if group == 0 => 0,
            0.. => group.checked_mul(10_i128.checked_pow(power.unsigned_abs())?)?,
            -3..0 => {
                let unit = 10_i128.pow(power.unsigned_abs());
                if group % unit != 0 {
                    return None;
                }
                group / unit
            }
            _ => return None,
        };
        number = number.checked_add(part)?;
    }
    let end = 10_i128.checked_pow(u32::from(precision))?;
    let signed = if sign == NEGATIVE { -number } else { number };
    (number < end).then_some(signed)
}

/// What stands for a number that is none.
pub(super) fn words(bytes: &[u8]) -> &'static str {
    match bytes.get(4..6) {
        Some([0xC0, 0]) => "NaN",
        Some([0xD0, 0]) => "Infinity",
        Some([0xF0, 0]) => "-Infinity",
        _ => "a number that does not fit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend((digits.len() as u16).to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend(sign.to_be_bytes());
        bytes.extend(2_u16.to_be_bytes());
        for digit in digits {
            bytes.extend(digit.to_be_bytes());
        }
        bytes
    }

    #[test]
    fn numbers_are_exact_or_nothing() {
        assert_eq!(decimal(&numeric(0, 0, &[12, 3400]), 6, 2), Some(1234));
        assert_eq!(decimal(&numeric(0, 0x4000, &[12, 3400]), 6, 2), Some(-1234));
        assert_eq!(decimal(&numeric(0, 0, &[12, 3450]), 6, 2), None, "a digit too many");
        assert_eq!(decimal(&numeric(1, 0, &[1]), 6, 0), Some(10_000));
        assert_eq!(decimal(&numeric(0, 0, &[1234]), 3, 0), None, "too large");
        assert_eq!(decimal(&numeric(-1, 0, &[1]), 6, 4), Some(1));
        assert_eq!(decimal(&numeric(0, 0, &[]), 6, 2), Some(0));
        assert_eq!(decimal(&numeric(0, 0xC000, &[]), 6, 2), None);
        let most = [99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999];
        assert_eq!(decimal(&numeric(9, 0, &most), 38, 0), Some(10_i128.pow(38) - 1));
        assert_eq!(words(&numeric(0, 0xC000, &[])), "NaN");
        assert_eq!(decimal(&[1], 6, 2), None);
    }
}
