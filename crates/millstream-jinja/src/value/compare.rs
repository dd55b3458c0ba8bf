//! Whether values are equal, and which comes first.

use std::cmp::Ordering;

use super::Value;
use crate::error::{Error, ErrorKind, Outcome, unfit};

/// How deeply two values are compared.
const DEPTH_MAX: usize = 100;
/// How many values are compared for one answer.
const STEPS_MAX: u64 = 1_000_000;

/// Whether two values are equal.
pub(crate) fn equal(a: &Value, b: &Value) -> Outcome<bool> {
    Comparison::within(STEPS_MAX).equal(a, b)
}

/// Which of two values comes first; nothing where a number is none.
pub(crate) fn order(a: &Value, b: &Value) -> Outcome<Option<Ordering>> {
    Comparison::within(STEPS_MAX).order(a, b)
}

/// Comparisons that together may look at so many values.
pub(crate) struct Comparison {
    depth: usize,
    steps: u64,
    steps_max: u64,
}

impl Comparison {
    pub(crate) fn within(steps_max: u64) -> Self {
        Self { depth: 0, steps: 0, steps_max }
    }

    /// How many values were looked at.
    pub(crate) fn steps(&self) -> u64 {
        self.steps
    }

    fn step(&mut self) -> Outcome<()> {
        self.steps += 1;
        if self.steps > self.steps_max {
            let message = "these values take too long to compare";
            return Err(Error::new(ErrorKind::OutOfFuel, message).into());
        }
        Ok(())
    }

    fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= DEPTH_MAX {
            return Err(
                Error::new(ErrorKind::TooDeep, "these values are too deep to compare").into()
            );
        }
        self.depth += 1;
        let found = part(self);
        self.depth -= 1;
        found
    }

    /// Whether two values are equal.
    pub(crate) fn equal(&mut self, a: &Value, b: &Value) -> Outcome<bool> {
        self.step()?;
        Ok(match (a, b) {
            (Value::Undefined(_), Value::Undefined(_)) | (Value::None, Value::None) => true,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::List(_), Value::List(_))
            | (Value::Tuple(_), Value::Tuple(_))
            | (Value::Set(_), Value::Set(_))
            | (Value::Dict(_), Value::Dict(_))
                if a.is_same(b) =>
            {
                true
            }
            (Value::List(a), Value::List(b)) => {
                let (a, b) = (a.snapshot(), b.snapshot());
                return self.deeper(|this| this.all_equal(&a, &b));
            }
            (Value::Tuple(a), Value::Tuple(b)) => {
                return self.deeper(|this| this.all_equal(a.items(), b.items()));
            }
            (Value::Set(a), Value::Set(b)) => {
                a.len() == b.len()
                    && a.snapshot()
                        .into_iter()
                        .all(|item| super::Key::new(item).is_ok_and(|key| b.contains(&key)))
            }
            (Value::Dict(a), Value::Dict(b)) => {
                return self.deeper(|this| this.dicts_equal(a, b));
            }
            (Value::Object(object), other) | (other, Value::Object(object)) => {
                a.is_same(b) || object.equals(other)?
            }
            _ => are_numbers(a, b) && numbers(a, b) == Some(Ordering::Equal),
        })
    }

    fn all_equal(&mut self, a: &[Value], b: &[Value]) -> Outcome<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (a, b) in a.iter().zip(b) {
            if !self.equal(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn dicts_equal(&mut self, a: &super::Dict, b: &super::Dict) -> Outcome<bool> {
        if a.len() != b.len() {
            return Ok(false);
        }
        for (key, value) in a.snapshot() {
            let Some(other) = b.get(&super::Key::new(key)?) else { return Ok(false) };
            if !self.equal(&value, &other)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Which of two values comes first; nothing where a number is none.
    pub(crate) fn order(&mut self, a: &Value, b: &Value) -> Outcome<Option<Ordering>> {
        self.step()?;
        match (a, b) {
            (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
            (Value::List(a), Value::List(b)) => {
                let (a, b) = (a.snapshot(), b.snapshot());
                self.deeper(|this| this.lexical(&a, &b))
            }
            (Value::Tuple(a), Value::Tuple(b)) => {
                self.deeper(|this| this.lexical(a.items(), b.items()))
            }
            (Value::Object(object), other) | (other, Value::Object(object)) => {
                match (object.order(other)?, a) {
                    (Some(order), Value::Object(_)) => Ok(Some(order)),
                    (Some(order), _) => Ok(Some(order.reverse())),
                    (None, _) => incomparable(a, b),
                }
            }
            _ if are_numbers(a, b) => Ok(numbers(a, b)),
            _ => incomparable(a, b),
        }
    }

    fn lexical(&mut self, a: &[Value], b: &[Value]) -> Outcome<Option<Ordering>> {
        for (a, b) in a.iter().zip(b) {
            if !self.equal(a, b)? {
                return self.order(a, b);
            }
        }
        Ok(Some(a.len().cmp(&b.len())))
    }
}

fn incomparable<T>(a: &Value, b: &Value) -> Outcome<T> {
    unfit(format!("a {} and a {} have no order", a.type_name(), b.type_name()))
}

fn are_numbers(a: &Value, b: &Value) -> bool {
    a.as_float().is_some() && b.as_float().is_some()
}

/// The order of two numbers; nothing where one is `nan`.
fn numbers(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Float(a), b) => int_and_float(b.as_int()?, *a).map(Ordering::reverse),
        (a, Value::Float(b)) => int_and_float(a.as_int()?, *b),
        (a, b) => Some(a.as_int()?.cmp(&b.as_int()?)),
    }
}

fn int_and_float(int: i128, float: f64) -> Option<Ordering> {
    let whole = float.trunc();
    let edge = 2_f64.powi(127);
    if float.is_nan() {
        None
    } else if whole >= edge {
        Some(Ordering::Less)
    } else if whole < -edge {
        Some(Ordering::Greater)
    } else {
        Some(int.cmp(&(whole as i128)).then(whole.partial_cmp(&float)?))
    }
}
