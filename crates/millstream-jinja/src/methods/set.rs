//! Methods of sets.

use std::rc::Rc;

use super::Method;
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::value::{Key, Set, Value};

pub(super) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "add" => |_, of, args| {
            set(of)?.insert(Key::new(args.one("add", "element")?)?);
            Ok(Value::None)
        },
        "discard" => |_, of, args| {
            set(of)?.remove(&Key::new(args.one("discard", "element")?)?);
            Ok(Value::None)
        },
        "remove" => |_, of, args| {
            if set(of)?.remove(&Key::new(args.one("remove", "element")?)?) {
                return Ok(Value::None);
            }
            unfit("the set has no such item")
        },
        "pop" => |_, of, args| {
            args.none("pop")?;
            set(of)?.pop().map_or_else(|| unfit("the set is empty"), Ok)
        },
        "clear" => |_, of, args| {
            args.none("clear")?;
            set(of)?.clear();
            Ok(Value::None)
        },
        "copy" => |_, of, args| {
            args.none("copy")?;
            Value::set(set(of)?.snapshot())
        },
        "union" => |machine, of, args| combined(machine, of, args, Combine::Union),
        "intersection" => |machine, of, args| combined(machine, of, args, Combine::Intersection),
        "difference" => |machine, of, args| combined(machine, of, args, Combine::Difference),
        "symmetric_difference" => |machine, of, args| combined(machine, of, args, Combine::Either),
        "update" => |machine, of, args| changed(machine, of, args, Combine::Union),
        "intersection_update" => {
            |machine, of, args| changed(machine, of, args, Combine::Intersection)
        }
        "difference_update" => |machine, of, args| changed(machine, of, args, Combine::Difference),
        "symmetric_difference_update" => {
            |machine, of, args| changed(machine, of, args, Combine::Either)
        }
        "issubset" => |machine, of, args| {
            let other = other(machine, &args.one("issubset", "other")?)?;
            Ok(Value::Bool(is_within(&keys(of)?, &other)))
        },
        "issuperset" => |machine, of, args| {
            let other = other(machine, &args.one("issuperset", "other")?)?;
            Ok(Value::Bool(other.snapshot().into_iter().all(|item| has(of, item))))
        },
        "isdisjoint" => |machine, of, args| {
            let other = other(machine, &args.one("isdisjoint", "other")?)?;
            Ok(Value::Bool(!other.snapshot().into_iter().any(|item| has(of, item))))
        },
        _ => return None,
    })
}

/// How two sets become one.
#[derive(Clone, Copy)]
enum Combine {
    Union,
    Intersection,
    Difference,
    Either,
}

fn set(of: &Value) -> Outcome<&Rc<Set>> {
    match of {
        Value::Set(set) => Ok(set),
        _ => unfit("this is no set"),
    }
}

fn keys(of: &Value) -> Outcome<Vec<Key>> {
    set(of)?.snapshot().into_iter().map(Key::new).collect()
}

fn has(of: &Value, item: Value) -> bool {
    match (of, Key::new(item)) {
        (Value::Set(set), Ok(key)) => set.contains(&key),
        _ => false,
    }
}

fn is_within(keys: &[Key], other: &Set) -> bool {
    keys.iter().all(|key| other.contains(key))
}

fn other(machine: &mut Machine<'_>, value: &Value) -> Outcome<Set> {
    let other = Set::default();
    for item in machine.items(value)? {
        other.insert(Key::new(item)?);
    }
    Ok(other)
}

fn combine(machine: &mut Machine<'_>, of: &Value, args: Args, how: Combine) -> Outcome<Vec<Key>> {
    let Args { positional, named } = args;
    Args { positional: Vec::new(), named }.none("this method")?;
    let mut kept = keys(of)?;
    for value in positional {
        let other = other(machine, &value)?;
        machine.charge(kept.len() as u64)?;
        let known = Set::default();
        for key in &kept {
            known.insert(key.clone());
        }
        let added = other.snapshot().into_iter().map(Key::new).collect::<Outcome<Vec<_>>>()?;
        let added = added.into_iter().filter(|key| !known.contains(key));
        match how {
            Combine::Union => kept.extend(added),
            Combine::Intersection => kept.retain(|key| other.contains(key)),
            Combine::Difference => kept.retain(|key| !other.contains(key)),
            Combine::Either => {
                kept.retain(|key| !other.contains(key));
                kept.extend(added);
            }
        }
    }
    Ok(kept)
}

fn combined(machine: &mut Machine<'_>, of: &Value, args: Args, how: Combine) -> Outcome {
    let kept = combine(machine, of, args, how)?;
    Value::set(kept.into_iter().map(Key::into_value))
}

fn changed(machine: &mut Machine<'_>, of: &Value, args: Args, how: Combine) -> Outcome {
    let kept = combine(machine, of, args, how)?;
    let set = set(of)?;
    set.clear();
    for key in kept {
        set.insert(key);
    }
    Ok(Value::None)
}
