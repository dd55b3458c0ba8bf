//! `training/*.yml`, `deployments/*.yml`, `functions/*.yml`, `steps/*.yml`: reads them and resolves what they
//! refer to.

mod command;
mod deployment;
mod function;
mod python;
mod reference;
mod training;

pub(crate) use command::commands;
pub(crate) use deployment::{deployments, training_names};
pub(crate) use function::{functions, operational_table};
pub(crate) use reference::{parse_reference, relation_at};
pub(crate) use training::trainings;

use std::collections::BTreeMap;

use millstream_core::ContentHash;
use serde::Serialize;
use serde_json::Value;

/// The hash of what a spec says, but for its description, how it is executed and the order of its
/// keys.
pub(crate) fn definition_of(spec: &impl Serialize) -> ContentHash {
    let value = serde_json::to_value(spec)
        .expect("specs have text keys and come from JSON, so that they are always JSON");
    ContentHash::of(canonical(value).to_string().as_bytes())
}

/// The same value with sorted keys, without what changes nothing of what is made.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<String, Value> = map.into_iter().collect();
            let kept =
                sorted.into_iter().filter(|(key, _)| key != "description" && key != "execution");
            Value::Object(kept.map(|(key, value)| (key, canonical(value))).collect())
        }
        Value::Array(items) => items.into_iter().map(canonical).collect(),
        other => other,
    }
}
