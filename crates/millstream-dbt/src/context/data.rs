//! Values of templates as plain data: relations by their parts, tables by their rows.

use millstream_jinja::{Machine, Outcome, Value};
use serde_json::{Map, Value as Json, json};

use crate::adapter::{RelationValue, Response, Table, TableValue};
use crate::python::Decimal;

/// A value as plain data.
pub(super) fn of(machine: &mut Machine<'_>, value: &Value) -> Outcome<Json> {
    if let Some(relation) = value.as_object::<RelationValue>() {
        let relation = relation.relation();
        let path = &relation.path;
        return Ok(json!({
            "database": path.database, "schema": path.schema, "identifier": path.identifier,
            "type": relation.kind.map(crate::adapter::RelationKind::word),
        }));
    }
    if let Some(found) = value.as_object::<TableValue>() {
        return table(machine, found.table());
    }
    if let Some(response) = value.as_object::<Response>() {
        return Ok(Json::Object(response.to_map()));
    }
    if let Some(number) = value.as_object::<Decimal>() {
        return Ok(decimal(&number.to_string()));
    }
    Ok(match value {
        Value::Undefined(_) => Json::Null,
        Value::List(_) | Value::Tuple(_) | Value::Set(_) => {
            let items = value.items()?;
            let items = items.iter().map(|item| of(machine, item));
            Json::Array(items.collect::<Outcome<_>>()?)
        }
        Value::Dict(dict) => {
            let mut map = Map::new();
            for (key, value) in dict.snapshot() {
                map.insert(key.to_text()?.to_string(), of(machine, &value)?);
            }
            Json::Object(map)
        }
        _ => value.to_json()?,
    })
}

/// A table: a list of its rows, each by the names of the columns.
fn table(machine: &mut Machine<'_>, table: &Table) -> Outcome<Json> {
    let mut found = Vec::with_capacity(table.rows().len());
    for row in table.rows() {
        let mut map = Map::new();
        for (name, value) in table.names().iter().zip(row.iter()) {
            map.insert(name.to_string(), of(machine, value)?);
        }
        found.push(Json::Object(map));
    }
    Ok(Json::Array(found))
}

/// A number, whole if it can be.
fn decimal(text: &str) -> Json {
    let whole = text.parse::<i64>().map(Json::from);
    whole.or_else(|_| text.parse::<f64>().map(Json::from)).unwrap_or_else(|_| Json::from(text))
}
