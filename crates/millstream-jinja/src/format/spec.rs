//! What stands behind the colon in `{:>10.2f}`.

use super::number::{Sign, exponent, fixed, general, in_base};
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::number::float_repr;
use crate::value::Value;

/// The most digits behind a point.
pub(super) const PRECISION_MAX: usize = 1000;

#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

/// A value as its specification says.
pub(super) fn formatted(machine: &mut Machine<'_>, value: &Value, spec: &str) -> Outcome<String> {
    if spec.is_empty() {
        return Ok(value.to_text()?.to_string());
    }
    if let Value::Object(object) = value
        && let Some((value, spec)) = object.formatted(spec)?
    {
        return formatted(machine, &value, &spec);
    }
    let Some(spec) = Spec::parse(spec) else {
        return unfit(format!("`{spec}` is no specification of a format"));
    };
    machine.charge_text(spec.width.saturating_mul(4))?;
    if spec.precision.is_some_and(|precision| precision > PRECISION_MAX)
        && !matches!(value, Value::Text(_))
    {
        return crate::error::too_large("a number");
    }
    match value {
        Value::Text(text) => spec.text(text),
        Value::Float(float) => spec.float(*float),
        _ => match value.as_int() {
            Some(int) => spec.int(int),
            None => unfit(format!("a {} takes no format", value.type_name())),
        },
    }
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let mut spec = Self::default();
        let mut chars: Vec<char> = text.chars().collect();
        chars.reverse();
        let is_align = |c: char| "<>=^".contains(c);
        if chars.len() > 1 && is_align(chars[chars.len() - 2]) {
            spec.fill = chars.pop();
            spec.align = chars.pop();
        } else if chars.last().copied().is_some_and(is_align) {
            spec.align = chars.pop();
        }
        spec.sign = pop_if(&mut chars, |c| "+- ".contains(c));
        spec.alternate = pop_if(&mut chars, |c| c == '#').is_some();
        spec.zero = pop_if(&mut chars, |c| c == '0').is_some();
        spec.width = digits(&mut chars)?.unwrap_or_default();
        spec.grouping = pop_if(&mut chars, |c| c == ',' || c == '_');
        if pop_if(&mut chars, |c| c == '.').is_some() {
            spec.precision = Some(digits(&mut chars)??);
        }
        spec.kind = chars.pop();
        chars.is_empty().then_some(spec)
    }

    fn text(&self, text: &str) -> Outcome<String> {
        let fits = matches!(self.kind, None | Some('s'))
            && self.sign.is_none()
            && self.grouping.is_none()
            && !self.alternate
            && self.align != Some('=');
        if !fits {
            return unfit("this format does not fit a str");
        }
        let shown: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        Ok(self.padded("", &shown, '<'))
    }

    fn int(&self, int: i128) -> Outcome<String> {
        let kind = self.kind.unwrap_or('d');
        match kind {
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%' => return self.float(int as f64),
            'c' => {
                let found = u32::try_from(int).ok().and_then(char::from_u32);
                return match found {
                    Some(found) => Ok(self.padded("", &found.to_string(), '<')),
                    None => unfit("this number is no character"),
                };
            }
            'd' | 'n' | 'b' | 'o' | 'x' | 'X' if self.precision.is_none() => {}
            _ => return unfit("this format does not fit an int"),
        }
        let digits = in_base(int.unsigned_abs(), kind);
        let group = if matches!(kind, 'd' | 'n') { 3 } else { 4 };
        let digits = self.grouped(&digits, group);
        let mut prefix = self.sign_of(Sign::of_int(int)).to_owned();
        if self.alternate && matches!(kind, 'b' | 'o' | 'x' | 'X') {
            prefix.push('0');
            prefix.push(kind);
        }
        Ok(self.padded(&prefix, &digits, '>'))
    }

    fn float(&self, float: f64) -> Outcome<String> {
        let size = float.abs();
        let precision = self.precision.unwrap_or(6);
        let mut shown = match self.kind {
            Some('f' | 'F') => fixed(size, precision),
            Some('e' | 'E') => exponent(size, precision),
            Some('g' | 'G' | 'n') => general(size, precision),
            Some('%') => fixed(size * 100.0, precision) + "%",
            None if self.precision.is_none() => float_repr(size),
            None => {
                let shown = general(size, precision);
                let is_whole = shown.bytes().all(|byte| byte.is_ascii_digit());
                if is_whole { shown + ".0" } else { shown }
            }
            Some(_) => return unfit("this format does not fit a float"),
        };
        if self.kind.is_some_and(|kind| kind.is_ascii_uppercase()) {
            shown = shown.to_uppercase();
        }
        let whole = shown.bytes().take_while(u8::is_ascii_digit).count();
        let shown = self.grouped(&shown[..whole], 3) + &shown[whole..];
        Ok(self.padded(self.sign_of(Sign::of_float(float)), &shown, '>'))
    }

    fn sign_of(&self, sign: Sign) -> &'static str {
        match (sign, self.sign) {
            (Sign::Minus, _) => "-",
            (Sign::Plus, Some('+')) => "+",
            (Sign::Plus, Some(' ')) => " ",
            _ => "",
        }
    }

    fn grouped(&self, digits: &str, group: usize) -> String {
        let Some(mark) = self.grouping else { return digits.to_owned() };
        let mut grouped = String::new();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(group) {
                grouped.push(mark);
            }
            grouped.push(digit);
        }
        grouped
    }

    fn padded(&self, prefix: &str, shown: &str, default: char) -> String {
        let missing = self.width.saturating_sub(prefix.chars().count() + shown.chars().count());
        let is_number = default == '>';
        let align = self.align.unwrap_or(if self.zero && is_number { '=' } else { default });
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
        let filling = |length: usize| std::iter::repeat_n(fill, length).collect::<String>();
        match align {
            '<' => format!("{prefix}{shown}{}", filling(missing)),
            '^' => {
                let left = missing / 2;
                format!("{}{prefix}{shown}{}", filling(left), filling(missing - left))
            }
            '=' => format!("{prefix}{}{shown}", filling(missing)),
            _ => format!("{}{prefix}{shown}", filling(missing)),
        }
    }
}

fn pop_if(chars: &mut Vec<char>, test: impl Fn(char) -> bool) -> Option<char> {
    if test(*chars.last()?) { chars.pop() } else { None }
}

/// A number, if there is one; nothing at all if it is far too large.
#[expect(clippy::option_option, reason = "no number is not the same as a number that is too large")]
fn digits(chars: &mut Vec<char>) -> Option<Option<usize>> {
    let mut found = None;
    while let Some(digit) = chars.last().and_then(|c| c.to_digit(10)) {
        chars.pop();
        found = Some(found.unwrap_or(0_usize).checked_mul(10)?.checked_add(digit as usize)?);
    }
    Some(found)
}
