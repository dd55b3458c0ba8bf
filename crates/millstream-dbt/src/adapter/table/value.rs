//! A table as templates see it.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{Args, Iter, Machine, Object, Outcome, Shape, Value, Writer};

use super::print::Limits;
use super::view::{Of, View};
use super::{DataType, Table, shape};
use crate::adapter::caller::Caller;

/// A table in a template.
#[derive(Debug, Clone)]
pub struct TableValue {
    table: Rc<Table>,
    /// Who prints it.
    caller: Option<Rc<dyn Caller>>,
}

impl TableValue {
    /// The value of a table; what it prints, the caller prints.
    pub fn of(table: Table, caller: &Rc<dyn Caller>) -> Value {
        Value::object(Self { table: Rc::new(table), caller: Some(Rc::clone(caller)) })
    }

    /// The value of a table that nobody prints.
    pub fn silent(table: Table) -> Value {
        Value::object(Self { table: Rc::new(table), caller: None })
    }

    /// The table.
    pub fn table(&self) -> &Rc<Table> {
        &self.table
    }

    fn made(&self, table: Table) -> Value {
        Value::object(Self { table: Rc::new(table), caller: self.caller.clone() })
    }
}

impl Object for TableValue {
    fn type_name(&self) -> &'static str {
        "agate.Table"
    }

    fn write_text(&self, writer: &mut Writer) -> Outcome<()> {
        writer.push(&self.table.structure()?)
    }

    fn shape(&self) -> Shape {
        Shape::Sequence
    }

    fn length(&self) -> Option<usize> {
        Some(self.table.rows.len())
    }

    fn iterate(&self) -> Option<Iter> {
        View::value(&self.table, Of::Rows).iterate().ok()
    }

    fn attribute(&self, _machine: &mut Machine<'_>, name: &str) -> Outcome<Option<Value>> {
        Ok(Some(match name {
            "rows" => View::value(&self.table, Of::Rows),
            "columns" => View::value(&self.table, Of::Columns),
            "column_names" => {
                Value::tuple(self.table.names.iter().map(|name| Value::Text(Arc::clone(name))))
            }
            "column_types" => Value::tuple(self.table.types.iter().copied().map(type_value)),
            "row_names" => Value::None,
            _ => return Ok(None),
        }))
    }

    fn item(&self, machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        let rows = View::value(&self.table, Of::Rows);
        let row = machine.item(&rows, key)?;
        Ok((!row.is_undefined() && !row.is_callable()).then_some(row))
    }

    fn methods(&self) -> &'static [&'static str] {
        &[
            "distinct",
            "exclude",
            "find",
            "limit",
            "order_by",
            "print_structure",
            "print_table",
            "rename",
            "select",
            "where",
        ]
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let table = &self.table;
        Ok(match name {
            "select" => self.made(table.select(args)?),
            "exclude" => self.made(table.exclude(args)?),
            "rename" => self.made(table.rename(args)?),
            "limit" => self.made(table.limit(args)?),
            "order_by" => self.made(shape::ordered(machine, table, args)?),
            "distinct" => self.made(shape::distinct_rows(table, args)?),
            "where" | "find" => {
                let rows = shape::filtered(machine, table, &args.one(name, "test")?)?;
                match (name, rows.first()) {
                    ("where", _) => self.made(shape::picked(table, rows)),
                    (_, Some(row)) => View::value(table, Of::Row(*row)),
                    (_, None) => Value::None,
                }
            }
            _ => {
                let text = match name {
                    "print_table" => table.printed(&Limits::of(args)?)?,
                    _ => table.structure()?,
                };
                if let Some(caller) = &self.caller {
                    caller.print(&text)?;
                }
                Value::None
            }
        })
    }
}

/// The type of a column as templates see it.
pub(super) fn type_value(kind: DataType) -> Value {
    Value::object(TypeValue(kind))
}

#[derive(Debug)]
struct TypeValue(DataType);

impl Object for TypeValue {
    fn type_name(&self) -> &'static str {
        self.0.name()
    }

    fn equals(&self, other: &Value) -> Outcome<bool> {
        Ok(other.as_object::<Self>().is_some_and(|other| self.0 == other.0))
    }
}
