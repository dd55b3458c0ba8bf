//! Values that show other values: `range(3)`, `dict.keys()`, and what filters give.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::{Dict, Iter, Object, Shape, Value, Writer, equal};
use crate::error::Outcome;
use crate::machine::Machine;

/// `range(start, stop, step)`.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) start: i128,
    pub(crate) stop: i128,
    pub(crate) step: i128,
    pub(crate) length: usize,
}

impl Object for Range {
    fn type_name(&self) -> &'static str {
        "range"
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        let Self { start, stop, step, .. } = self;
        match step {
            1 => writer.push(&format!("range({start}, {stop})")),
            step => writer.push(&format!("range({start}, {stop}, {step})")),
        }
    }

    fn shape(&self) -> Shape {
        Shape::Sequence
    }

    fn length(&self) -> Option<usize> {
        Some(self.length)
    }

    fn iterate(&self) -> Option<Iter> {
        Some(Iter::range(self.start, self.step, self.length))
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        let Some(index) = key.as_int() else { return Ok(None) };
        let length = self.length as i128;
        let index = if index < 0 { index + length } else { index };
        let inside = (0..length).contains(&index);
        Ok(inside.then(|| Value::Int(self.start + self.step * index)))
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        let Some(other) = other.as_object::<Self>() else { return Ok(false) };
        Ok(self.length == other.length
            && (self.length == 0 || self.start == other.start)
            && (self.length < 2 || self.step == other.step))
    }
}

/// What `keys`, `values` and `items` of a dict give; it shows the dict as it is.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) dict: Rc<Dict>,
    pub(crate) kind: ViewKind,
}

/// What a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ViewKind {
    Keys,
    Values,
    Items,
}

impl View {
    fn values(&self) -> Vec<Value> {
        let items = self.dict.snapshot().into_iter();
        match self.kind {
            ViewKind::Keys => items.map(|(key, _)| key).collect(),
            ViewKind::Values => items.map(|(_, value)| value).collect(),
            ViewKind::Items => items.map(|(key, value)| Value::tuple([key, value])).collect(),
        }
    }
}

impl Object for View {
    fn type_name(&self) -> &'static str {
        match self.kind {
            ViewKind::Keys => "dict_keys",
            ViewKind::Values => "dict_values",
            ViewKind::Items => "dict_items",
        }
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(self.type_name())?;
        writer.push("(")?;
        writer.repr_of(&Value::list(self.values()))?;
        writer.push(")")
    }

    fn length(&self) -> Option<usize> {
        Some(self.dict.len())
    }

    fn iterate(&self) -> Option<Iter> {
        Some(match self.kind {
            ViewKind::Keys => Value::Dict(Rc::clone(&self.dict)).iterate().ok()?,
            _ => Iter::of(self.values()),
        })
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        let Some(other) = other.as_object::<Self>() else { return Ok(false) };
        if self.kind != other.kind
            || self.kind == ViewKind::Values
            || self.dict.len() != other.dict.len()
        {
            return Ok(false);
        }
        for (key, value) in self.dict.snapshot() {
            let Some(found) = other.dict.get(&super::Key::new(key)?) else { return Ok(false) };
            if self.kind == ViewKind::Items && !equal(&value, &found)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn release(&mut self) -> Vec<Value> {
        vec![Value::Dict(std::mem::take(&mut self.dict))]
    }
}

/// What filters like `map` give: its items can be taken once.
#[derive(Debug)]
pub(crate) struct Generator(RefCell<VecDeque<Value>>);

impl Generator {
    pub(super) fn new(items: Vec<Value>) -> Self {
        Self(RefCell::new(items.into()))
    }

    /// Takes the next item.
    pub(crate) fn pull(&self) -> Option<Value> {
        self.0.borrow_mut().pop_front()
    }
}

impl Object for Generator {
    fn type_name(&self) -> &'static str {
        "generator"
    }

    fn truth(&self) -> bool {
        true
    }

    fn release(&mut self) -> Vec<Value> {
        std::mem::take(self.0.get_mut()).into()
    }
}
