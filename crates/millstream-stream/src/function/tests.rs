//! A function over a real topic and a real SQLite file; only the SQL engine is a stand-in.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{TryStreamExt as _, stream};
use millstream_core::asset::AssetKey;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::catalog::{CatalogEntry, CatalogSnapshot};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::log::AttemptLog;
use millstream_core::name::Relation;
use millstream_core::spec::{FunctionSpec, FunctionTrigger};
use millstream_core::step::{
    Attempt, Edge, Input, InputVersion, Previous, Refresh, Staged, Step, StepKind, StepSpec,
};
use millstream_core::table::{StagedTable, WriteRequest};
use millstream_core::topic::{NewRecord, Topic};
use millstream_core::warehouse::{Query, Warehouse};

use super::{FunctionParts, FunctionStep};
use crate::log::{EmbeddedTopic, Topics};
use crate::operational::{self, OperationalLocation};

/// Understands `select a, b from records` and nothing else.
#[derive(Debug)]
struct ColumnPicker;

impl ColumnPicker {
    async fn pick(&self, query: &Query) -> Result<RecordBatch> {
        let columns = query.sql.strip_prefix("select ").unwrap().strip_suffix(" from records");
        let records = Relation::new("main", "records").unwrap();
        let Some(CatalogEntry::Scan(scan)) = query.catalog.get(&records) else {
            panic!("no relation `records`")
        };
        let batches: Vec<_> = scan.scan()?.batches.try_collect().await?;
        let [batch] = batches.as_slice() else { panic!("one batch") };
        let index = |name: &str| batch.schema().index_of(name.trim()).unwrap();
        let columns: Vec<_> = columns.unwrap().split(',').map(index).collect();
        Ok(batch.project(&columns).unwrap())
    }
}

impl Warehouse for ColumnPicker {
    fn schema<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        Box::pin(async { Ok(self.pick(query).await?.schema()) })
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async {
            let batch = self.pick(query).await?;
            let schema = batch.schema();
            Ok(BatchStream { schema, batches: Box::pin(stream::iter([Ok(batch)])) })
        })
    }

    fn stage_query<'a>(
        &'a self,
        _: &'a Query,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("a function stages no table")
    }

    fn stage_batches<'a>(
        &'a self,
        _: BatchStream,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("a function stages no table")
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        unreachable!("a function stages no table")
    }

    fn publish<'a>(&'a self, _: &'a StagedTable, _: &'a EffectId) -> BoxFuture<'a, Result<u64>> {
        unreachable!("a function publishes no table")
    }

    fn find<'a>(&'a self, _: &'a Relation, _: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        unreachable!("a function publishes no table")
    }

    fn sequence<'a>(&'a self, _: &'a Relation, _: &'a str) -> BoxFuture<'a, Result<u64>> {
        unreachable!("a function publishes no table")
    }

    fn discard<'a>(&'a self, _: &'a Relation, _: AttemptId) -> BoxFuture<'a, Result<()>> {
        unreachable!("a function stages no table")
    }
}

/// An environment with a topic, a database and a function.
struct World {
    folder: tempfile::TempDir,
    topic: Arc<EmbeddedTopic>,
    step: FunctionStep,
    previous: Previous,
    sequence: u64,
}

fn function(batch: usize) -> FunctionSpec {
    FunctionSpec {
        execution: None,
        name: "record_prediction".to_owned(),
        description: None,
        on: FunctionTrigger { topic: "predictions".to_owned(), batch },
        sql: "select event_id, model, version, key, label, at from records".to_owned(),
        into: "operational.predictions".to_owned(),
        key: "event_id".to_owned(),
    }
}

async fn parts(folder: &Path, function: FunctionSpec) -> (FunctionParts, Arc<EmbeddedTopic>) {
    let topics = Topics::within(folder.join("topics"));
    let topic = topics.topic(&function.on.topic).unwrap();
    let location = OperationalLocation::Sqlite(folder.join("operational.db"));
    let database = operational::open(&location, Clock::System).await.unwrap();
    let spec = StepSpec {
        kind: StepKind::Function,
        outputs: vec![AssetKey::operational("predictions")],
        inputs: vec![Input { asset: AssetKey::topic("predictions"), edge: Edge::Feedback }],
        definition: ContentHash::of(b"definition"),
        timeout: Duration::from_mins(1),
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    };
    let warehouse = Arc::new(ColumnPicker);
    let topic_of_step: Arc<dyn Topic> = Arc::clone(&topic) as _;
    let environment = folder.to_owned();
    let parts =
        FunctionParts { spec, function, topic: topic_of_step, warehouse, database, environment };
    (parts, topic)
}

impl World {
    async fn new(batch: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (parts, topic) = parts(folder.path(), function(batch)).await;
        let step = FunctionStep::new(parts).unwrap();
        Self { folder, topic, step, previous: Previous::default(), sequence: 0 }
    }

    /// The function listens to another topic from now on.
    async fn move_to(&mut self, topic: &str) {
        let mut moved = function(10);
        topic.clone_into(&mut moved.on.topic);
        let (parts, topic) = parts(self.folder.path(), moved).await;
        (self.step, self.topic) = (FunctionStep::new(parts).unwrap(), topic);
    }

