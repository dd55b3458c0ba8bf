//! `manifest.json`, version 12, written while the manifest is walked.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::json;

use super::fields::only;
use super::meta::{Artifact, Metadata, Moment};
use super::node::{Compiled, NodeView, Shape};
use super::resources::{DocView, MacroView, SourceView, exposure, group, unit_test};
use super::selectors::selector;
use super::semantic::resource;
use super::write_json;
use crate::Manifest;
use crate::manifest::{Node, NodeKind, UniqueId};
use crate::select::Graph;

/// What `manifest.json` says besides the manifest itself.
#[derive(Debug, Clone)]
pub struct ManifestFacts<'a> {
    /// The command that writes it.
    pub metadata: &'a Metadata,
    /// The type of the target: `postgres`.
    pub adapter_type: &'a str,
    /// When the run started, which templates also see.
    pub run_started_at: Moment,
    /// What was compiled.
    pub compiled: &'a HashMap<UniqueId, Compiled>,
}

/// Writes `manifest.json`.
pub fn write_manifest(
    out: impl Write,
    manifest: &Manifest,
    facts: &ManifestFacts<'_>,
) -> io::Result<()> {
    let graph = Graph::whole(manifest);
    write_json(out, &ManifestView { manifest, facts, graph: &graph })
}

struct ManifestView<'a> {
    manifest: &'a Manifest,
    facts: &'a ManifestFacts<'a>,
    graph: &'a Graph<'a>,
}

impl Serialize for ManifestView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { manifest, facts, graph } = *self;
        let created_at = facts.metadata.generated_at.0.as_micros() as f64 / 1e6;
        let nodes = manifest.nodes.values();
        let is_function = |node: &Arc<Node>| matches!(node.kind, NodeKind::Function(_));
        let node = |node| self.node(node);
        let source = |found| SourceView(found, created_at);
        let semantic = |word: &'static str| {
            let found = manifest.semantic.iter().filter(move |(id, _)| id.resource_type() == word);
            Section(found.map(move |(id, found)| (id, resource(found, created_at))))
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("metadata", &MetadataView { manifest, facts })?;
        map.serialize_entry(
            "nodes",
            &Section(nodes.clone().filter(|found| !is_function(found)).map(node)),
        )?;
        map.serialize_entry(
            "sources",
            &Section(manifest.sources.iter().map(|(id, found)| (id, source(found.as_ref())))),
        )?;
        map.serialize_entry(
            "macros",
            &Section(manifest.macros.iter().map(|(id, found)| (id, MacroView(found, created_at)))),
        )?;
        map.serialize_entry(
            "docs",
            &Section(manifest.docs.iter().map(|(id, found)| (id, DocView(found)))),
        )?;
        let exposures = manifest.exposures.iter();
        map.serialize_entry(
            "exposures",
            &Section(exposures.map(|(id, found)| (id, exposure(found, created_at)))),
        )?;
        map.serialize_entry("metrics", &semantic("metric"))?;
        map.serialize_entry(
            "groups",
            &Section(manifest.groups.iter().map(|(id, found)| (id, group(found)))),
        )?;
        let selectors = manifest.selectors.iter();
        map.serialize_entry(
            "selectors",
            &Section(selectors.map(|(name, found)| (name, selector(name, found)))),
        )?;
        map.serialize_entry("disabled", &Disabled { manifest, created_at })?;
        map.serialize_entry("parent_map", &Neighbours { graph, of: Graph::parents })?;
        map.serialize_entry("child_map", &Neighbours { graph, of: Graph::children })?;
        map.serialize_entry("group_map", &group_map(manifest))?;
        map.serialize_entry("saved_queries", &semantic("saved_query"))?;
        map.serialize_entry("semantic_models", &semantic("semantic_model"))?;
        map.serialize_entry(
            "unit_tests",
            &Section(manifest.unit_tests.iter().map(|(id, found)| {
                let tested = found.tested_node.as_ref().and_then(|id| manifest.nodes.get(id));
                (id, unit_test(found, tested.map(|node| node.schema.as_ref()), created_at))
            })),
        )?;
        map.serialize_entry(
            "functions",
            &Section(nodes.filter(|found| is_function(found)).map(node)),
        )?;
        map.end()
    }
}

/// A part of the manifest, made value by value.
struct Section<I>(I);

impl<I, K, V> Serialize for Section<I>
where
    I: Iterator<Item = (K, V)> + Clone,
    K: Serialize,
    V: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.clone())
    }
}

