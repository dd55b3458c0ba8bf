//! Tests: what stands behind `is`.

use crate::args::Args;
use crate::ast::{BinaryOp, CompareOp};
use crate::error::Outcome;
use crate::filters;
use crate::machine::Machine;
use crate::value::{Shape, Value, equal};

type Predicate = fn(&mut Machine<'_>, &Value, Args) -> Outcome<bool>;

/// A test by its name.
pub(crate) fn find(name: &str) -> Option<Predicate> {
    if let Some(found) = of_type(name) {
        return Some(found);
    }
    Some(match name {
        "defined" => |_, value, args| {
            args.none("defined")?;
            Ok(!value.is_undefined())
        },
        "undefined" => |_, value, args| {
            args.none("undefined")?;
            Ok(value.is_undefined())
        },
        "eq" | "==" | "equalto" => {
            |machine, value, args| against(machine, CompareOp::Equal, value, args)
        }
        "ne" | "!=" => |machine, value, args| against(machine, CompareOp::Unequal, value, args),
        "lt" | "<" | "lessthan" => {
            |machine, value, args| against(machine, CompareOp::Less, value, args)
        }
        "le" | "<=" => |machine, value, args| against(machine, CompareOp::LessOrEqual, value, args),
        "gt" | ">" | "greaterthan" => {
            |machine, value, args| against(machine, CompareOp::Greater, value, args)
        }
        "ge" | ">=" => {
            |machine, value, args| against(machine, CompareOp::GreaterOrEqual, value, args)
        }
        "in" => |machine, value, args| against(machine, CompareOp::In, value, args),
        "sameas" => |_, value, args| Ok(value.is_same(&args.one("sameas", "other")?)),
        "odd" => |machine, value, args| {
            args.none("odd")?;
            remainder_is(machine, value, &Value::Int(2), 1)
        },
        "even" => |machine, value, args| {
            args.none("even")?;
            remainder_is(machine, value, &Value::Int(2), 0)
        },
        "divisibleby" => |machine, value, args| {
            let by = args.one("divisibleby", "num")?;
            remainder_is(machine, value, &by, 0)
        },
        "lower" => |_, value, args| {
            args.none("lower")?;
            Ok(crate::methods::is_lower(&value.to_text()?))
        },
        "upper" => |_, value, args| {
            args.none("upper")?;
            Ok(crate::methods::is_upper(&value.to_text()?))
        },
        "filter" => |machine, value, args| {
            args.none("filter")?;
            let name = value.as_text().unwrap_or_default();
            Ok(filters::find(name).is_some() || machine.host().filter(name).is_some())
        },
        "test" => |machine, value, args| {
            args.none("test")?;
            let name = value.as_text().unwrap_or_default();
            Ok(find(name).is_some() || machine.host().test(name).is_some())
        },
        _ => return None,
    })
}

/// Tests of the type alone.
fn of_type(name: &str) -> Option<Predicate> {
    macro_rules! typed {
        ($test:expr) => {
            |_, value, args| {
                args.none("is")?;
                let test: fn(&Value) -> bool = $test;
                Ok(test(value))
            }
        };
    }
    Some(match name {
        "none" => typed!(|value| matches!(value, Value::None)),
        "boolean" => typed!(|value| matches!(value, Value::Bool(_))),
        "true" => typed!(|value| matches!(value, Value::Bool(true))),
        "false" => typed!(|value| matches!(value, Value::Bool(false))),
        "integer" => typed!(|value| matches!(value, Value::Int(_))),
        "float" => typed!(|value| matches!(value, Value::Float(_))),
        "number" => typed!(|value| value.as_float().is_some()),
        "string" => typed!(|value| matches!(value, Value::Text(_))),
        "mapping" => typed!(is_mapping),
        "sequence" => typed!(is_sequence),
        "iterable" => typed!(|value| value.iterate().is_ok()),
        "callable" => typed!(|value| value.is_callable() || value.is_undefined()),
        "escaped" => typed!(|_| false),
        _ => return None,
    })
}

fn is_mapping(value: &Value) -> bool {
    match value {
        Value::Dict(_) => true,
        Value::Object(object) => object.shape() == Shape::Mapping,
        _ => false,
    }
}

fn is_sequence(value: &Value) -> bool {
    match value {
        Value::Undefined(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_) => true,
        Value::Object(object) => object.shape() != Shape::Plain,
        _ => false,
    }
}

fn against(machine: &mut Machine<'_>, op: CompareOp, value: &Value, args: Args) -> Outcome<bool> {
    let other = args.one("is", "other")?;
    machine.holds(op, value, &other)
}

fn remainder_is(
    machine: &mut Machine<'_>,
    value: &Value,
    by: &Value,
    expected: i128,
) -> Outcome<bool> {
    let rest = machine.binary(BinaryOp::Remainder, value, by)?;
    equal(&rest, &Value::Int(expected))
}
