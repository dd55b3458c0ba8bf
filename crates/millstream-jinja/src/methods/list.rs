//! Methods of lists and tuples.

use std::rc::Rc;

use super::Method;
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::filters::sort_keyed;
use crate::machine::Machine;
use crate::value::{List, Value};

pub(super) fn find(name: &str) -> Option<Method> {
    Some(match name {
        "append" => append,
        "extend" => extend,
        "insert" => insert,
        "pop" => pop,
        "remove" => remove,
        "index" => index,
        "count" => count,
        "sort" => sort,
        "reverse" => |_, of, args| {
            args.none("reverse")?;
            let list = list(of)?;
            list.replace(list.snapshot().into_iter().rev().collect());
            Ok(Value::None)
        },
        "clear" => |_, of, args| {
            args.none("clear")?;
            list(of)?.replace(Vec::new());
            Ok(Value::None)
        },
        "copy" => |_, of, args| {
            args.none("copy")?;
            Ok(Value::list(list(of)?.snapshot()))
        },
        _ => return None,
    })
}

pub(super) fn find_of_tuple(name: &str) -> Option<Method> {
    Some(match name {
        "index" => index,
        "count" => count,
        _ => return None,
    })
}

fn list(of: &Value) -> Outcome<&Rc<List>> {
    match of {
        Value::List(list) => Ok(list),
        _ => unfit("this is no list"),
    }
}

fn append(_machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    list(of)?.push(args.one("append", "object")?);
    Ok(Value::None)
}

fn extend(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let more = machine.items(&args.one("extend", "iterable")?)?;
    let list = list(of)?;
    machine.charge_items(more.len())?;
    if list.len() + more.len() > crate::value::ITEMS_MAX {
        return crate::error::too_large("a list");
    }
    list.extend(more);
    Ok(Value::None)
}

/// Where an index points to in a list that is `length` long, at most to its end.
fn clamped(index: i128, length: usize) -> usize {
    let length = length as i128;
    let index = if index < 0 { index.saturating_add(length) } else { index };
    usize::try_from(index.clamp(0, length)).unwrap_or_default()
}

fn whole(value: Option<&Value>, default: i128) -> Outcome<i128> {
    match value.map_or(Some(default), Value::as_int) {
        Some(int) => Ok(int),
        None => unfit("a place in a list is a whole number"),
    }
}

fn insert(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [index, value] = args.bind("insert", ["index", "object"], 2)?;
    let list = list(of)?;
    machine.charge(list.len() as u64 / 64)?;
    list.insert(clamped(whole(index.as_ref(), 0)?, list.len()), value.unwrap_or(Value::None));
    Ok(Value::None)
}

fn pop(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [index] = args.bind("pop", ["index"], 0)?;
    let list = list(of)?;
    machine.charge(list.len() as u64 / 64)?;
    let index = whole(index.as_ref(), -1)?;
    let index = if index < 0 { index.saturating_add(list.len() as i128) } else { index };
    match usize::try_from(index).ok().and_then(|index| list.remove(index)) {
        Some(value) => Ok(value),
        None => unfit("the list has no item at this place"),
    }
}

fn position(machine: &mut Machine<'_>, items: &[Value], wanted: &Value) -> Outcome<Option<usize>> {
    machine.comparing(|comparison| {
        for (index, item) in items.iter().enumerate() {
            if item.is_same(wanted) || comparison.equal(item, wanted)? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    })
}

fn remove(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let wanted = args.one("remove", "value")?;
    let list = list(of)?;
    match position(machine, &list.snapshot(), &wanted)? {
        Some(index) => {
            let removed = list.remove(index);
            drop(removed);
            Ok(Value::None)
        }
        None => unfit("the list has no such item"),
    }
}

fn index(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [wanted, start, stop] = args.bind("index", ["value", "start", "stop"], 1)?;
    let items = of.items()?;
    let start = clamped(whole(start.as_ref(), 0)?, items.len());
    let stop = clamped(whole(stop.as_ref(), i128::MAX)?, items.len()).max(start);
    match position(machine, &items[start..stop], &wanted.unwrap_or(Value::None))? {
        Some(index) => Ok(Value::from(start + index)),
        None => unfit(format!("the {} has no such item", of.type_name())),
    }
}

fn count(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let wanted = args.one("count", "value")?;
    let items = of.items()?;
    machine.comparing(|comparison| {
        let mut count = 0_usize;
        for item in &items {
            count += usize::from(comparison.equal(item, &wanted)?);
        }
        Ok(Value::from(count))
    })
}

fn sort(machine: &mut Machine<'_>, of: &Value, args: Args) -> Outcome {
    let [key, reverse] = args.bind("sort", ["key", "reverse"], 0)?;
    let list = list(of)?;
    let mut keyed = Vec::new();
    for item in list.snapshot() {
        let key = match &key {
            None | Some(Value::None) => item.clone(),
            Some(key) => machine.call(key, Args::of([item.clone()]))?,
        };
        keyed.push((key, item));
    }
    sort_keyed(machine, &mut keyed, reverse.is_some_and(|reverse| reverse.truth()).into())?;
    list.replace(keyed.into_iter().map(|(_, item)| item).collect());
    Ok(Value::None)
}
