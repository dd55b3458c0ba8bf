//! Tables of results and of seeds, with the behavior of agate's: `load_result('x').table`.

mod array;
mod csv;
mod infer;
mod print;
mod shape;
mod value;
mod view;

use std::rc::Rc;
use std::sync::Arc;

use millstream_core::sql::{SqlAnswer, SqlValue};
use millstream_jinja::{Outcome, Value};

pub use value::TableValue;

use crate::python::{Date, Decimal, Moment};

/// Columns with names and types, and rows that fit them.
#[derive(Debug, Default)]
pub struct Table {
    names: Rc<[Arc<str>]>,
    types: Vec<DataType>,
    rows: Vec<Rc<[Value]>>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// Whole numbers of a warehouse, or nothing at all.
    Integer,
    /// Exact numbers.
    Number,
    /// Days.
    Date,
    /// Moments, written with a blank.
    DateTime,
    /// Moments, written as ISO 8601.
    IsoDateTime,
    /// `true` and `false`.
    Boolean,
    /// Text.
    Text,
}

impl DataType {
    /// What dbt calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "Integer",
            Self::Number => "Number",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::IsoDateTime => "ISODateTime",
            Self::Boolean => "Boolean",
            Self::Text => "Text",
        }
    }
}

/// Rows of an answer that a table takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of them.
    All,
    /// The first ones.
    First(usize),
}

impl Table {
    /// The table of an answer. Texts stay as they are; a column's type is found in its values.
    pub fn of_answer(answer: &SqlAnswer, rows: Rows) -> Outcome<Self> {
        let names = numbered(answer.columns.iter().map(|column| column.name.as_str()));
        let most = match rows {
            Rows::All => usize::MAX,
            Rows::First(most) => most,
        };
        let rows = answer.rows.iter().take(most);
        let columns = &answer.columns;
        let row = |row: &Vec<SqlValue>| {
            let cells = row.iter().zip(columns);
            cells.map(|(value, column)| of_column(value, &column.data_type)).collect()
        };
        let rows = rows.map(row).collect();
        infer::typed(distinct(names), rows)
    }

    /// The table of a seed: values are texts, of which the types are found. Columns of these names
    /// are texts in any case.
    pub fn of_csv(text: &str, text_columns: &[&str], delimiter: char) -> Outcome<Self> {
        let mut rows = csv::rows(text, delimiter);
        if rows.is_empty() {
            return Ok(Self::default());
        }
        let names = distinct(rows.remove(0));
        infer::read(names, &rows, text_columns)
    }

    /// The table of rows that are already of their types.
    pub(crate) fn of_parts(
        names: Vec<Arc<str>>,
        types: Vec<DataType>,
        rows: Vec<Rc<[Value]>>,
    ) -> Self {
        Self { names: names.into(), types, rows }
    }

    /// The table with these rows only.
    #[must_use]
    pub fn first(mut self, rows: Rows) -> Self {
        if let Rows::First(most) = rows {
            self.rows.truncate(most);
        }
        self
    }

    /// Names of the columns.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Types of the columns.
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The rows.
    pub fn rows(&self) -> &[Rc<[Value]>] {
        &self.rows
    }

    /// The place of a column.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| &**known == name)
    }

    /// The most digits behind a point that a number of a column has.
    pub fn decimal_places(&self, column: usize) -> usize {
        let numbers = self.rows.iter().filter_map(|row| row.get(column)?.as_object::<Decimal>());
        numbers.map(Decimal::decimal_places).max().unwrap_or(0)
    }
}

/// A value as Python's driver gives it.
/// A value of a column. A list is JSON, as dbt shows it.
fn of_column(value: &SqlValue, data_type: &str) -> Value {
    match value {
        SqlValue::Text(written) if data_type.ends_with("[]") => {
            Value::from(array::json(written, data_type).unwrap_or_else(|| written.clone()))
        }
        value => python_value(value),
    }
}

fn python_value(value: &SqlValue) -> Value {
    let text = |text: &str| Value::from(text);
    match value {
        SqlValue::Null => Value::None,
        SqlValue::Bool(bool) => Value::Bool(*bool),
        SqlValue::Int(int) => Value::from(*int),
        SqlValue::Float(float) => Value::Float(*float),
        SqlValue::Text(written) => text(written),
        SqlValue::Decimal(written) => Decimal::parse(written).map_or_else(
            || written.parse().map_or_else(|_| text(written), Value::Float),
            Value::object,
        ),
        SqlValue::Date(written) => {
            Date::parse(written).map_or_else(|| text(written), Value::object)
        }
        SqlValue::Timestamp(written) => {
            Moment::parse(written).map_or_else(|| text(written), Value::object)
        }
    }
}

/// Names as dbt tells equal ones apart: `a`, `a_2`, `a_3`.
fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut counts = std::collections::HashMap::new();
    names
        .map(|name| {
            let count = counts.entry(name.to_owned()).or_insert(0_usize);
            *count += 1;
            if *count > 1 { format!("{name}_{count}") } else { name.to_owned() }
        })
        .collect()
}

/// Names as agate tells equal ones apart; columns without a name are called by letters.
fn distinct(names: Vec<String>) -> Vec<Arc<str>> {
    let mut found: Vec<Arc<str>> = Vec::with_capacity(names.len());
    for (index, name) in names.into_iter().enumerate() {
        let name = if name.is_empty() { letters(index) } else { name };
        let mut candidate = name.clone();
        let mut copies = 1;
        while found.iter().any(|known| **known == *candidate) {
            copies += 1;
            candidate = format!("{name}_{copies}");
        }
        found.push(candidate.into());
    }
    found
}

/// `a` to `z`, then `aa`, `bb`.
fn letters(index: usize) -> String {
    let letter = char::from(b'a' + (index % 26) as u8);
    std::iter::repeat_n(letter, index / 26 + 1).collect()
}

#[cfg(test)]
mod tests;
