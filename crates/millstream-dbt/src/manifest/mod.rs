//! What a dbt project is once it is read: nodes, sources, macros and the rest, by their unique ids.
//!
//! The names are those of dbt's `manifest.json` (version 12), which [`crate::artifacts`] writes of
//! it.

mod config;
mod function;
mod node;
mod resources;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value};

pub use config::Config;
pub use function::{Argument, Function, Overload, Returns};
pub use node::{
    Access, Checksum, Column, DependsOn, Language, Node, NodeKind, RefArgs, SourceArgs, TestOf,
    TestTarget, UniqueId,
};
pub use resources::{
    Doc, Exposure, Freshness, FreshnessPeriod, Group, MacroDef, SelectorDef, Semantic, SourceTable,
    UnitTest,
};

/// A dbt project with all its packages.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The project's name.
    pub project_name: String,
    /// Its folder.
    pub root: PathBuf,
    /// The project and its packages: name to what `dbt_project.yml` of each says.
    pub packages: IndexMap<Arc<str>, Package>,
    /// Models, seeds, snapshots, tests, analyses, functions and hooks, in the order of their ids.
    /// All are enabled but for tests of what is not.
    pub nodes: IndexMap<UniqueId, Arc<Node>>,
    /// Tables that are read and not made.
    pub sources: IndexMap<UniqueId, Arc<SourceTable>>,
    /// Macros and materializations of the project, its packages and dbt itself.
    pub macros: IndexMap<UniqueId, Arc<MacroDef>>,
    /// Docs blocks.
    pub docs: IndexMap<UniqueId, Doc>,
    /// Uses outside of dbt.
    pub exposures: IndexMap<UniqueId, Exposure>,
    /// Owners of models.
    pub groups: IndexMap<UniqueId, Group>,
    /// Metrics, semantic models and saved queries, as the semantic layer reads them.
    pub semantic: IndexMap<UniqueId, Semantic>,
    /// Tests of models on rows that they name.
    pub unit_tests: IndexMap<UniqueId, UnitTest>,
    /// Selections with a name (`selectors.yml`).
    pub selectors: BTreeMap<String, SelectorDef>,
    /// What is not enabled.
    pub disabled: IndexMap<UniqueId, Vec<Arc<Node>>>,
    /// Sources that are not enabled.
    pub disabled_sources: IndexMap<UniqueId, Arc<SourceTable>>,
    /// Uses outside of dbt that are not enabled.
    pub disabled_exposures: Vec<Exposure>,
    /// Metrics, semantic models and saved queries that are not enabled.
    pub disabled_semantic: Vec<Semantic>,
    /// Unit tests that are not enabled, or whose model is not.
    pub disabled_unit_tests: Vec<UnitTest>,
}

/// A package, the project itself among them.
#[derive(Debug, Clone, Default)]
pub struct Package {
    /// Its folder.
    pub root: PathBuf,
    /// Its version.
    pub version: Option<String>,
    /// Variables that its `dbt_project.yml` sets.
    pub vars: Map<String, Value>,
    /// `dispatch`: where macros of a namespace are looked for.
    pub dispatch: Vec<(String, Vec<String>)>,
    /// `on-run-start`.
    pub on_run_start: Vec<String>,
    /// `on-run-end`.
    pub on_run_end: Vec<String>,
    /// `flags`.
    pub flags: Map<String, Value>,
    /// `query-comment`, if the project sets it.
    pub query_comment: Option<Value>,
    /// `quoting`: database, schema, identifier.
    pub quoting: Map<String, Value>,
    /// `restrict-access`: protected models are not for other packages.
    pub restrict_access: bool,
    /// `asset-paths`: folders that go with the documentation.
    pub asset_paths: Vec<PathBuf>,
}

impl Manifest {
    /// The nodes of a kind that are enabled.
    pub fn nodes_of(&self, wanted: impl Fn(&NodeKind) -> bool) -> impl Iterator<Item = &Arc<Node>> {
        self.nodes.values().filter(move |node| node.config.enabled() && wanted(&node.kind))
    }

    /// The nodes that must be made before this one.
    pub fn parents(&self, id: &UniqueId) -> &[UniqueId] {
        if let Some(node) = self.nodes.get(id) {
            return &node.depends_on.nodes;
        }
        if let Some(exposure) = self.exposures.get(id) {
            return &exposure.depends_on.nodes;
        }
        if let Some(test) = self.unit_tests.get(id) {
            return &test.depends_on.nodes;
        }
        self.semantic.get(id).map_or(&[], |semantic| &semantic.depends_on.nodes)
    }
}
