//! What `config()` of a file says.

use millstream_jinja::{Args, Machine, Object, Outcome, Value};
use serde_json::{Map, Value as Json};

use super::capture::Shared;
use super::failure::{FailureKind, raise};

/// `config` while a project is read: it notes what it is told, and knows nothing.
#[derive(Debug)]
pub(super) struct ParseConfig(pub(super) Shared);

const METHODS: &[&str] = &[
    "get",
    "require",
    "meta_get",
    "meta_require",
    "set",
    "persist_relation_docs",
    "persist_column_docs",
];

impl Object for ParseConfig {
    fn type_name(&self) -> &'static str {
        "ParseConfigObject"
    }

    fn is_callable(&self) -> bool {
        true
    }

    fn call(&self, _machine: &mut Machine<'_>, args: Args) -> Outcome {
        let said = options(args)?;
        let mut captured = self.0.captured.borrow_mut();
        merge(&mut captured.config, said);
        Ok(Value::text(""))
    }

    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }

    fn call_method(&self, machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        match name {
            "set" => {
                let [key, value] = args.bind(name, ["name", "value"], 2)?;
                let key = key.unwrap_or(Value::None).to_text()?;
                let named = vec![(key, value.unwrap_or(Value::None))];
                self.call(machine, Args { positional: Vec::new(), named })
            }
            "persist_relation_docs" | "persist_column_docs" => Ok(Value::Bool(false)),
            _ => Ok(Value::text("")),
        }
    }
}

/// The options of a call: one dict, or arguments with names.
fn options(args: Args) -> Outcome<Map<String, Json>> {
    let Args { positional, named } = args;
    let pairs: Vec<(String, Value)> = match (&positional[..], named) {
        ([], named) if !named.is_empty() => {
            named.into_iter().map(|(key, value)| (key.to_string(), value)).collect()
        }
        ([Value::Dict(dict)], named) if named.is_empty() => {
            let pairs = dict.snapshot().into_iter();
            let pairs = pairs.map(|(key, value)| Ok((key.to_text()?.to_string(), value)));
            pairs.collect::<Outcome<_>>()?
        }
        _ => return Err(raise(FailureKind::Compilation, "Invalid inline model config")),
    };
    let mut options = Map::new();
    for (key, value) in pairs {
        let key = if key.ends_with("-hook") { key.replace('-', "_") } else { key };
        let value = if value.is_undefined() { Json::Null } else { value.to_json()? };
        if options.insert(key.clone(), value).is_some() {
            let other = key.replace('_', "-");
            let message = format!("Invalid config, has conflicting keys \"{key}\" and \"{other}\"");
            return Err(raise(FailureKind::Compilation, message));
        }
    }
    Ok(options)
}

/// Adds what a later call says to what earlier ones said.
pub(super) fn merge(known: &mut Map<String, Json>, said: Map<String, Json>) {
    if known.is_empty() {
        *known = said;
        return;
    }
    for (key, value) in said {
        match (key.as_str(), value) {
            ("pre_hook" | "post_hook" | "tags" | "packages", value) => {
                let place = known.entry(key).or_insert_with(|| Json::Array(Vec::new()));
                let mut list = listed(place.take());
                list.extend(listed(value));
                *place = Json::Array(list);
            }
            (
                "quoting"
                | "column_types"
                | "meta"
                | "docs"
                | "contract"
                | "snapshot_meta_column_names",
                Json::Object(map),
            ) => match known.get_mut(&key) {
                Some(Json::Object(known)) => known.extend(map),
                _ => {
                    known.insert(key, Json::Object(map));
                }
            },
            ("grants", Json::Object(map)) => merge_grants(known, map),
            (_, value) => {
                known.insert(key, value);
            }
        }
    }
}

/// A key that begins with `+` adds to the list of the same key.
fn merge_grants(known: &mut Map<String, Json>, said: Map<String, Json>) {
    let entry = known.entry("grants").or_insert_with(|| Json::Object(Map::new()));
    let Some(grants) = entry.as_object_mut() else { return };
    for list in grants.values_mut() {
        *list = Json::Array(listed(list.take()));
    }
    for (key, value) in said {
        match grants.get_mut(&key) {
            Some(Json::Array(list)) if key.starts_with('+') => list.extend(listed(value)),
            _ => {
                grants.insert(key, Json::Array(listed(value)));
            }
        }
    }
}

fn listed(value: Json) -> Vec<Json> {
    match value {
        Json::Array(items) => items,
        other => vec![other],
    }
}
