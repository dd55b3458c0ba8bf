//! What must hold in a whole manifest: no circles, and no use of what is private.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use millstream_core::diagnostic::Place;
use millstream_files::{Report, shown, whole};

use super::resolve::place_of;

use crate::manifest::{Access, Manifest, Node, NodeKind, UniqueId};

/// Reports what does not hold.
pub(super) fn check(manifest: &Manifest, report: &mut Report) {
    circle(manifest, report);
    for node in manifest.nodes.values() {
        group(node, manifest, report);
        public(node, report);
        let user = User {
            id: &node.unique_id,
            package: &node.package_name,
            group: node.group.as_deref(),
            file: &node.original_file_path,
        };
        user.check(&node.depends_on.nodes, manifest, report);
    }
    for exposure in manifest.exposures.values() {
        let user = User {
            id: &exposure.unique_id,
            package: &exposure.package_name,
            group: None,
            file: &exposure.original_file_path,
        };
        user.check(&exposure.depends_on.nodes, manifest, report);
    }
}

fn group(node: &Node, manifest: &Manifest, report: &mut Report) {
    let Some(name) = &node.group else { return };
    if manifest.groups.values().any(|group| group.name == *name) {
        return;
    }
    if matches!(node.kind, NodeKind::Test(_)) {
        return;
    }
    let known: Vec<String> =
        manifest.groups.values().map(|group| format!("'{}'", group.name)).collect();
    let message = format!("Invalid group '{name}', expected one of [{}]", known.join(", "));
    report.error("dbt.group_unknown", whole(&node.original_file_path), message, None);
}

/// A public model is read by others, so it must be something in the warehouse.
fn public(node: &Node, report: &mut Report) {
    let is_ephemeral = node.config.materialized() == "ephemeral";
    if node.kind == NodeKind::Model && node.access == Access::Public && is_ephemeral {
        let message = format!(
            "Node {} with 'ephemeral' materialization has an invalid value (public) for the \
             access field",
            node.unique_id
        );
        let hint = "make it protected, or a view".to_owned();
        report.error("dbt.access_invalid", whole(&node.original_file_path), message, hint);
    }
}

/// What reads models.
struct User<'a> {
    id: &'a UniqueId,
    package: &'a str,
    group: Option<&'a str>,
    file: &'a Path,
}

impl User<'_> {
    fn check(&self, parents: &[UniqueId], manifest: &Manifest, report: &mut Report) {
        for parent in parents.iter().filter_map(|id| manifest.nodes.get(id)) {
            let package = manifest.packages.get(&parent.package_name);
            let is_foreign = *self.package != *parent.package_name
                && package.is_some_and(|package| package.restrict_access);
            let is_member = self.group.is_some() && self.group == parent.group.as_deref();
            let (access, scope) = match parent.access {
                _ if parent.kind != NodeKind::Model => continue,
                Access::Private if !is_member || is_foreign => {
                    let group = parent.group.as_deref().unwrap_or_default();
                    ("private", format!("'{group}' group"))
                }
                Access::Protected if is_foreign => {
                    ("protected", format!("'{}' package", parent.package_name))
                }
                _ => continue,
            };
            let message = format!(
                "Node {} attempted to reference node {}, which is not allowed because the \
                 referenced node is {access} to the {scope}.",
                self.id, parent.unique_id
            );
            let hint = "make the model more open, or put both into one group".to_owned();
            report.error("dbt.access_denied", whole(self.file), message, hint);
        }
    }
}

/// How far a node has been looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    Above,
    Done,
}

/// Reports the first circle.
fn circle(manifest: &Manifest, report: &mut Report) {
    let mut seen: HashMap<&UniqueId, Seen> = HashMap::with_capacity(manifest.nodes.len());
    for node in manifest.nodes.values() {
        if seen.contains_key(&node.unique_id) {
            continue;
        }
        if let Some(path) = walk(node, manifest, &mut seen) {
            let names: Vec<&str> = path.iter().map(|node| node.unique_id.as_str()).collect();
            let message = format!("Found a cycle: {}", names.join(" --> "));
            let edges = path.iter().zip(&path[1..]);
            let places: Vec<Place> =
                edges.map(|(parent, child)| place_of(child, &parent.name)).collect();
            let texts: Vec<String> = places.iter().map(shown).collect();
            let hint = format!("take one of these references out: {}", texts.join(", "));
            report.error("dbt.cycle", places.into_iter().next(), message, hint);
            return;
        }
    }
}

/// Goes up from a node, without recursion: graphs are deep. Gives a circle in the order of its
/// edges.
fn walk<'m>(
    start: &'m Arc<Node>,
    manifest: &'m Manifest,
    seen: &mut HashMap<&'m UniqueId, Seen>,
) -> Option<Vec<&'m Arc<Node>>> {
    let mut path: Vec<(&Arc<Node>, usize)> = vec![(start, 0)];
    seen.insert(&start.unique_id, Seen::Above);
    while let Some((node, next)) = path.last_mut() {
        let Some(parent) = node.depends_on.nodes.get(*next) else {
            seen.insert(&node.unique_id, Seen::Done);
            path.pop();
            continue;
        };
        *next += 1;
        let Some(parent) = manifest.nodes.get(parent) else { continue };
        match seen.get(&parent.unique_id) {
            Some(Seen::Done) => {}
            Some(Seen::Above) => {
                let from = path.iter().position(|(node, _)| Arc::ptr_eq(node, parent))?;
                let mut circle: Vec<&Arc<Node>> = path[from..].iter().map(|(n, _)| *n).collect();
                circle.push(parent);
                circle.reverse();
                return Some(circle);
            }
            None => {
                seen.insert(&parent.unique_id, Seen::Above);
                path.push((parent, 0));
            }
        }
    }
    None
}
