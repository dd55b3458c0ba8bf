//! Durations: `timedelta`.

use std::cmp::Ordering;

use millstream_jinja::{Args, BinaryOp, Machine, Object, Outcome, Side, Value, Writer};

use super::calendar::DAY_MICROS;
use crate::python::unfit;

/// A duration in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeDelta {
    pub(super) micros: i128,
}

const UNITS: [(&str, f64); 7] = [
    ("days", 86_400e6),
    ("seconds", 1e6),
    ("microseconds", 1.0),
    ("milliseconds", 1e3),
    ("minutes", 60e6),
    ("hours", 3_600e6),
    ("weeks", 604_800e6),
];

impl TimeDelta {
    /// A duration of so many microseconds, if Python knows one that long.
    pub fn new(micros: i128) -> Outcome<Self> {
        const DAYS_MAX: i128 = 999_999_999;
        let days = micros.div_euclid(DAY_MICROS);
        if days.abs() > DAYS_MAX {
            return unfit(format!("days={days}; must have magnitude <= {DAYS_MAX}"));
        }
        Ok(Self { micros })
    }

    /// `timedelta(days, seconds, ...)`.
    pub(super) fn construct(args: Args) -> Outcome {
        let given = args.bind("timedelta", UNITS.map(|(name, _)| name), 0)?;
        let (mut whole, mut part) = (0_i128, 0.0);
        for ((name, unit), value) in UNITS.into_iter().zip(given) {
            let Some(value) = value else { continue };
            if let Some(int) = value.as_int() {
                whole = whole.saturating_add(int.saturating_mul(unit as i128));
            } else if let Value::Float(float) = value {
                part += float * unit;
            } else {
                let kind = value.type_name();
                return unfit(format!("`{name}` of a timedelta is a number, not a {kind}"));
            }
        }
        if !part.is_finite() || part.abs() > 1e30 {
            return unfit("a timedelta cannot be that long");
        }
        Self::new(whole.saturating_add(part.round_ties_even() as i128)).map(Value::object)
    }

    pub(super) fn total_seconds(self) -> f64 {
        self.micros as f64 / 1e6
    }

    fn days(self) -> i128 {
        self.micros.div_euclid(DAY_MICROS)
    }

    fn seconds(self) -> i128 {
        self.micros.rem_euclid(DAY_MICROS) / 1_000_000
    }

    fn microseconds(self) -> i128 {
        self.micros.rem_euclid(1_000_000)
    }

    fn times(self, factor: &Value) -> Outcome<Option<Self>> {
        match factor {
            Value::Float(float) => {
                Self::new((self.micros as f64 * float).round_ties_even() as i128).map(Some)
            }
            factor => match factor.as_int() {
                Some(int) => Self::new(self.micros.saturating_mul(int)).map(Some),
                None => Ok(None),
            },
        }
    }

    fn divided(self, op: BinaryOp, by: &Value) -> Outcome<Option<Value>> {
        if let Some(by) = by.as_object::<Self>() {
            if by.micros == 0 {
                return unfit("division by zero");
            }
            let quotient = self.micros.div_euclid(by.micros);
            return Ok(Some(match op {
                BinaryOp::Divide => Value::Float(self.micros as f64 / by.micros as f64),
                BinaryOp::FloorDivide => Value::Int(quotient),
                _ => Value::object(Self { micros: self.micros - quotient * by.micros }),
            }));
        }
        let Some(divisor) = by.as_float().filter(|_| op != BinaryOp::Remainder) else {
            return Ok(None);
        };
        if divisor == 0.0 {
            return unfit("division by zero");
        }
        let quotient = self.micros as f64 / divisor;
        let micros = match op {
            BinaryOp::Divide => quotient.round_ties_even(),
            _ => quotient.floor(),
        };
        Ok(Some(Value::object(Self::new(micros as i128)?)))
    }
}

impl std::fmt::Display for TimeDelta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = self.days();
        if days != 0 {
            let plural = if days.abs() == 1 { "" } else { "s" };
            write!(f, "{days} day{plural}, ")?;
        }
        let seconds = self.seconds();
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
        match self.microseconds() {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

impl Object for TimeDelta {
    fn type_name(&self) -> &'static str {
        "datetime.timedelta"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let parts = [
            ("days", self.days()),
            ("seconds", self.seconds()),
            ("microseconds", self.microseconds()),
        ];
        let shown = parts.iter().filter(|(_, value)| *value != 0);
        let shown: Vec<String> = shown.map(|(name, value)| format!("{name}={value}")).collect();
        let shown = if shown.is_empty() { "0".to_owned() } else { shown.join(", ") };
        writer.push(&format!("datetime.timedelta({shown})"))
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.to_string())
    }

    fn truth(&self) -> bool {
        self.micros != 0
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Some(Value::Int(match name {
            "days" => self.days(),
            "seconds" => self.seconds(),
            "microseconds" => self.microseconds(),
            _ => return Ok(None),
        })))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["total_seconds"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        args.none(name)?;
        Ok(Value::Float(self.total_seconds()))
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>() == Some(self))
    }

    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        Ok(other.as_object::<Self>().map(|other| self.cmp(other)))
    }

    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        let both = other.as_object::<Self>();
        let result = match (op, side, both) {
            (BinaryOp::Add, _, Some(other)) => Self::new(self.micros + other.micros)?,
            (BinaryOp::Subtract, Side::Left, Some(other)) => Self::new(self.micros - other.micros)?,
            (BinaryOp::Multiply, _, None) => return Ok(self.times(other)?.map(Value::object)),
            (BinaryOp::Divide | BinaryOp::FloorDivide | BinaryOp::Remainder, Side::Left, _) => {
                return self.divided(op, other);
            }
            _ => return Ok(None),
        };
        Ok(Some(Value::object(result)))
    }

    fn negative(&self) -> Outcome<Option<Value>> {
        Ok(Some(Value::object(Self { micros: -self.micros })))
    }

    fn as_key(&self) -> Option<Value> {
        Some(Value::text(self.to_string()))
    }
}
