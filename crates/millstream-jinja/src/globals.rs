//! The functions that every template has: `range`, `dict`, `namespace`, `cycler`, `joiner`.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use crate::args::Args;
use crate::error::{Error, ErrorKind, Outcome, unfit};
use crate::machine::Machine;
use crate::value::{Dict, Key, Object, Range, Value, Writer, missing};

/// The longest range, as in Jinja's sandbox.
const RANGE_MAX: i128 = 100_000;

/// A function by its name.
pub(crate) fn find(name: &str) -> Option<Value> {
    Some(match name {
        "range" => Value::function("range", range),
        "dict" => Value::function("dict", dict),
        "namespace" => Value::function("namespace", namespace),
        "cycler" => Value::function("cycler", cycler),
        "joiner" => Value::function("joiner", joiner),
        _ => return None,
    })
}

fn range(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let mut bounds = Vec::new();
    for value in args.positional {
        match value.as_int() {
            Some(int) => bounds.push(int),
            None => return unfit("`range` takes whole numbers"),
        }
    }
    let (start, stop, step) = match bounds[..] {
        [stop] => (0, stop, 1),
        [start, stop] => (start, stop, 1),
        [start, stop, step] if step != 0 => (start, stop, step),
        _ => return unfit("`range` takes one to three whole numbers, the step not zero"),
    };
    let (low, high) = if step > 0 { (start, stop) } else { (stop, start) };
    let distance = high.saturating_sub(low).max(0);
    let step_size = step.saturating_abs();
    let length = distance / step_size + i128::from(distance % step_size != 0);
    if length > RANGE_MAX {
        let message = format!("a range has at most {RANGE_MAX} numbers");
        return Err(Error::new(ErrorKind::TooLarge, message).into());
    }
    Ok(Value::object(Range { start, stop, step, length: length as usize }))
}

/// The dict of arguments: one mapping or pairs, and names.
pub(crate) fn dict_of(machine: &mut Machine<'_>, function: &str, args: Args) -> Outcome<Dict> {
    let dict = Dict::default();
    let [given] =
        Args { positional: args.positional, named: Vec::new() }.bind(function, [""], 0)?;
    if let Some(given) = given {
        for (key, value) in pairs(machine, &given)? {
            dict.insert(Key::new(key)?, value);
        }
    }
    for (name, value) in args.named {
        dict.insert(Key::text(name), value);
    }
    Ok(dict)
}

fn pairs(machine: &mut Machine<'_>, given: &Value) -> Outcome<Vec<(Value, Value)>> {
    match given {
        Value::Dict(dict) => return Ok(dict.snapshot()),
        Value::Undefined(reason) => return missing(reason),
        _ => {}
    }
    let mut pairs = Vec::new();
    for item in machine.items(given)? {
        match <[Value; 2]>::try_from(item.items()?) {
            Ok([key, value]) => pairs.push((key, value)),
            Err(_) => return unfit("a dict is made of pairs"),
        }
    }
    Ok(pairs)
}

fn dict(machine: &mut Machine<'_>, args: Args) -> Outcome {
    Ok(Value::Dict(Rc::new(dict_of(machine, "dict", args)?)))
}

/// Attributes that can be set from inside loops and blocks.
#[derive(Debug)]
pub(crate) struct Namespace(Rc<Dict>);

fn namespace(machine: &mut Machine<'_>, args: Args) -> Outcome {
    Ok(Value::object(Namespace(Rc::new(dict_of(machine, "namespace", args)?))))
}

impl Object for Namespace {
    fn type_name(&self) -> &'static str {
        "Namespace"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("<Namespace ")?;
        writer.repr_of(&Value::Dict(Rc::clone(&self.0)))?;
        writer.push(">")
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(self.0.get_text(name))
    }

    fn set_attribute(&self, name: &Arc<str>, value: Value) -> Outcome<()> {
        let former = self.0.insert(Key::text(Arc::clone(name)), value);
        drop(former);
        Ok(())
    }

    fn release(&mut self) -> Vec<Value> {
        vec![Value::Dict(std::mem::take(&mut self.0))]
    }
}

/// Gives its values in turn.
#[derive(Debug)]
struct Cycler {
    values: Vec<Value>,
    next: Cell<usize>,
}

fn cycler(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    if args.positional.is_empty() || !args.named.is_empty() {
        return unfit("`cycler` takes one or more values");
    }
    Ok(Value::object(Cycler { values: args.positional, next: Cell::new(0) }))
}

impl Object for Cycler {
    fn type_name(&self) -> &'static str {
        "Cycler"
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok((name == "current").then(|| self.values[self.next.get()].clone()))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["next", "reset"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        args.none(name)?;
        if name == "reset" {
            self.next.set(0);
            return Ok(Value::None);
        }
        let current = self.next.get();
        self.next.set((current + 1) % self.values.len());
        Ok(self.values[current].clone())
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.values)
    }
}

/// Gives nothing the first time and its text from then on.
#[derive(Debug)]
struct Joiner {
    separator: Value,
    used: Cell<bool>,
}

fn joiner(_machine: &mut Machine<'_>, args: Args) -> Outcome {
    let [separator] = args.bind("joiner", ["sep"], 0)?;
    let separator = separator.unwrap_or_else(|| Value::text(", "));
    Ok(Value::object(Joiner { separator, used: Cell::new(false) }))
}

impl Object for Joiner {
    fn type_name(&self) -> &'static str {
        "Joiner"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        args.none("joiner")?;
        Ok(if self.used.replace(true) { self.separator.clone() } else { Value::text("") })
    }

    fn release(&mut self) -> Vec<Value> {
        vec![std::mem::replace(&mut self.separator, Value::None)]
    }
}

/// A key and the items that have it, as `groupby` gives them.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) key: Value,
    pub(crate) items: Vec<Value>,
}

impl Group {
    fn pair(&self) -> [Value; 2] {
        [self.key.clone(), Value::list(self.items.clone())]
    }
}

impl Object for Group {
    fn type_name(&self) -> &'static str {
        "tuple"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.repr_of(&Value::tuple(self.pair()))
    }

    fn shape(&self) -> crate::value::Shape {
        crate::value::Shape::Sequence
    }

    fn length(&self) -> Option<usize> {
        Some(2)
    }

    fn iterate(&self) -> Option<crate::value::Iter> {
        Some(crate::value::Iter::of(self.pair().into()))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let [key, items] = self.pair();
        Ok(match name {
            "grouper" => Some(key),
            "list" => Some(items),
            _ => None,
        })
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        machine.item(&Value::tuple(self.pair()), key).map(Some)
    }

    fn release(&mut self) -> Vec<Value> {
        let mut values = std::mem::take(&mut self.items);
        values.push(std::mem::replace(&mut self.key, Value::None));
        values
    }
}
