//! The part of a project that is dbt's: read by `millstream-dbt`, rendered as far as that needs no
//! warehouse, and turned into models, seeds and checks.

mod checks;
mod definition;
mod models;
mod offline;
mod partitions;
mod places;
mod read;
mod render;
mod seeds;
mod spelling;

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::error::{Plain, Result};
use millstream_core::scalar::ScalarFunction;
use millstream_core::sql::SqlWarehouse;
use millstream_core::text::Scene;
use millstream_core::{AssetKey, Relation};
use millstream_dbt::Manifest;
use millstream_dbt::context::{Session, Surroundings, Worker};
use millstream_dbt::manifest::{Node, NodeKind, UniqueId};
use millstream_dbt::programs::python_functions;

pub(crate) use checks::{CheckDraft, definition as checks_definition};
pub(crate) use read::{Dbt, read};

use crate::names::is_ephemeral;

/// The manifest of the project, and what its templates see.
#[derive(Debug, Clone)]
pub struct DbtProject {
    /// Nodes, sources and macros.
    pub manifest: Arc<Manifest>,
    around: Surroundings,
}

impl DbtProject {
    /// Renders a text that asks the warehouse: the query of a model, or that of a check. `refresh`
    /// says whether its rows come to those of a table that is there. Blocks.
    ///
    /// # Errors
    /// When the template cannot be rendered, or the warehouse refuses a query.
    pub fn render(
        &self,
        id: &UniqueId,
        warehouse: Arc<dyn SqlWarehouse>,
        scene: &Scene,
    ) -> Result<String> {
        let Some(node) = self.manifest.nodes.get(id) else {
            let message = format!("{id} is not in the manifest");
            return Err(Plain::internal("project.node_missing", message).into());
        };
        let worker = Worker::new(self.session(self.around.clone(), warehouse), id.as_str());
        Ok(render::live(&worker, node, scene)?)
    }

    /// The functions in Python that queries may call.
    pub fn python_functions(&self) -> Vec<ScalarFunction> {
        let Surroundings { project_name, modules, .. } = &self.around;
        python_functions(&self.manifest, project_name, modules)
    }

    fn session(&self, around: Surroundings, warehouse: Arc<dyn SqlWarehouse>) -> Arc<Session> {
        let manifest = Arc::clone(&self.manifest);
        Arc::new(Session::new(around, manifest, warehouse, PathBuf::from("target")))
    }

    /// The tables that a node reads, also through ephemeral models, each once.
    fn inputs(&self, node: &Node) -> Vec<AssetKey> {
        let mut found = Vec::new();
        self.add_inputs(node, &mut found, 0);
        found
    }

    fn add_inputs(&self, node: &Node, found: &mut Vec<AssetKey>, depth: usize) {
        /// The most ephemeral models that stand in each other; a circle is reported elsewhere.
        const DEPTH_MAX: usize = 100;
        if depth > DEPTH_MAX {
            return;
        }
        for id in &node.depends_on.nodes {
            let relation = if let Some(table) = self.manifest.sources.get(id) {
                Relation::new(&table.schema, &table.identifier)
            } else if let Some(parent) = self.manifest.nodes.get(id) {
                // What a function reads, those read that call it.
                if is_ephemeral(parent) || matches!(parent.kind, NodeKind::Function(_)) {
                    self.add_inputs(parent, found, depth + 1);
                    continue;
                }
                Relation::new(&parent.schema, &parent.alias)
            } else {
                continue;
            };
            // What is no name was reported where it was given.
            let Ok(relation) = relation else { continue };
            let asset = AssetKey::table(&relation);
            if !found.contains(&asset) {
                found.push(asset);
            }
        }
    }
}
