//! What must hold in a whole manifest: no circles, and no use of what is private.

use std::collections::HashMap;
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
        for parent in node.depends_on.nodes.iter().filter_map(|id| manifest.nodes.get(id)) {
            access(node, parent, report);
        }
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

fn access(node: &Node, parent: &Node, report: &mut Report) {
    let is_private = parent.kind == NodeKind::Model && parent.access == Access::Private;
    if !is_private || (node.group.is_some() && node.group == parent.group) {
        return;
    }
    let message = format!(
        "Node {} attempted to reference node {}, which is not allowed because the referenced node \
         is private to the '{}' group.",
        node.unique_id,
        parent.unique_id,
        parent.group.as_deref().unwrap_or_default()
    );
    let hint = "make the model protected, or put both into one group".to_owned();
    report.error("dbt.access_denied", whole(&node.original_file_path), message, hint);
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
