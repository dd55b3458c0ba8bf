//! Paths: a file, a folder above it, or the file of properties.

use std::collections::HashSet;
use std::path::Path;

use super::super::glob::PathGlob;
use super::super::{Bits, Entry, Graph};

/// What lies at the paths that match.
///
/// dbt looks for the pattern on the disk below the project and takes what lies there. The paths of
/// the project's own entries, with all folders above them, are the same without a look at the disk.
pub(super) fn search(graph: &Graph<'_>, pattern: &str, root: &Path) -> Bits {
    let glob = PathGlob::new(below(pattern, root));
    let own = graph.manifest().project_name.as_str();
    let mut seen: HashSet<&Path> = HashSet::new();
    let mut matched: HashSet<&Path> = HashSet::new();
    for (_, entry) in graph.entries().filter(|(_, entry)| entry.package() == own) {
        for path in paths(entry) {
            if seen.insert(path) && glob.matches(&text(path)) {
                matched.insert(path);
            }
        }
    }
    graph.filter(|entry| paths(entry).any(|path| matched.contains(path)))
}

/// The file of an entry, the folders above it, and its file of properties.
fn paths(entry: Entry<'_>) -> impl Iterator<Item = &Path> {
    entry.file().ancestors().chain(entry.properties_file())
}

fn below<'p>(pattern: &'p str, root: &Path) -> &'p str {
    let root = root.to_str().filter(|root| !root.is_empty());
    root.and_then(|root| pattern.strip_prefix(root)).unwrap_or(pattern)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
