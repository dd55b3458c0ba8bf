//! Contracts in memory, for the tests of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::array::{Array, ArrayRef, AsArray as _, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Float64Type, Schema, SchemaRef};
use futures::StreamExt as _;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::catalog::{Catalog, CatalogSnapshot};
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::Plain;
use millstream_core::id::AttemptId;
use millstream_core::model::{InputType, ModelInput, Models, Predictions, Scorer, Signature, Task};
use millstream_core::table::{StagedTable, WriteRequest};
use millstream_core::topic::{NewRecord, Record, Topic};
use millstream_core::warehouse::{Query, Warehouse};
use millstream_core::{Relation, Result};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

/// A model of the inputs `title` (text) and `stars` (number): `long` if the title has more bytes
/// than there are stars.
#[derive(Debug)]
pub(crate) struct FakeScorer {
    version: u64,
    signature: Signature,
}

impl FakeScorer {
    pub(crate) fn new(version: u64, task: Task) -> Self {
        let input = |name: &str, r#type| ModelInput { name: name.to_owned(), r#type };
        let labels = match task {
            Task::Classification => vec!["long".to_owned(), "short".to_owned()],
            Task::Regression => Vec::new(),
        };
        let inputs = vec![input("title", InputType::Text), input("stars", InputType::Number)];
        Self { version, signature: Signature { inputs, task, labels } }
    }
}

impl Scorer for FakeScorer {
    fn model(&self) -> &'static str {
        "tagger"
    }

    fn version(&self) -> u64 {
        self.version
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn score(&self, inputs: &[ArrayRef]) -> Result<Predictions> {
        let (titles, stars) =
            (inputs[0].as_string::<i32>(), inputs[1].as_primitive::<Float64Type>());
        let surplus = |row| {
            let bytes = if titles.is_valid(row) { titles.value(row).len() } else { 0 };
            bytes as f64 - if stars.is_valid(row) { stars.value(row) } else { 0.0 }
        };
        let rows = 0..titles.len();
        if self.signature.task == Task::Regression {
            let labels: Float64Array = rows.map(|row| Some(surplus(row))).collect();
            return Ok(Predictions { labels: Arc::new(labels), scores: Vec::new() });
        }
        let long = |row| if surplus(row) > 0.0 { 0.75 } else { 0.25 };
        let label = |row| Some(if surplus(row) > 0.0 { "long" } else { "short" });
        let labels: StringArray = rows.clone().map(label).collect();
        let scores = rows.flat_map(|row| [long(row), 1.0 - long(row)]).collect();
        Ok(Predictions { labels: Arc::new(labels), scores })
    }
}

/// Versions 1 to 8 of the fake model; 9 and above cannot be loaded.
#[derive(Debug)]
pub(crate) struct FakeModels {
    pub(crate) task: Task,
    pub(crate) loads: AtomicU64,
}

impl FakeModels {
    pub(crate) fn new(task: Task) -> Arc<Self> {
        Arc::new(Self { task, loads: AtomicU64::new(0) })
    }
}

impl Models for FakeModels {
    fn resolve(&self, reference: &str, _: &CatalogSnapshot) -> Result<Arc<dyn Scorer>> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        let (_, version) = reference.split_once('@').unwrap();
        match version.parse() {
            Ok(version) if version < 9 => Ok(Arc::new(FakeScorer::new(version, self.task))),
            _ => Err(Plain::user("model.unknown", format!("no {reference}")).into()),
        }
    }
}

/// A catalog that tests move.
#[derive(Debug, Default)]
pub(crate) struct FakeCatalog(Mutex<CatalogSnapshot>);

impl FakeCatalog {
    pub(crate) fn champion(version: Option<u64>) -> Arc<Self> {
        let catalog = Arc::new(Self::default());
        if let Some(version) = version {
            catalog.promote(version);
        }
        catalog
    }

    pub(crate) fn promote(&self, version: u64) {
        let alias = ("tagger".to_owned(), "champion".to_owned());
        *lock(&self.0) = CatalogSnapshot::new(BTreeMap::new(), BTreeMap::from([(alias, version)]));
    }
}

impl Catalog for FakeCatalog {
    fn snapshot(&self) -> Result<CatalogSnapshot> {
        Ok(lock(&self.0).clone())
    }
}

/// A topic in memory, that can be told to fail.
#[derive(Debug, Default)]
pub(crate) struct FakeTopic {
    pub(crate) records: Mutex<Vec<NewRecord>>,
    effects: Mutex<BTreeMap<EffectId, u64>>,
    pub(crate) broken: AtomicBool,
    /// Appends under an effect that are let through before the next one fails.
    pub(crate) appends_left: Mutex<Option<u64>>,
}

impl FakeTopic {
    /// The events, parsed.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let records = lock(&self.records);
        records.iter().map(|record| serde_json::from_slice(&record.value).unwrap()).collect()
    }

    fn refuse(&self) -> Result<()> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Plain::external("topic.disk", "the disk is full").into());
        }
        Ok(())
    }
}

