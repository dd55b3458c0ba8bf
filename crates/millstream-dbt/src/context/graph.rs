//! `graph`: everything that the project has, for macros that look at all of it.

use std::cell::RefCell;
use std::rc::Rc;

use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value};
use serde_json::{Map, Value as Json, json};

use super::run_state::RunState;
use crate::artifacts::{self, entry_dict};
use crate::manifest::{Manifest, UniqueId};
use crate::select::Entry;

/// The parts of `graph`.
const PARTS: &[&str] = &[
    "exposures",
    "groups",
    "metrics",
    "nodes",
    "sources",
    "semantic_models",
    "saved_queries",
    "functions",
];

/// All parts as data.
pub(super) fn of(manifest: &Manifest) -> Json {
    let dicts = |entries: &mut dyn Iterator<Item = (&UniqueId, Entry<'_>)>| -> Json {
        let dict = |entry| entry_dict(entry, artifacts::Shape::Template);
        entries.map(|(id, entry)| (id.to_string(), dict(entry))).collect::<Map<_, _>>().into()
    };
    let semantic = |kind: &str| {
        let found = manifest.semantic.iter().filter(|(id, _)| id.resource_type() == kind);
        dicts(&mut found.map(|(id, semantic)| (id, Entry::Semantic(semantic))))
    };
    let exposures = manifest.exposures.iter();
    let nodes = manifest.nodes.iter().map(|(id, node)| (id, Entry::Node(node)));
    let is_function = |entry: Entry<'_>| entry.resource_type() == "function";
    let sources = manifest.sources.iter();
    json!({
        "exposures": dicts(&mut exposures.map(|(id, found)| (id, Entry::Exposure(found)))),
        "groups": groups(manifest),
        "nodes": dicts(&mut nodes.clone().filter(|(_, entry)| !is_function(*entry))),
        "sources": dicts(&mut sources.map(|(id, source)| (id, Entry::Source(source)))),
        "metrics": semantic("metric"),
        "semantic_models": semantic("semantic_model"),
        "saved_queries": semantic("saved_query"),
        "functions": dicts(&mut nodes.filter(|(_, entry)| is_function(*entry))),
    })
}

fn groups(manifest: &Manifest) -> Map<String, Json> {
    let described = manifest.groups.iter().map(|(id, group)| {
        let mut map = group.properties.clone();
        map.insert("name".to_owned(), json!(group.name));
        map.insert("resource_type".to_owned(), json!("group"));
        map.insert("unique_id".to_owned(), json!(id));
        map.insert("package_name".to_owned(), json!(group.package_name));
        map.insert("owner".to_owned(), json!(group.owner));
        (id.to_string(), Json::Object(map))
    });
    described.collect()
}

/// `graph`. A part becomes a value when it is first asked for.
#[derive(Debug)]
pub(super) struct Graph {
    state: Rc<RunState>,
    parts: RefCell<Vec<(&'static str, Value)>>,
}

impl Graph {
    pub(super) fn new(state: Rc<RunState>) -> Self {
        Self { state, parts: RefCell::default() }
    }

    fn part(&self, name: &str) -> Option<Value> {
        let known = *PARTS.iter().find(|part| **part == name)?;
        if let Some((_, value)) = self.parts.borrow().iter().find(|(part, _)| *part == known) {
            return Some(value.clone());
        }
        let value = Value::from_json(self.state.session.graph(known)?);
        self.parts.borrow_mut().push((known, value.clone()));
        Some(value)
    }
}

impl Object for Graph {
    fn type_name(&self) -> &'static str {
        "dict"
    }

    fn shape(&self) -> Shape {
        Shape::Mapping
    }

    fn item(&self, _machine: &mut Machine<'_>, key: &Value) -> Outcome<Option<Value>> {
        Ok(key.as_text().and_then(|name| self.part(name)))
    }

    fn methods(&self) -> &'static [&'static str] {
        &["get", "keys", "items", "values"]
    }

    fn call_method(&self, _machine: &mut Machine<'_>, name: &str, args: Args) -> Outcome {
        let parts = || PARTS.iter().filter_map(|part| Some((*part, self.part(part)?)));
        match name {
            "get" => {
                let [key, default] = args.bind(name, ["key", "default"], 1)?;
                let found = key.as_ref().and_then(Value::as_text).and_then(|key| self.part(key));
                Ok(found.or(default).unwrap_or(Value::None))
            }
            "keys" => Ok(Value::list(PARTS.iter().map(|part| Value::text(*part)))),
            "values" => Ok(Value::list(parts().map(|(_, value)| value))),
            _ => Ok(Value::list(
                parts().map(|(name, value)| Value::tuple([Value::text(name), value])),
            )),
        }
    }
}
