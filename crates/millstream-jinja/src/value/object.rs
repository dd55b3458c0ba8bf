//! Values that are more than data.

use std::any::Any;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::{Iter, Value, Writer};
use crate::args::Args;
use crate::ast::BinaryOp;
use crate::error::{Error, ErrorKind, Outcome, unfit};
use crate::machine::Machine;

/// A value that answers for itself: what a host gives to templates. All methods but the name of
/// the type have a default; the default object can do nothing.
pub trait Object: Any + fmt::Debug {
    /// The name of its type in messages.
    fn type_name(&self) -> &'static str;

    /// Writes what `repr` gives.
    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("<{} object>", self.type_name()))
    }

    /// Writes what a template prints.
    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        self.write_repr(writer)
    }

    /// How it counts in tests like `is mapping`.
    fn shape(&self) -> Shape {
        Shape::Plain
    }

    /// How many items it has.
    fn length(&self) -> Option<usize> {
        None
    }

    /// Whether it counts as true.
    fn truth(&self) -> bool {
        self.length() != Some(0)
    }

    /// Goes over its items.
    fn iterate(&self) -> Option<Iter> {
        None
    }

    /// What `object.name` is.
    fn attribute(&self, machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let _ = (machine, name);
        Ok(None)
    }

    /// What `object[key]` is.
    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        let _ = (machine, key);
        Ok(None)
    }

    /// Sets an attribute: `{% set object.name = value %}`.
    fn set_attribute(&self, name: &Arc<str>, value: Value) -> Outcome<()> {
        let _ = (name, value);
        unfit(format!("attributes of a {} cannot be set", self.type_name()))
    }

    /// Names of the methods that `call_method` knows.
    fn methods(&self) -> &'static [&'static str] {
        &[]
    }

    /// Runs `object.name(args)` for a name among its methods.
    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let _ = (machine, args);
        unfit(format!("a {} has no method `{name}`", self.type_name()))
    }

    /// Whether `call` has a meaning.
    fn is_callable(&self) -> bool {
        false
    }

    /// Runs `object(args)`.
    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        let _ = (machine, args);
        unfit(format!("a {} cannot be called", self.type_name()))
    }

    /// Whether it equals a value that is not itself.
    fn equals(&self, other: &Value) -> Outcome<bool> {
        let _ = other;
        Ok(false)
    }

    /// Whether it comes before or behind a value, if there is an order.
    fn order(&self, other: &Value) -> Outcome<Option<Ordering>> {
        let _ = other;
        Ok(None)
    }

    /// What an operator gives between it and another value, if it knows that.
    fn binary(&self, op: BinaryOp, other: &Value, side: Side) -> Outcome<Option<Value>> {
        let _ = (op, other, side);
        Ok(None)
    }

    /// What `-object` is, if it can have a sign.
    fn negative(&self) -> Outcome<Option<Value>> {
        Ok(None)
    }

    /// The number it stands for, if it is one.
    fn as_float(&self) -> Option<f64> {
        None
    }

    /// The whole part of the number it stands for, if it is one.
    fn whole(&self) -> Option<i128> {
        None
    }

    /// What Python's `round(object, digits)` gives, if it is a number.
    fn rounded(&self, digits: i32) -> Option<Value> {
        let _ = digits;
        None
    }

    /// The value, and its specification, that `'{:spec}'.format(object)` formats in its place.
    fn formatted(&self, spec: &str) -> Outcome<Option<(Value, String)>> {
        let _ = spec;
        Ok(None)
    }

    /// A plain value that equals it, if there is one: as a key of a dict it counts as that.
    fn as_key(&self) -> Option<Value> {
        None
    }

    /// Gives away the values it holds, when it ends. Needed where chains of objects can be long.
    fn release(&mut self) -> Vec<Value> {
        Vec::new()
    }
}

/// On which side of an operator a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before it.
    Left,
    /// Behind it.
    Right,
}

/// How an object counts in tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Neither of the others.
    Plain,
    /// It has items with numbers.
    Sequence,
    /// It has items with keys.
    Mapping,
}

type Run = Box<dyn Fn(&mut Machine<'_>, Args) -> Outcome>;

/// A function of the host.
pub(super) struct Function {
    name: Arc<str>,
    run: Run,
}

impl Function {
    pub(super) fn new(name: Arc<str>, run: Run) -> Self {
        Self { name, run }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

impl Object for Function {
    fn type_name(&self) -> &'static str {
        "function"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&format!("<function {}>", self.name))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        (self.run)(machine, args)
    }
}

/// A method taken from its value without a call: `{% set add = list.append %}`.
#[derive(Debug)]
pub struct Bound {
    receiver: Value,
    name: Arc<str>,
}

impl Bound {
    /// The method of a value.
    pub fn new(receiver: Value, name: impl Into<Arc<str>>) -> Self {
        Self { receiver, name: name.into() }
    }
}

impl Object for Bound {
    fn type_name(&self) -> &'static str {
        "builtin_function_or_method"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let of = self.receiver.type_name();
        writer.push(&format!("<built-in method {} of {of} object>", self.name))
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, machine: &mut Machine<'_>, args: Args) -> Outcome {
        machine.nested(|machine| machine.call_method(&self.receiver, &self.name, args))
    }

    fn release(&mut self) -> Vec<Value> {
        vec![std::mem::replace(&mut self.receiver, Value::None)]
    }
}

/// The error for a value that is not there.
pub(crate) fn missing<T>(missing: &super::Missing) -> Outcome<T> {
    let error = Error::new(ErrorKind::Undefined, missing.message());
    Err(match missing {
        super::Missing::Name(name) => error.about(name),
        super::Missing::Member { name, .. } => error.about(name),
        super::Missing::Element { .. } | super::Missing::Other(_) => error,
    }
    .into())
}
