//! A query from text to a stream: names resolved against its catalog, planned, run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList as _, MemoryCatalogProvider,
    MemoryCatalogProviderList, MemorySchemaProvider, TableProvider,
};
use datafusion::config::SpillCompression;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{
    FunctionRegistry as _, SendableRecordBatchStream, SessionState, SessionStateBuilder,
};
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::model::Models;
use millstream_core::name::DEFAULT_SCHEMA;
use millstream_core::scalar::ScalarFunctions;
use millstream_core::warehouse::Query;
use tokio::runtime::Handle;
use url::Url;

use crate::error::from_datafusion;
use crate::functions;
use crate::lake::Lake;
use crate::lateral::LateralRows;
use crate::lineage::{self, QueryLineage};
use crate::memory::SharedMemory;
use crate::outside::{Calls, Outside, ending};
use crate::provider::{LAKE_STORE_URL, LakeTable};
use crate::resolve::Resolver;
use crate::spill::SpillFiles;
use crate::sql_types::LakeTypes;
use crate::store::LakeStore;
use crate::types::plain_schema;
use crate::workers::{Workers, run_on};
use crate::{dialect, effort, moment, predict};

/// The catalog of DataFusion that holds the names of a query.
pub(crate) const CATALOG: &str = "millstream";
/// The memory that each sort keeps free for merging what it spilled, at most.
const SORT_MERGE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The share of all memory that this may be: a sorted join has two sorts on each thread.
const SORT_MERGE_SHARES: usize = 32;
/// Memory for each spilled run that a sort merges at once. A sort takes what it finds, and the
/// others of the same query fail when nothing is left.
const MERGE_INPUT_BYTES: usize = 32 * 1024 * 1024;
/// Memory that each thread of a sorted join should find.
const SORTED_JOIN_BYTES: usize = 128 * 1024 * 1024;

/// How much a query may use.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    pub(crate) memory_bytes: usize,
    pub(crate) spill_bytes: u64,
    pub(crate) spill_dir: PathBuf,
    pub(crate) threads: usize,
}

/// What all sessions of an engine share.
#[derive(Debug)]
pub(crate) struct Sessions {
    base: SessionState,
    /// The same for queries of which only the schema is asked: their plans are not made better.
    unrefined: SessionState,
    workers: Workers,
    memory_bytes: usize,
    models: Option<Arc<dyn Models>>,
    outside: Option<Outside>,
}

/// A query that is planned and can run.
#[derive(Debug)]
pub(crate) struct Planned {
    state: SessionState,
    plan: Arc<dyn ExecutionPlan>,
    workers: Handle,
    calls: Option<Arc<Calls>>,
}

impl Planned {
    /// Runs it, on the threads of queries.
    pub(crate) fn run(self) -> SendableRecordBatchStream {
        let rows = run_on(&self.workers, self.plan, self.state.task_ctx());
        ending(rows, self.calls)
    }
}

/// How the joins of our own SQL work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Joins {
    /// The keys of the left side are held in memory.
    LeftHashed,
    /// Both sides are sorted, and spill: for keys of any number.
    Sorted,
}

impl Sessions {
    pub(crate) fn open(
        store: &LakeStore,
        limits: &Limits,
        models: Option<Arc<dyn Models>>,
        functions: Option<Arc<dyn ScalarFunctions>>,
    ) -> Result<Self> {
        let runtime = runtime(store, limits)?;
        let mut base = SessionStateBuilder::new()
            .with_config(config(limits))
            .with_runtime_env(runtime)
            .with_default_features()
            .with_type_planner(Arc::new(LakeTypes))
            .build();
        base.add_analyzer_rule(Arc::new(LateralRows));
        functions::register(&mut base).map_err(from_datafusion)?;
        let unrefined = SessionStateBuilder::new_from_existing(base.clone())
            .with_physical_optimizer_rules(Vec::new())
            .build();
        let workers = Workers::start(limits.threads)?;
        let (memory_bytes, outside) = (limits.memory_bytes, functions.map(Outside::new));
        Ok(Self { base, unrefined, workers, memory_bytes, models, outside })
    }

