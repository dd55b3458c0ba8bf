//! Filters that apply another filter or test to each item.

use super::{Case, Filter, Getter};
use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::value::Value;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "map" => map,
        "select" => |machine, value, args| chosen(machine, value, args, Part::Item, Keep::Passing),
        "reject" => |machine, value, args| chosen(machine, value, args, Part::Item, Keep::Failing),
        "selectattr" => {
            |machine, value, args| chosen(machine, value, args, Part::Attribute, Keep::Passing)
        }
        "rejectattr" => {
            |machine, value, args| chosen(machine, value, args, Part::Attribute, Keep::Failing)
        }
        _ => return None,
    })
}

/// What of an item is tested.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Item,
    Attribute,
}

/// Which items stay.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Passing,
    Failing,
}

fn map(machine: &mut Machine<'_>, value: &Value, mut args: Args) -> Outcome {
    let attribute = args.take("attribute");
    let mut mapped = Vec::new();
    if let Some(attribute) = attribute {
        let default = args.take("default");
        args.none("map")?;
        let getter = Getter::new(Some(&attribute), default, Case::Differs)?;
        for item in items(machine, value)? {
            mapped.push(getter.get(machine, &item)?);
        }
        return Ok(Value::generator(mapped));
    }
    let name = name_of(&mut args)?;
    for item in items(machine, value)? {
        machine.charge(1)?;
        mapped.push(machine.filtered(&name, item, copied(&args))?);
    }
    Ok(Value::generator(mapped))
}

fn chosen(
    machine: &mut Machine<'_>,
    value: &Value,
    mut args: Args,
    part: Part,
    keep: Keep,
) -> Outcome {
    let attribute = match part {
        Part::Item => None,
        Part::Attribute if args.positional.is_empty() => {
            return unfit("the name of an attribute is needed here");
        }
        Part::Attribute => Some(args.positional.remove(0)),
    };
    let getter = Getter::new(attribute.as_ref(), None, Case::Differs)?;
    let test = if args.positional.is_empty() { None } else { Some(name_of(&mut args)?) };
    let mut kept = Vec::new();
    for item in items(machine, value)? {
        let tested = getter.get(machine, &item)?;
        let passed = match &test {
            None => machine.truth(&tested)?,
            Some(test) => machine.passes(test, tested, copied(&args))?,
        };
        if passed == (keep == Keep::Passing) {
            kept.push(item);
        }
    }
    Ok(Value::generator(kept))
}

/// The items of a value; whatever counts as false has none here.
fn items(machine: &mut Machine<'_>, value: &Value) -> Outcome<Vec<Value>> {
    if machine.truth(value)? { machine.items(value) } else { Ok(Vec::new()) }
}

fn name_of(args: &mut Args) -> Outcome<std::sync::Arc<str>> {
    if args.positional.is_empty() {
        return unfit("the name of a filter is needed here");
    }
    match args.positional.remove(0) {
        Value::Text(name) => Ok(name),
        other => unfit(format!("a {} is no name of a filter or test", other.type_name())),
    }
}

fn copied(args: &Args) -> Args {
    Args { positional: args.positional.clone(), named: args.named.clone() }
}
