//! Finds what `ref`, `source` and `function` mean.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::values::python_text;
use crate::manifest::{Node, NodeKind, RefArgs, SourceArgs, SourceTable, UniqueId};

/// What names mean.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    /// The project.
    project: Arc<str>,
    nodes: Names<String>,
    sources: Names<(String, String)>,
    functions: Names<String>,
    disabled: Names<String>,
    disabled_functions: Names<String>,
    disabled_sources: Names<(String, String)>,
}

/// What has a name, each with its package.
type Names<K> = HashMap<K, Vec<(Arc<str>, UniqueId)>>;

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// This node or source.
    Enabled(UniqueId),
    /// Something that is not enabled.
    Disabled(UniqueId),
    /// Nothing.
    Nothing,
}

impl Lookup {
    /// Of a project.
    pub(super) fn new(project: Arc<str>) -> Self {
        Self { project, ..Self::default() }
    }

    /// Adds a node; only models, seeds, snapshots and functions can be referred to.
    pub(super) fn add_node(&mut self, node: &Node) {
        Self::add(&mut self.nodes, &mut self.functions, node);
    }

    /// Adds a node that is not enabled.
    pub(super) fn add_disabled(&mut self, node: &Node) {
        Self::add(&mut self.disabled, &mut self.disabled_functions, node);
    }

    fn add(names: &mut Names<String>, functions: &mut Names<String>, node: &Node) {
        if matches!(node.kind, NodeKind::Function(_)) {
            let found = (Arc::clone(&node.package_name), node.unique_id.clone());
            functions.entry(node.name.clone()).or_default().push(found);
        }
        if !matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot) {
            return;
        }
        let found = (Arc::clone(&node.package_name), node.unique_id.clone());
        let Some(version) = &node.version else {
            names.entry(node.name.clone()).or_default().push(found);
            return;
        };
        names.entry(versioned(&node.name, version)).or_default().push(found.clone());
        if node.latest_version.as_ref().is_some_and(|latest| same(latest, version)) {
            names.entry(node.name.clone()).or_default().push(found);
        }
    }

    /// Adds a table.
    pub(super) fn add_source(&mut self, table: &SourceTable, is_enabled: bool) {
        let names = if is_enabled { &mut self.sources } else { &mut self.disabled_sources };
        let key = (table.source_name.clone(), table.name.clone());
        let found = (Arc::clone(&table.package_name), table.unique_id.clone());
        names.entry(key).or_default().push(found);
    }

    /// The node of a name in a package, or in any.
    pub(super) fn node(
        &self,
        name: &str,
        package: Option<&str>,
        version: Option<&Value>,
    ) -> Option<&UniqueId> {
        find(&self.nodes, &key(name, version), package)
    }

    /// The node of a name that is not enabled.
    pub(super) fn disabled(
        &self,
        name: &str,
        package: Option<&str>,
        version: Option<&Value>,
    ) -> Option<&UniqueId> {
        find(&self.disabled, &key(name, version), package)
    }

    /// What a `ref` in a package means.
    pub(super) fn resolve(&self, args: &RefArgs, package: &str) -> Found {
        let key = key(&args.name, args.version.as_ref());
        let mut disabled = None;
        for place in self.places(args.package.as_deref(), package) {
            if let Some(id) = find(&self.nodes, &key, place) {
                return Found::Enabled(id.clone());
            }
            disabled = disabled.or_else(|| find(&self.disabled, &key, place));
        }
        disabled.map_or(Found::Nothing, |id| Found::Disabled(id.clone()))
    }

    /// What a `source` in a package means.
    pub(super) fn resolve_source(&self, args: &SourceArgs, package: &str) -> Found {
        let key = (args.source.clone(), args.table.clone());
        let mut disabled = None;
        for place in self.places(None, package) {
            if let Some(id) = find(&self.sources, &key, place) {
                return Found::Enabled(id.clone());
            }
            disabled = disabled.or_else(|| find(&self.disabled_sources, &key, place));
        }
        disabled.map_or(Found::Nothing, |id| Found::Disabled(id.clone()))
    }

    /// What a `function` in a package means.
    pub(super) fn resolve_function(&self, names: &[String], package: &str) -> Found {
        let Some((name, named)) = names.split_last() else { return Found::Nothing };
        let mut disabled = None;
        for place in self.places(named.first().map(String::as_str), package) {
            if let Some(id) = find(&self.functions, name, place) {
                return Found::Enabled(id.clone());
            }
            disabled = disabled.or_else(|| find(&self.disabled_functions, name, place));
        }
        disabled.map_or(Found::Nothing, |id| Found::Disabled(id.clone()))
    }

    /// All functions.
    pub(super) fn function_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.functions.keys().map(String::as_str)
    }

    /// All names that can be referred to.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.nodes.keys().map(String::as_str)
    }

    /// All sources with their tables.
    pub(super) fn source_names(&self) -> impl Iterator<Item = String> {
        self.sources.keys().map(|(source, table)| format!("{source}.{table}"))
    }

    /// The packages in which a name is looked for, in order; `None` is any.
    fn places<'a>(&'a self, named: Option<&'a str>, package: &'a str) -> Vec<Option<&'a str>> {
        match named {
            Some(named) => vec![Some(named)],
            None if *self.project == *package => vec![Some(package), None],
            None => vec![Some(&*self.project), Some(package), None],
        }
    }
}

fn find<'a, K: std::hash::Hash + Eq>(
    names: &'a Names<K>,
    key: &K,
    package: Option<&str>,
) -> Option<&'a UniqueId> {
    let found = names.get(key)?;
    match package {
        Some(package) => found.iter().find(|(of, _)| **of == *package).map(|(_, id)| id),
        None => found.first().map(|(_, id)| id),
    }
}

fn key(name: &str, version: Option<&Value>) -> String {
    match version {
        Some(version) => versioned(name, version),
        None => name.to_owned(),
    }
}

fn versioned(name: &str, version: &Value) -> String {
    format!("{name}.v{}", python_text(version))
}

/// Whether two versions are the same, whether they are written as numbers or texts.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    python_text(a) == python_text(b)
}
