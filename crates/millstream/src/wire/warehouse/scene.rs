//! The embedded engine as a warehouse that only answers, over the names of a scene.

use std::sync::Arc;

use futures::TryStreamExt;
use millstream_core::error::Result;
use millstream_core::sql::{SqlAnswer, SqlConnection, SqlWarehouse};
use millstream_core::text::Scene;
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_engine::Engine;
use tokio::runtime::Handle;

use super::{answer, ignored};

/// A warehouse in which names mean what they mean to a step. Its calls block.
#[derive(Debug, Clone)]
pub struct SceneWarehouse {
    /// Runs the queries.
    pub engine: Arc<Engine>,
    /// What names mean.
    pub scene: Scene,
    /// Where queries run while a template waits.
    pub runtime: Handle,
}

impl SqlWarehouse for SceneWarehouse {
    fn kind(&self) -> &'static str {
        "millstream"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(self.clone()))
    }

    fn cancel(&self) {}
}

impl SqlConnection for SceneWarehouse {
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer> {
        if let Some(word) = ignored(sql) {
            let (code, status) = (word.to_owned(), word.to_owned());
            return Ok(SqlAnswer { code, status, ..SqlAnswer::default() });
        }
        let query = Query {
            sql: sql.trim().trim_end_matches(';').to_owned(),
            catalog: self.scene.catalog.clone(),
            now: self.scene.now,
        };
        self.runtime.block_on(async {
            let rows = self.engine.query(&query).await?;
            let schema = rows.schema.clone();
            let batches: Vec<_> = rows.batches.try_collect().await?;
            answer::of_rows(&schema, &batches)
        })
    }
}