impl Topic for FakeTopic {
    fn name(&self) -> &'static str {
        "predictions"
    }

    fn append(&self, records: Vec<NewRecord>) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async move {
            self.refuse()?;
            let mut kept = lock(&self.records);
            let first = kept.len() as u64;
            kept.extend(records);
            Ok(first)
        })
    }

    fn append_once<'a>(
        &'a self,
        records: Vec<NewRecord>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            if let Some(end) = lock(&self.effects).get(effect) {
                return Ok(*end);
            }
            if let Some(left) = &mut *lock(&self.appends_left) {
                if *left == 0 {
                    return Err(Plain::external("topic.crash", "the process ended").into());
                }
                *left -= 1;
            }
            self.append(records).await?;
            let end = lock(&self.records).len() as u64;
            lock(&self.effects).insert(effect.clone(), end);
            Ok(end)
        })
    }

    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move { Ok(lock(&self.effects).get(effect).copied()) })
    }

    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let effects = lock(&self.effects);
            let own = effects.keys().filter(|effect| effect.application == application);
            Ok(own.map(|effect| effect.sequence).max().unwrap_or(0))
        })
    }

    fn read(&self, _: u64, _: usize) -> BoxFuture<'_, Result<Vec<Record>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn end(&self) -> BoxFuture<'_, Result<u64>> {
        Box::pin(async { Ok(lock(&self.records).len() as u64) })
    }
}

/// Tables in memory; understands `select * from "s"."t"` and `select "a" as "b", ... from ...`.
#[derive(Debug, Default)]
pub(crate) struct FakeWarehouse {
    pub(crate) tables: Mutex<BTreeMap<String, Vec<RecordBatch>>>,
    pub(crate) staged: Mutex<BTreeMap<AttemptId, Vec<RecordBatch>>>,
    effects: Mutex<BTreeSet<EffectId>>,
}

impl FakeWarehouse {
    pub(crate) fn with(relation: &Relation, batch: RecordBatch) -> Arc<Self> {
        let warehouse = Self::default();
        lock(&warehouse.tables).insert(relation.quoted(), vec![batch]);
        Arc::new(warehouse)
    }

    fn rows(&self, query: &Query) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let (columns, from) = query.sql["select ".len()..].split_once(" from ").unwrap();
        let tables = lock(&self.tables);
        let unknown = || Plain::user("sql.unknown", format!("no table {from}"));
        let batches = tables.get(from).ok_or_else(unknown)?.clone();
        if columns == "*" {
            return Ok((batches[0].schema(), batches));
        }
        let projected: Vec<RecordBatch> = batches.iter().map(|b| project(b, columns)).collect();
        Ok((projected[0].schema(), projected))
    }
}

fn project(batch: &RecordBatch, columns: &str) -> RecordBatch {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for column in columns.split(", ") {
        let (from, to) = column.split_once(" as ").unwrap_or((column, column));
        let array = batch.column_by_name(from.trim_matches('"')).unwrap();
        fields.push(Field::new(to.trim_matches('"'), array.data_type().clone(), true));
        arrays.push(Arc::clone(array));
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

impl Warehouse for FakeWarehouse {
    fn schema<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async move { Ok(self.rows(query)?.0) })
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async move {
            let (schema, batches) = self.rows(query)?;
            let batches = futures::stream::iter(batches.into_iter().map(Ok));
            Ok(BatchStream { schema, batches: Box::pin(batches) })
        })
    }

    fn stage_query<'a>(
        &'a self,
        query: &'a Query,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async move { self.stage_batches(self.query(query).await?, request).await })
    }

    fn stage_batches<'a>(
        &'a self,
        mut rows: BatchStream,
        request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async move {
            let mut batches = Vec::new();
            while let Some(batch) = rows.batches.next().await {
                let batch = batch?;
                assert_eq!(batch.schema(), rows.schema);
                batches.push(batch);
            }
            let count = batches.iter().map(|batch| batch.num_rows() as u64).sum();
            lock(&self.staged).insert(request.attempt, batches);
            Ok(Arc::new(StagedTable {
                relation: request.relation.clone(),
                base_version: None,
                schema: request.attempt.to_string(),
                comment: None,
                rows_of: None,
                file_size: request.file_size,
                add: Vec::new(),
                remove: Vec::new(),
                rows: count,
                bytes: 0,
            }))
        })
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        Box::pin(async { Ok(None) })
    }

    fn publish<'a>(
        &'a self,
        staged: &'a StagedTable,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let attempt = staged.schema.parse().unwrap();
            let batches = lock(&self.staged).get(&attempt).unwrap().clone();
            lock(&self.tables).insert(staged.relation.quoted(), batches);
            lock(&self.effects).insert(effect.clone());
            Ok(effect.sequence)
        })
    }

    fn find<'a>(
        &'a self,
        _: &'a Relation,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        let found = lock(&self.effects).contains(effect).then_some(effect.sequence);
        Box::pin(async move { Ok(found) })
    }

    fn sequence<'a>(&'a self, _: &'a Relation, _: &'a str) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { Ok(lock(&self.effects).len() as u64) })
    }

    fn discard<'a>(&'a self, _: &'a Relation, attempt: AttemptId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            lock(&self.staged).remove(&attempt);
            Ok(())
        })
    }
}
