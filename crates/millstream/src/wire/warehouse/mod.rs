//! The embedded engine as a warehouse of dbt: queries of macros, and relations made by steps.

mod answer;
mod make;
mod scene;

pub use scene::SceneWarehouse;

use std::sync::Arc;

use futures::TryStreamExt;
use millstream_core::error::{Plain, Result};
use millstream_core::sql::{Materializer, SqlAnswer, SqlConnection, SqlWarehouse};
use millstream_core::warehouse::{Query, Warehouse as _};
use millstream_ledger::RunState;
use millstream_run::DirectedRun;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Backends;

/// The embedded engine, for one command of dbt. Its calls block: they come from threads of their
/// own, never from those of the runtime.
#[derive(Debug)]
pub struct EmbeddedWarehouse(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backends: Backends,
    run: DirectedRun,
    runtime: Handle,
    cancel: CancellationToken,
}

impl EmbeddedWarehouse {
    /// A warehouse for the steps of a run that has begun.
    pub fn new(backends: Backends, run: DirectedRun, cancel: CancellationToken) -> Self {
        Self(Arc::new(Inner { backends, run, runtime: Handle::current(), cancel }))
    }

    /// Ends the run.
    pub async fn end(&self, state: RunState) -> Result<()> {
        self.0.run.end(state).await
    }
}

impl SqlWarehouse for EmbeddedWarehouse {
    fn kind(&self) -> &'static str {
        "millstream"
    }

    fn connect(&self, _name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(EmbeddedConnection(Arc::clone(&self.0))))
    }

    fn cancel(&self) {
        self.0.cancel.cancel();
    }

    fn materializer(&self) -> Option<&dyn Materializer> {
        Some(self)
    }
}

/// A connection holds nothing of its own: every query reads what is published when it begins.
#[derive(Debug)]
struct EmbeddedConnection(Arc<Inner>);

impl SqlConnection for EmbeddedConnection {
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer> {
        if let Some(word) = ignored(sql) {
            return Ok(SqlAnswer {
                code: word.to_owned(),
                status: word.to_owned(),
                ..SqlAnswer::default()
            });
        }
        let inner = Arc::clone(&self.0);
        self.0.runtime.block_on(async move {
            let sql = sql.trim().trim_end_matches(';').to_owned();
            let catalog = inner.backends.catalog()?;
            let query = Query { sql, catalog, now: inner.backends.clock.now() };
            let read = async {
                let rows = inner.backends.engine.query(&query).await?;
                let schema = rows.schema.clone();
                let batches: Vec<_> = rows.batches.try_collect().await?;
                answer::of_rows(&schema, &batches)
            };
            tokio::select! {
                biased;
                () = inner.cancel.cancelled() => Err(cancelled().into()),
                read = read => read,
            }
        })
    }
}

/// Statements that mean nothing here, because every publication is a transaction of its own and
/// schemas come with their first relation.
fn ignored(sql: &str) -> Option<&'static str> {
    const IGNORED: [(&str, &str); 9] = [
        ("begin", "BEGIN"),
        ("commit", "COMMIT"),
        ("rollback", "ROLLBACK"),
        ("create schema", "CREATE SCHEMA"),
        ("analyze", "ANALYZE"),
        ("grant", "GRANT"),
        ("revoke", "REVOKE"),
        ("comment on", "COMMENT"),
        ("create index", "CREATE INDEX"),
    ];
    let statement = sql.trim_start().to_ascii_lowercase();
    let found = IGNORED.iter().find(|(begin, _)| {
        statement.strip_prefix(begin).is_some_and(|rest| {
            rest.is_empty() || rest.starts_with(|c: char| c.is_whitespace() || c == ';')
        })
    });
    found.map(|(_, word)| *word)
}

fn cancelled() -> Plain {
    Plain::user("run.cancelled", "the run was cancelled")
}
