//! Python's `Decimal`: exact numbers, as warehouses give them for `numeric`.

mod arithmetic;
mod text;

use std::cmp::Ordering;

use millstream_jinja::{Args, BinaryOp, Machine, Object, Outcome, Side, Value, Writer};
use num_bigint::{BigInt, Sign};

use crate::python::unfit;

/// A number with all its digits: `coefficient * 10 ^ exponent`.
#[derive(Debug, Clone)]
pub struct Decimal {
    coefficient: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The number written in a text, if it is one of a bearable size.
    pub fn parse(text: &str) -> Option<Self> {
        text::parse(text)
    }

    /// A whole number.
    pub fn of_int(int: i128) -> Self {
        Self { coefficient: BigInt::from(int), exponent: 0 }
    }

    /// The number that a float is written as.
    pub fn of_float(float: f64) -> Option<Self> {
        if float.is_finite() { Self::parse(&float.to_string()) } else { None }
    }

    /// How many digits stand behind the point, without zeros at the end.
    pub fn decimal_places(&self) -> usize {
        usize::try_from(-self.normalized().exponent).unwrap_or(0)
    }

    /// As a float.
    pub fn to_float(&self) -> f64 {
        format!("{}e{}", self.coefficient, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// Without what stands behind the point.
    pub fn to_int(&self) -> Option<i128> {
        let whole = if self.exponent >= 0 {
            &self.coefficient * text::power_of_ten(self.exponent)
        } else {
            &self.coefficient / text::power_of_ten(-self.exponent)
        };
        i128::try_from(whole).ok()
    }

    /// With so many digits behind the point; what is half-way goes to the even digit.
    pub fn to_places(&self, places: usize) -> String {
        self.with_exponent(-i64::try_from(places).unwrap_or(0)).to_string()
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.coefficient.sign() == Sign::NoSign
    }

    /// The exact number behind a float.
    fn exactly(float: f64) -> Option<Self> {
        float.is_finite().then(|| Self::parse(&format!("{float:.1074}")))?
    }

    /// The number that another value is, exactly.
    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(float) => Self::exactly(*float),
            Value::Object(_) => value.as_object::<Self>().cloned(),
            value => value.as_int().map(Self::of_int),
        }
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(other) == Ordering::Equal
    }
}

impl Object for Decimal {
    fn type_name(&self) -> &'static str {
        "decimal.Decimal"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("Decimal('{self}')"))
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.to_string())
    }

    fn truth(&self) -> bool {
        !self.is_zero()
    }

    fn methods(&self) -> &'static [&'static str] {
        &["is_nan", "normalize", "quantize", "to_integral_value"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        if name == "quantize" {
            return match Self::of_value(&args.one(name, "exp")?) {
                Some(other) => Ok(Value::object(self.with_exponent(other.exponent))),
                None => unfit("`quantize` takes a number"),
            };
        }
        args.none(name)?;
        Ok(match name {
            "is_nan" => Value::Bool(false),
            "normalize" => Value::object(self.normalized()),
            _ => Value::object(self.with_exponent(self.exponent.max(0))),
        })
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(Self::of_value(other).is_some_and(|other| *self == other))
    }

    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        Ok(Self::of_value(other).map(|other| self.compare(&other)))
    }

    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        let other = match other {
            Value::Float(_) => {
                let pair = match side {
                    Side::Left => "'decimal.Decimal' and 'float'",
                    Side::Right => "'float' and 'decimal.Decimal'",
                };
                return unfit(format!("unsupported operand types: {pair}"));
            }
            other => match Self::of_value(other) {
                Some(other) => other,
                None => return Ok(None),
            },
        };
        let result = match side {
            Side::Left => self.calculate(op, &other),
            Side::Right => other.calculate(op, self),
        };
        match result {
            Ok(result) => Ok(Some(Value::object(result))),
            Err(reason) => unfit(reason),
        }
    }

    fn negative(&self) -> Outcome<Option<Value>> {
        let coefficient = -self.coefficient.clone();
        Ok(Some(Value::object(Self { coefficient, exponent: self.exponent })))
    }

    fn as_float(&self) -> Option<f64> {
        Some(self.to_float())
    }

    fn whole(&self) -> Option<i128> {
        self.to_int()
    }

    fn rounded(&self, digits: i32) -> Option<Value> {
        Some(Value::object(self.with_exponent(-i64::from(digits))))
    }

    fn formatted(&self, spec: &str) -> Outcome<Option<(Value, String)>> {
        let kind = spec.chars().last().filter(char::is_ascii_alphabetic);
        let spec = match kind {
            None if !spec.contains('.') => {
                format!("{spec}.{}f", usize::try_from(-self.exponent).unwrap_or(0))
            }
            _ => spec.to_owned(),
        };
        Ok(Some((Value::Float(self.to_float()), spec)))
    }

    fn as_key(&self) -> Option<Value> {
        Some(Value::Float(self.to_float()))
    }
}

#[cfg(test)]
mod tests;
