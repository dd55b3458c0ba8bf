//! Goes over the items of a value.

use std::rc::Rc;

use super::{Dict, List, Set, Value};
use crate::error::{Outcome, unfit};

/// Goes over the items of a value as they are at each step.
#[derive(Debug)]
pub struct Iter(Kind);

#[derive(Debug)]
enum Kind {
    Owned(std::vec::IntoIter<Value>),
    List(Rc<List>, usize),
    Keys { dict: Rc<Dict>, next: usize, length: usize },
    Set { set: Rc<Set>, next: usize, length: usize },
    Range { next: i128, step: i128, left: usize },
    Generator(Rc<dyn super::Object>),
}

impl Iter {
    /// Goes over these values.
    pub fn of(values: Vec<Value>) -> Self {
        Self(Kind::Owned(values.into_iter()))
    }

    pub(super) fn range(start: i128, step: i128, length: usize) -> Self {
        Self(Kind::Range { next: start, step, left: length })
    }

    pub(super) fn over(value: &Value) -> Outcome<Self> {
        Ok(Self(match value {
            Value::Undefined(_) => Kind::Owned(Vec::new().into_iter()),
            Value::Text(text) => {
                let characters: Vec<Value> =
                    text.chars().map(|c| Value::text(c.encode_utf8(&mut [0; 4]) as &str)).collect();
                Kind::Owned(characters.into_iter())
            }
            Value::List(list) => Kind::List(Rc::clone(list), 0),
            Value::Tuple(tuple) => Kind::Owned(tuple.items().to_vec().into_iter()),
            Value::Dict(dict) => Kind::Keys { dict: Rc::clone(dict), next: 0, length: dict.len() },
            Value::Set(set) => Kind::Set { set: Rc::clone(set), next: 0, length: set.len() },
            Value::Object(object) => {
                if value.as_object::<super::Generator>().is_some() {
                    Kind::Generator(Rc::clone(object))
                } else {
                    match object.iterate() {
                        Some(iter) => return Ok(iter),
                        None => return unfit(not_iterable(value)),
                    }
                }
            }
            _ => return unfit(not_iterable(value)),
        }))
    }

    /// How many items there are, where that is known.
    pub(crate) fn length(&self) -> Option<usize> {
        match &self.0 {
            Kind::Owned(items) => Some(items.len()),
            Kind::List(list, next) => Some(list.len().saturating_sub(*next)),
            Kind::Keys { length, next, .. } | Kind::Set { length, next, .. } => {
                Some(length.saturating_sub(*next))
            }
            Kind::Range { left, .. } => Some(*left),
            Kind::Generator(_) => None,
        }
    }

    /// The next item.
    pub fn advance(&mut self) -> Outcome<Option<Value>> {
        match &mut self.0 {
            Kind::Owned(items) => Ok(items.next()),
            Kind::List(list, next) => {
                let item = list.get(*next);
                *next += 1;
                Ok(item)
            }
            Kind::Keys { dict, next, length } => {
                if dict.len() != *length {
                    return unfit("the dict changed while a loop goes over it");
                }
                *next += 1;
                Ok(dict.at(*next - 1).map(|(key, _)| key))
            }
            Kind::Set { set, next, length } => {
                if set.len() != *length {
                    return unfit("the set changed while a loop goes over it");
                }
                *next += 1;
                Ok(set.at(*next - 1))
            }
            Kind::Range { next, step, left } => {
                if *left == 0 {
                    return Ok(None);
                }
                let item = Value::Int(*next);
                *left -= 1;
                *next = next.saturating_add(*step);
                Ok(Some(item))
            }
            Kind::Generator(object) => {
                let any: &dyn std::any::Any = &**object;
                Ok(any.downcast_ref::<super::Generator>().and_then(super::Generator::pull))
            }
        }
    }

    /// All items that are left.
    pub fn collect(mut self) -> Outcome<Vec<Value>> {
        if let Kind::Owned(items) = self.0 {
            return Ok(items.collect());
        }
        let mut all = Vec::with_capacity(self.length().unwrap_or_default().min(1024));
        while let Some(item) = self.advance()? {
            all.push(item);
        }
        Ok(all)
    }
}

fn not_iterable(value: &Value) -> String {
    format!("a {} has no items to go over", value.type_name())
}
