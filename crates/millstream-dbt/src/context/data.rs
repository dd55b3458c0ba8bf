//! Values of templates as plain data: relations by their parts, tables by their rows.

use millstream_jinja::{Machine, Outcome, Value};
use serde_json::{Map, Value as Json, json};

use crate::adapter::RelationValue;

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
        Value::Object(_) => table(machine, value)?.map_or_else(|| value.to_json(), Ok)?,
        _ => value.to_json()?,
    })
}

/// A table: a list of its rows, each by the names of the columns.
fn table(machine: &mut Machine<'_>, value: &Value) -> Outcome<Option<Json>> {
    let names = machine.attribute(value, "column_names")?;
    let rows = machine.attribute(value, "rows")?;
    if names.is_undefined() || rows.is_undefined() {
        return Ok(None);
    }
    let names = names.items()?;
    let mut found = Vec::new();
    for row in rows.items()? {
        let mut map = Map::new();
        for (name, value) in names.iter().zip(row.items()?) {
            map.insert(name.to_text()?.to_string(), of(machine, &value)?);
        }
        found.push(Json::Object(map));
    }
    Ok(Some(Json::Array(found)))
}
