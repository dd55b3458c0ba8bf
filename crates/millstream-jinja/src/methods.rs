//! Python's methods of texts, lists, tuples, dicts and sets.

mod dict;
mod list;
mod set;
mod split;
mod text;

use crate::args::Args;
use crate::error::Outcome;
use crate::machine::Machine;
use crate::value::Value;

pub(crate) use split::{Ends, lines};
pub(crate) use text::{capitalized, centered, is_lower, is_upper, replaced};

/// A method: the value first, its arguments behind.
pub(crate) type Method = fn(&mut Machine<'_>, &Value, Args) -> Outcome;

/// A method of a value by its name. Objects answer for theirs.
pub(crate) fn find(of: &Value, name: &str) -> Option<Method> {
    match of {
        Value::Text(_) => text::find(name).or_else(|| split::find(name)),
        Value::List(_) => list::find(name),
        Value::Tuple(_) => list::find_of_tuple(name),
        Value::Dict(_) => dict::find(name),
        Value::Set(_) => set::find(name),
        Value::Float(_) if name == "is_integer" => Some(|_, of, args| {
            args.none("is_integer")?;
            Ok(Value::Bool(of.as_float().is_some_and(|float| float.fract() == 0.0)))
        }),
        _ => None,
    }
}
