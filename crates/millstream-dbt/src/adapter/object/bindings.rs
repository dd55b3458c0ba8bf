//! Values put into SQL in place of `%s`, as Python's driver of PostgreSQL writes them.

use millstream_jinja::{Machine, Outcome, Value};

use crate::adapter::problem::runtime;
use crate::python::{Date, Decimal, Moment, Time, TimeDelta};

/// The SQL with its values: those of a list, in order.
pub(super) fn bound(machine: &mut Machine<'_>, sql: &str, values: &Value) -> Outcome<String> {
    let values = values.items()?;
    machine.charge(values.len() as u64)?;
    let mut values = values.iter();
    let mut text = String::with_capacity(sql.len() + 16 * values.len());
    let mut rest = sql;
    while let Some(at) = rest.find('%') {
        text.push_str(&rest[..at]);
        match rest[at + 1..].chars().next() {
            Some('%') => text.push('%'),
            Some('s') => match values.next() {
                Some(value) => text.push_str(&literal(value)?),
                None => return runtime("the statement has more places than values"),
            },
            _ => return runtime("the statement has a `%` that is neither `%s` nor `%%`"),
        }
        rest = &rest[at + 2..];
    }
    text.push_str(rest);
    if values.next().is_some() {
        return runtime("not all arguments converted during string formatting");
    }
    Ok(text)
}

/// A value as SQL.
fn literal(value: &Value) -> Outcome<String> {
    let text = value.to_text()?;
    Ok(match value {
        Value::None | Value::Undefined(_) => "NULL".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        // A minus after an operator would begin a comment.
        Value::Int(int) if *int < 0 => format!(" {int}"),
        Value::Float(float) if float.is_nan() => "'NaN'::float".to_owned(),
        Value::Float(float) if float.is_infinite() => {
            let sign = if *float < 0.0 { "-" } else { "" };
            format!("'{sign}Infinity'::float")
        }
        Value::Float(float) if *float < 0.0 => format!(" {text}"),
        Value::Int(_) | Value::Float(_) => text.to_string(),
        Value::List(list) => {
            let items = list.snapshot();
            let items = items.iter().map(literal).collect::<Outcome<Vec<_>>>()?;
            if items.is_empty() { "'{}'".to_owned() } else { format!("ARRAY[{}]", items.join(",")) }
        }
        other => match typed(other, &text) {
            Some(written) => written,
            None => quoted(&text),
        },
    })
}

fn typed(value: &Value, text: &str) -> Option<String> {
    if value.as_object::<Decimal>().is_some() {
        let minus = if text.starts_with('-') { " " } else { "" };
        return Some(format!("{minus}{text}"));
    }
    if value.as_object::<Date>().is_some() {
        return Some(format!("'{text}'::date"));
    }
    if value.as_object::<Time>().is_some() {
        return Some(format!("'{text}'::time"));
    }
    if value.as_object::<TimeDelta>().is_some() {
        return Some(format!("'{text}'::interval"));
    }
    let moment = value.as_object::<Moment>()?;
    let kind = if moment.zone().is_some() { "timestamptz" } else { "timestamp" };
    Some(format!("'{}'::{kind}", text.replacen(' ', "T", 1)))
}

fn quoted(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') {
        return format!("E'{}'", doubled.replace('\\', "\\\\"));
    }
    format!("'{doubled}'")
}
