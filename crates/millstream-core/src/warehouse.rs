//! The contract of the SQL engine and its tables, as rooms see it.

use std::sync::Arc;

use arrow_schema::SchemaRef;

use crate::asset::AssetKey;
use crate::batch::{BatchStream, BoxFuture};
use crate::catalog::CatalogSnapshot;
use crate::clock::Timestamp;
use crate::comments::Comments;
use crate::effect::EffectId;
use crate::error::Result;
use crate::id::AttemptId;
use crate::log::{AttemptLog, Level};
use crate::name::Relation;
use crate::step::{Attempt, Evidence, Staged, Target, described};
use crate::table::{StagedTable, TablePayload, WriteRequest};

/// A query with the names it may use.
#[derive(Debug, Clone)]
pub struct Query {
    /// One SQL statement that returns rows.
    pub sql: String,
    /// What names mean.
    pub catalog: CatalogSnapshot,
    /// What `now()` is.
    pub now: Timestamp,
}

/// Stages other comments for a table of a step, whose rows stay as they are published.
pub async fn describe_table(
    warehouse: &dyn Warehouse,
    relation: &Relation,
    comments: &Comments,
    attempt: &Attempt,
) -> Result<Staged> {
    let previous = &attempt.previous;
    let checkpoint = described(previous.checkpoint.clone(), comments);
    let Some(mut staged) = warehouse.stage_comments(relation, comments).await? else {
        return Ok(Staged { checkpoint, ..Staged::default() });
    };
    staged.rows_of = previous.rows_version();
    let missing = comments.missing(&staged.columns());
    let payload = TablePayload::Files(staged).to_value();
    let targets = vec![Target { asset: AssetKey::table(relation), payload }];
    let staged = Staged { targets, checkpoint, ..Staged::default() };
    Ok(note_missing(staged, missing, relation, &attempt.log))
}

/// What tells after a crash whether tables and views were published: the log of a table names its
/// effects for good, and views are in the ledger alone.
pub fn evidence(staged: &Staged) -> Evidence {
    let is_inside = |target: &Target| {
        let payload = TablePayload::read(&target.payload);
        payload.is_ok_and(|payload| payload.table().is_none())
    };
    if staged.targets.iter().all(is_inside) { Evidence::Ledger } else { Evidence::Targets }
}

/// Says with what was staged, and in the log of its attempt, which columns have a comment and are
/// not there; nothing if all are.
pub fn note_missing(
    staged: Staged,
    missing: Vec<String>,
    relation: &Relation,
    log: &AttemptLog,
) -> Staged {
    if missing.is_empty() {
        return staged;
    }
    let note = format!("describes columns that it does not have: {}", missing.join(", "));
    log.tell(Level::Warn, format!("{relation} {note}"));
    Staged { note: Some(note), missing_columns: missing, ..staged }
}

/// SQL over versioned tables, and the two-step write that the recovery protocol needs.
pub trait Warehouse: Send + Sync + std::fmt::Debug {
    /// The schema of a query's result, without running it.
    fn schema<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<SchemaRef>>;

    /// Runs a query; rows come as they are asked for.
    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>>;

    /// Runs a query and writes its rows as data files that nothing names yet.
    fn stage_query<'a>(
        &'a self,
        query: &'a Query,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>>;

    /// Writes rows as data files that nothing names yet. Bounded memory: reads as fast as it
    /// writes.
    fn stage_batches<'a>(
        &'a self,
        rows: BatchStream,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>>;

    /// Stages other comments for a table, whose rows stay. `None` if there is no table, or if it
    /// has these comments.
    fn stage_comments<'a>(
        &'a self,
        relation: &'a Relation,
        comments: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>>;

    /// Makes staged files the next version of their table, under an effect id. Gives the Delta
    /// version. Fails if the table's application has reached the sequence.
    fn publish<'a>(
        &'a self,
        staged: &'a StagedTable,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>>;

    /// The version that the effect made, if it is in the table's log.
    fn find<'a>(
        &'a self,
        relation: &'a Relation,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<u64>>>;

    /// The highest sequence of an application in a table's log; 0 if none.
    fn sequence<'a>(
        &'a self,
        relation: &'a Relation,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>>;

    /// Removes the files of an attempt that no version names.
    fn discard<'a>(
        &'a self,
        relation: &'a Relation,
        attempt: AttemptId,
    ) -> BoxFuture<'a, Result<()>>;
}