impl<'a> ManifestView<'a> {
    fn node(&self, node: &'a Arc<Node>) -> (&'a UniqueId, NodeView<'a>) {
        let compiled = self.facts.compiled.get(&node.unique_id);
        (&node.unique_id, NodeView { node, compiled, shape: Shape::Artifact })
    }
}

struct MetadataView<'a> {
    manifest: &'a Manifest,
    facts: &'a ManifestFacts<'a>,
}

impl Serialize for MetadataView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let project = self.manifest.packages.get(self.manifest.project_name.as_str());
        let said = project.map(|package| package.quoting.clone()).unwrap_or_default();
        let usual = json!({"database": true, "schema": true, "identifier": true, "column": null});
        let mut map = serializer.serialize_map(None)?;
        self.facts.metadata.entries(&mut map, Artifact::Manifest)?;
        map.serialize_entry("project_name", &self.manifest.project_name)?;
        map.serialize_entry("project_id", &project_id(&self.manifest.project_name))?;
        map.serialize_entry("user_id", &())?;
        map.serialize_entry("send_anonymous_usage_stats", &false)?;
        map.serialize_entry("adapter_type", self.facts.adapter_type)?;
        map.serialize_entry("quoting", &only(&said.into(), usual))?;
        map.serialize_entry("run_started_at", &self.facts.run_started_at)?;
        map.end()
    }
}

/// What dbt calls a project whose name it does not tell.
fn project_id(name: &str) -> String {
    use md5::Digest;
    super::contract::hex(&md5::Md5::digest(name.as_bytes()))
}

struct Disabled<'a> {
    manifest: &'a Manifest,
    created_at: f64,
}

impl Serialize for Disabled<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (id, nodes) in &self.manifest.disabled {
            let view = |node| NodeView { node, compiled: None, shape: Shape::Artifact };
            map.serialize_entry(id, &List(nodes.iter().map(|node| view(node.as_ref()))))?;
        }
        for (id, source) in &self.manifest.disabled_sources {
            map.serialize_entry(id, &[SourceView(source, self.created_at)])?;
        }
        for found in &self.manifest.disabled_exposures {
            map.serialize_entry(&found.unique_id, &[exposure(found, self.created_at)])?;
        }
        for found in &self.manifest.disabled_semantic {
            map.serialize_entry(&found.unique_id, &[resource(found, self.created_at)])?;
        }
        for found in &self.manifest.disabled_unit_tests {
            map.serialize_entry(&found.unique_id, &[unit_test(found, None, self.created_at)])?;
        }
        map.end()
    }
}

struct List<I>(I);

impl<I> Serialize for List<I>
where
    I: Iterator<Item: Serialize> + Clone,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

/// The neighbours of every entry on one side, sorted.
struct Neighbours<'a> {
    graph: &'a Graph<'a>,
    of: fn(&'a Graph<'a>, u32) -> &'a [u32],
}

impl Serialize for Neighbours<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.graph.len()))?;
        for (position, entry) in self.graph.entries() {
            let ids = Ids { graph: self.graph, positions: (self.of)(self.graph, position) };
            map.serialize_entry(entry.id(), &ids)?;
        }
        map.end()
    }
}

struct Ids<'a> {
    graph: &'a Graph<'a>,
    positions: &'a [u32],
}

impl Serialize for Ids<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut ids: Vec<&UniqueId> =
            self.positions.iter().map(|position| self.graph.entry(*position).id()).collect();
        ids.sort();
        let mut list = serializer.serialize_seq(Some(ids.len()))?;
        for id in ids {
            list.serialize_element(id)?;
        }
        list.end()
    }
}

/// The nodes of each group.
fn group_map(manifest: &Manifest) -> BTreeMap<&str, Vec<&UniqueId>> {
    let mut map: BTreeMap<&str, Vec<&UniqueId>> =
        manifest.groups.values().map(|group| (group.name.as_str(), Vec::new())).collect();
    let nodes = manifest.nodes.values().map(|node| (&node.unique_id, node.group.as_deref()));
    let semantic = manifest.semantic.values().map(|found| {
        let said = found.properties.get("group").and_then(serde_json::Value::as_str);
        (&found.unique_id, said.or_else(|| found.config.text("group")))
    });
    for (id, group) in nodes.chain(semantic) {
        if let Some(members) = group.and_then(|group| map.get_mut(group)) {
            members.push(id);
        }
    }
    map
}
