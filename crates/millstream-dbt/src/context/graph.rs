//! `graph`: everything that the project has, for macros that look at all of it.

use millstream_jinja::{Args, Machine, Object, Outcome, Shape, Value};
use serde_json::{Map, Value as Json, json};
use std::cell::RefCell;
use std::rc::Rc;

use super::node_map::{self, depends_on, object};
use super::run_state::RunState;
use crate::manifest::Manifest;

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
    let nodes: Map<String, Json> = manifest
        .nodes
        .iter()
        .map(|(id, node)| (id.to_string(), Json::Object(node_map::of(node))))
        .collect();
    let sources: Map<String, Json> = manifest
        .sources
        .iter()
        .map(|(id, source)| (id.to_string(), Json::Object(node_map::of_source(source))))
        .collect();
    let exposures: Map<String, Json> = manifest
        .exposures
        .iter()
        .map(|(id, exposure)| {
            let mut map = object(json!({
                "name": exposure.name, "resource_type": "exposure", "unique_id": id,
                "package_name": exposure.package_name, "fqn": exposure.fqn,
                "config": exposure.config, "tags": exposure.config.tags(),
                "depends_on": depends_on(&exposure.depends_on),
            }));
            map.extend(exposure.properties.clone());
            (id.to_string(), Json::Object(map))
        })
        .collect();
    let groups: Map<String, Json> = manifest
        .groups
        .iter()
        .map(|(id, group)| {
            let mut map = object(json!({
                "name": group.name, "resource_type": "group", "unique_id": id,
                "package_name": group.package_name, "owner": group.owner,
            }));
            map.extend(group.properties.clone());
            (id.to_string(), Json::Object(map))
        })
        .collect();
    let semantic = |kind: &str| -> Map<String, Json> {
        let found = manifest.semantic.iter().filter(|(id, _)| id.resource_type() == kind);
        let described = found.map(|(id, semantic)| {
            let mut map = object(json!({
                "name": semantic.name, "resource_type": kind, "unique_id": id,
                "package_name": semantic.package_name, "fqn": semantic.fqn,
                "config": semantic.config, "depends_on": depends_on(&semantic.depends_on),
            }));
            map.extend(semantic.properties.clone());
            (id.to_string(), Json::Object(map))
        });
        described.collect()
    };
    json!({
        "exposures": exposures, "groups": groups, "nodes": nodes, "sources": sources,
        "metrics": semantic("metric"), "semantic_models": semantic("semantic_model"),
        "saved_queries": semantic("saved_query"), "functions": {},
    })
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
