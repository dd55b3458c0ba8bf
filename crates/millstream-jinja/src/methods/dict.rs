//! Methods of dicts.

use std::rc::Rc;

use super::Method;
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::globals::dict_of;
use crate::machine::Machine;
use crate::value::{Dict, Key, Value, View, ViewKind};

pub(super) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "get" => get,
        "keys" => |_, of, args| view(of, args, ViewKind::Keys),
        "values" => |_, of, args| view(of, args, ViewKind::Values),
        "items" => |_, of, args| view(of, args, ViewKind::Items),
        "update" => update,
        "pop" => pop,
        "popitem" => pop_item,
        "setdefault" => set_default,
        "clear" => |_, of, args| {
            args.none("clear")?;
            dict(of)?.clear();
            Ok(Value::None)
        },
        "copy" => |_, of, args| {
            args.none("copy")?;
            copy(dict(of)?).map(|copy| Value::Dict(Rc::new(copy)))
        },
        _ => return None,
    })
}

fn dict(of: &Value) -> Outcome<&Rc<Dict>> {
    match of {
        Value::Dict(dict) => Ok(dict),
        _ => unfit("this is no dict"),
    }
}

fn copy(dict: &Dict) -> Outcome<Dict> {
    let copy = Dict::default();
    for (key, value) in dict.snapshot() {
        copy.insert(Key::new(key)?, value);
    }
    Ok(copy)
}

fn get(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [key, default] = args.bind("get", ["key", "default"], 1)?;
    let found = dict(of)?.get(&Key::new(key.unwrap_or(Value::None))?);
    Ok(found.or(default).unwrap_or(Value::None))
}

fn view(of: &Value, args: Args, kind: ViewKind) -> Outcome {
    args.none("this method")?;
    Ok(Value::object(View { dict: Rc::clone(dict(of)?), kind }))
}

fn update(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let more = dict_of(machine, "update", args)?;
    let dict = dict(of)?;
    machine.charge(more.len() as u64 / 8)?;
    for (key, value) in more.snapshot() {
        let former = dict.insert(Key::new(key)?, value);
        drop(former);
    }
    Ok(Value::None)
}

fn pop(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [key, default] = args.bind("pop", ["key", "default"], 1)?;
    let key = Key::new(key.unwrap_or(Value::None))?;
    match (dict(of)?.remove(&key), default) {
        (Some(value), _) | (None, Some(value)) => Ok(value),
        (None, None) => unfit(format!("the dict has no key {}", key.value().to_repr()?)),
    }
}

fn pop_item(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    args.none("popitem")?;
    match dict(of)?.pop() {
        Some((key, value)) => Ok(Value::tuple([key, value])),
        None => unfit("the dict is empty"),
    }
}

fn set_default(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [key, default] = args.bind("setdefault", ["key", "default"], 1)?;
    let key = Key::new(key.unwrap_or(Value::None))?;
    let dict = dict(of)?;
    if let Some(found) = dict.get(&key) {
        return Ok(found);
    }
    let default = default.unwrap_or(Value::None);
    dict.insert(key, default.clone());
    Ok(default)
}
