//! The embedded engine as a warehouse that only answers, over the names of a scene.

use std::sync::Arc;

use futures::TryStreamExt;
use millstream_core::change::{Change, Statement};
use millstream_core::error::{Plain, Result};
use millstream_core::sql::{SqlAnswer, SqlConnection, SqlWarehouse};
use millstream_core::text::Scene;
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_engine::Engine;
use tokio::runtime::Handle;

use super::answer;
use super::connection::{begins_as_query, said};

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
        let sql = sql.trim().trim_end_matches(';');
        if begins_as_query(sql) {
            return self.query(sql);
        }
        let mut answer = said("OK");
        for statement in millstream_engine::read_statements(sql)? {
            answer = match statement {
                Statement::Query(sql) => self.query(&sql)?,
                Statement::Nothing(word) => said(word),
                Statement::Transaction(_) => said("OK"),
                Statement::Change(change) => return Err(refused(&change).into()),
            };
        }
        Ok(answer)
    }
}

impl SceneWarehouse {
    fn query(&self, sql: &str) -> Result<SqlAnswer> {
        let catalog = self.scene.catalog.clone();
        let query = Query { sql: sql.to_owned(), catalog, now: self.scene.now };
        self.runtime.block_on(async {
            let rows = self.engine.query(&query).await?;
            let schema = rows.schema.clone();
            let batches: Vec<_> = rows.batches.try_collect().await?;
            answer::of_rows(&schema, &batches)
        })
    }
}

fn refused(change: &Change) -> Plain {
    let word = change.word().to_lowercase();
    let message = format!("a template that asks the warehouse changes nothing, so not `{word}`");
    Plain::user("sql.not_a_query", message)
        .with_hint("`millstream dbt` runs hooks and operations that change relations")
}
