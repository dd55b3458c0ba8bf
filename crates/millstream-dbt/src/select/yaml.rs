//! Selections as `selectors.yml` writes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::SelectError;
use super::spec::{Criterion, How, Indirect, Method, Reach, Spec};
use crate::manifest::SelectorDef;

/// The selectors of a project by their names.
pub type Selectors = BTreeMap<String, Spec>;

/// Reads the selectors of a project. `indirect` is what counts where a selector says nothing.
pub fn selectors(
    defined: &BTreeMap<String, SelectorDef>,
    indirect: Indirect,
) -> Result<Selectors, SelectError> {
    let read = |(name, selector): (&String, &SelectorDef)| {
        Ok((name.clone(), root(&selector.definition, indirect)?))
    };
    defined.iter().map(read).collect()
}

fn root(definition: &Value, indirect: Indirect) -> Result<Spec, SelectError> {
    if let Value::Object(fields) = definition
        && fields.len() > 1
        && (fields.contains_key("union") || fields.contains_key("intersection"))
    {
        let keys: Vec<&str> = fields.keys().map(String::as_str).collect();
        return Err(SelectError::Definition(format!(
            "Only a single 'union' or 'intersection' key is allowed in a root level selector \
             definition; found {}.",
            keys.join(",")
        )));
    }
    spec(definition, indirect)
}

fn spec(definition: &Value, indirect: Indirect) -> Result<Spec, SelectError> {
    match definition {
        Value::String(text) => Ok(Spec::One(Criterion::parse(text, indirect)?)),
        Value::Object(fields) => {
            if let Some(parts) = fields.get("union") {
                combination(How::Union, "union", parts, indirect)
            } else if let Some(parts) = fields.get("intersection") {
                combination(How::Intersection, "intersection", parts, indirect)
            } else {
                method(fields, indirect)
            }
        }
        other => Err(SelectError::Definition(format!(
            "Expected to find union, intersection, str or dict, instead found: {other}"
        ))),
    }
}

fn combination(
    how: How,
    key: &str,
    parts: &Value,
    indirect: Indirect,
) -> Result<Spec, SelectError> {
    let mut included = Vec::new();
    let mut excluded = None;
    for part in list(key, parts)? {
        match part.get("exclude") {
            Some(exclude) if excluded.is_none() => excluded = Some(union_of(exclude, indirect)?),
            Some(_) => {
                return Err(SelectError::Definition(format!(
                    "You cannot provide multiple exclude arguments to the same selector set \
                     operator:\n{part}"
                )));
            }
            None => included.push(spec(part, indirect)?),
        }
    }
    Ok(without(Spec::combined(how, included), excluded))
}

fn method(fields: &Map<String, Value>, indirect: Indirect) -> Result<Spec, SelectError> {
    if let (1, Some((key, value))) = (fields.len(), fields.iter().next()) {
        return Ok(Spec::One(criterion(key, value, &Map::new(), indirect)?));
    }
    let (Some(key), Some(value)) = (fields.get("method"), fields.get("value")) else {
        let keys: Vec<&String> = fields.keys().collect();
        return Err(SelectError::Definition(format!(
            "Expected either 1 key or else \"method\" and \"value\" keys, but got {keys:?}"
        )));
    };
    let base = criterion(&plain(key), value, fields, indirect)?;
    let excluded = fields.get("exclude").map(|exclude| union_of(exclude, indirect)).transpose()?;
    Ok(without(Spec::One(base), excluded))
}

fn criterion(
    method: &str,
    value: &Value,
    fields: &Map<String, Value>,
    indirect: Indirect,
) -> Result<Criterion, SelectError> {
    let raw = format!("{method}:{}", plain(value));
    let steps = |key: &str| match fields.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(steps) => match plain(steps).parse() {
            Ok(steps) => Ok(Some(steps)),
            Err(_) => Err(SelectError::Depth(raw.clone())),
        },
    };
    let side = |key: &str, depth: &str| {
        if is_true(fields.get(key)) { steps(depth).map(Some) } else { Ok(None) }
    };
    let reach = Reach {
        childrens_parents: is_true(fields.get("childrens_parents")),
        parents: side("parents", "parents_depth")?,
        children: side("children", "children_depth")?,
    };
    let indirect = match fields.get("indirect_selection") {
        Some(word) => Indirect::parse(&plain(word))?,
        None => indirect,
    };
    let reach = reach.checked(&raw)?;
    Ok(Criterion { method: Method::parse(method)?, value: plain(value), reach, indirect, raw })
}

fn union_of(exclude: &Value, indirect: Indirect) -> Result<Spec, SelectError> {
    let parts: Result<Vec<Spec>, SelectError> =
        list("exclude", exclude)?.iter().map(|part| spec(part, indirect)).collect();
    Ok(Spec::combined(How::Union, parts?))
}

fn without(base: Spec, excluded: Option<Spec>) -> Spec {
    match excluded {
        Some(excluded) => Spec::combined(How::Difference, vec![base, excluded]),
        None => base,
    }
}

fn list<'v>(key: &str, value: &'v Value) -> Result<&'v [Value], SelectError> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| {
        SelectError::Definition(format!("Invalid value for key \"{key}\". Expected a list."))
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::Array(_) | Value::Object(_)) => true,
    }
}
