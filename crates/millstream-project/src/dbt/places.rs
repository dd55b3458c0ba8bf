//! Where something stands that was said of a node.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_core::diagnostic::Place;
use millstream_dbt::Manifest;
use millstream_dbt::context::Failure;
use millstream_dbt::manifest::{Node, NodeKind};
use millstream_files::yaml::{Document, Kind, Node as Yaml};
use millstream_files::{Mark, whole};

/// The files in which something is said of nodes.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) root: &'a Path,
    pub(super) manifest: &'a Manifest,
    /// `dbt_project.yml`.
    pub(super) project: Option<&'a Document>,
    /// Files of properties.
    pub(super) properties: &'a [Document],
}

impl Places<'_> {
    /// The file of a node, relative to the root of the project; of a package elsewhere its whole
    /// path.
    pub(super) fn file(&self, node: &Node) -> PathBuf {
        let package = self.manifest.packages.get(&node.package_name);
        let folder = package.map_or(self.root, |package| package.root.as_path());
        let full = folder.join(&node.original_file_path);
        full.strip_prefix(self.root).map_or_else(|_| full.clone(), Path::to_owned)
    }

    /// Where a setting of a node is: in its file, in its properties or in `dbt_project.yml`.
    pub(super) fn setting(&self, node: &Node, key: &str) -> Place {
        let file = &self.file(node);
        if node.config_call.0.contains_key(key)
            && let Ok(text) = fs::read_to_string(self.root.join(file))
        {
            return find_key(&text, key).within(file);
        }
        let of_properties = || self.in_properties(node, key);
        of_properties().or_else(|| self.in_project(node, key)).unwrap_or_else(|| whole(file))
    }

    fn in_properties(&self, node: &Node, key: &str) -> Option<Place> {
        let (_, path) = node.patch_path.as_deref()?.split_once("://")?;
        let file = self.properties.iter().find(|file| file.file == Path::new(path))?;
        let list = file.root.get(section(&node.kind)).map(Yaml::items)?;
        let entry =
            list.iter().find(|entry| entry.get("name").and_then(Yaml::text) == Some(&node.name))?;
        let inner = entry.get("config").and_then(|config| config.get(key));
        inner.or_else(|| entry.get(key)).map(|value| file.place(value))
    }

    /// The innermost folder that says it.
    fn in_project(&self, node: &Node, key: &str) -> Option<Place> {
        let document = self.project?;
        let mut level = document.root.get(section(&node.kind))?;
        let mut found = setting_of(level, key);
        for part in &node.fqn {
            let Some(inner) = level.get(part) else { break };
            level = inner;
            found = setting_of(level, key).or(found);
        }
        found.map(|value| document.place(value))
    }

    /// Where a template could not be rendered, in the text of the node itself.
    pub(super) fn failure(&self, failure: &Failure, node: &Node) -> Place {
        let file = &self.file(node);
        if let Some(place) = &node.place {
            return place.clone();
        }
        let outermost = failure.at.stack.last().and_then(|trace| trace.place.as_ref());
        let Some(place) = outermost.or(failure.at.place.as_ref()) else { return whole(file) };
        let own = Path::new(&*place.file) == file;
        let before = if own { self.lines_before(node) } else { 0 };
        let mark = Mark { line: (place.line + before) as u32, column: place.column as u32 };
        mark.within(Path::new(&*place.file))
    }

    /// Lines of the file before the text of the node.
    fn lines_before(&self, node: &Node) -> usize {
        let text = fs::read_to_string(self.root.join(self.file(node)));
        let text = text.unwrap_or_default();
        let at = text.find(&*node.raw_code).unwrap_or(0);
        text[..at].matches('\n').count()
    }
}

fn section(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Seed { .. } => "seeds",
        NodeKind::Snapshot => "snapshots",
        _ => "models",
    }
}

fn setting_of<'n>(level: &'n Yaml, key: &str) -> Option<&'n Yaml> {
    let is_key = |name: &str| name.replace('-', "_") == key;
    let found = level.entries().iter().find(|entry| match entry.key.strip_prefix('+') {
        Some(name) => is_key(name),
        None => is_key(&entry.key) && !matches!(entry.value.kind, Kind::Map(_)),
    });
    found.map(|entry| &entry.value)
}

/// Where `config(...)` sets a key.
fn find_key(text: &str, key: &str) -> Mark {
    let config = text.find("config(").unwrap_or(0);
    let mut from = config;
    while let Some(found) = text[from..].find(key) {
        let at = from + found;
        let rest = text[at + key.len()..].trim_start();
        if rest.starts_with('=') && !rest.starts_with("==") {
            return Mark::of_offset(text, at);
        }
        from = at + key.len();
    }
    Mark::of_offset(text, config)
}
