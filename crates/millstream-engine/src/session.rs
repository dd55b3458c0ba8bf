//! A query from text to a stream: names resolved against its catalog, planned, run.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, SchemaRef, TimeUnit};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{
    CatalogProvider as _, CatalogProviderList as _, MemoryCatalogProvider,
    MemoryCatalogProviderList, MemorySchemaProvider, TableProvider,
};
use datafusion::common::TableReference;
use datafusion::config::SpillCompression;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{
    FunctionRegistry as _, SendableRecordBatchStream, SessionState, SessionStateBuilder,
};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{Expr, LogicalPlan, ScalarUDF};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::model::Models;
use millstream_core::name::{DEFAULT_SCHEMA, Relation};
use millstream_core::table::StagedTable;
use millstream_core::warehouse::Query;
use url::Url;

use crate::dialect::{self, AsOf};
use crate::error::{EngineError, from_datafusion, nearest};
use crate::information_schema::{self, INFORMATION_SCHEMA, Known};
use crate::lake::{Lake, LakeFile, TableState, schema_from_json};
use crate::lineage::{self, QueryLineage};
use crate::log;
use crate::memory::SharedMemory;
use crate::provider::{LAKE_STORE_URL, LakeTable};
use crate::spill::SpillFolder;
use crate::store::LakeStore;
use crate::stream::ScanPartition;
use crate::types::plain_schema;
use crate::{moment, predict};

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
/// Views inside views.
const VIEW_DEPTH_MAX: usize = 64;

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
    _spill: SpillFolder,
    memory_bytes: usize,
    models: Option<Arc<dyn Models>>,
}

/// A query that is planned and can run.
#[derive(Debug)]
pub(crate) struct Planned {
    state: SessionState,
    plan: Arc<dyn ExecutionPlan>,
}

impl Planned {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    pub(crate) fn run(self) -> Result<SendableRecordBatchStream> {
        execute_stream(self.plan, self.state.task_ctx()).map_err(from_datafusion)
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
    ) -> Result<Self> {
        let spill = SpillFolder::open(&limits.spill_dir)?;
        let runtime = runtime(store, limits, &spill)?;
        let base = SessionStateBuilder::new()
            .with_config(config(limits))
            .with_runtime_env(runtime)
            .with_default_features()
            .with_type_planner(Arc::new(LakeTypes))
            .build();
        Ok(Self { base, _spill: spill, memory_bytes: limits.memory_bytes, models })
    }

    /// Plans a query over the names of its catalog.
    pub(crate) async fn plan(&self, lake: &Lake, query: &Query) -> Result<Planned> {
        let functions = predict::functions(self.models.as_ref(), &query.catalog);
        let (state, plan) = self.logical(lake, query, functions).await?;
        let plan = state.create_physical_plan(&plan).await.map_err(from_datafusion)?;
        Ok(Planned { state, plan })
    }

    /// What a query gives and where it comes from, also if a model that it asks is not there yet.
    pub(crate) async fn lineage(&self, lake: &Lake, query: &Query) -> Result<QueryLineage> {
        let functions = predict::functions(self.models.as_ref(), &query.catalog);
        let (state, plan) = self.logical(lake, query, lineage::lenient(functions)).await?;
        let lineage = lineage::of_plan(&plan).map_err(from_datafusion)?;
        let analyzed = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
        let schema = analyzed.map_err(from_datafusion)?.schema().inner().clone();
        Ok(QueryLineage { schema: plain_schema(&schema), lineage })
    }

    async fn logical(
        &self,
        lake: &Lake,
        query: &Query,
        functions: impl IntoIterator<Item = ScalarUDF>,
    ) -> Result<(SessionState, LogicalPlan)> {
        let mut state = self.base.clone();
        register(&mut state, functions.into_iter().chain(moment::functions(query.now)))?;
        let names = fresh_catalog(&mut state)?;
        let mut resolver =
            Resolver { lake, catalog: &query.catalog, state: &state, names, done: HashSet::new() };
        let statement = dialect::parse(&query.sql)?;
        let plan = resolver.plan(statement, &mut Vec::new()).await?;
        Ok((state, plan))
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
            Joins::LeftHashed => options.optimizer.join_reordering = false,
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
        let plan = state.statement_to_plan(statement).await.map_err(from_datafusion)?;
        let plan = state.create_physical_plan(&plan).await.map_err(from_datafusion)?;
        Ok(Planned { state, plan })
    }
}