    /// The session that others are copies of.
    pub(crate) fn base(&self) -> &SessionState {
        &self.base
    }

    /// Plans a query over the names of its catalog.
    pub(crate) async fn plan(&self, lake: &Lake, query: &Query) -> Result<Planned> {
        let functions = predict::functions(self.models.as_ref(), &query.catalog);
        let base = self.base.clone();
        let (mut state, plan, calls) = self.logical(base, lake, query, functions).await?;
        if effort::is_small(&plan) {
            effort::spare(&mut state);
        }
        let plan = state.create_physical_plan(&plan).await.map_err(from_datafusion)?;
        Ok(Planned { state, plan, workers: self.workers.handle().clone(), calls })
    }

    /// The columns of what a query gives. It is planned so far that what cannot run is refused.
    pub(crate) async fn schema(&self, lake: &Lake, query: &Query) -> Result<SchemaRef> {
        let functions = predict::functions(self.models.as_ref(), &query.catalog);
        let base = self.unrefined.clone();
        let (mut state, plan, _) = self.logical(base, lake, query, functions).await?;
        effort::spare(&mut state);
        let plan = state.create_physical_plan(&plan).await.map_err(from_datafusion)?;
        Ok(plain_schema(&plan.schema()))
    }

    /// What a query gives and where it comes from, also if a model that it asks is not there yet.
    pub(crate) async fn lineage(&self, lake: &Lake, query: &Query) -> Result<QueryLineage> {
        let functions = predict::functions(self.models.as_ref(), &query.catalog);
        let (base, functions) = (self.base.clone(), lineage::lenient(functions));
        let (state, plan, _) = self.logical(base, lake, query, functions).await?;
        let lineage = lineage::of_plan(&plan).map_err(from_datafusion)?;
        let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
        let schema = analyzed.map_err(from_datafusion)?.schema().inner().clone();
        Ok(QueryLineage { schema: plain_schema(&schema), lineage })
    }

    async fn logical(
        &self,
        mut state: SessionState,
        lake: &Lake,
        query: &Query,
        functions: impl IntoIterator<Item = ScalarUDF>,
    ) -> Result<(SessionState, LogicalPlan, Option<Arc<Calls>>)> {
        register(&mut state, functions.into_iter().chain(moment::functions(query.now)))?;
        let calls = match &self.outside {
            Some(outside) => outside.register(&mut state, self.workers.handle()),
            None => Ok(None),
        };
        let calls = calls.map_err(from_datafusion)?;
        let names = fresh_catalog(&mut state)?;
        let mut resolver =
            Resolver { lake, catalog: &query.catalog, state: &state, names, done: HashSet::new() };
        let statement = dialect::parse(&query.sql)?;
        let plan = resolver.plan(statement, &mut Vec::new()).await?;
        Ok((state, plan, calls))
    }

    /// Memory that all queries share, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The files of a table that may hold a row for which all filters are true.
    pub(crate) fn prune(&self, table: &LakeTable, filters: &[Expr]) -> Result<Vec<usize>> {
        table.prune(&self.base, filters).map_err(from_datafusion)
    }

