//! JSON Schemas of all file kinds, for editors.

use millstream_core::kind::KindInfo;
use schemars::{JsonSchema, schema_for};
use serde_json::{Map, Value, json};

use crate::notification::spec::NotificationsFile;
use crate::schedule::spec::SchedulesFile;
use crate::settings::{source_schema, training_schema, with_prefix};
use crate::spec::lists::{DeploymentsFile, FunctionsFile, SourcesFile, StepsFile, TrainingsFile};
use crate::spec::properties::PropertiesFile;
use crate::spec::{DbtProject, Manifest};

/// One schema for each kind of file, by the name under which it is written: `millstream` for
/// `millstream.yml`, `sources` for `sources/*.yml`, and so on. A source has the settings of its
/// connector in it, and a training those of its trainer.
pub fn json_schemas(connectors: &[KindInfo], trainers: &[KindInfo]) -> Vec<(&'static str, Value)> {
    let sources = Items { definition: "SourceSpec", chosen_by: "connector", with: source_schema };
    let trainings =
        Items { definition: "TrainingSpec", chosen_by: "trainer", with: training_schema };
    vec![
        ("millstream", templated(schema::<Manifest>())),
        ("sources", templated(sources.chosen(schema::<SourcesFile>(), connectors))),
        ("training", templated(trainings.chosen(schema::<TrainingsFile>(), trainers))),
        ("deployments", templated(schema::<DeploymentsFile>())),
        ("functions", templated(schema::<FunctionsFile>())),
        ("steps", templated(schema::<StepsFile>())),
        ("schedules", templated(schema::<SchedulesFile>())),
        ("notifications", templated(schema::<NotificationsFile>())),
        ("dbt_project", schema::<DbtProject>()),
        ("properties", schema::<PropertiesFile>()),
    ]
}

fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}

/// The same schema where a template may stand in place of a number or a boolean.
fn templated(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(templated).collect(),
        Value::Object(map) => {
            let mut map: Map<String, Value> =
                map.into_iter().map(|(key, value)| (key, templated(value))).collect();
            let mut types: Vec<Value> = match map.get("type") {
                Some(Value::Array(types)) => types.clone(),
                Some(one @ Value::String(_)) => vec![one.clone()],
                _ => Vec::new(),
            };
            let scalar = ["number", "integer", "boolean"];
            let is_scalar = types.iter().filter_map(Value::as_str).any(|t| scalar.contains(&t));
            if is_scalar && !types.contains(&json!("string")) {
                types.push(json!("string"));
                map.insert("type".to_owned(), Value::Array(types));
                map.insert("pattern".to_owned(), json!(r"\{\{"));
            }
            Value::Object(map)
        }
        other => other,
    }
}

/// The items of a file, of which each has the settings of the kind that it names.
struct Items {
    /// Their definition in the schema of the file.
    definition: &'static str,
    /// The key that names the kind.
    chosen_by: &'static str,
    /// Puts the settings of a kind into the schema of an item.
    with: fn(&Value, &KindInfo) -> Value,
}

impl Items {
    /// The schema of the file with one definition of its items for each kind. Which holds is said
    /// by `if` and `then`, so that an editor tells what is wrong with the one that was chosen.
    fn chosen(&self, mut file: Value, kinds: &[KindInfo]) -> Value {
        let Some(open) = file.pointer_mut("/$defs").map(Value::take) else { return file };
        let base = item(&open, self.definition);
        let mut definitions = Map::new();
        for kind in kinds {
            add(&mut definitions, &(self.with)(&base, kind), kind.kind, self.definition);
        }
        definitions.insert(self.definition.to_owned(), self.dispatch(&base, kinds));
        file["$defs"] = Value::Object(definitions);
        file
    }

    /// An item of any kind: the key that names it, and what follows from that.
    fn dispatch(&self, base: &Value, kinds: &[KindInfo]) -> Value {
        let key = self.chosen_by;
        let names: Vec<&str> = kinds.iter().map(|kind| kind.kind).collect();
        let mut named = base["properties"][key].clone();
        named["enum"] = json!(names);
        let chosen = |name: &&str| {
            json!({
                "if": {"properties": {key: {"const": name}}, "required": [key]},
                "then": {"$ref": format!("#/$defs/{name}.{}", self.definition)},
            })
        };
        json!({
            "description": base["description"],
            "type": "object",
            "properties": {key: named},
            "required": [key],
            "allOf": names.iter().map(chosen).collect::<Vec<_>>(),
        })
    }
}

/// The schema of one definition, with the others below it.
fn item(definitions: &Value, name: &str) -> Value {
    let mut item = definitions[name].clone();
    item["$defs"] = definitions.clone();
    item
}

/// Adds an item's schema and the definitions below it, all under names of its kind.
fn add(definitions: &mut Map<String, Value>, item: &Value, kind: &str, name: &str) {
    let mut item = with_prefix(item, kind);
    let below = item.as_object_mut().and_then(|item| item.remove("$defs"));
    for (inner, definition) in below.as_ref().and_then(Value::as_object).into_iter().flatten() {
        definitions.insert(format!("{kind}.{inner}"), definition.clone());
    }
    definitions.insert(format!("{kind}.{name}"), item);
}