fn runtime(store: &LakeStore, limits: &Limits, spill: &SpillFolder) -> Result<Arc<RuntimeEnv>> {
    let spill = DiskManagerMode::Directories(vec![spill.path().to_path_buf()]);
    let disk = DiskManagerBuilder::default()
        .with_mode(spill)
        .with_max_temp_directory_size(limits.spill_bytes)
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

fn add_name(
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

/// Makes providers of the names that a query uses, and only of those.
struct Resolver<'a> {
    lake: &'a Lake,
    catalog: &'a CatalogSnapshot,
    state: &'a SessionState,
    names: Arc<MemoryCatalogProvider>,
    done: HashSet<(String, String)>,
}

impl Resolver<'_> {
    fn plan<'a>(
        &'a mut self,
        statement: Statement,
        inside: &'a mut Vec<Relation>,
    ) -> BoxFuture<'a, Result<LogicalPlan>> {
        Box::pin(async move {
            let references =
                self.state.resolve_table_references(&statement).map_err(from_datafusion)?;
            for reference in references {
                self.resolve(&reference, inside).await?;
            }
            self.state.statement_to_plan(statement).await.map_err(from_datafusion)
        })
    }

    async fn resolve(
        &mut self,
        reference: &TableReference,
        inside: &mut Vec<Relation>,
    ) -> Result<()> {
        if let Some(database) = reference.catalog() {
            // There is one database; whatever it is called, its relations are these.
            let names = Arc::clone(&self.names) as _;
            self.state.catalog_list().register_catalog(database.to_owned(), names);
        }
        let schema = reference.schema().unwrap_or(DEFAULT_SCHEMA).to_owned();
        let planned_name = reference.table().to_owned();
        let is_function = reference.schema().is_none()
            && self.state.table_functions().contains_key(&planned_name);
        if is_function || self.done.contains(&(schema.clone(), planned_name.clone())) {
            return Ok(());
        }
        if schema == INFORMATION_SCHEMA {
            let table = self.information(&planned_name, inside).await?;
            add_name(&self.names, &schema, &planned_name, table)?;
            self.done.insert((schema, planned_name));
            return Ok(());
        }
        let (name, as_of) = dialect::split_version(&planned_name);
        let relation = Relation::new(&schema, name).ok();
        let known = relation.and_then(|relation| {
            let entry = self.catalog.get(&relation)?.clone();
            Some((relation, entry))
        });
        let Some((relation, entry)) = known else { return Err(self.unknown(reference).into()) };
        let table = self.provider(&relation, entry, as_of, inside).await?;
        add_name(&self.names, &schema, &planned_name, table)?;
        self.done.insert((schema, planned_name));
        Ok(())
    }

    async fn information(
        &mut self,
        name: &str,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        let view = information_schema::View::of_name(name)?;
        let catalog = self.catalog;
        let mut known = Vec::new();
        for (relation, entry) in catalog.relations() {
            let kind = match entry {
                CatalogEntry::View { .. } => "VIEW",
                _ => "BASE TABLE",
            };
            let schema = match view {
                // A view that cannot be planned has no columns; its readers learn why.
                information_schema::View::Columns => {
                    let provider = self.provider(relation, entry.clone(), None, inside).await;
                    provider.ok().map(|provider| provider.schema())
                }
                _ => None,
            };
            known.push(Known { relation: relation.clone(), kind, schema });
        }
        view.table(&known)
    }

    fn unknown(&self, reference: &TableReference) -> EngineError {
        let name = match reference.schema() {
            Some(schema) => format!("{schema}.{}", reference.table()),
            None => reference.table().to_owned(),
        };
        let known: Vec<String> =
            self.catalog.relations().map(|(relation, _)| relation.to_string()).collect();
        let plain = format!("{DEFAULT_SCHEMA}.");
        let candidates = known.iter().map(|known| known.strip_prefix(&plain).unwrap_or(known));
        let elsewhere = || {
            let suffix = format!(".{name}");
            known.iter().find(|known| known.ends_with(&suffix)).cloned()
        };
        let near = nearest(&name, candidates).or_else(elsewhere);
        EngineError::UnknownTable { name, near }
    }

    async fn provider(
        &mut self,
        relation: &Relation,
        entry: CatalogEntry,
        as_of: Option<AsOf>,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        match (entry, as_of) {
            (CatalogEntry::Table { version }, None) => self.table(relation, version).await,
            (CatalogEntry::Table { version }, Some(as_of)) => {
                let wanted = self.version(relation, &as_of).await?;
                // What the catalog does not name yet is not committed.
                if wanted > version {
                    let relation = relation.clone();
                    return Err(EngineError::NoVersion { relation, version: wanted }.into());
                }
                self.table(relation, wanted).await
            }
            (CatalogEntry::View { sql }, None) => self.view(relation, &sql, inside).await,
            (CatalogEntry::Staged(staged), None) => {
                Ok(Arc::new(staged_table(self.lake, &staged).await?))
            }
            (CatalogEntry::Scan(scan), None) => {
                let partition = ScanPartition::new(scan);
                let schema = partition.schema_ref();
                let table = StreamingTable::try_new(schema, vec![Arc::new(partition)]);
                Ok(Arc::new(table.map_err(from_datafusion)?))
            }
            (_, Some(_)) => {
                let message = format!("`{relation}` keeps no versions to ask for");
                Err(EngineError::Unsupported { message }.into())
            }
        }
    }

    async fn version(&self, relation: &Relation, as_of: &AsOf) -> Result<u64> {
        match as_of {
            AsOf::Version(version) => Ok(*version),
            AsOf::Moment(text) => {
                let nanos = arrow::compute::kernels::cast_utils::string_to_timestamp_nanos(text);
                let nanos = nanos.map_err(|_| EngineError::Type {
                    message: format!("`{text}` is not a moment such as `2026-01-31 12:00:00`"),
                })?;
                log::version_at(self.lake, relation, nanos.div_euclid(1000), text).await
            }
        }
    }

    async fn table(&self, relation: &Relation, version: u64) -> Result<Arc<dyn TableProvider>> {
        let state = self.lake.at(relation, version).await?;
        Ok(Arc::new(table_of(relation, &state)))
    }

    async fn view(
        &mut self,
        relation: &Relation,
        sql: &str,
        inside: &mut Vec<Relation>,
    ) -> Result<Arc<dyn TableProvider>> {
        if inside.contains(relation) || inside.len() >= VIEW_DEPTH_MAX {
            let path = inside.iter().chain([relation]).map(ToString::to_string);
            let path = path.collect::<Vec<_>>().join(" -> ");
            return Err(EngineError::ViewCycle { name: relation.to_string(), path }.into());
        }
        inside.push(relation.clone());
        let plan = self.plan(dialect::parse(sql)?, inside).await?;
        inside.pop();
        Ok(Arc::new(ViewTable::new(plan, Some(sql.to_owned()))))
    }
}

