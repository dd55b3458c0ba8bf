//! What a stream declares, checked before anything is read.

use millstream_core::kind::{Declaration, SettingProblem};
use millstream_core::name::snake_case;
use millstream_core::spec::{Columns, Keys, StreamSpec};

use crate::columns::{parse_type, type_hint};
use crate::hints::alternatives;

/// All that no table can have, of any connector.
pub(crate) fn review(declaration: Declaration<'_>) -> Vec<SettingProblem> {
    let Declaration::Stream(stream) = declaration else { return Vec::new() };
    let mut problems = unknown_types(stream);
    problems.extend(dropped_keys(stream));
    problems
}

fn unknown_types(stream: &StreamSpec) -> Vec<SettingProblem> {
    let problem = |(at, column): (usize, &Columns)| {
        let Columns::Declared(spec) = column else { return None };
        let name = spec.data_type.as_ref()?;
        parse_type(name).err().map(|error| SettingProblem {
            key: format!("columns/{at}/type"),
            message: format!("column `{}`: {error}", spec.name),
            hint: Some(type_hint(name)),
        })
    };
    stream.columns.iter().flatten().enumerate().filter_map(problem).collect()
}

/// Columns of the key that are not among those that the stream keeps.
fn dropped_keys(stream: &StreamSpec) -> Vec<SettingProblem> {
    let (Some(columns), Some(key)) = (&stream.columns, &stream.key) else { return Vec::new() };
    let known: Vec<String> = columns.iter().map(|column| name_of(column).to_owned()).collect();
    let is_kept = |name: &str| known.iter().any(|kept| snake_case(kept) == snake_case(name));
    let dropped = key.columns().iter().enumerate().filter(|(_, name)| !is_kept(name));
    let problem = |(at, name): (usize, &String)| SettingProblem {
        key: match key {
            Keys::One(_) => "key".to_owned(),
            Keys::Many(_) => format!("key/{at}"),
        },
        message: format!("the key `{name}` is not among the `columns` that the stream keeps"),
        hint: Some(alternatives(name, &known, "they are")),
    };
    dropped.filter(|(_, name)| !name.is_empty()).map(problem).collect()
}

fn name_of(column: &Columns) -> &str {
    match column {
        Columns::Name(name) => name,
        Columns::Declared(spec) => &spec.name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::registry::connectors;

    /// What all connectors say of a stream, each problem in a line.
    fn said(more: &Value) -> String {
        let mut stream = json!({"name": "orders"});
        stream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let stream: StreamSpec = serde_json::from_value(stream).unwrap();
        let of = |review: fn(Declaration<'_>) -> Vec<SettingProblem>| {
            let lines = review(Declaration::Stream(&stream)).into_iter();
            let line = |p: SettingProblem| {
                format!("{}: {} ({})", p.key, p.message, p.hint.unwrap_or_default())
            };
            lines.map(line).collect::<Vec<_>>().join("\n")
        };
        let mut answers: Vec<String> = connectors().iter().map(|kind| of(kind.review)).collect();
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
        answers.remove(0)
    }

    #[test]
    fn types_that_do_not_exist_are_found() {
        let text = said(&json!({"columns": ["id", {"name": "a", "type": "doubel"}]}));
        assert!(text.starts_with("columns/1/type: column `a`: `doubel` is not a type"), "{text}");
        assert!(text.contains("(did you mean `double`? the types are: text, "), "{text}");
        let text = said(&json!({"columns": [{"name": "a", "type": "decimal(39,2)"}]}));
        assert!(text.contains("`decimal(39,2)` is not a type (the types are: "), "{text}");
    }

    #[test]
    fn a_key_must_be_kept() {
        let columns = json!(["Order ID", {"name": "a", "type": "text"}]);
        assert_eq!(said(&json!({"columns": columns, "key": "order_id"})), "");
        assert_eq!(said(&json!({"key": "anything", "sync": "merge"})), "");
        assert_eq!(
            said(&json!({"columns": columns, "key": ["order_id", "b"]})),
            "key/1: the key `b` is not among the `columns` that the stream keeps (did you mean \
             `a`? they are: Order ID, a)"
        );
        assert!(said(&json!({"columns": columns, "key": "b"})).starts_with("key: "));
    }
}
