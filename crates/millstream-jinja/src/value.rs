//! Python's values, as templates see them.
//!
//! Lists, dicts and sets are shared and can be changed: two names for one list see the same list.
//! Values belong to one rendering and do not leave its thread.

mod compare;
mod containers;
mod convert;
mod iter;
mod key;
mod object;
mod release;
mod views;
mod writer;

use std::rc::Rc;
use std::sync::Arc;

pub use containers::{Dict, List, Set, Tuple};
pub use iter::Iter;
pub use key::Key;
pub use object::{Bound, Object, Shape, Side};
pub(crate) use views::{Generator, Range, View, ViewKind};
pub use writer::Writer;

pub(crate) use compare::{Comparison, equal, order};
pub(crate) use object::missing;

use crate::args::Args;
use crate::error::Outcome;
use crate::machine::Machine;

/// The longest text that a template can make, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 64 << 20;
/// The longest list that a template can make.
pub(crate) const ITEMS_MAX: usize = 10_000_000;

/// A value of a template.
#[derive(Debug, Clone)]
pub enum Value {
    /// What is not there. It can be tested and printed, hardly more.
    Undefined(Rc<Missing>),
    /// `none`.
    None,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number. What needs more than 128 bits is an error.
    Int(i128),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(Arc<str>),
    /// A list.
    List(Rc<List>),
    /// A tuple, which cannot be changed.
    Tuple(Rc<Tuple>),
    /// A dict, in the order in which its keys came.
    Dict(Rc<Dict>),
    /// A set, in the order in which its items came.
    Set(Rc<Set>),
    /// Anything else: functions, macros, and what the host gives.
    Object(Rc<dyn Object>),
}

/// What was looked for and not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missing {
    /// A name.
    Name(Arc<str>),
    /// An attribute or item of a value.
    Member {
        /// Type of the value.
        of: String,
        /// What was looked for.
        name: String,
    },
    /// An item of a value that is not found by a name.
    Element {
        /// Type of the value.
        of: String,
        /// What was looked for, as `repr` writes it.
        key: String,
    },
    /// Something else; the text says what.
    Other(String),
}

impl Missing {
    /// What is to be said when it is used, in Jinja's words.
    pub fn message(&self) -> String {
        match self {
            Self::Name(name) => format!("'{name}' is undefined"),
            Self::Member { of, name } if of == "NoneType" => {
                format!("'None' has no attribute '{name}'")
            }
            Self::Member { of, name } => format!("'{of} object' has no attribute '{name}'"),
            Self::Element { of, key } => format!("{of} object has no element {key}"),
            Self::Other(message) => message.clone(),
        }
    }
}

impl Value {
    /// A value that is not there, for a reason.
    pub fn undefined(reason: impl Into<String>) -> Self {
        Self::Undefined(Rc::new(Missing::Other(reason.into())))
    }

    /// A text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A new list.
    pub fn list(items: impl IntoIterator<Item = Self>) -> Self {
        Self::List(Rc::new(List::new(items.into_iter().collect())))
    }

    /// A new tuple.
    pub fn tuple(items: impl IntoIterator<Item = Self>) -> Self {
        Self::Tuple(Rc::new(Tuple::new(items.into_iter().collect())))
    }

    /// A new dict with texts as keys.
    pub fn dict<K: Into<Arc<str>>>(items: impl IntoIterator<Item = (K, Self)>) -> Self {
        let dict = Dict::default();
        for (key, value) in items {
            dict.insert(Key::text(key), value);
        }
        Self::Dict(Rc::new(dict))
    }

    /// A new set.
    pub fn set(items: impl IntoIterator<Item = Self>) -> Outcome {
        let set = Set::default();
        for item in items {
            set.insert(Key::new(item)?);
        }
        Ok(Self::Set(Rc::new(set)))
    }

    /// A value of the host.
    pub fn object(object: impl Object) -> Self {
        Self::Object(Rc::new(object))
    }

