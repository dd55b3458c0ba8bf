//! The engine as its users see it: through the warehouse contract, on a real folder.

mod changes;
mod describing;
mod effects;
mod evolution;
mod limits;
mod maintenance;
mod merging;
mod postgres;
mod reading;
mod round_trip;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt as _;
use millstream_core::batch::BatchStream;
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::model::Models;
use millstream_core::name::Relation;
use millstream_core::table::{SchemaChange, StagedTable, WriteMode, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse as _};
use tempfile::TempDir;

use crate::{Engine, EngineConfig, LakeLocation};

/// 2026-01-31T12:00:00Z.
const START: i64 = 1_769_860_800_000_000;
const APPLICATION: &str = "dev/table:main.t/";

/// An engine on a folder of its own, with the catalog that a ledger would keep.
struct Lab {
    dir: TempDir,
    engine: Engine,
    micros: Arc<AtomicI64>,
    entries: BTreeMap<Relation, CatalogEntry>,
    sequence: u64,
}

impl Lab {
    fn new() -> Self {
        Self::with(256 * 1024 * 1024, None)
    }

    fn with(memory_limit_bytes: usize, models: Option<Arc<dyn Models>>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let micros = Arc::new(AtomicI64::new(START));
        let engine = opened(&dir, memory_limit_bytes, models, &micros);
        Self { dir, engine, micros, entries: BTreeMap::new(), sequence: 0 }
    }

    /// As another process would see the lake.
    fn reopen(&mut self) {
        self.engine = opened(&self.dir, 256 * 1024 * 1024, None, &self.micros);
    }

    fn advance_seconds(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }

    fn catalog(&self) -> CatalogSnapshot {
        let aliases = BTreeMap::from([(("tagger".to_owned(), "champion".to_owned()), 3)]);
        CatalogSnapshot::new(self.entries.clone(), aliases)
    }

    fn query_of(&self, sql: &str) -> Query {
        let now = Timestamp::from_micros(self.micros.load(Ordering::Relaxed));
        Query { sql: sql.to_owned(), catalog: self.catalog(), now }
    }

    async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>> {
        let stream = self.engine.query(&self.query_of(sql)).await?;
        stream.batches.try_collect().await
    }

    async fn shown(&self, sql: &str) -> String {
        pretty_format_batches(&self.query(sql).await.unwrap()).unwrap().to_string()
    }

    /// The only value of the only row, as text.
    async fn value(&self, sql: &str) -> String {
        let batches = self.query(sql).await.unwrap();
        let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
        arrow::util::display::array_value_to_string(batch.column(0), 0).unwrap()
    }

    async fn fails(&self, sql: &str) -> millstream_core::Error {
        self.query(sql).await.expect_err(sql)
    }

    async fn stage(&self, table: &str, sql: &str, mode: WriteMode) -> Result<Arc<StagedTable>> {
        self.stage_with(table, sql, mode, SchemaChange::default()).await
    }

    async fn stage_with(
        &self,
        table: &str,
        sql: &str,
        mode: WriteMode,
        schema_change: SchemaChange,
    ) -> Result<Arc<StagedTable>> {
        let attempt = AttemptId::new();
        let request = WriteRequest::new(table.parse().unwrap(), mode, attempt)
            .with_schema_change(schema_change);
        self.engine.stage_query(&self.query_of(sql), &request).await
    }

    async fn stage_batch(
        &self,
        table: &str,
        batch: RecordBatch,
        mode: WriteMode,
    ) -> Arc<StagedTable> {
        let attempt = AttemptId::new();
        let request = WriteRequest::new(table.parse().unwrap(), mode, attempt);
        self.engine.stage_batches(stream_of(vec![batch]), &request).await.unwrap()
    }

    async fn publish(&mut self, staged: &StagedTable) -> Result<u64> {
        self.sequence += 1;
        let effect = EffectId { application: APPLICATION.to_owned(), sequence: self.sequence };
        let version = self.engine.publish(staged, &effect).await?;
        self.entries.insert(staged.relation.clone(), CatalogEntry::Table { version });
        Ok(version)
    }

    /// Stages the rows of a query and publishes them.
    async fn write(&mut self, table: &str, sql: &str, mode: WriteMode) -> u64 {
        let staged = self.stage(table, sql, mode).await.unwrap();
        self.publish(&staged).await.unwrap()
    }

    /// The rows of a query, each as `a|b|c`.
    async fn rows(&self, sql: &str) -> Vec<String> {
        rows_of(&self.query(sql).await.unwrap())
    }

    fn view(&mut self, name: &str, sql: &str) {
        let entry = CatalogEntry::view(sql);
        self.entries.insert(name.parse().unwrap(), entry);
    }

    /// The data files in a table's folder.
    fn files(&self, table: &str) -> Vec<String> {
        let relation: Relation = table.parse().unwrap();
        let root = self.dir.path().join("lake").join(relation.schema()).join(relation.name());
        let Ok(listed) = std::fs::read_dir(root) else { return Vec::new() };
        let names = listed.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.ends_with(".parquet")).collect();
        names.sort();
        names
    }
}

fn opened(
    dir: &TempDir,
    memory_limit_bytes: usize,
    models: Option<Arc<dyn Models>>,
    micros: &Arc<AtomicI64>,
) -> Engine {
    let engine = Engine::open(EngineConfig {
        lake: LakeLocation::Folder(dir.path().join("lake")),
        memory_limit_bytes,
        spill_limit_bytes: 1024 * 1024 * 1024,
        spill_dir: dir.path().join("spill"),
        threads: 2,
        models,
        functions: None,
        clock: Clock::Fixed(Arc::clone(micros)),
    });
    engine.unwrap()
}

fn rows_of(batches: &[RecordBatch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        for row in 0..batch.num_rows() {
            let values = batch
                .columns()
                .iter()
                .map(|column| arrow::util::display::array_value_to_string(column, row).unwrap());
            rows.push(values.collect::<Vec<_>>().join("|"));
        }
    }
    rows
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|&column| column.to_owned()).collect()
}

fn key(columns: &[&str]) -> WriteMode {
    WriteMode::merge(names(columns))
}

fn stream_of(batches: Vec<RecordBatch>) -> BatchStream {
    let schema = batches[0].schema();
    BatchStream { schema, batches: Box::pin(futures::stream::iter(batches.into_iter().map(Ok))) }
}
