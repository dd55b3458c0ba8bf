//! Attributes, items, slices and methods of values.

use std::rc::Rc;

use super::{Machine, UndefinedMode};
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::methods;
use crate::value::{Bound, Key, Missing, Range, Shape, Value, missing};

type Bounds = [Option<i128>; 3];

impl Machine<'_> {
    /// What `value.name` is.
    pub fn attribute(&mut self, of: &Value, name: &str) -> Outcome {
        if let Some(found) = self.own_attribute(of, name)? {
            return Ok(found);
        }
        let found = match of {
            Value::Undefined(reason) => return self.inside_undefined(of, reason),
            Value::Dict(dict) => dict.get_text(name),
            Value::Object(object) => object.item(self, &Value::text(name))?,
            _ => None,
        };
        Ok(found.unwrap_or_else(|| no_member(of, name.to_owned())))
    }

    /// What `value[key]` is.
    pub fn item(&mut self, of: &Value, key: &Value) -> Outcome {
        let found = match of {
            Value::Undefined(reason) => return self.inside_undefined(of, reason),
            Value::Dict(dict) => Key::new(key.clone()).ok().and_then(|key| dict.get(&key)),
            Value::Object(object) => object.item(self, key)?,
            Value::List(list) => place(key, list.len()).and_then(|index| list.get(index)),
            Value::Tuple(tuple) => {
                place(key, tuple.items().len()).and_then(|index| tuple.items().get(index).cloned())
            }
            Value::Text(text) => character(text, key),
            _ => None,
        };
        if let Some(found) = found {
            return Ok(found);
        }
        if let Some(name) = key.as_text()
            && let Some(found) = self.own_attribute(of, name)?
        {
            return Ok(found);
        }
        if let Some(name) = key.as_text() {
            return Ok(no_member(of, name.to_owned()));
        }
        let key = match key {
            Value::Undefined(_) => "Undefined".to_owned(),
            key => key.to_repr()?,
        };
        let of = of.type_name().to_owned();
        Ok(Value::Undefined(Rc::new(Missing::Element { of, key })))
    }

    /// Runs `value.name(args)`.
    pub(crate) fn call_method(&mut self, of: &Value, name: &str, args: Args) -> Outcome {
        if let Value::Object(object) = of {
            if object.methods().contains(&name) {
                return object.call_method(self, name, args);
            }
        } else if let Some(run) = methods::find(of, name) {
            let found = run(self, of, args)?;
            self.charge_value(&found)?;
            return Ok(found);
        }
        let callee = self.attribute(of, name)?;
        self.call(&callee, args)
    }

    /// An attribute that is no item: a method, or what an object says.
    pub(crate) fn own_attribute(&mut self, of: &Value, name: &str) -> Outcome<Option<Value>> {
        if let Value::Object(object) = of {
            if let Some(found) = object.attribute(self, name)? {
                return Ok(Some(found));
            }
            if !object.methods().contains(&name) {
                return Ok(None);
            }
        } else if methods::find(of, name).is_none() {
            return Ok(None);
        }
        Ok(Some(Value::object(Bound::new(of.clone(), name))))
    }

    fn inside_undefined(&self, of: &Value, reason: &Missing) -> Outcome {
        match self.settings.undefined {
            UndefinedMode::Chainable => Ok(of.clone()),
            _ => missing(reason),
        }
    }

    /// What `value[start:stop:step]` is.
    pub(crate) fn slice(&mut self, of: &Value, bounds: Bounds) -> Outcome {
        if bounds[2] == Some(0) {
            return unfit("the step of a slice cannot be zero");
        }
        let sliced = match of {
            Value::Undefined(reason) => return self.inside_undefined(of, reason),
            Value::List(list) => Value::list(picked(&list.snapshot(), bounds)),
            Value::Tuple(tuple) => Value::tuple(picked(tuple.items(), bounds)),
            Value::Text(text) => {
                let characters: Vec<char> = text.chars().collect();
                Value::text(picked(&characters, bounds).into_iter().collect::<String>())
            }
            Value::Object(object) => match (of.as_object::<Range>(), object.iterate()) {
                (Some(range), _) => sliced_range(range, bounds),
                (None, Some(items)) if object.shape() == Shape::Sequence => {
                    Value::tuple(picked(&items.collect()?, bounds))
                }
                _ => return unfit(format!("a {} cannot be sliced", of.type_name())),
            },
            _ => return unfit(format!("a {} cannot be sliced", of.type_name())),
        };
        self.charge_value(&sliced)?;
        Ok(sliced)
    }
}

/// An index that counts from the end when it is negative.
fn place(key: &Value, length: usize) -> Option<usize> {
    let index = key.as_int()?;
    let index = if index < 0 { index + length as i128 } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

fn character(text: &str, key: &Value) -> Option<Value> {
    if text.is_ascii() {
        let index = place(key, text.len())?;
        return Some(Value::text(&text[index..=index]));
    }
    let index = place(key, text.chars().count())?;
    let found = text.chars().nth(index)?;
    Some(Value::text(found.encode_utf8(&mut [0; 4]) as &str))
}

/// The first index and how many follow, for a length.
fn indices(length: usize, [start, stop, step]: Bounds) -> (i128, usize, i128) {
    let length = length as i128;
    let step = step.unwrap_or(1);
    let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let bound = |bound: Option<i128>, default: i128| match bound {
        None => default,
        Some(bound) if bound < 0 => bound.saturating_add(length).clamp(low, high),
        Some(bound) => bound.clamp(low, high),
    };
    let (first, last) = if step > 0 {
        (bound(start, low), bound(stop, high))
    } else {
        (bound(start, high), bound(stop, low))
    };
    let distance = if step > 0 { last - first } else { first - last };
    let count = if distance <= 0 { 0 } else { (distance - 1) / step.saturating_abs() + 1 };
    (first, count as usize, step)
}

fn picked<T: Clone>(items: &[T], bounds: Bounds) -> Vec<T> {
    let (first, count, step) = indices(items.len(), bounds);
    let index = |nth: usize| first.saturating_add(step.saturating_mul(nth as i128));
    (0..count).filter_map(|nth| items.get(usize::try_from(index(nth)).ok()?).cloned()).collect()
}

fn sliced_range(range: &Range, bounds: Bounds) -> Value {
    let (first, count, step) = indices(range.length, bounds);
    let start = range.start.saturating_add(range.step.saturating_mul(first));
    let step = range.step.saturating_mul(step);
    let stop = start.saturating_add(step.saturating_mul(count as i128));
    Value::object(Range { start, stop, step, length: count })
}

fn no_member(of: &Value, name: String) -> Value {
    Value::Undefined(Rc::new(Missing::Member { of: of.type_name().to_owned(), name }))
}
