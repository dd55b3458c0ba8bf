//! What real dbt made of a project: its nodes, and what every relation held.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// What real dbt made of a project.
pub(super) struct Golden {
    nodes: PathBuf,
    nodes_text: String,
    relations: PathBuf,
    relations_text: String,
}

impl Golden {
    pub(super) fn of(folder: &Path, name: &str) -> Result<Self> {
        let nodes = folder.join(format!("{name}.nodes.txt"));
        let relations = folder.join(format!("{name}.relations.jsonl"));
        let read = |file: &Path| match std::fs::exists(file) {
            Ok(true) => std::fs::read_to_string(file),
            _ => Ok(String::new()),
        };
        let (nodes_text, relations_text) = (read(&nodes)?, read(&relations)?);
        Ok(Self { nodes, nodes_text, relations, relations_text })
    }

    pub(super) fn write(&self, nodes: &[&str], relations: &str) -> Result<()> {
        std::fs::write(&self.nodes, nodes.join("\n") + "\n")?;
        Ok(std::fs::write(&self.relations, relations)?)
    }

    /// The relations that are to be there.
    pub(super) fn relations(&self) -> Result<Vec<String>> {
        let name = |line: &str| -> Result<String> {
            let fingerprint: Value = serde_json::from_str(line)?;
            Ok(fingerprint["relation"].as_str().context("a relation has a name")?.to_owned())
        };
        self.relations_text.lines().map(name).collect()
    }

    pub(super) fn judge(&self, nodes: &[&str], relations: &str) -> Result<()> {
        let wanted: Vec<&str> = self.nodes_text.lines().collect();
        ensure!(!wanted.is_empty(), "there is no golden; --real --accept makes it");
        let lost: Vec<&str> = wanted.iter().copied().filter(|id| !nodes.contains(id)).collect();
        let new: Vec<&str> = nodes.iter().copied().filter(|id| !wanted.contains(id)).collect();
        ensure!(lost.is_empty() && new.is_empty(), "nodes lost: {lost:?}, not dbt's: {new:?}");
        let found: Vec<&str> = relations.lines().collect();
        let differing: Vec<&str> =
            self.relations_text.lines().filter(|line| !found.contains(line)).collect();
        ensure!(differing.is_empty(), "expected:\n{}\nfound:\n{relations}", differing.join("\n"));
        Ok(())
    }
}
