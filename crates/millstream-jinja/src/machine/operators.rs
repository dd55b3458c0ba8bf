//! Operators between values.

use super::{Machine, UndefinedMode};
use crate::ast::{BinaryOp, CompareOp};
use crate::error::{Outcome, too_large, unfit};
use crate::format;
use crate::number;
use crate::value::{Comparison, ITEMS_MAX, Iter, Key, Side, Value, equal, missing, order};

impl Machine<'_> {
    /// Whether a value counts as true.
    pub(crate) fn truth(&self, value: &Value) -> Outcome<bool> {
        self.usable(value)?;
        Ok(value.truth())
    }

    /// Refuses what is not there, where any use of it is an error.
    pub(crate) fn usable(&self, value: &Value) -> Outcome<()> {
        match value {
            Value::Undefined(reason) if self.settings.undefined == UndefinedMode::Strict => {
                missing(reason)
            }
            _ => Ok(()),
        }
    }

    /// Goes over the items of a value.
    pub(crate) fn iterate(&self, value: &Value) -> Outcome<Iter> {
        self.usable(value)?;
        value.iterate()
    }

    /// All items of a value.
    pub(crate) fn items(&mut self, value: &Value) -> Outcome<Vec<Value>> {
        self.usable(value)?;
        let items = value.items()?;
        self.charge(items.len() as u64 / 8)?;
        Ok(items)
    }

    /// Uses up steps for a value that was made.
    pub(crate) fn charge_value(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::Text(text) => self.charge_text(text.len()),
            Value::List(list) => self.charge(list.len() as u64 / 8),
            Value::Tuple(tuple) => self.charge(tuple.items().len() as u64 / 8),
            Value::Dict(dict) => self.charge(dict.len() as u64 / 8),
            _ => Ok(()),
        }
    }

    pub(super) fn negative(value: &Value) -> Outcome {
        if let Value::Object(object) = value
            && let Some(result) = object.negative()?
        {
            return Ok(result);
        }
        match number::negative(value) {
            Some(result) => result,
            None => misfit("-", value),
        }
    }

    pub(super) fn positive(value: Value) -> Outcome {
        match value {
            Value::Bool(bool) => Ok(Value::Int(i128::from(bool))),
            Value::Int(_) | Value::Float(_) => Ok(value),
            Value::Object(ref object) if object.as_float().is_some() => Ok(value),
            value => misfit("+", &value),
        }
    }

    /// `left op right`.
    pub fn binary(&mut self, op: BinaryOp, left: &Value, right: &Value) -> Outcome {
        if let Some(result) = of_objects(op, left, right)? {
            return Ok(result);
        }
        if let Some(result) = number::binary(op, left, right) {
            return result;
        }
        if op == BinaryOp::Remainder
            && let Value::Text(template) = left
        {
            return format::percent(self, template, right);
        }
        not_undefined(left)?;
        not_undefined(right)?;
        let result = match (op, left, right) {
            (BinaryOp::Add, Value::Text(a), Value::Text(b)) => {
                self.charge_text(a.len() + b.len())?;
                Value::text([&**a, &**b].concat())
            }
            (BinaryOp::Add, Value::List(a), Value::List(b)) => {
                Value::list(self.joined(&a.snapshot(), &b.snapshot())?)
            }
            (BinaryOp::Add, Value::Tuple(a), Value::Tuple(b)) => {
                Value::tuple(self.joined(a.items(), b.items())?)
            }
            (BinaryOp::Subtract, Value::Set(a), Value::Set(b)) => {
                let without = a
                    .snapshot()
                    .into_iter()
                    .filter(|item| !Key::new(item.clone()).is_ok_and(|key| b.contains(&key)));
                Value::set(without)?
            }
            (BinaryOp::Multiply, items, times) if times.as_int().is_some() => {
                return self.repeated(items, times.as_int().unwrap_or_default());
            }
            (BinaryOp::Multiply, times, items) if times.as_int().is_some() => {
                return self.repeated(items, times.as_int().unwrap_or_default());
            }
            _ => return unfit(misfit_text(op, left, right)),
        };
        Ok(result)
    }

    fn joined(&mut self, a: &[Value], b: &[Value]) -> Outcome<Vec<Value>> {
        self.charge_items(a.len() + b.len())?;
        Ok([a, b].concat())
    }

    /// Uses up steps for items that are going to be made, and refuses too many.
    pub(crate) fn charge_items(&mut self, items: usize) -> Outcome<()> {
        if items > ITEMS_MAX {
            return too_large("a list");
        }
        self.charge(items as u64 / 8)
    }

    fn repeated(&mut self, value: &Value, times: i128) -> Outcome {
        let times = usize::try_from(times.max(0)).unwrap_or(usize::MAX);
        match value {
            Value::Text(text) => {
                self.charge_text(text.len().saturating_mul(times))?;
                Ok(Value::text(text.repeat(if text.is_empty() { 0 } else { times })))
            }
            Value::List(list) => Ok(Value::list(self.many(&list.snapshot(), times)?)),
            Value::Tuple(tuple) => Ok(Value::tuple(self.many(tuple.items(), times)?)),
            _ => unfit(format!("a {} cannot be repeated", value.type_name())),
        }
    }

    fn many(&mut self, items: &[Value], times: usize) -> Outcome<Vec<Value>> {
        self.charge_items(items.len().saturating_mul(times))?;
        let times = if items.is_empty() { 0 } else { times };
        Ok(std::iter::repeat_n(items, times).flatten().cloned().collect())
    }

    /// Whether a comparison holds.
    pub(crate) fn holds(&mut self, op: CompareOp, left: &Value, right: &Value) -> Outcome<bool> {
        use std::cmp::Ordering;
        self.usable(left)?;
        self.usable(right)?;
        match op {
            CompareOp::Equal => return equal(left, right),
            CompareOp::Unequal => return equal(left, right).map(|equal| !equal),
            CompareOp::In => return self.contains(right, left),
            CompareOp::NotIn => return self.contains(right, left).map(|found| !found),
            _ => {}
        }
        not_undefined(left)?;
        not_undefined(right)?;
        let Some(order) = order(left, right)? else { return Ok(false) };
        Ok(match op {
            CompareOp::Less => order == Ordering::Less,
            CompareOp::LessOrEqual => order != Ordering::Greater,
            CompareOp::Greater => order == Ordering::Greater,
            _ => order != Ordering::Less,
        })
    }

    /// Compares values, each for a step.
    pub(crate) fn comparing<T>(
        &mut self,
        part: impl FnOnce(&mut Comparison) -> Outcome<T>,
    ) -> Outcome<T> {
        let mut comparison = Comparison::within(self.fuel);
        let found = part(&mut comparison);
        self.charge(comparison.steps().min(self.fuel))?;
        found
    }

    /// Whether an item is in a value.
    pub(crate) fn contains(&mut self, container: &Value, item: &Value) -> Outcome<bool> {
        match (container, item) {
            (Value::Text(text), Value::Text(part)) => Ok(text.contains(&**part)),
            (Value::Text(_), Value::Undefined(reason)) => missing(reason),
            (Value::Text(_), _) => unfit(format!("a {} cannot be in a str", item.type_name())),
            (Value::Dict(dict), _) => Ok(dict.get(&Key::new(item.clone())?).is_some()),
            (Value::Set(set), _) => Ok(set.contains(&Key::new(item.clone())?)),
            _ => {
                let mut iter = self.iterate(container)?;
                self.comparing(|comparison| {
                    while let Some(found) = iter.advance()? {
                        if found.is_same(item) || comparison.equal(&found, item)? {
                            return Ok(true);
                        }
                    }
                    Ok(false)
                })
            }
        }
    }
}

fn not_undefined(value: &Value) -> Outcome<()> {
    match value {
        Value::Undefined(reason) => missing(reason),
        _ => Ok(()),
    }
}

/// What one of the values says of an operator, if one of them is an object.
fn of_objects(op: BinaryOp, left: &Value, right: &Value) -> Outcome<Option<Value>> {
    if let Value::Object(object) = left
        && let Some(result) = object.binary(op, right, Side::Left)?
    {
        return Ok(Some(result));
    }
    match right {
        Value::Object(object) => object.binary(op, left, Side::Right),
        _ => Ok(None),
    }
}

fn misfit(op: &str, value: &Value) -> Outcome {
    not_undefined(value)?;
    unfit(format!("`{op}` does not fit a {}", value.type_name()))
}

fn misfit_text(op: BinaryOp, left: &Value, right: &Value) -> String {
    let op = op.sign();
    format!("`{op}` does not fit a {} and a {}", left.type_name(), right.type_name())
}