/// A table version as the planner sees it.
pub(crate) fn table_of(relation: &Relation, state: &TableState) -> LakeTable {
    let root = Lake::table_path(relation);
    LakeTable::new(root, Arc::clone(&state.schema), state.files.clone())
}

/// A staged table as it will be once it is published.
async fn staged_table(lake: &Lake, staged: &StagedTable) -> Result<LakeTable> {
    let mut files = match staged.base_version {
        Some(version) => lake.at(&staged.relation, version).await?.files.clone(),
        None => Vec::new(),
    };
    let removed: HashSet<&str> = staged.remove.iter().map(String::as_str).collect();
    files.retain(|file| !removed.contains(file.path.as_str()));
    files.extend(staged.add.iter().map(|file| Arc::new(LakeFile::of_staged(file))));
    let schema = schema_from_json(&staged.schema)?;
    Ok(LakeTable::new(Lake::table_path(&staged.relation), schema, files))
}

/// SQL's types as tables keep them. Timestamps have microseconds, which reach from year 1 to year
/// 9999; the planner's nanoseconds do not.
#[derive(Debug)]
struct LakeTypes;

impl TypePlanner for LakeTypes {
    fn plan_type_field(
        &self,
        sql_type: &ast::DataType,
    ) -> datafusion::error::Result<Option<FieldRef>> {
        let data_type = match sql_type {
            ast::DataType::Timestamp(digits, zone) if digits.is_none_or(|digits| digits <= 6) => {
                let zone = match zone {
                    ast::TimezoneInfo::None | ast::TimezoneInfo::WithoutTimeZone => None,
                    ast::TimezoneInfo::Tz | ast::TimezoneInfo::WithTimeZone => Some("UTC".into()),
                };
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            ast::DataType::CharacterVarying(_)
            | ast::DataType::CharVarying(_)
            | ast::DataType::Uuid
            | ast::DataType::JSON
            | ast::DataType::JSONB => DataType::Utf8,
            ast::DataType::Custom(name, _) => match name.to_string().to_lowercase().as_str() {
                "bpchar" | "name" | "\"varchar\"" | "citext" => DataType::Utf8,
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(Arc::new(Field::new("", data_type, true))))
    }
}
