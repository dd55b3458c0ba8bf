//! The tables that MLflow's clients send, in any of their five shapes.

use std::borrow::Cow;

use arrow::array::{ArrayRef, StringArray};
use millstream_core::model::{InputType, ModelInput, Signature};
use serde_json::{Map, Value};

use crate::error::DeployError;
use crate::limits::REQUEST_ROWS_MAX;
use crate::rows::{Cell, Rows, as_texts, column, missing, wrong_type};

const FIELDS: [&str; 4] = ["dataframe_split", "dataframe_records", "instances", "inputs"];
/// The column that says what each row is, unless the model has an input of that name.
const KEY_COLUMN: &str = "key";

/// A table that is parsed and not yet compared with a model.
#[derive(Debug)]
pub(super) enum Frame {
    /// `dataframe_split`: column names, and rows of values in their order.
    Split { columns: Vec<String>, rows: Vec<Vec<Value>> },
    /// `dataframe_records`, or `instances` of objects.
    Records(Vec<Map<String, Value>>),
    /// `inputs` by name.
    Columns(Map<String, Value>),
    /// `instances` or `inputs` without names: values in the order of the model's inputs.
    Positional(Vec<Vec<Value>>),
    /// CSV with a header: all values are text.
    Csv { columns: Vec<String>, rows: Vec<csv::StringRecord> },
}

fn malformed(reason: impl Into<String>) -> DeployError {
    DeployError::Malformed(reason.into())
}

impl Frame {
    pub(super) fn parse_json(body: &[u8]) -> Result<Self, DeployError> {
        let body: Value =
            serde_json::from_slice(body).map_err(|cause| malformed(cause.to_string()))?;
        let Value::Object(mut body) = body else {
            return Err(malformed("the body is not an object"));
        };
        if let Some(params) = body.get("params")
            && !(params.is_object() || params.is_null())
        {
            return Err(malformed("`params` is not an object"));
        }
        let given: Vec<&str> =
            FIELDS.into_iter().filter(|field| body.contains_key(*field)).collect();
        let [field] = given[..] else {
            return Err(malformed(format!("it has not exactly one of {}", FIELDS.join(", "))));
        };
        let value = body.remove(field).expect("the field was just seen");
        match (field, value) {
            ("dataframe_split", Value::Object(split)) => Self::split(split),
            ("dataframe_records" | "instances" | "inputs", Value::Array(items)) => {
                Self::of_items(items)
            }
            ("inputs", Value::Object(columns)) => Ok(Self::Columns(columns)),
            (field, _) => Err(malformed(format!("`{field}` has the wrong type"))),
        }
    }

