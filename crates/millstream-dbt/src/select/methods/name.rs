//! Names with their folders: `staging.orders`, `stg_*`.

use std::cmp::Ordering;

use serde_json::Value;

use super::super::Entry;
use super::super::glob::Glob;
use crate::manifest::Node;

/// A name that is looked for.
pub(super) struct Name<'t> {
    text: &'t str,
    parts: Vec<&'t str>,
    /// From which part on it is a pattern, with the pattern of the rest.
    pattern: Option<(usize, Glob)>,
}

impl<'t> Name<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let parts: Vec<&str> = text.split('.').collect();
        let first = parts.iter().position(|part| Glob::is_pattern(part));
        let pattern = first.map(|first| (first, Glob::new(&parts[first..].join("."))));
        Self { text, parts, pattern }
    }

    /// Whether the name of an entry matches, with its package or without.
    pub(super) fn matches(&self, entry: Entry<'_>) -> bool {
        let names: Vec<&str> = entry.fqn().iter().map(AsRef::as_ref).collect();
        let is_versioned = matches!(entry, Entry::Node(node) if node.version.is_some());
        self.is_match(&names, is_versioned)
            || names.split_first().is_some_and(|(_, rest)| self.is_match(rest, is_versioned))
    }

    fn is_match(&self, names: &[&str], is_versioned: bool) -> bool {
        let leaf = match (names, is_versioned) {
            ([.., name, version], true) => {
                let wanted = &self.parts[self.parts.len().saturating_sub(2)..];
                if wanted.join("_") == format!("{name}_{version}") {
                    return true;
                }
                *name
            }
            ([.., name], _) => *name,
            ([], _) => return false,
        };
        if leaf == self.text {
            return true;
        }
        let flat: Vec<&str> = names.iter().flat_map(|name| name.split('.')).collect();
        if flat.len() < self.parts.len() {
            return false;
        }
        let plain = self.pattern.as_ref().map_or(self.parts.len(), |(first, _)| *first);
        if flat[..plain] != self.parts[..plain] {
            return false;
        }
        match &self.pattern {
            None => true,
            Some((first, glob)) => {
                glob.matches(&flat[*first..].join("."))
                    || (self.parts.len() == 1 && glob.matches(leaf))
            }
        }
    }
}

/// How the version of a model compares with the latest one.
pub(super) fn compare_versions(model: &Node) -> Option<Ordering> {
    let (version, latest) = (model.version.as_ref()?, model.latest_version.as_ref()?);
    match (number(version), number(latest)) {
        (Some(version), Some(latest)) => version.partial_cmp(&latest),
        _ => Some(text(version).cmp(&text(latest))),
    }
}

fn number(version: &Value) -> Option<f64> {
    version.as_f64().or_else(|| version.as_str()?.parse().ok())
}

fn text(version: &Value) -> String {
    version.as_str().map_or_else(|| version.to_string(), str::to_owned)
}
