//! `millstream schema [KIND]`

use serde_json::{Map, Value};

use crate::exit::{Failure, Outcome};
use crate::output::print_line;

/// Prints the JSON Schema of one kind of file, or of all by name.
pub fn run(kind: Option<&str>) -> Outcome {
    let (connectors, trainers) =
        (millstream_connect::registry::connectors(), millstream_model::trainers());
    let schemas = millstream_project::json_schemas(&connectors, &trainers);
    let value = match kind {
        None => {
            let all = schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema));
            Value::Object(all.collect::<Map<_, _>>())
        }
        Some(kind) => {
            let known: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
            let known = known.join(", ");
            let found = schemas.into_iter().find(|(name, _)| *name == kind);
            found.map(|(_, schema)| schema).ok_or_else(|| {
                Failure::Usage(format!("there is no file kind `{kind}`; known: {known}"))
            })?
        }
    };
    print_line(&serde_json::to_string_pretty(&value).expect("a JSON value can be written"))
}