    async fn append(&self, values: impl IntoIterator<Item = String>) {
        let at = Timestamp::from_micros(1_700_000_000_000_000);
        let record = |value: String| NewRecord { key: None, value: value.into_bytes(), at };
        self.topic.append(values.into_iter().map(record).collect()).await.unwrap();
    }

    async fn probe(&self) -> ContentHash {
        self.step.probe(&self.previous).await.unwrap().unwrap()
    }

    fn attempt(&self) -> Attempt {
        Attempt {
            run: RunId::new(),
            id: AttemptId::new(),
            claimed_at: Timestamp::from_micros(0),
            catalog: CatalogSnapshot::default(),
            inputs: vec![InputVersion { asset: AssetKey::topic("predictions"), version: 0 }],
            previous: self.previous.clone(),
            refresh: Refresh::Incremental,
            log: AttemptLog::default(),
            partition: None,
            results: millstream_core::flow::Results::new(),
            given: None,
            trace_parent: None,
        }
    }

    fn effect(&self) -> EffectId {
        let application = "dev/operational:predictions/".to_owned();
        EffectId { application, sequence: self.sequence + 1 }
    }

    /// Claim, stage, publish, commit, discard: what the executor does.
    async fn run(&mut self) -> Staged {
        let attempt = self.attempt();
        let staged = self.step.stage(&attempt).await.unwrap();
        for target in &staged.targets {
            self.step.publish(target, &self.effect()).await.unwrap();
            self.sequence += 1;
        }
        self.previous.checkpoint.clone_from(&staged.checkpoint);
        self.step.discard(attempt.id).await.unwrap();
        staged
    }

    fn rows(&self) -> Vec<(String, Option<i64>, Option<String>, String)> {
        let path = self.folder.path().join("operational.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        let sql = "select event_id, version, label, at from predictions order by rowid";
        let mut statement = connection.prepare(sql).unwrap();
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        statement.query_map([], row).unwrap().map(rusqlite::Result::unwrap).collect()
    }
}

fn event(id: usize) -> String {
    format!(
        r#"{{"event_id": "e{id}", "model": "tagger", "version": 3, "key": "{id}", "label": "mlops",
        "input": {{"title": "t"}}, "scores": {{"mlops": 0.9}}, "at": "2024-05-01T12:00:00Z"}}"#
    )
}