    /// Plans our own SQL over a few tables of the default schema.
    pub(crate) async fn plan_over(
        &self,
        sql: &str,
        tables: Vec<(&'static str, Arc<dyn TableProvider>)>,
        joins: Joins,
        now: Timestamp,
    ) -> Result<Planned> {
        let mut state = self.base.clone();
        register(&mut state, moment::functions(now).into_iter())?;
        let options = state.config_mut().options_mut();
        match joins {
            Joins::LeftHashed => {
                options.optimizer.join_reordering = false;
                // One table of the keys for all threads: rows of the other side stay where they are.
                options.optimizer.hash_join_single_partition_threshold = usize::MAX;
                options.optimizer.hash_join_single_partition_threshold_rows = usize::MAX;
            }
            Joins::Sorted => {
                options.optimizer.prefer_hash_join = false;
                options.optimizer.join_reordering = false;
                // With one partition the planner hashes, whatever is preferred.
                let threads = options.execution.target_partitions;
                let partitions = threads.min(self.memory_bytes / SORTED_JOIN_BYTES).max(2);
                options.execution.target_partitions = partitions;
            }
        }
        let names = fresh_catalog(&mut state)?;
        for (name, table) in tables {
            add_name(&names, DEFAULT_SCHEMA, name, table)?;
        }
        let statement = dialect::parse(sql)?;
        if let Some(unknown) = functions::unknown_function(&state, &statement) {
            return Err(unknown.into());
        }
        let plan = state.statement_to_plan(statement).await.map_err(from_datafusion)?;
        let plan = state.create_physical_plan(&plan).await.map_err(from_datafusion)?;
        Ok(Planned { state, plan, workers: self.workers.handle().clone(), calls: None })
    }
}

fn runtime(store: &LakeStore, limits: &Limits) -> Result<Arc<RuntimeEnv>> {
    let spill = SpillFiles::within(limits.spill_dir.clone(), limits.spill_bytes)?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Custom(Arc::new(spill)))
        .with_max_spill_merge_fan_in((limits.memory_bytes / MERGE_INPUT_BYTES).max(2));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(SharedMemory::new(limits.memory_bytes)))
        .with_disk_manager_builder(disk)
        .build_arc()
        .map_err(from_datafusion)?;
    let url = Url::parse(LAKE_STORE_URL).expect("a constant that a test parses");
    runtime.register_object_store(&url, Arc::clone(&store.lake));
    Ok(runtime)
}

fn config(limits: &Limits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, DEFAULT_SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_target_partitions(limits.threads.max(1))
        .with_spill_compression(SpillCompression::Lz4Frame);
    let options = config.options_mut();
    options.execution.time_zone = Some("UTC".to_owned());
    let merge_bytes = limits.memory_bytes / SORT_MERGE_SHARES;
    options.execution.sort_spill_reservation_bytes = merge_bytes.min(SORT_MERGE_BYTES_MAX);
    // `select * from (select ... order by x) limit 10` means the first ten, here as elsewhere.
    options.sql_parser.enable_subquery_sort_elimination = false;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.collect_spans = true;
    config
}

fn register(state: &mut SessionState, functions: impl Iterator<Item = ScalarUDF>) -> Result<()> {
    for function in functions {
        state.register_udf(Arc::new(function)).map_err(from_datafusion)?;
    }
    Ok(())
}

fn fresh_catalog(state: &mut SessionState) -> Result<Arc<MemoryCatalogProvider>> {
    let names = Arc::new(MemoryCatalogProvider::new());
    let default = Arc::new(MemorySchemaProvider::new());
    names.register_schema(DEFAULT_SCHEMA, default).map_err(from_datafusion)?;
    let list = MemoryCatalogProviderList::new();
    list.register_catalog(CATALOG.to_owned(), Arc::clone(&names) as _);
    state.register_catalog_list(Arc::new(list));
    Ok(names)
}

/// Gives a table a name.
pub(crate) fn add_name(
    names: &MemoryCatalogProvider,
    schema: &str,
    name: &str,
    table: Arc<dyn TableProvider>,
) -> Result<()> {
    let provider = if let Some(provider) = names.schema(schema) {
        provider
    } else {
        let provider = Arc::new(MemorySchemaProvider::new());
        names.register_schema(schema, Arc::clone(&provider) as _).map_err(from_datafusion)?;
        provider
    };
    provider.register_table(name.to_owned(), table).map_err(from_datafusion)?;
    Ok(())
}
