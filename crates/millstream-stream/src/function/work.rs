//! One attempt at work: events from the topic, batch by batch through the query, into staging.

use std::sync::Arc;

use futures::TryStreamExt as _;
use millstream_core::catalog::CatalogEntry;
use millstream_core::error::Result;
use millstream_core::name::{DEFAULT_SCHEMA, Relation};
use millstream_core::step::{Attempt, StepStats};
use millstream_core::warehouse::Query;

use super::error::FunctionError;
use super::records::{MemoryScan, project};
use super::staging::StagingWriter;
use super::step::FunctionParts;
use crate::operational::check_rows;

/// Most bytes of events of one attempt.
const ATTEMPT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// The relation that a function's query reads.
const RECORDS: &str = "records";

/// What an attempt works with, and what it has done.
pub(super) struct Work<'s> {
    pub(super) parts: &'s FunctionParts,
    pub(super) table: &'s Relation,
    pub(super) attempt: &'s Attempt,
    pub(super) writer: StagingWriter,
    pub(super) stats: StepStats,
}

impl Work<'_> {
    /// Handles events up to an offset, or fewer when they are large. Gives the offset reached.
    pub(super) async fn handle(&mut self, start: u64, to: u64) -> Result<u64> {
        let parts = self.parts;
        let mut next = start;
        let mut bytes = 0;
        while next < to && bytes < ATTEMPT_BYTES_MAX {
            let left = usize::try_from(to - next).unwrap_or(usize::MAX);
            let limit = parts.function.on.batch.min(left);
            let records = parts.topic.read(next, limit).await?;
            let Some(last) = records.last() else { break };
            next = last.offset + 1;
            bytes += records.iter().map(|record| record.value.len()).sum::<usize>();
            let projection = project(parts.topic.name(), &records)?;
            self.stats.rows_in += records.len() as u64;
            self.stats.rows_quarantined += projection.dead.len() as u64;
            self.writer.write_dead(&projection.dead)?;
            if projection.rows.num_rows() > 0 {
                let queried = self.query(MemoryScan(projection.rows)).await;
                queried.map_err(|cause| FunctionError::refused(&parts.function.name, cause))?;
            }
        }
        Ok(next)
    }

    async fn query(&mut self, records: MemoryScan) -> Result<()> {
        let FunctionParts { function, warehouse, .. } = self.parts;
        let entry = CatalogEntry::Scan(Arc::new(records));
        let catalog = self.attempt.catalog.clone().with(records_relation(), entry);
        let query = Query { sql: function.sql.clone(), catalog, now: self.attempt.claimed_at };
        let mut rows = warehouse.query(&query).await?;
        while let Some(batch) = rows.batches.try_next().await? {
            check_rows(self.table, &function.key, &batch)?;
            self.stats.rows_out += batch.num_rows() as u64;
            self.writer.write_rows(&batch)?;
        }
        Ok(())
    }
}

fn records_relation() -> Relation {
    Relation::new(DEFAULT_SCHEMA, RECORDS).expect("two names of letters make a relation")
}