    /// A function of the host.
    pub fn function(
        name: impl Into<Arc<str>>,
        run: impl Fn(&mut Machine<'_>, Args) -> Outcome + 'static,
    ) -> Self {
        Self::object(object::Function::new(name.into(), Box::new(run)))
    }

    /// An iterator that gives these values once.
    pub(crate) fn generator(items: Vec<Self>) -> Self {
        Self::object(Generator::new(items))
    }

    /// Python's name of its type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Set(_) => "set",
            Self::Object(object) => object.type_name(),
        }
    }

    /// Whether it counts as true.
    pub fn truth(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(bool) => *bool,
            Self::Int(int) => *int != 0,
            Self::Float(float) => *float != 0.0,
            Self::Object(object) => object.truth(),
            _ => self.length() != Some(0),
        }
    }

    /// How many items or characters it has, if it has any.
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::Undefined(_) => Some(0),
            Self::Text(text) if text.is_ascii() => Some(text.len()),
            Self::Text(text) => Some(text.chars().count()),
            Self::List(list) => Some(list.len()),
            Self::Tuple(tuple) => Some(tuple.items().len()),
            Self::Dict(dict) => Some(dict.len()),
            Self::Set(set) => Some(set.len()),
            Self::Object(object) => object.length(),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i128> {
        match self {
            Self::Int(int) => Some(*int),
            Self::Bool(bool) => Some(i128::from(*bool)),
            _ => None,
        }
    }

    /// The number, if it is one.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(float) => Some(*float),
            Self::Object(object) => object.as_float(),
            _ => self.as_int().map(|int| int as f64),
        }
    }

    /// The number without what stands behind its point, if it is a number of that size.
    pub(crate) fn whole(&self) -> Option<i128> {
        match self {
            Self::Float(float) => {
                (float.is_finite() && float.abs() < 2_f64.powi(126)).then_some(*float as i128)
            }
            Self::Object(object) => object.whole(),
            _ => self.as_int(),
        }
    }

    /// The dict, if it is one.
    pub fn as_dict(&self) -> Option<&Dict> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    /// The host's object of this type, if it is one.
    pub fn as_object<T: Object>(&self) -> Option<&T> {
        match self {
            Self::Object(object) => {
                let any: &dyn std::any::Any = &**object;
                any.downcast_ref()
            }
            _ => None,
        }
    }

    /// Whether it is undefined.
    pub fn is_undefined(&self) -> bool {
        matches!(self, Self::Undefined(_))
    }

    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        matches!(self, Self::Object(object) if object.is_callable())
    }

    /// What Python's `str` gives.
    pub fn to_text(&self) -> Outcome<Arc<str>> {
        if let Self::Text(text) = self {
            return Ok(Arc::clone(text));
        }
        let mut writer = Writer::default();
        writer.text_of(self)?;
        Ok(Arc::from(writer.finish()))
    }

    /// What Python's `repr` gives.
    pub fn to_repr(&self) -> Outcome<String> {
        let mut writer = Writer::default();
        writer.repr_of(self)?;
        Ok(writer.finish())
    }

    /// Whether two values are the same one, as by Python's `is`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::None, Self::None) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Undefined(a), Self::Undefined(b)) => Rc::ptr_eq(a, b),
            (Self::List(a), Self::List(b)) => Rc::ptr_eq(a, b),
            (Self::Tuple(a), Self::Tuple(b)) => {
                Rc::ptr_eq(a, b) || (a.items().is_empty() && b.items().is_empty())
            }
            (Self::Dict(a), Self::Dict(b)) => Rc::ptr_eq(a, b),
            (Self::Set(a), Self::Set(b)) => Rc::ptr_eq(a, b),
            (Self::Object(a), Self::Object(b)) => std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b)),
            _ => false,
        }
    }

    /// Whether it equals another value, as by Python's `==`.
    pub fn equals(&self, other: &Self) -> Outcome<bool> {
        equal(self, other)
    }

    /// Goes over its items; for what has none there is an error.
    pub fn iterate(&self) -> Outcome<Iter> {
        Iter::over(self)
    }

    /// All items.
    pub fn items(&self) -> Outcome<Vec<Self>> {
        match self {
            Self::List(list) => Ok(list.snapshot()),
            Self::Tuple(tuple) => Ok(tuple.items().to_vec()),
            _ => self.iterate()?.collect(),
        }
    }
}
