//! Rows and a warehouse for the tests of this room.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::SchemaRef;
use futures::stream;
use millstream_core::asset::AssetKey;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::{AttemptId, RunId};
use millstream_core::log::AttemptLog;
use millstream_core::spec::{SplitSpec, TrainingInputs, TrainingSpec};
use millstream_core::step::{
    Attempt, Edge, Input, InputVersion, Previous, Receipt, Refresh, Staged, Step, StepKind,
    StepSpec,
};
use millstream_core::table::{StagedTable, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};
use millstream_core::{ContentHash, Relation};

use crate::manifest::GitState;
use crate::registry::Registry;
use crate::training_step::{CHAMPION, TrainingConfig, TrainingStep};

/// A warehouse of one table, which gives its rows in batches of a size.
#[derive(Debug)]
pub(crate) struct OneTable {
    pub(crate) rows: RecordBatch,
    pub(crate) batch: usize,
}

impl Warehouse for OneTable {
    fn schema<'a>(&'a self, _: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async { Ok(self.rows.schema()) })
    }

    fn query<'a>(&'a self, _: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        let starts = (0..self.rows.num_rows()).step_by(self.batch);
        let length = |start| self.batch.min(self.rows.num_rows() - start);
        let batches: Vec<_> = starts.map(|s| Ok(self.rows.slice(s, length(s)))).collect();
        let batches = Box::pin(stream::iter(batches));
        Box::pin(async { Ok(BatchStream { schema: self.rows.schema(), batches }) })
    }

    fn stage_query<'a>(
        &'a self,
        _: &'a Query,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async { Err(read_only()) })
    }

    fn stage_batches<'a>(
        &'a self,
        _: BatchStream,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        Box::pin(async { Err(read_only()) })
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        Box::pin(async { Err(read_only()) })
    }

    fn publish<'a>(&'a self, _: &'a StagedTable, _: &'a EffectId) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async { Err(read_only()) })
    }

    fn find<'a>(&'a self, _: &'a Relation, _: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async { Err(read_only()) })
    }

    fn sequence<'a>(&'a self, _: &'a Relation, _: &'a str) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async { Err(read_only()) })
    }

    fn discard<'a>(&'a self, _: &'a Relation, _: AttemptId) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(read_only()) })
    }
}

fn read_only() -> millstream_core::Error {
    Plain::internal("test.read_only", "the table of a test is only read").into()
}

/// Texts about cats, dogs and birds: each row says the word of its label, and a few noise words.
pub(crate) fn animals(rows: usize) -> RecordBatch {
    let labels = ["bird", "cat", "dog"];
    let words = ["wings and feathers", "whiskers purring", "barking leash"];
    let kind = |row: usize| if row.is_multiple_of(7) { 0 } else { row % 2 + 1 };
    let title = |row: usize| format!("note {} {}", row % 5, words[kind(row)]);
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..rows).map(title)));
    let tags = (0..rows).map(|row| Some(labels[kind(row)]));
    let tags: ArrayRef = Arc::new(tags.collect::<StringArray>());
    let noise = (0..rows).map(|row| format!("noise{}", (row * 7919) % 13));
    let noise: ArrayRef = Arc::new(StringArray::from_iter_values(noise));
    RecordBatch::try_from_iter([("id", ids), ("title", texts), ("tag", tags), ("other", noise)])
        .unwrap()
}

/// A training of `animals` from its titles.
pub(crate) fn training(gate: &[&str]) -> TrainingSpec {
    TrainingSpec {
        execution: None,
        name: "tagger".to_owned(),
        description: None,
        data: "ref('animals')".to_owned(),
        label: "tag".to_owned(),
        key: Some("id".to_owned()),
        inputs: TrainingInputs { text: vec!["title".to_owned()], ..TrainingInputs::default() },
        trainer: "text_linear".to_owned(),
        settings: serde_json::Map::new(),
        split: SplitSpec { stratify: Some("tag".to_owned()), ..SplitSpec::default() },
        gate: gate.iter().map(|&rule| rule.to_owned()).collect(),
        retrain: false,
    }
}

/// An environment with a registry, and the aliases that its commits have moved.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) registry: Registry,
    pub(crate) catalog: CatalogSnapshot,
    sequence: u64,
    folder: tempfile::TempDir,
}

/// What one attempt of a training left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) staged: Staged,
    pub(crate) receipt: Receipt,
}

impl Environment {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::new(folder.path().join("models"));
        let catalog = CatalogSnapshot::default();
        Self { registry, catalog, sequence: 0, folder }
    }

    /// The registry's folder.
    pub(crate) fn folder(&self) -> std::path::PathBuf {
        self.folder.path().join("models")
    }

    pub(crate) fn step(&self, spec: TrainingSpec, rows: &RecordBatch) -> TrainingStep {
        self.step_in_batches(spec, rows, 64)
    }

    pub(crate) fn step_in_batches(
        &self,
        spec: TrainingSpec,
        rows: &RecordBatch,
        batch: usize,
    ) -> TrainingStep {
        let data: Relation = "main.animals".parse().unwrap();
        let step = StepSpec {
            kind: StepKind::Training,
            outputs: vec![AssetKey::model(&spec.name)],
            inputs: vec![Input { asset: AssetKey::table(&data), edge: Edge::Data }],
            definition: ContentHash::of(b"definition"),
            timeout: Duration::from_mins(1),
            execution: millstream_core::execution::Execution::default(),
            partitions: None,
            flow: millstream_core::flow::Flow::default(),
        };
        TrainingStep::new(TrainingConfig {
            spec,
            data,
            registry: self.registry.clone(),
            warehouse: Arc::new(OneTable { rows: rows.clone(), batch }),
            step,
            git: GitState::default(),
        })
        .unwrap()
    }

    pub(crate) fn attempt(&self) -> Attempt {
        let asset = AssetKey::table(&"main.animals".parse().unwrap());
        Attempt {
            run: RunId::new(),
            id: AttemptId::new(),
            claimed_at: Timestamp::from_micros(1_700_000_000_000_000),
            catalog: self.catalog.clone(),
            inputs: vec![InputVersion { asset, version: 4 }],
            previous: Previous::default(),
            refresh: Refresh::Incremental,
            log: AttemptLog::default(),
            partition: None,
            results: millstream_core::flow::Results::new(),
            given: None,
            trace_parent: None,
        }
    }

    /// Takes a training through the protocol, as the executor does.
    pub(crate) async fn run(&mut self, spec: TrainingSpec, rows: &RecordBatch) -> Ran {
        let step = self.step(spec, rows);
        let staged = step.stage(&self.attempt()).await.unwrap();
        self.sequence += 1;
        let effect = effect(self.sequence);
        let receipt = step.publish(&staged.targets[0], &effect).await.unwrap();
        if let Some(alias) = &staged.alias {
            self.promote(&alias.model, receipt.version);
        }
        Ran { staged, receipt }
    }

    pub(crate) fn promote(&mut self, model: &str, version: u64) {
        let alias = ((model.to_owned(), CHAMPION.to_owned()), version);
        self.catalog = CatalogSnapshot::new(BTreeMap::new(), BTreeMap::from([alias]));
    }
}

/// A publication of the model `tagger`.
pub(crate) fn effect(sequence: u64) -> EffectId {
    let application = EffectId::application("dev", &AssetKey::model("tagger"), "");
    EffectId { application, sequence }
}
