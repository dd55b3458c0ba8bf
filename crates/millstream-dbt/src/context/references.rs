//! What `ref`, `source`, `function` and `metric` mean: nodes by the names under which others know
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use crate::manifest::{Manifest, Node, NodeKind, RefArgs, SourceArgs, SourceTable, UniqueId};

/// Nodes by the names under which others know them.
type Nodes = HashMap<String, Vec<Arc<Node>>>;

/// The names of a manifest.
#[derive(Debug, Default)]
pub struct References {
    project: Arc<str>,
    nodes: Nodes,
    disabled: Nodes,
    functions: Nodes,
    disabled_functions: Nodes,
    sources: HashMap<(String, String), Vec<Arc<SourceTable>>>,
    metrics: HashMap<String, Vec<UniqueId>>,
}

/// What a name means.
#[derive(Debug, Clone)]
pub enum Found<T> {
    /// This.
    One(T),
    /// Something that is not enabled.
    Disabled,
    /// Nothing.
    Nothing,
}

impl References {
    /// The names of a manifest.
    pub fn of(manifest: &Manifest) -> Self {
        let mut names =
            Self { project: Arc::from(manifest.project_name.as_str()), ..Self::default() };
        for node in manifest.nodes.values() {
            add(&mut names.nodes, &mut names.functions, node);
        }
        for node in manifest.disabled.values().flatten() {
            add(&mut names.disabled, &mut names.disabled_functions, node);
        }
        for source in manifest.sources.values() {
            let key = (source.source_name.clone(), source.name.clone());
            names.sources.entry(key).or_default().push(Arc::clone(source));
        }
        for id in manifest.semantic.keys().filter(|id| id.resource_type() == "metric") {
            let name = manifest.semantic[id].name.clone();
            names.metrics.entry(name).or_default().push(id.clone());
        }
        names
    }

    /// What `ref` means in a text of a package.
    pub fn node(&self, args: &RefArgs, package: &str) -> Found<&Arc<Node>> {
        let name = match &args.version {
            Some(version) => versioned(&args.name, version),
            None => args.name.clone(),
        };
        let packages = self.packages(args.package.as_deref(), package);
        found(&name, &packages, &self.nodes, &self.disabled)
    }

    /// What `function` means in a text of a package: a name, or a package and a name.
    pub fn function(&self, names: &[String], package: &str) -> Found<&Arc<Node>> {
        let Some((name, named)) = names.split_last() else { return Found::Nothing };
        let packages = self.packages(named.first().map(String::as_str), package);
        found(name, &packages, &self.functions, &self.disabled_functions)
    }

    /// What `source` means in a text of a package.
    pub fn source(&self, args: &SourceArgs, package: &str) -> Option<&Arc<SourceTable>> {
        let candidates = self.sources.get(&(args.source.clone(), args.table.clone()))?;
        first_of(&self.packages(None, package), candidates, |source| &source.package_name)
    }

    /// What `metric` means.
    pub fn metric(&self, name: &str) -> Option<&UniqueId> {
        self.metrics.get(name)?.first()
    }

    /// The packages to look in, `None` for any.
    fn packages<'a>(&'a self, named: Option<&'a str>, own: &'a str) -> Vec<Option<&'a str>> {
        match named {
            Some(named) => vec![Some(named)],
            None if *own == *self.project => vec![Some(own), None],
            None => vec![Some(&self.project), Some(own), None],
        }
    }
}

/// The node of a name in the first package that has one.
fn found<'n>(
    name: &str,
    packages: &[Option<&str>],
    nodes: &'n Nodes,
    disabled: &'n Nodes,
) -> Found<&'n Arc<Node>> {
    if let Some(node) = first_node(name, packages, nodes) {
        return Found::One(node);
    }
    match first_node(name, packages, disabled) {
        Some(_) => Found::Disabled,
        None => Found::Nothing,
    }
}

fn first_node<'n>(
    name: &str,
    packages: &[Option<&str>],
    nodes: &'n Nodes,
) -> Option<&'n Arc<Node>> {
    first_of(packages, nodes.get(name)?, |node| &node.package_name)
}

fn add(names: &mut Nodes, functions: &mut Nodes, node: &Arc<Node>) {
    if matches!(node.kind, NodeKind::Function(_)) {
        functions.entry(node.name.clone()).or_default().push(Arc::clone(node));
    }
    let is_named =
        matches!(node.kind, NodeKind::Model | NodeKind::Seed { .. } | NodeKind::Snapshot);
    if !is_named {
        return;
    }
    let mut add = |name: String| names.entry(name).or_default().push(Arc::clone(node));
    match &node.version {
        None => add(node.name.clone()),
        Some(version) => {
            add(versioned(&node.name, version));
            if node.latest_version.as_ref() == Some(version) {
                add(node.name.clone());
            }
        }
    }
}

/// The name of a version of a model: `orders.v2`.
fn versioned(name: &str, version: &Value) -> String {
    match version {
        Value::String(version) => format!("{name}.v{version}"),
        other => format!("{name}.v{other}"),
    }
}

fn first_of<'a, T>(
    packages: &[Option<&str>],
    candidates: &'a [T],
    package_of: impl Fn(&T) -> &Arc<str>,
) -> Option<&'a T> {
    packages.iter().find_map(|wanted| match wanted {
        Some(wanted) => candidates.iter().find(|found| **package_of(found) == **wanted),
        None => candidates.first(),
    })
}
