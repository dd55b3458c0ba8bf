//! Rows and columns of a table, which have values by place and by name.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Iter, Machine, Object, Outcome, Shape, Value, Writer};

use super::Table;
use super::value::type_value;

/// A part of a table.
#[derive(Debug, Clone)]
pub(super) struct View {
    table: Rc<Table>,
    of: Of,
}

/// Which part of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Rows,
    Columns,
    Row(usize),
    Column(usize),
}

/// How many values are shown.
const SHOWN: usize = 5;

impl View {
    pub(super) fn value(table: &Rc<Table>, of: Of) -> Value {
        Value::object(Self { table: Rc::clone(table), of })
    }

    fn len(&self) -> usize {
        match self.of {
            Of::Rows | Of::Column(_) => self.table.rows.len(),
            Of::Columns => self.table.names.len(),
            Of::Row(row) => self.table.rows[row].len(),
        }
    }

    fn at(&self, index: usize) -> Option<Value> {
        if index >= self.len() {
            return None;
        }
        Some(match self.of {
            Of::Rows => Self::value(&self.table, Of::Row(index)),
            Of::Columns => Self::value(&self.table, Of::Column(index)),
            Of::Row(row) => self.table.rows[row][index].clone(),
            Of::Column(column) => self.table.rows[index][column].clone(),
        })
    }

    fn values(&self) -> Vec<Value> {
        (0..self.len()).filter_map(|index| self.at(index)).collect()
    }

    /// Names of the values, if they have some.
    fn keys(&self) -> Option<&[Arc<str>]> {
        match self.of {
            Of::Columns | Of::Row(_) => Some(&self.table.names),
            Of::Rows | Of::Column(_) => None,
        }
    }

    fn named(&self, name: &str) -> Option<Value> {
        self.keys()?.iter().position(|key| &**key == name).and_then(|index| self.at(index))
    }

    fn items(&self) -> Vec<(Value, Value)> {
        let keys = self.keys().unwrap_or_default();
        keys.iter().map(|key| Value::Text(Arc::clone(key))).zip(self.values()).collect()
    }

    fn without_nulls(&self) -> Vec<Value> {
        let values = self.values().into_iter();
        values.filter(|value| !matches!(value, Value::None)).collect()
    }
}

impl Object for View {
    fn type_name(&self) -> &'static str {
        match self.of {
            Of::Row(_) => "agate.Row",
            Of::Column(_) => "agate.Column",
            Of::Rows | Of::Columns => "agate.MappedSequence",
        }
    }

    fn write_repr(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push("<")?;
        writer.push(self.type_name())?;
        writer.push(": (")?;
        for index in 0..self.len().min(SHOWN) {
            if index > 0 {
                writer.push(", ")?;
            }
            writer.repr_of(&self.at(index).unwrap_or(Value::None))?;
        }
        if self.len() > SHOWN {
            writer.push(", ...")?;
        }
        writer.push(")>")
    }

    fn shape(&self) -> Shape {
        Shape::Sequence
    }

    fn length(&self) -> Option<usize> {
        Some(self.len())
    }

    fn iterate(&self) -> Option<Iter> {
        Some(Iter::of(self.values()))
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        let Of::Column(index) = self.of else { return Ok(None) };
        Ok(match name {
            "name" => Some(Value::Text(Arc::clone(&self.table.names[index]))),
            "index" => Some(Value::from(index)),
            "data_type" => Some(type_value(self.table.types[index])),
            _ => None,
        })
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        Ok(match key {
            Value::Text(name) => self.named(name),
            Value::Int(index) => {
                let index = if *index < 0 { index + self.len() as i128 } else { *index };
                usize::try_from(index).ok().and_then(|index| self.at(index))
            }
            _ => None,
        })
    }

    fn methods(&self) -> &'static [&'static str] {
        match self.of {
            Of::Column(_) => &[
                "count",
                "get",
                "index",
                "items",
                "keys",
                "values",
                "values_distinct",
                "values_sorted",
                "values_without_nulls",
                "values_without_nulls_sorted",
            ],
            _ => &["count", "dict", "get", "items", "keys", "values"],
        }
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "get" => {
                let [key, default] = args.bind(name, ["key", "default"], 1)?;
                let found = key.as_ref().and_then(Value::as_text).and_then(|key| self.named(key));
                return Ok(found.or(default).unwrap_or(Value::None));
            }
            "count" | "index" => {
                let list = Value::list(self.values());
                let method = machine.attribute(&list, name)?;
                return machine.call(&method, args);
            }
            _ => args.none(name)?,
        }
        Ok(match name {
            "values" => Value::tuple(self.values()),
            "keys" => match self.keys() {
                Some(keys) => Value::tuple(keys.iter().map(|key| Value::Text(Arc::clone(key)))),
                None => Value::None,
            },
            "items" => Value::tuple(
                self.items().into_iter().map(|(key, value)| Value::tuple([key, value])),
            ),
            "values_distinct" => {
                let distinct = Value::set(self.values())?;
                Value::tuple(distinct.items()?)
            }
            "values_without_nulls" => Value::tuple(self.without_nulls()),
            "values_sorted" | "values_without_nulls_sorted" => {
                let mut sorted = super::shape::sorted(machine, self.without_nulls())?;
                if name == "values_sorted" {
                    sorted.resize(self.len(), Value::None);
                }
                Value::list(sorted)
            }
            _ => Value::dict(
                self.keys().unwrap_or_default().iter().map(Arc::clone).zip(self.values()),
            ),
        })
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        if !matches!(other, Value::List(_) | Value::Tuple(_)) && other.as_object::<Self>().is_none()
        {
            return Ok(false);
        }
        Value::tuple(self.values()).equals(&Value::tuple(other.items()?))
    }
}
