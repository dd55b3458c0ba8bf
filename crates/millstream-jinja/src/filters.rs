//! Filters: what stands behind `|`.

pub(crate) use items::{join_texts, sort_keyed};

mod items;
mod numbers;
mod select;
mod texts;

use crate::args::Args;
use crate::error::{Outcome, unfit};
use crate::machine::Machine;
use crate::value::Value;

/// A filter: the value first, its arguments behind.
pub(crate) type Filter = fn(&mut Machine<'_>, &Value, Args) -> Outcome;

/// A filter of Jinja by its name.
pub(crate) fn find(name: &str) -> Option<Filter> {
    let found: Filter = match name {
        "default" | "d" => default,
        "attr" => attr,
        "tojson" => to_json,
        "safe" => texts::string,
        _ => {
            return texts::find(name)
                .or_else(|| items::find(name))
                .or_else(|| select::find(name))
                .or_else(|| numbers::find(name));
        }
    };
    Some(found)
}

fn default(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [other, boolean] = args.bind("default", ["default_value", "boolean"], 0)?;
    let replaced = value.is_undefined() || (flag(boolean.as_ref()) && !value.truth());
    Ok(if replaced { other.unwrap_or_else(|| Value::text("")) } else { value.clone() })
}

fn attr(machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let name = args.one("attr", "name")?.to_text()?;
    if let Value::Undefined(_) = value {
        return machine.attribute(value, &name);
    }
    Ok(match machine.own_attribute(value, &name)? {
        Some(found) => found,
        None => Value::undefined(format!("a {} has no attribute `{name}`", value.type_name())),
    })
}

fn to_json(_machine: &mut Machine<'_>, value: &Value, args: Args) -> Outcome {
    let [indent] = args.bind("tojson", ["indent"], 0)?;
    let indent = indent.as_ref().and_then(Value::as_int);
    let indent = indent.map(|indent| usize::try_from(indent.clamp(0, 100)).unwrap_or_default());
    let text = crate::json::dumps(value, crate::json::Keys::Sorted, indent)?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\'' => safe.push_str("\\u0027"),
            c => safe.push(c),
        }
    }
    Ok(Value::text(safe))
}

/// An optional argument as a switch.
fn flag(value: Option<&Value>) -> bool {
    value.is_some_and(Value::truth)
}

/// An optional argument as a whole number.
fn int_or(value: Option<&Value>, default: i128) -> Outcome<i128> {
    match value {
        None => Ok(default),
        Some(value) => match value.as_int() {
            Some(int) => Ok(int),
            None => unfit(format!("a whole number is needed here, not a {}", value.type_name())),
        },
    }
}

/// An optional argument as a size.
fn size_or(value: Option<&Value>, default: usize) -> Outcome<usize> {
    let int = int_or(value, default as i128)?;
    Ok(usize::try_from(int.max(0)).unwrap_or(usize::MAX))
}

/// Where a filter looks in each item: nowhere further, or along `a.b.0`.
struct Getter {
    steps: Vec<Value>,
    default: Option<Value>,
    case: Case,
}

/// Whether large and small letters differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Differs,
    Ignored,
}

impl Case {
    fn of(sensitive: Option<&Value>) -> Self {
        if flag(sensitive) { Self::Differs } else { Self::Ignored }
    }
}

impl Getter {
    fn new(attribute: Option<&Value>, default: Option<Value>, case: Case) -> Outcome<Self> {
        let steps = match attribute {
            None | Some(Value::None) => Vec::new(),
            Some(Value::Text(path)) => path.split('.').map(step).collect(),
            Some(index) if index.as_int().is_some() => vec![index.clone()],
            Some(other) => {
                return unfit(format!("a {} is no name of an attribute", other.type_name()));
            }
        };
        Ok(Self { steps, default, case })
    }

    fn get(&self, machine: &mut Machine<'_>, item: &Value) -> Outcome {
        machine.charge(1)?;
        let mut found = item.clone();
        for step in &self.steps {
            found = machine.item(&found, step)?;
            if let (true, Some(default)) = (found.is_undefined(), &self.default) {
                found = default.clone();
            }
        }
        Ok(match (&found, self.case) {
            (Value::Text(text), Case::Ignored) => Value::text(text.to_lowercase()),
            _ => found,
        })
    }
}

fn step(part: &str) -> Value {
    match part.parse::<i128>() {
        Ok(index) if part.bytes().all(|byte| byte.is_ascii_digit()) => Value::Int(index),
        _ => Value::text(part),
    }
}
