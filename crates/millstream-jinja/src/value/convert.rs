//! Values from data and as data.

use serde_json::{Map, Number, Value as Json};

use super::Value;
use crate::error::{Error, ErrorKind, Outcome, too_large, unfit};

/// How deeply values are taken over.
const DEPTH_MAX: usize = 100;
/// How many values are taken over at once.
const VALUES_MAX: usize = 1_000_000;

impl Value {
    /// The value of data. Every call makes new lists and dicts.
    pub fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::None,
            Json::Bool(bool) => Self::Bool(*bool),
            Json::Number(number) => from_number(number),
            Json::String(text) => Self::text(text.as_str()),
            Json::Array(items) => Self::list(items.iter().map(Self::from_json)),
            Json::Object(map) => {
                Self::dict(map.iter().map(|(key, value)| (key.as_str(), Self::from_json(value))))
            }
        }
    }

    /// The value as data. Tuples and sets become arrays, other objects their text.
    pub fn to_json(&self) -> Outcome<Json> {
        to_json(self, 0, &mut 0)
    }
}

fn from_number(number: &Number) -> Value {
    let int = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match int {
        Some(int) => Value::Int(int),
        None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn to_json(value: &Value, depth: usize, values: &mut usize) -> Outcome<Json> {
    *values += 1;
    if *values > VALUES_MAX {
        return too_large("this JSON");
    }
    if depth > DEPTH_MAX {
        return Err(Error::new(ErrorKind::TooDeep, "this value is too deep for JSON").into());
    }
    let array = |items: &[Value], values: &mut usize| {
        items.iter().map(|item| to_json(item, depth + 1, values)).collect::<Outcome<Vec<_>>>()
    };
    Ok(match value {
        Value::Undefined(missing) => return super::object::missing(missing),
        Value::None => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Int(int) => int_to_json(*int)?,
        Value::Float(float) => Number::from_f64(*float).map_or(Json::Null, Json::Number),
        Value::Text(text) => Json::String(text.to_string()),
        Value::List(list) => Json::Array(array(&list.snapshot(), values)?),
        Value::Tuple(tuple) => Json::Array(array(tuple.items(), values)?),
        Value::Set(set) => Json::Array(array(&set.snapshot(), values)?),
        Value::Dict(dict) => {
            let mut map = Map::new();
            for (key, value) in dict.snapshot() {
                map.insert(key.to_text()?.to_string(), to_json(&value, depth + 1, values)?);
            }
            Json::Object(map)
        }
        Value::Object(object) => match object.iterate() {
            Some(iter) => Json::Array(array(&iter.collect()?, values)?),
            None => Json::String(value.to_text()?.to_string()),
        },
    })
}

fn int_to_json(int: i128) -> Outcome<Json> {
    if let Ok(int) = i64::try_from(int) {
        Ok(Json::from(int))
    } else if let Ok(int) = u64::try_from(int) {
        Ok(Json::from(int))
    } else {
        unfit("a whole number is too large for JSON")
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(int.into())
    }
}

impl From<usize> for Value {
    fn from(int: usize) -> Self {
        Self::Int(int as i128)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Self::Float(float)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, Into::into)
    }
}
