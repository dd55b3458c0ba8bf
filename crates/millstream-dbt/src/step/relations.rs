//! What all steps of relations do alike: stage work, publish it, find it again.

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::Timestamp;
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::log::AttemptLog;
use millstream_core::name::Relation;
use millstream_core::step::{Attempt, Receipt, StepStats, Target};
use millstream_core::table::{Dropped, FileSize, StagedTable, TablePayload, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};

use super::plan::{Existing, Work, Writing};
use super::program::ProgramText;

/// Relations of the embedded warehouse.
#[derive(Debug, Clone)]
pub struct Relations(pub Arc<dyn Warehouse>);

/// What an attempt reads: names, the time, and its id.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What names mean.
    pub catalog: CatalogSnapshot,
    /// What `now()` is.
    pub now: Timestamp,
    /// Names the files.
    pub attempt: AttemptId,
    /// Takes what it says.
    pub log: AttemptLog,
    /// What is said of the relation that it makes; without it tables keep their comments.
    pub comments: Option<Comments>,
}

impl Reading {
    /// What an attempt reads.
    pub fn of(attempt: &Attempt) -> Self {
        Self {
            catalog: attempt.catalog.clone(),
            now: attempt.claimed_at,
            attempt: attempt.id,
            log: attempt.log.clone(),
            comments: None,
        }
    }

    /// The same, with what is said of the relation.
    #[must_use]
    pub fn saying(self, comments: Option<Comments>) -> Self {
        Self { comments, ..self }
    }

    /// A query over it.
    pub fn query(&self, sql: impl Into<String>) -> Query {
        Query { sql: sql.into(), catalog: self.catalog.clone(), now: self.now }
    }
}

/// Work that was done up to its publication.
#[derive(Debug)]
pub struct Prepared {
    /// What is to be published.
    pub target: Target,
    /// Counts.
    pub stats: StepStats,
    /// Columns that are described and that the relation will not have.
    pub missing_columns: Vec<String>,
}

impl Prepared {
    fn of(relation: &Relation, payload: &TablePayload) -> Self {
        let target = Target { asset: AssetKey::table(relation), payload: payload.to_value() };
        Self { target, stats: StepStats::default(), missing_columns: Vec::new() }
    }
}

impl Relations {
    /// Does the work up to its publication.
    pub async fn stage(
        &self,
        relation: &Relation,
        work: Work,
        reading: &Reading,
    ) -> Result<Prepared> {
        let payload = match work {
            Work::View { sql } => {
                // Planning the query is what makes a broken view fail here and not at its readers.
                let columns = self.columns_of(&sql, reading).await?;
                let (comments, rows_of) = (reading.comments.clone().unwrap_or_default(), None);
                let missing_columns = comments.missing(&columns);
                let payload = TablePayload::View { view: sql, comments, rows_of };
                return Ok(Prepared { missing_columns, ..Prepared::of(relation, &payload) });
            }
            Work::Table { sql, writing } => {
                let table = self.rows(relation, &sql, writing, reading).await?;
                return Ok(files(relation, &table, reading));
            }
            Work::Drop => TablePayload::Dropped { dropped: self.dropped(relation, reading).await? },
        };
        Ok(Prepared::of(relation, &payload))
    }

    /// Does the work with the rows of a program, up to its publication.
    pub async fn stage_program(
        &self,
        relation: &Relation,
        work: Work,
        program: &ProgramText,
        reading: &Reading,
    ) -> Result<Prepared> {
        let Work::Table { sql: code, writing } = work else {
            let message = format!("`{relation}` is made by a program, which makes no view");
            return Err(Plain::user("dbt.program_view", message)
                .with_hint("`materialized: table` or `incremental`")
                .into());
        };
        let rows = program.run(code, reading).await?;
        let request = request(relation, writing, reading);
        let table = self.0.stage_batches(rows, &request).await?;
        Ok(files(relation, &table, reading))
    }

    /// Writes the rows of a query as files that nothing names yet.
    pub async fn rows(
        &self,
        relation: &Relation,
        sql: &str,
        writing: Writing,
        reading: &Reading,
    ) -> Result<Arc<StagedTable>> {
        self.0.stage_query(&reading.query(sql), &request(relation, writing, reading)).await
    }

    async fn dropped(&self, relation: &Relation, reading: &Reading) -> Result<Dropped> {
        if !matches!(reading.catalog.get(relation), Some(CatalogEntry::Table { .. })) {
            return Ok(Dropped::View);
        }
        let none = format!("select * from {} limit 0", relation.quoted());
        let writing = Writing::replaced(FileSize::Large);
        let empty = self.rows(relation, &none, writing, reading).await?;
        Ok(Dropped::Table((*empty).clone()))
    }

    /// The names of a query's columns.
    pub async fn columns_of(&self, sql: &str, reading: &Reading) -> Result<Vec<String>> {
        let schema = self.0.schema(&reading.query(sql)).await?;
        Ok(schema.fields().iter().map(|field| field.name().clone()).collect())
    }

    /// What there is, as far as the next version depends on it.
    pub async fn existing(&self, relation: &Relation, reading: &Reading) -> Result<Existing> {
        match reading.catalog.get(relation) {
            Some(CatalogEntry::Table { .. } | CatalogEntry::Staged(_)) => {
                let all = format!("select * from {}", relation.quoted());
                Ok(Existing::Table { columns: self.columns_of(&all, reading).await? })
            }
            Some(_) => Ok(Existing::View),
            None => Ok(Existing::Nothing),
        }
    }

    /// Publishes a target.
    pub async fn publish(&self, target: &Target, effect: &EffectId) -> Result<Receipt> {
        let payload = TablePayload::read(&target.payload)?;
        let detail = payload.detail();
        let version = match payload.table() {
            Some(table) => self.0.publish(table, effect).await?,
            // What is in the ledger alone is published by the commit of the ledger itself.
            None => effect.sequence,
        };
        Ok(Receipt { version, detail })
    }

    /// What a publication answered, if it happened.
    pub async fn find(&self, target: &Target, effect: &EffectId) -> Result<Option<Receipt>> {
        let payload = TablePayload::read(&target.payload)?;
        let Some(table) = payload.table() else { return Ok(None) };
        let found = self.0.find(&table.relation, effect).await?;
        Ok(found.map(|version| Receipt { version, detail: payload.detail() }))
    }
}

/// Files as what is to be published.
fn files(relation: &Relation, table: &StagedTable, reading: &Reading) -> Prepared {
    let stats = StepStats { rows_out: table.rows, bytes_out: table.bytes, ..StepStats::default() };
    let missing_columns = match &reading.comments {
        Some(comments) if !comments.columns.is_empty() => comments.missing(&table.columns()),
        _ => Vec::new(),
    };
    let payload = TablePayload::Files(table.clone());
    Prepared { stats, missing_columns, ..Prepared::of(relation, &payload) }
}

fn request(relation: &Relation, writing: Writing, reading: &Reading) -> WriteRequest {
    let Writing { mode, schema_change, file_size } = writing;
    let (relation, attempt) = (relation.clone(), reading.attempt);
    let comments = reading.comments.clone();
    WriteRequest { relation, mode, schema_change, file_size, attempt, comments }
}
