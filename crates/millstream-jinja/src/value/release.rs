//! Ends values without deep calls: a list of lists of lists can be as deep as a template likes.

use std::rc::Rc;

use indexmap::IndexMap;

use super::{Key, Value};

/// Drops values, those inside them one after the other.
pub(super) fn drain(mut pending: Vec<Value>) {
    if !pending.iter().any(holds_others) {
        return;
    }
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut list) => {
                pending.extend(Rc::get_mut(&mut list).map(super::List::take).unwrap_or_default());
            }
            Value::Tuple(mut tuple) => {
                pending.extend(Rc::get_mut(&mut tuple).map(super::Tuple::take).unwrap_or_default());
            }
            Value::Dict(mut dict) => {
                let map = Rc::get_mut(&mut dict).map(super::Dict::take).unwrap_or_default();
                pending.extend(flat(map));
            }
            Value::Set(mut set) => {
                pending.extend(Rc::get_mut(&mut set).map(super::Set::take).unwrap_or_default());
            }
            Value::Object(mut object) => {
                if let Some(object) = Rc::get_mut(&mut object) {
                    pending.extend(object.release());
                }
            }
            _ => {}
        }
    }
}

/// Drops keys and values.
pub(super) fn drain_map(map: IndexMap<Key, Value>) {
    if map.iter().any(|(key, value)| holds_others(key.value()) || holds_others(value)) {
        drain(flat(map).collect());
    }
}

fn flat(map: IndexMap<Key, Value>) -> impl Iterator<Item = Value> {
    map.into_iter().flat_map(|(key, value)| [key.into_value(), value])
}

fn holds_others(value: &Value) -> bool {
    matches!(
        value,
        Value::List(_) | Value::Tuple(_) | Value::Dict(_) | Value::Set(_) | Value::Object(_)
    )
}
