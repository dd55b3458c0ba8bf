//! A node as `manifest.json` and templates have it.

use std::sync::Arc;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::contract::contract;
use super::fields::{
    Columns, ConfigView, Needs, SourcePairs, docs, meta, model_constraints, path_text,
};
use crate::manifest::{Node, NodeKind, TestOf, TestTarget, UniqueId};

/// What compiling a node gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compiled {
    /// The query; `None` if the node was not compiled, as a seed.
    pub code: Option<Arc<str>>,
    /// The queries of ephemeral models that stand before it.
    pub extra_ctes: Vec<(UniqueId, Arc<str>)>,
    /// Where the query is written, below the project.
    pub compiled_path: Option<String>,
    /// Where what ran is written, below the project.
    pub build_path: Option<String>,
}

/// Who reads a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `manifest.json`.
    Artifact,
    /// Templates, as `model` and in `graph`: also what `config()` said.
    Template,
}

/// A node with dbt's keys, for templates: `model`, and the values of `graph.nodes`.
pub fn node_dict(node: &Node, compiled: Option<&Compiled>) -> Value {
    let view = NodeView { node, compiled, shape: Shape::Template };
    serde_json::to_value(view).unwrap_or_default()
}

/// A node, written key by key.
pub(super) struct NodeView<'a> {
    pub(super) node: &'a Node,
    pub(super) compiled: Option<&'a Compiled>,
    pub(super) shape: Shape,
}

impl Serialize for NodeView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.identity(&mut map)?;
        self.description(&mut map)?;
        if let NodeKind::Seed { root_path } = &self.node.kind {
            map.serialize_entry("root_path", &path_text(root_path))?;
            let macros = &self.node.depends_on.macros;
            map.serialize_entry("depends_on", &json!({"macros": macros}))?;
        } else {
            self.code(&mut map)?;
        }
        self.of_its_kind(&mut map)?;
        if self.shape == Shape::Template {
            map.serialize_entry("config_call_dict", &self.node.config_call)?;
            map.serialize_entry("unrendered_config_call_dict", &self.node.config_call)?;
        }
        map.end()
    }
}

impl NodeView<'_> {
    fn identity<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        map.serialize_entry("database", &node.database)?;
        map.serialize_entry("schema", &node.schema)?;
        map.serialize_entry("name", &node.name)?;
        map.serialize_entry("resource_type", node.kind.word())?;
        map.serialize_entry("package_name", &node.package_name)?;
        map.serialize_entry("path", &path_text(&node.path))?;
        map.serialize_entry("original_file_path", &path_text(&node.original_file_path))?;
        map.serialize_entry("unique_id", &node.unique_id)?;
        map.serialize_entry("fqn", &node.fqn)?;
        map.serialize_entry("alias", &node.alias)?;
        map.serialize_entry("checksum", &node.checksum)?;
        map.serialize_entry("config", &ConfigView(&node.config))
    }

    fn description<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        let compiled = self.compiled;
        map.serialize_entry("tags", &node.tags)?;
        map.serialize_entry("description", &node.description)?;
        map.serialize_entry("columns", &Columns(&node.columns))?;
        map.serialize_entry("meta", &meta(&node.config))?;
        map.serialize_entry("group", &node.group)?;
        map.serialize_entry("docs", &docs(&node.config))?;
        map.serialize_entry("patch_path", &node.patch_path)?;
        map.serialize_entry("build_path", &compiled.and_then(|made| made.build_path.as_ref()))?;
        map.serialize_entry("unrendered_config", &node.unrendered_config)?;
        map.serialize_entry("created_at", &node.created_at)?;
        map.serialize_entry("relation_name", &node.relation_name)?;
        map.serialize_entry("raw_code", &node.raw_code)?;
        map.serialize_entry("doc_blocks", &node.doc_blocks)
    }

    fn code<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        map.serialize_entry("language", node.language.word())?;
        map.serialize_entry("refs", &node.refs)?;
        map.serialize_entry("sources", &SourcePairs(&node.sources))?;
        map.serialize_entry("metrics", &node.metrics)?;
        map.serialize_entry("functions", &node.functions)?;
        map.serialize_entry("depends_on", &Needs(&node.depends_on))?;
        let made = self.compiled;
        map.serialize_entry("compiled_path", &made.and_then(|made| made.compiled_path.as_ref()))?;
        if let Some((code, made)) = made.and_then(|made| Some((made.code.as_ref()?, made))) {
            let ctes: Vec<Value> =
                made.extra_ctes.iter().map(|(id, sql)| json!({"id": id, "sql": sql})).collect();
            map.serialize_entry("compiled", &true)?;
            map.serialize_entry("compiled_code", code)?;
            map.serialize_entry("extra_ctes_injected", &true)?;
            map.serialize_entry("extra_ctes", &ctes)?;
        }
        map.serialize_entry("contract", &contract(node))
    }

    fn of_its_kind<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let node = self.node;
        match &node.kind {
            NodeKind::Model => {
                map.serialize_entry("access", &node.access)?;
                map.serialize_entry("constraints", &model_constraints(&node.constraints))?;
                map.serialize_entry("version", &node.version)?;
                map.serialize_entry("latest_version", &node.latest_version)?;
                map.serialize_entry("deprecation_date", &node.deprecation_date)?;
                map.serialize_entry("primary_key", &node.primary_key)?;
                map.serialize_entry("time_spine", &node.time_spine)
            }
            NodeKind::Test(TestOf::Generic(target)) => generic_test(map, target),
            NodeKind::Operation { index } => map.serialize_entry("index", index),
            NodeKind::Function(function) => {
                map.serialize_entry("arguments", &function.arguments)?;
                map.serialize_entry("returns", &function.returns)?;
                map.serialize_entry("overloads", &function.overloads)
            }
            NodeKind::Seed { .. }
            | NodeKind::Snapshot
            | NodeKind::Test(TestOf::Singular)
            | NodeKind::Analysis => Ok(()),
        }
    }
}

fn generic_test<M: SerializeMap>(map: &mut M, target: &TestTarget) -> Result<(), M::Error> {
    map.serialize_entry("column_name", &target.column_name)?;
    map.serialize_entry("file_key_name", &target.file_key_name)?;
    map.serialize_entry("attached_node", &target.attached_node)?;
    let metadata =
        json!({"name": target.name, "kwargs": target.kwargs, "namespace": target.namespace});
    map.serialize_entry("test_metadata", &metadata)
}