    pub(super) fn parse_csv(body: &[u8]) -> Result<Self, DeployError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(body);
        let bad = |cause: csv::Error| malformed(cause.to_string());
        let columns = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            rows.push(record.map_err(bad)?);
            if rows.len() > REQUEST_ROWS_MAX {
                return Err(DeployError::TooManyRows(rows.len()));
            }
        }
        Ok(Self::Csv { columns, rows })
    }

    fn split(mut split: Map<String, Value>) -> Result<Self, DeployError> {
        let part = |value: Option<Value>| match value {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(malformed("`dataframe_split` needs the arrays `columns` and `data`")),
        };
        let names = part(split.remove("columns"))?.into_iter().map(|name| match name {
            Value::String(name) => Ok(name),
            _ => Err(malformed("a column name is not text")),
        });
        let columns = names.collect::<Result<Vec<_>, _>>()?;
        let rows = part(split.remove("data"))?.into_iter().map(|row| match row {
            Value::Array(values) if values.len() == columns.len() => Ok(values),
            _ => Err(malformed(format!("a row is not an array of {} values", columns.len()))),
        });
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::Split { columns, rows })
    }

    fn of_items(items: Vec<Value>) -> Result<Self, DeployError> {
        if items.is_empty() {
            return Err(malformed("it has no rows"));
        }
        if items.iter().all(Value::is_object) {
            let record = |item| match item {
                Value::Object(record) => Some(record),
                _ => None,
            };
            return Ok(Self::Records(items.into_iter().filter_map(record).collect()));
        }
        if items.iter().any(Value::is_object) {
            return Err(malformed("some rows are objects and some are not"));
        }
        let row = |item| match item {
            Value::Array(values) => values,
            value => vec![value],
        };
        Ok(Self::Positional(items.into_iter().map(row).collect()))
    }

    /// The rows in the order of the signature. Columns that the model does not take are left out.
    pub(super) fn into_rows(self, signature: &Signature) -> Result<Rows, DeployError> {
        if let Self::Positional(rows) = &self
            && let Some(row) = rows.iter().find(|row| row.len() != signature.inputs.len())
        {
            let (given, due) = (row.len(), signature.inputs.len());
            return Err(malformed(format!("a row has {given} values, the model takes {due}")));
        }
        let inputs = signature.inputs.iter().enumerate();
        let inputs = inputs
            .map(|(index, input)| self.array(signature, input, index))
            .collect::<Result<Vec<_>, _>>()?;
        let keys = self.keys(signature)?;
        Rows::new(signature, inputs, keys, None)
    }

    fn array(
        &self,
        signature: &Signature,
        input: &ModelInput,
        index: usize,
    ) -> Result<ArrayRef, DeployError> {
        let cells = match self {
            Self::Positional(rows) => {
                rows.iter().map(|row| cell(&row[index])).collect::<Result<_, _>>()
            }
            named => match named.cells(&input.name) {
                None => return Err(missing(signature, input)),
                Some(cells) => cells,
            },
        };
        let mut cells: Vec<Cell<'_>> = cells.map_err(|found| wrong_type(input, found))?;
        if matches!(self, Self::Csv { .. }) {
            read_csv_cells(input, &mut cells)?;
        }
        column(input, &cells)
    }

    fn keys(&self, signature: &Signature) -> Result<Option<StringArray>, DeployError> {
        let is_input = signature.inputs.iter().any(|input| input.name == KEY_COLUMN);
        let Some(cells) = self.cells(KEY_COLUMN).filter(|_| !is_input) else { return Ok(None) };
        let cells = cells.map_err(|found| malformed(format!("a key is {found}")))?;
        Ok(Some(as_texts(&cells)))
    }

    /// The values of a named column; `None` if there is no such column. What is no single value
    /// is named in the error.
    fn cells<'a>(&'a self, name: &str) -> Option<Result<Vec<Cell<'a>>, &'static str>> {
        let position = |columns: &[String]| columns.iter().position(|column| column == name);
        match self {
            Self::Split { columns, rows } => {
                let index = position(columns)?;
                Some(rows.iter().map(|row| cell(&row[index])).collect())
            }
            Self::Records(records) => {
                records.iter().any(|record| record.contains_key(name)).then_some(())?;
                let value = |record: &'a Map<String, Value>| record.get(name);
                Some(records.iter().map(|r| value(r).map_or(Ok(Cell::Null), cell)).collect())
            }
            Self::Columns(columns) => match columns.get(name)? {
                Value::Array(values) => Some(values.iter().map(cell).collect()),
                value => Some(cell(value).map(|cell| vec![cell])),
            },
            Self::Positional(_) => None,
            Self::Csv { columns, rows } => {
                let index = position(columns)?;
                let cells = rows.iter().map(|row| match row.get(index) {
                    Some(text) if !text.is_empty() => Cell::Text(Cow::Borrowed(text)),
                    _ => Cell::Null,
                });
                Some(Ok(cells.collect()))
            }
        }
    }
}

/// A JSON value as a cell; an array of one value counts as the value.
fn cell(value: &Value) -> Result<Cell<'_>, &'static str> {
    match value {
        Value::Null => Ok(Cell::Null),
        Value::Bool(value) => Ok(Cell::Boolean(*value)),
        Value::String(text) => Ok(Cell::Text(Cow::Borrowed(text))),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Ok(Cell::Integer(integer)),
            (None, Some(number)) => Ok(Cell::Number(number)),
            (None, None) => Err("a number that is too large"),
        },
        Value::Array(values) => match &values[..] {
            [value] if !value.is_array() => cell(value),
            _ => Err("an array"),
        },
        Value::Object(_) => Err("an object"),
    }
}

/// CSV knows no types: what a numeric input takes is read as a number.
fn read_csv_cells(input: &ModelInput, cells: &mut [Cell<'_>]) -> Result<(), DeployError> {
    if input.r#type != InputType::Number {
        return Ok(());
    }
    for cell in cells {
        if let Cell::Text(text) = &*cell {
            let number = text.trim().parse();
            *cell = Cell::Number(number.map_err(|_| wrong_type(input, format!("`{text}`")))?);
        }
    }
    Ok(())
}
