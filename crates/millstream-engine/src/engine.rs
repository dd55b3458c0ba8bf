//! The engine of one environment: its lake and the sessions over it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use millstream_core::ContentHash;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::model::Models;
use millstream_core::name::Relation;
use millstream_core::scalar::ScalarFunctions;
use millstream_core::sql::Counted;
use millstream_core::table::{StagedTable, TableVersion, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};

use crate::clean::{self, VacuumReport};
use crate::column_facts::Column;
use crate::extent::{self, Publications, TableExtent};
use crate::lake::Lake;
use crate::lineage::QueryLineage;
use crate::session::{Limits, Sessions};
use crate::stage::Stager;
use crate::store::{LakeLocation, LakeStore};
use crate::stream::to_batches;
use crate::{content, describe, log, optimize, publish};

/// What an engine is opened with.
#[derive(Debug)]
pub struct EngineConfig {
    /// Where the tables lie.
    pub lake: LakeLocation,
    /// Memory that queries and merges share, in bytes; what needs more spills.
    pub memory_limit_bytes: usize,
    /// Spilled rows on the disk at one time, in bytes.
    pub spill_limit_bytes: u64,
    /// Folder of spilled rows; made if it is missing. Engines of several processes may share it;
    /// what a killed one left is removed by the next.
    pub spill_dir: PathBuf,
    /// Threads of one query, and row groups that are encoded at once.
    pub threads: usize,
    /// Where `predict` finds its models.
    pub models: Option<Arc<dyn Models>>,
    /// Functions of the project that are not written in SQL.
    pub functions: Option<Arc<dyn ScalarFunctions>>,
    /// Gives log entries their time.
    pub clock: Clock,
}

/// SQL over the tables of one environment. Needs a tokio runtime around its futures.
#[derive(Debug)]
pub struct Engine {
    pub(crate) lake: Arc<Lake>,
    sessions: Sessions,
    threads: usize,
    clock: Clock,
}

impl Engine {
    /// Opens a lake. Fails with `lake.bad_location` or `lake.unreachable`.
    pub fn open(config: EngineConfig) -> Result<Self> {
        let store = LakeStore::open(&config.lake)?;
        let limits = Limits {
            memory_bytes: config.memory_limit_bytes,
            spill_bytes: config.spill_limit_bytes,
            spill_dir: config.spill_dir,
            threads: config.threads,
        };
        let sessions = Sessions::open(&store, &limits, config.models, config.functions)?;
        let lake = Arc::new(Lake::new(store));
        Ok(Self { lake, sessions, threads: config.threads, clock: config.clock })
    }

    /// The tables that have a version, in order of their names.
    pub async fn tables(&self) -> Result<Vec<Relation>> {
        self.lake.tables().await
    }

    /// The newest version in a table's log; `None` if there is no table.
    pub async fn latest_version(&self, relation: &Relation) -> Result<Option<u64>> {
        self.lake.latest_version(relation).await
    }

    /// The versions of a table, newest first; none if there is no table.
    pub async fn history(&self, relation: &Relation) -> Result<Vec<TableVersion>> {
        log::history(&self.lake, relation).await
    }

    /// Writes a table's small files anew as fewer ones, to be published as any staged table;
    /// `None` when there is nothing to gain.
    pub async fn stage_optimize(
        &self,
        relation: &Relation,
        attempt: AttemptId,
    ) -> Result<Option<Arc<StagedTable>>> {
        let staged =
            optimize::stage_optimize(self.stager(self.clock.now()), relation, attempt).await?;
        Ok(staged.map(Arc::new))
    }

    /// Removes files that neither the newest version nor a pinned one names and that are older
    /// than the retention. Files that no version ever named go when they are a day old besides.
    /// Pinned must be the versions that models and the catalog still name.
    pub async fn vacuum(
        &self,
        relation: &Relation,
        retention: Duration,
        pinned: &BTreeSet<u64>,
    ) -> Result<VacuumReport> {
        clean::vacuum(&self.lake, &self.clock, relation, retention, pinned).await
    }

    /// The files of a table for a copy of the lake: up to the first version behind `from` whose
    /// publication does not belong to the copy.
    pub async fn extent(
        &self,
        relation: &Relation,
        from: Option<u64>,
        publications: Publications<'_>,
    ) -> Result<TableExtent> {
        extent::of_table(&self.lake, relation, from, publications).await
    }

    /// The folder of the lake; `None` if it lies in an object store.
    pub fn folder(&self) -> Option<&std::path::Path> {
        self.lake.store.folders.as_deref().map(crate::folders::Folders::top)
    }

    /// What a query gives and where its columns come from, without running it.
    pub async fn lineage(&self, query: &Query) -> Result<QueryLineage> {
        self.sessions.lineage(&self.lake, query).await
    }

    /// Counts something of a column of a table; `None` if only a query can tell.
    pub async fn count(
        &self,
        relation: &Relation,
        version: u64,
        column: &str,
        counted: Counted,
    ) -> Result<Option<u64>> {
        let table = self.lake.at(relation, version).await?;
        let Some(column) = Column::find(relation, &table, column) else { return Ok(None) };
        match counted {
            Counted::Nulls => Ok(column.nulls()),
            Counted::RepeatedValues => column.repeated(self.sessions.base()).await,
        }
    }

    /// The hash of a query's rows, in whatever order they come, without the excluded columns.
    pub async fn content_hash(&self, query: &Query, excluded: &[&str]) -> Result<ContentHash> {
        let rows = self.query(query).await?;
        content::content_hash(rows, excluded).await
    }

    fn stager(&self, now: Timestamp) -> Stager<'_> {
        Stager { lake: &self.lake, sessions: &self.sessions, threads: self.threads, now }
    }
}

impl Warehouse for Engine {
    fn schema<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(self.sessions.schema(&self.lake, query))
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async move {
            let planned = self.sessions.plan(&self.lake, query).await?;
            Ok(to_batches(planned.run()))
        })
    }

    fn stage_query<'a>(
        &'a self,
        query: &'a Query,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async move {
            let rows = self.query(query).await?;
            self.stager(query.now).stage(rows, request).await.map(Arc::new)
        })
    }

    fn stage_batches<'a>(
        &'a self,
        rows: BatchStream,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(
            async move { self.stager(self.clock.now()).stage(rows, request).await.map(Arc::new) },
        )
    }

    fn stage_comments<'a>(
        &'a self,
        relation: &'a Relation,
        comments: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        Box::pin(describe::stage_comments(&self.lake, relation, comments))
    }

    fn publish<'a>(
        &'a self,
        staged: &'a StagedTable,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(publish::publish(&self.lake, &self.clock, staged, effect))
    }

    fn find<'a>(
        &'a self,
        relation: &'a Relation,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(log::find(&self.lake, relation, effect))
    }

    fn sequence<'a>(
        &'a self,
        relation: &'a Relation,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(log::sequence(&self.lake, relation, application))
    }

    fn discard<'a>(
        &'a self,
        relation: &'a Relation,
        attempt: AttemptId,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(publish::discard(&self.lake, relation, attempt))
    }
}
