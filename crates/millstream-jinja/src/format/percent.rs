//! `'%s and %d' % (a, b)`.

use super::number::{Sign, exponent, fixed, general, in_base};
use super::spec::PRECISION_MAX;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::value::{Shape, Value, missing};

/// Fills the `%` of a text.
pub(crate) fn percent(machine: &mut Machine<'_>, template: &str, values: &Value) -> Outcome {
    let mut filler = Filler::new(values);
    let mut text = String::new();
    let mut rest = template;
    while let Some(found) = rest.find('%') {
        text.push_str(&rest[..found]);
        machine.charge_text(text.len() / 16)?;
        rest = &rest[found + 1..];
        let (directive, behind) = filler.directive(rest)?;
        filler.write(machine, &directive, &mut text)?;
        rest = behind;
    }
    text.push_str(rest);
    filler.finish()?;
    machine.charge_text(text.len())?;
    Ok(Value::text(text))
}

struct Filler<'a> {
    values: &'a Value,
    next: usize,
    /// How many values there are to take one after the other.
    count: usize,
}

#[derive(Default)]
struct Directive {
    name: Option<String>,
    left: bool,
    zero: bool,
    alternate: bool,
    sign: &'static str,
    width: usize,
    precision: Option<usize>,
    kind: char,
}

impl<'a> Filler<'a> {
    fn new(values: &'a Value) -> Self {
        let count = match values {
            Value::Tuple(tuple) => tuple.items().len(),
            _ => 1,
        };
        Self { values, next: 0, count }
    }

    fn take(&mut self) -> Outcome {
        let value = match self.values {
            Value::Tuple(tuple) => tuple.items().get(self.next).cloned(),
            value => (self.next == 0).then(|| value.clone()),
        };
        self.next += 1;
        match value {
            Some(value) => Ok(value),
            None => unfit("a format has fewer values than places"),
        }
    }

    /// Every value has to have a place, but for those that have keys or numbers themselves.
    fn finish(&self) -> Outcome<()> {
        let keyed = match self.values {
            Value::Dict(_) | Value::List(_) | Value::Undefined(_) => true,
            Value::Object(object) => object.shape() != Shape::Plain,
            _ => false,
        };
        if !keyed && self.next < self.count {
            return unfit("a format has more values than places");
        }
        Ok(())
    }

    fn directive<'t>(&mut self, text: &'t str) -> Outcome<(Directive, &'t str)> {
        let mut directive = Directive::default();
        let mut rest = text;
        if let Some(behind) = rest.strip_prefix('(') {
            let Some((name, behind)) = behind.split_once(')') else {
                return unfit("a `%(` in a format is not closed");
            };
            directive.name = Some(name.to_owned());
            rest = behind;
        }
        while let Some(flag) = rest.chars().next().filter(|c| "-+ 0#".contains(*c)) {
            match flag {
                '-' => directive.left = true,
                '+' => directive.sign = "+",
                ' ' if directive.sign.is_empty() => directive.sign = " ",
                '0' => directive.zero = true,
                '#' => directive.alternate = true,
                _ => {}
            }
            rest = &rest[1..];
        }
        directive.width = self.size(&mut rest)?.unwrap_or_default();
        if let Some(behind) = rest.strip_prefix('.') {
            rest = behind;
            directive.precision = Some(self.size(&mut rest)?.unwrap_or_default());
        }
        rest = rest.trim_start_matches(['h', 'l', 'L']);
        let Some(kind) = rest.chars().next() else {
            return unfit("a format ends with an open `%`");
        };
        directive.kind = kind;
        Ok((directive, &rest[kind.len_utf8()..]))
    }

    /// A width or precision: digits, or `*` for the next value.
    fn size(&mut self, rest: &mut &str) -> Outcome<Option<usize>> {
        if let Some(behind) = rest.strip_prefix('*') {
            *rest = behind;
            return match self.take()?.as_int().map(usize::try_from) {
                Some(Ok(size)) => Ok(Some(size)),
                _ => unfit("a width in a format is a whole number"),
            };
        }
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, behind) = rest.split_at(length);
        *rest = behind;
        if digits.is_empty() {
            return Ok(None);
        }
        match digits.parse() {
            Ok(size) => Ok(Some(size)),
            Err(_) => crate::error::too_large("a text"),
        }
    }

    fn write(
        &mut self,
        machine: &mut Machine<'_>,
        directive: &Directive,
        text: &mut String,
    ) -> Outcome<()> {
        if directive.kind == '%' {
            text.push('%');
            return Ok(());
        }
        let value = match &directive.name {
            None => self.take()?,
            Some(name) => match self.values.as_dict().map(|dict| dict.get_text(name)) {
                Some(Some(value)) => value,
                Some(None) => return unfit(format!("the format has no value for `{name}`")),
                None => return unfit("a format with names needs a dict"),
            },
        };
        machine.charge_text(directive.width)?;
        text.push_str(&directive.filled(&value)?);
        Ok(())
    }
}

