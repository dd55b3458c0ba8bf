//! The item of a list in what a command is given: `{{ item }}`, `{{ item.name }}`.

use serde_json::Value;

use crate::error::CommandError;

/// The text with the item in it.
pub(crate) fn filled(text: &str, item: Option<&Value>) -> Result<String, CommandError> {
    let Some(item) = item else { return Ok(text.to_owned()) };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find("{{") {
        let (before, behind) = rest.split_at(begin);
        filled.push_str(before);
        let end = behind.find("}}").map(|end| end + "}}".len());
        let path = end.and_then(|end| path(&behind[2..end - 2]));
        if let (Some(path), Some(end)) = (path, end) {
            filled.push_str(&self::text(found(item, path)?));
            rest = &behind[end..];
        } else {
            filled.push_str("{{");
            rest = &behind[2..];
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A value with the item in its texts. A text that is nothing but the item, or a field of it, becomes
/// that value.
pub(crate) fn filled_in(value: &Value, item: Option<&Value>) -> Result<Value, CommandError> {
    Ok(match value {
        Value::String(text) => match (item, whole(text)) {
            (Some(item), Some(path)) => found(item, path)?.clone(),
            _ => Value::String(filled(text, item)?),
        },
        Value::Array(values) => {
            let values = values.iter().map(|value| filled_in(value, item));
            Value::Array(values.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, value)| Ok((name.clone(), filled_in(value, item)?)));
            Value::Object(fields.collect::<Result<_, CommandError>>()?)
        }
        other => other.clone(),
    })
}

/// The path in a text that is `{{ item.a.b }}` and nothing else.
fn whole(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    path(inside)
}

/// An item as a text: as it is if it is one, otherwise its JSON.
pub(crate) fn text(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `.a.b` of ` item.a.b `; nothing if it is about something else.
fn path(expression: &str) -> Option<&str> {
    let path = expression.trim().strip_prefix("item")?;
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    let is_path = path.is_empty() || path.strip_prefix('.')?.split('.').all(is_name);
    is_path.then_some(path)
}

fn found<'a>(item: &'a Value, path: &str) -> Result<&'a Value, CommandError> {
    let names = path.split('.').filter(|name| !name.is_empty());
    let found = names.into_iter().try_fold(item, |value, name| match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    });
    found.ok_or_else(|| CommandError::NoField { field: format!("item{path}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_is_an_item_keeps_its_type() {
        let item = json!({"rows": 3, "names": ["a"]});
        let given = json!({"n": "{{ item.rows }}", "all": ["{{item}}", "x{{ item.rows }}", 1]});
        let filled = filled_in(&given, Some(&item)).unwrap();
        assert_eq!(filled, json!({"n": 3, "all": [item, "x3", 1]}));
        assert!(filled_in(&json!("{{ item.no }}"), Some(&item)).is_err());
        assert_eq!(filled_in(&given, None).unwrap(), given);
    }

    #[test]
    fn an_item_and_its_fields_stand_in_texts() {
        let item = json!({"name": "a", "at": {"rows": [3, 4]}});
        let of = |text: &str| filled(text, Some(&item)).unwrap();
        assert_eq!(of("--name={{ item.name }} {{item.at.rows.1}}"), "--name=a 4");
        assert_eq!(of("{{ item.at }}"), r#"{"rows":[3,4]}"#);
        assert_eq!(of("{{ items }} {{ x }} {{"), "{{ items }} {{ x }} {{");
        assert!(filled("{{ item.more }}", Some(&item)).is_err());
        assert_eq!(filled("{{ item }}", Some(&json!("x y"))).unwrap(), "x y");
        assert_eq!(filled("{{ item }}", None).unwrap(), "{{ item }}");
    }
}
