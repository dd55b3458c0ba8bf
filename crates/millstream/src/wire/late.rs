//! SQL of templates that ask the warehouse: rendered when their step works, over the names that the
//! step sees.

use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::error::{Plain, Result};
use millstream_core::text::{Scene, SqlText};
use millstream_dbt::manifest::UniqueId;
use millstream_engine::Engine;
use millstream_project::DbtProject;
use tokio::runtime::Handle;

use super::warehouse::SceneWarehouse;

/// The text of a node whose template asks the warehouse.
#[derive(Debug)]
pub(super) struct LateText {
    pub(super) dbt: DbtProject,
    pub(super) id: UniqueId,
    pub(super) engine: Arc<Engine>,
}

impl SqlText for LateText {
    fn render<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<String>> {
        let warehouse = SceneWarehouse {
            engine: Arc::clone(&self.engine),
            scene: scene.clone(),
            runtime: Handle::current(),
        };
        let (dbt, id, scene) = (self.dbt.clone(), self.id.clone(), scene.clone());
        Box::pin(async move {
            // Templates block while they wait for answers.
            let work = move || dbt.render(&id, Arc::new(warehouse), &scene);
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|panic| Err(Plain::internal("dbt.panic", panic.to_string()).into()))
        })
    }
}