impl Directive {
    fn filled(&self, value: &Value) -> Outcome<String> {
        match self.kind {
            's' => Ok(self.text(&value.to_text()?)),
            'r' | 'a' => Ok(self.text(&value.to_repr()?)),
            'c' => self.character(value),
            'd' | 'i' | 'u' => self.int(value),
            'x' | 'X' | 'o' => match value.as_int() {
                Some(int) => Ok(self.number(Sign::of_int(int), &self.in_base(int))),
                None => unfit(format!("`%{}` takes a whole number", self.kind)),
            },
            'f' | 'F' | 'e' | 'E' | 'g' | 'G' => self.float(value),
            kind => unfit(format!("a format has no `%{kind}`")),
        }
    }

    fn text(&self, text: &str) -> String {
        let shown: String = text.chars().take(self.precision.unwrap_or(usize::MAX)).collect();
        self.padded(shown)
    }

    fn padded(&self, shown: String) -> String {
        let blanks = " ".repeat(self.width.saturating_sub(shown.chars().count()));
        if self.left { shown + &blanks } else { blanks + &shown }
    }

    fn character(&self, value: &Value) -> Outcome<String> {
        let found = match value {
            Value::Text(text) if text.chars().count() == 1 => Some(text.to_string()),
            _ => value
                .as_int()
                .and_then(|int| u32::try_from(int).ok())
                .and_then(char::from_u32)
                .map(String::from),
        };
        match found {
            Some(found) => Ok(self.padded(found)),
            None => unfit("`%c` takes a character"),
        }
    }

    fn int(&self, value: &Value) -> Outcome<String> {
        let int = match value {
            Value::Undefined(reason) => return missing(reason),
            _ => value.whole(),
        };
        let Some(int) = int else {
            return unfit(format!("`%d` takes a number, not a {}", value.type_name()));
        };
        let digits = int.unsigned_abs().to_string();
        let digits =
            format!("{digits:0>width$}", width = self.precision.unwrap_or(0).min(PRECISION_MAX));
        Ok(self.number(Sign::of_int(int), &digits))
    }

    fn in_base(&self, int: i128) -> String {
        let digits = in_base(int.unsigned_abs(), self.kind);
        if self.alternate { format!("0{}{digits}", self.kind) } else { digits }
    }

    fn float(&self, value: &Value) -> Outcome<String> {
        let Some(float) = value.as_float() else {
            return unfit(format!("`%{}` takes a number, not a {}", self.kind, value.type_name()));
        };
        let precision = self.precision.unwrap_or(6);
        if precision > PRECISION_MAX {
            return crate::error::too_large("a number");
        }
        let size = float.abs();
        let shown = match self.kind.to_ascii_lowercase() {
            'f' => fixed(size, precision),
            'e' => exponent(size, precision),
            _ => general(size, precision),
        };
        let shown = if self.kind.is_ascii_uppercase() { shown.to_uppercase() } else { shown };
        Ok(self.number(Sign::of_float(float), &shown))
    }

    fn number(&self, sign: Sign, digits: &str) -> String {
        let sign = if sign == Sign::Minus { "-" } else { self.sign };
        if self.zero && !self.left {
            let width = self.width.saturating_sub(sign.len());
            return format!("{sign}{digits:0>width$}");
        }
        self.padded(format!("{sign}{digits}"))
    }
}
