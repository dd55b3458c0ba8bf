//! Values as keys of dicts and items of sets.

use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::Arc;

use indexmap::Equivalent;

use super::{Value, compare};
use crate::error::{Outcome, unfit};

/// How deeply tuples may be nested in a key.
const KEY_DEPTH_MAX: usize = 32;
/// How many values a key may have inside.
const KEY_ITEMS_MAX: usize = 10_000;

/// A value that cannot change. `1`, `1.0` and `true` are the same key.
#[derive(Debug, Clone)]
pub struct Key(Value);

impl Key {
    /// A value as a key; lists, dicts and sets are none.
    pub fn new(value: Value) -> Outcome<Self> {
        let mut items = 0;
        check(&value, 0, &mut items)?;
        Ok(Self(value))
    }

    /// A text as a key.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self(Value::Text(text.into()))
    }

    /// The value.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The value.
    pub fn into_value(self) -> Value {
        self.0
    }
}

fn check(value: &Value, depth: usize, items: &mut usize) -> Outcome<()> {
    *items += 1;
    match value {
        Value::List(_) | Value::Dict(_) | Value::Set(_) => {
            unfit(format!("a {} cannot be a key", value.type_name()))
        }
        Value::Tuple(tuple) => {
            if depth >= KEY_DEPTH_MAX || *items > KEY_ITEMS_MAX {
                return unfit("this tuple is too large for a key");
            }
            tuple.items().iter().try_for_each(|item| check(item, depth + 1, items))
        }
        _ => Ok(()),
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        compare::equal(&self.0, &other.0).unwrap_or(false)
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_value(&self.0, state);
    }
}

fn hash_value<H: Hasher>(value: &Value, state: &mut H) {
    match value {
        Value::Bool(bool) => hash_int(i128::from(*bool), state),
        Value::Int(int) => hash_int(*int, state),
        Value::Float(float) => {
            let whole = *float as i128;
            if compare::equal(value, &Value::Int(whole)).unwrap_or(false) {
                hash_int(whole, state);
            } else {
                state.write_u8(2);
                float.to_bits().hash(state);
            }
        }
        Value::Text(text) => TextKey(text).hash(state),
        Value::Tuple(tuple) => {
            state.write_u8(4);
            tuple.items().iter().for_each(|item| hash_value(item, state));
        }
        Value::Object(object) => {
            if let Some(value) = object.as_key() {
                return hash_value(&value, state);
            }
            state.write_u8(5);
            Rc::as_ptr(object).cast::<()>().hash(state);
        }
        _ => state.write_u8(6),
    }
}

fn hash_int<H: Hasher>(int: i128, state: &mut H) {
    state.write_u8(1);
    int.hash(state);
}

/// A borrowed text, to look for a key without making one.
pub(super) struct TextKey<'a>(pub(super) &'a str);

impl Hash for TextKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(3);
        self.0.hash(state);
    }
}

impl Equivalent<Key> for TextKey<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        key.0.as_text() == Some(self.0)
    }
}
