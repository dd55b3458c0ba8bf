//! Finds the types of columns, as dbt has agate do it: the first type that fits all values.

use std::rc::Rc;
use std::sync::Arc;

use millstream_jinja::{BinaryOp, Object, Outcome, Side, Value};

use super::{DataType, Table};
use crate::python::{Date, Decimal, Moment};

/// In the order in which they are tried.
const TYPES: [DataType; 7] = [
    DataType::Integer,
    DataType::Number,
    DataType::Date,
    DataType::DateTime,
    DataType::IsoDateTime,
    DataType::Boolean,
    DataType::Text,
];

/// The table of values of a warehouse. A column with a text is of texts, which stay as they are.
pub(super) fn typed(names: Vec<Arc<str>>, mut rows: Vec<Vec<Value>>) -> Outcome<Table> {
    let mut types = Vec::with_capacity(names.len());
    for column in 0..names.len() {
        let values = || rows.iter().filter_map(|row| row.get(column));
        let fits = |kind: &DataType| values().all(|value| cast(*kind, value).is_some());
        let has_text = values().any(|value| matches!(value, Value::Text(_)));
        let first = if has_text { None } else { TYPES.into_iter().find(fits) };
        let kind = first.unwrap_or(DataType::Text);
        for row in &mut rows {
            row[column] = match cast(kind, &row[column]) {
                Some(value) => value,
                None => Value::Text(row[column].to_text()?),
            };
        }
        types.push(kind);
    }
    Ok(Table::of_parts(names, types, rows.into_iter().map(Rc::from).collect()))
}

/// A value of a warehouse as one of a type; nothing if it does not fit.
fn cast(kind: DataType, value: &Value) -> Option<Value> {
    if let Value::None = value {
        return Some(Value::None);
    }
    match kind {
        DataType::Integer => matches!(value, Value::Int(_)).then(|| value.clone()),
        DataType::Number => number(value),
        DataType::Date => value.as_object::<Date>().map(|_| value.clone()),
        DataType::DateTime | DataType::IsoDateTime => match value.as_object::<Date>() {
            Some(date) => {
                let midnight = date.civil().to_datetime(jiff::civil::Time::midnight());
                Some(Value::object(Moment::new(midnight, None)))
            }
            None => value.as_object::<Moment>().map(|_| value.clone()),
        },
        DataType::Boolean => match value {
            Value::Bool(_) => Some(value.clone()),
            value => match value.as_float()? {
                0.0 => Some(Value::Bool(false)),
                1.0 => Some(Value::Bool(true)),
                _ => None,
            },
        },
        DataType::Text => matches!(value, Value::Text(_)).then(|| value.clone()),
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Int(int) => Some(Value::object(Decimal::of_int(*int))),
        Value::Float(float) if float.is_finite() => {
            let written = value.to_repr().ok()?;
            Some(Decimal::parse(&written).map_or(Value::Float(*float), Value::object))
        }
        Value::Float(_) => Some(value.clone()),
        Value::Object(_) => value.as_object::<Decimal>().map(|_| value.clone()),
        _ => None,
    }
}

/// The table of texts of a file. Columns of these names are texts in any case.
pub(super) fn read(
    names: Vec<Arc<str>>,
    rows: &[Vec<String>],
    text_columns: &[&str],
) -> Outcome<Table> {
    let width = names.len();
    if let Some((index, row)) = rows.iter().enumerate().find(|(_, row)| row.len() > width) {
        return crate::adapter::problem::runtime(format!(
            "Row {index} has {} values, but Table only has {width} columns.",
            row.len()
        ));
    }
    let mut columns = Vec::with_capacity(width);
    let mut types = Vec::with_capacity(width);
    for (column, name) in names.iter().enumerate() {
        let values: Vec<Option<&str>> =
            rows.iter().map(|row| row.get(column).map(String::as_str)).collect();
        let forced = text_columns.contains(&&**name);
        let kinds = if forced { &TYPES[6..] } else { &TYPES[..] };
        let found = kinds.iter().find_map(|kind| {
            let read: Option<Vec<Value>> = values.iter().map(|text| parse(*kind, *text)).collect();
            Some((*kind, read?))
        });
        let (kind, read) = found.unwrap_or((DataType::Text, Vec::new()));
        types.push(kind);
        columns.push(read.into_iter());
    }
    let rows = rows.iter().map(|_| {
        columns.iter_mut().map(|column| column.next().unwrap_or(Value::None)).collect::<Rc<[_]>>()
    });
    let rows = rows.collect();
    Ok(Table::of_parts(names, types, rows))
}

/// A text as a value of a type; nothing if it does not fit.
fn parse(kind: DataType, text: Option<&str>) -> Option<Value> {
    let Some(text) = text else { return Some(Value::None) };
    let trimmed = text.trim();
    let is_null = trimmed.is_empty() || trimmed.eq_ignore_ascii_case("null");
    match kind {
        // Texts are none of a warehouse's whole numbers, not even empty ones.
        DataType::Integer => None,
        _ if is_null => Some(Value::None),
        DataType::Number => parse_number(trimmed),
        DataType::Date => {
            let moment = Moment::strptime(trimmed, "%Y-%m-%d")?;
            Some(Value::object(Date::new(moment.local().date())))
        }
        DataType::DateTime => Moment::strptime(trimmed, "%Y-%m-%d %H:%M:%S").map(Value::object),
        DataType::IsoDateTime => {
            trimmed.contains('T').then(|| Moment::parse(trimmed))?.map(Value::object)
        }
        DataType::Boolean => match trimmed.replace(',', "").to_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        DataType::Text => Some(Value::from(text)),
    }
}

const CURRENCIES: [char; 19] =
    ['؋', '$', 'ƒ', '៛', '¥', '₡', '₱', '£', '€', '¢', '﷼', '₪', '₩', '₭', '₮', '₦', '฿', '₤', '₫'];

fn parse_number(text: &str) -> Option<Value> {
    let text = text.trim_matches('%');
    let (negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let text = CURRENCIES.iter().fold(text, |text, symbol| text.trim_matches(*symbol));
    let text = text.replace([',', '_'], "");
    let Some(number) = Decimal::parse(&text) else {
        let is_special = ["nan", "inf", "infinity"].contains(&text.to_lowercase().as_str());
        return is_special.then(|| text.parse().ok().map(Value::Float))?;
    };
    let sign = Value::Int(if negative { -1 } else { 1 });
    number.binary(BinaryOp::Multiply, &sign, Side::Left).ok()?
}