#[tokio::test]
async fn events_arrive_once_and_a_second_run_has_nothing_to_do() {
    let mut world = World::new(10).await;
    world.append((0..25).map(event)).await;
    let before = world.probe().await;
    let staged = world.run().await;
    assert_eq!((staged.stats.rows_in, staged.stats.rows_out), (25, 25));
    assert_eq!(world.previous.checkpoint.as_ref().unwrap()["offset"], 25);
    let rows = world.rows();
    assert_eq!(rows.len(), 25);
    let first = ("e0", Some(3), Some("mlops".to_owned()), "2024-05-01T12:00:00.000000Z");
    assert_eq!(rows[0], (first.0.to_owned(), first.1, first.2, first.3.to_owned()));
    assert_eq!(world.probe().await, before, "nothing new is nothing to do");
    let again = world.run().await;
    assert!(again.targets.is_empty());
    world.append([event(7), event(25)]).await;
    assert_ne!(world.probe().await, before);
    world.run().await;
    assert_eq!(world.rows().len(), 26, "an event that comes twice is one row");
    let staging = world.folder.path().join("functions/.staging");
    assert_eq!(fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn events_that_come_after_the_probe_wait_for_the_next_attempt() {
    let mut world = World::new(10).await;
    world.append((0..5).map(event)).await;
    let probed = world.probe().await;
    world.append((5..8).map(event)).await;
    world.run().await;
    assert_eq!(world.rows().len(), 5);
    assert_ne!(world.probe().await, probed);
    world.run().await;
    assert_eq!(world.rows().len(), 8);
}

#[tokio::test]
async fn a_publication_is_found_by_another_process_and_never_repeated() {
    let world = World::new(10).await;
    world.append((0..3).map(event)).await;
    let staged = world.step.stage(&world.attempt()).await.unwrap();
    let (target, effect) = (&staged.targets[0], world.effect());
    let (parts, _) = parts(world.folder.path(), function(10)).await;
    let other = FunctionStep::new(parts).unwrap();
    assert_eq!(other.find(target, &effect).await.unwrap(), None);
    let receipt = other.publish(target, &effect).await.unwrap();
    assert_eq!(world.step.find(target, &effect).await.unwrap(), Some(receipt));
    let error = world.step.publish(target, &effect).await.unwrap_err();
    assert_eq!(error.code(), "operational.fenced");
    let output = AssetKey::operational("predictions");
    assert_eq!(world.step.sequence(&output, &effect.application).await.unwrap(), 1);
}

#[tokio::test]
async fn events_that_are_no_objects_are_kept_as_dead_letters() {
    let mut world = World::new(2).await;
    world.append([event(0), "no json".to_owned(), "[1]".to_owned(), event(1)]).await;
    let staged = world.run().await;
    assert_eq!(staged.stats.rows_quarantined, 2);
    assert_eq!(world.rows().len(), 2);
    world.append(["7".to_owned()]).await;
    let staged = world.run().await;
    assert_eq!((staged.stats.rows_out, staged.targets.len()), (0, 1));
    assert_eq!(world.previous.checkpoint.as_ref().unwrap()["offset"], 5);
    let dead = world.folder.path().join("topics/.dead/record_prediction.jsonl");
    let dead = fs::read_to_string(dead).unwrap();
    let offset = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["offset"].as_u64().unwrap()
    };
    assert_eq!(dead.lines().map(offset).collect::<Vec<_>>(), [1, 2, 4]);
}

#[tokio::test]
async fn an_event_without_our_fields_still_answers_the_query() {
    let mut world = World::new(10).await;
    world.append([r#"{"clicked": true}"#.to_owned()]).await;
    world.run().await;
    let row = ("predictions/0/0", None, None, "2023-11-14T22:13:20.000000Z");
    assert_eq!(world.rows(), [(row.0.to_owned(), row.1, row.2, row.3.to_owned())]);
}

#[tokio::test]
async fn batches_of_other_types_are_written_as_one() {
    let mut world = World::new(1).await;
    world.append([r#"{"version": 1}"#, r#"{"version": null}"#].map(str::to_owned)).await;
    world.append([r#"{"version": 7.0}"#.to_owned()]).await;
    world.run().await;
    world.append([r#"{"version": 8.0}"#, r#"{"version": 9}"#].map(str::to_owned)).await;
    world.run().await;
    let path = world.folder.path().join("operational.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    let sql = "select group_concat(typeof(version) || ' ' || version) from predictions";
    let versions: String = connection.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(versions, "real 1.0,real 7.0,real 8.0,real 9.0");
}

#[tokio::test]
async fn a_value_that_does_not_fit_is_an_error_with_function_column_and_both_types() {
    let mut world = World::new(10).await;
    world.append([r#"{"version": 3}"#.to_owned()]).await;
    world.run().await;
    world.append([r#"{"version": "v4"}"#.to_owned()]).await;
    let staged = world.step.stage(&world.attempt()).await.unwrap();
    let error = world.step.publish(&staged.targets[0], &world.effect()).await.unwrap_err();
    assert_eq!(error.code(), "operational.column_differs");
    let text = error.to_string();
    for part in ["`record_prediction`", "`version`", "`predictions`", "INTEGER", "text", "`v4`"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let hint = error.hint().unwrap();
    assert_eq!(hint, "write `cast(version as bigint)` in the function's query");
}

#[tokio::test]
async fn a_topic_that_was_removed_is_noticed() {
    let mut world = World::new(10).await;
    world.previous.checkpoint = Some(serde_json::json!({"offset": 9}));
    let error = world.step.probe(&world.previous).await.unwrap_err();
    assert_eq!(error.code(), "function.topic_shrank");
    world.previous.checkpoint = Some(serde_json::json!("nine"));
    let error = world.step.stage(&world.attempt()).await.unwrap_err();
    assert_eq!(error.code(), "function.ledger_invalid");
}

#[tokio::test]
async fn another_topic_is_read_from_its_beginning() {
    let mut world = World::new(10).await;
    let silent = world.run().await;
    assert_eq!(silent.note.unwrap(), "topic `predictions` has had no event yet");
    world.append((0..3).map(event)).await;
    assert_eq!(world.run().await.note, None);
    assert_eq!(world.run().await.note, None, "it only has no new ones");

    world.move_to("predictons").await;
    world.probe().await;
    let silent = world.run().await;
    assert_eq!(silent.note.unwrap(), "topic `predictons` has had no event yet");
    world.move_to("answers").await;
    world.append([event(7)]).await;
    world.run().await;
    assert_eq!(world.rows().len(), 4, "the offset of the other topic means nothing here");
}

#[tokio::test]
async fn a_function_that_cannot_work_is_refused_when_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let wrong_table = FunctionSpec { into: "predictions".to_owned(), ..function(10) };
    let wrong_name = FunctionSpec { name: "../escape".to_owned(), ..function(10) };
    for (spec, code) in [
        (wrong_name, "function.name_invalid"),
        (wrong_table, "function.into_invalid"),
        (function(0), "function.batch_invalid"),
    ] {
        let (parts, _) = parts(folder.path(), spec).await;
        assert_eq!(FunctionStep::new(parts).unwrap_err().code(), code);
    }
}

#[tokio::test]
async fn a_query_without_the_key_fails_before_anything_is_intended() {
    let folder = tempfile::tempdir().unwrap();
    let spec = FunctionSpec { sql: "select label from records".to_owned(), ..function(10) };
    let (parts, topic) = parts(folder.path(), spec).await;
    let step = FunctionStep::new(parts).unwrap();
    let mut world = World::new(10).await;
    (world.step, world.topic) = (step, topic);
    world.append([event(0)]).await;
    let error = world.step.stage(&world.attempt()).await.unwrap_err();
    assert_eq!(error.code(), "operational.key_missing");
}
