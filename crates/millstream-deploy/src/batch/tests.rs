use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use millstream_core::catalog::CatalogEntry;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::log::AttemptLog;
use millstream_core::model::Task;
use millstream_core::spec::BatchScoring;
use millstream_core::step::StepKind;

use super::*;
use crate::fakes::{FakeCatalog, FakeModels, FakeTopic, FakeWarehouse};

struct Room {
    step: ScoringStep,
    warehouse: Arc<FakeWarehouse>,
    topic: Arc<FakeTopic>,
    catalog: Arc<FakeCatalog>,
    staging: tempfile::TempDir,
}

fn over() -> Relation {
    "projects".parse().unwrap()
}

fn into() -> Relation {
    "answers".parse().unwrap()
}

fn projects(titles: &[&str]) -> RecordBatch {
    let fields = [
        Field::new("id", DataType::Int64, false),
        Field::new("title", DataType::Utf8, true),
        Field::new("stars", DataType::Int64, true),
    ];
    let ids = Int64Array::from_iter_values(1..=titles.len() as i64);
    let stars = Int64Array::from_value(3, titles.len());
    let titles = StringArray::from_iter_values(titles);
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(ids), Arc::new(titles), Arc::new(stars)];
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns).unwrap()
}

fn deployment(key: &str) -> DeploymentSpec {
    DeploymentSpec {
        execution: None,
        name: "front".to_owned(),
        description: None,
        model: "tagger@champion".to_owned(),
        realtime: false,
        batch: Some(BatchScoring {
            over: "ref('projects')".to_owned(),
            key: key.to_owned(),
            into: "answers".to_owned(),
        }),
        record: None,
    }
}

fn room_of(key: &str, rows: RecordBatch, task: Task) -> Result<Room> {
    let warehouse = FakeWarehouse::with(&over(), rows);
    let topic = Arc::new(FakeTopic::default());
    let catalog = FakeCatalog::champion(Some(2));
    let staging = tempfile::tempdir().unwrap();
    let step = ScoringStep::new(ScoringConfig {
        deployment: deployment(key),
        over: over(),
        into: into(),
        step: StepSpec {
            kind: StepKind::Scoring,
            outputs: vec![AssetKey::table(&into()), AssetKey::topic("predictions")],
            inputs: Vec::new(),
            definition: ContentHash::of(b""),
            timeout: Duration::from_mins(1),
            execution: millstream_core::execution::Execution::default(),
            partitions: None,
            flow: millstream_core::flow::Flow::default(),
        },
        warehouse: warehouse.clone(),
        models: FakeModels::new(task),
        catalog: catalog.clone(),
        topic: Some(topic.clone()),
        staging: staging.path().join("deployments/.staging"),
    })?;
    Ok(Room { step, warehouse, topic, catalog, staging })
}

fn room(titles: &[&str]) -> Room {
    room_of("id", projects(titles), Task::Classification).unwrap()
}

impl Room {
    fn attempt(&self, previous: Previous) -> Attempt {
        let mut catalog = self.catalog.snapshot().unwrap();
        if previous.version > 0 {
            catalog = catalog.with(into(), CatalogEntry::Table { version: previous.version });
        }
        Attempt {
            run: RunId::new(),
            id: AttemptId::new(),
            claimed_at: Timestamp::from_micros(1_700_000_000_000_000),
            catalog,
            inputs: Vec::new(),
            previous,
            refresh: Refresh::Incremental,
            log: AttemptLog::default(),
            partition: None,
            results: millstream_core::flow::Results::new(),
            given: None,
            trace_parent: None,
        }
    }

    /// Stages and publishes, and gives what the next attempt is told.
    async fn run(&self, previous: Previous) -> Previous {
        let attempt = self.attempt(previous);
        let staged = self.step.stage(&attempt).await.unwrap();
        let version = attempt.previous.version + 1;
        for target in &staged.targets {
            let effect = effect(version);
            assert_eq!(self.step.find(target, &effect).await.unwrap(), None);
            let receipt = self.step.publish(target, &effect).await.unwrap();
            assert_eq!(self.step.find(target, &effect).await.unwrap(), Some(receipt));
        }
        Previous { version, checkpoint: staged.checkpoint, ..Previous::default() }
    }

    fn answers(&self) -> RecordBatch {
        self.warehouse.tables.lock().unwrap()[&into().quoted()][0].clone()
    }
}

fn effect(sequence: u64) -> EffectId {
    EffectId { application: "dev/answers/".to_owned(), sequence }
}

#[tokio::test]
async fn a_relation_is_scored_and_its_predictions_recorded() {
    let room = room(&["a long one", "it"]);
    room.run(Previous::default()).await;
    let answers = room.answers();
    let names: Vec<_> = answers.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(
        names,
        ["event_id", "id", "label", "score", "scores", "model", "version", "scored_at"]
    );
    assert_eq!(answers["id"].as_primitive::<Int64Type>().values(), &[1, 2]);
    assert_eq!(answers["label"].as_string::<i32>().value(1), "short");
    assert_eq!(answers["scores"].as_string::<i32>().value(0), r#"{"long":0.75,"short":0.25}"#);
    let ids = answers["event_id"].as_string::<i32>();
    let events = room.topic.events();
    assert_eq!(
        events[1],
        json!({
            "event_id": ids.value(1), "model": "tagger", "version": 2, "deployment": "front",
            "key": "2", "input": { "title": "it", "stars": 3.0 }, "label": "short", "score": 0.75,
            "scores": { "long": 0.25, "short": 0.75 }, "at": "2023-11-14T22:13:20Z",
            "kind": "batch",
        })
    );
    let staging = room.staging.path().join("deployments/.staging");
    assert_eq!(std::fs::read_dir(staging).unwrap().count(), 0);
}

#[tokio::test]
async fn what_is_recorded_is_not_recorded_again() {
    let room = room(&["a long one", "it"]);
    let first = room.run(Previous::default()).await;
    let again = room.run(first).await;
    assert_eq!(room.topic.events().len(), 2);
    let changed = projects(&["a long one", "it is changed", "new"]);
    room.warehouse.tables.lock().unwrap().insert(over().quoted(), vec![changed]);
    let third = room.run(again).await;
    let keys: Vec<_> = room.topic.events().iter().map(|event| event["key"].clone()).collect();
    assert_eq!(keys, ["1", "2", "2", "3"]);
    room.catalog.promote(3);
    room.run(third).await;
    assert_eq!(room.topic.events().len(), 7);
}

#[tokio::test]
async fn a_publication_that_broke_off_goes_on() {
    let titles: Vec<String> = (0..20_000).map(|row| format!("title {row}")).collect();
    let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
    let room = room(&titles);
    let staged = room.step.stage(&room.attempt(Previous::default())).await.unwrap();
    // As another process would find it: nothing but the intent and the staging.
    let intent = serde_json::to_string(&staged).unwrap();
    let staged: Staged = serde_json::from_str(&intent).unwrap();
    let [table, events] = &staged.targets[..] else { panic!("two targets") };
    room.step.publish(table, &effect(1)).await.unwrap();
    *room.topic.appends_left.lock().unwrap() = Some(1);
    room.step.publish(events, &effect(1)).await.unwrap_err();
    assert_eq!(room.step.find(events, &effect(1)).await.unwrap(), None);
    *room.topic.appends_left.lock().unwrap() = None;
    let receipt = room.step.publish(events, &effect(1)).await.unwrap();
    assert_eq!(receipt.version, 20_000);
    // Once more changes nothing, although the staged file is gone.
    assert_eq!(room.step.publish(events, &effect(1)).await.unwrap(), receipt);
    let mut by_id = BTreeMap::new();
    for event in room.topic.events() {
        *by_id.entry(event["event_id"].to_string()).or_insert(0) += 1;
    }
    assert_eq!(by_id.len(), 20_000);
    assert!(by_id.values().all(|count| *count == 1));
    assert_eq!(room.step.sequence(&events.asset, "dev/answers/").await.unwrap(), 1);
}

#[tokio::test]
async fn damaged_events_are_not_published() {
    let room = room(&["a", "b"]);
    let attempt = room.attempt(Previous::default());
    let staged = room.step.stage(&attempt).await.unwrap();
    let file = room.staging.path().join("deployments/.staging").join(attempt.id.to_string());
    std::fs::write(file.join("events.jsonl"), "{}\n").unwrap();
    let refusal = room.step.publish(&staged.targets[1], &effect(1)).await.unwrap_err();
    assert_eq!(refusal.code(), "scoring.events_damaged");
    room.step.discard(attempt.id).await.unwrap();
    room.step.discard(attempt.id).await.unwrap();
    assert!(!file.exists());
}

#[tokio::test]
async fn an_alias_move_makes_it_due() {
    let room = room(&["a"]);
    let previous = Previous::default();
    let before = room.step.probe(&previous).await.unwrap();
    assert_eq!(room.step.probe(&previous).await.unwrap(), before);
    room.catalog.promote(3);
    assert_ne!(room.step.probe(&previous).await.unwrap(), before);
}

#[tokio::test]
async fn without_a_version_it_says_what_to_do() {
    let room = room(&["a"]);
    let mut attempt = room.attempt(Previous::default());
    attempt.catalog = CatalogSnapshot::default();
    let refusal = room.step.stage(&attempt).await.unwrap_err();
    assert_eq!(refusal.code(), "scoring.no_version");
    assert!(refusal.hint().unwrap().contains("training"));
}

#[tokio::test]
async fn columns_that_do_not_fit_are_named() {
    let rows = projects(&["a"]);
    let without = rows.project(&[0, 1]).unwrap();
    let room = room_of("id", without, Task::Classification).unwrap();
    let refusal = room.step.stage(&room.attempt(Previous::default())).await.unwrap_err();
    assert_eq!(refusal.code(), "scoring.column_missing");
    assert!(refusal.to_string().contains("stars") && refusal.hint().unwrap().contains("title"));

    let fields = vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("title", DataType::Utf8, true),
        Field::new("stars", DataType::Utf8, true),
    ];
    let text = || Arc::new(StringArray::from(vec!["many"])) as arrow::array::ArrayRef;
    let texts =
        RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![text(), text(), text()]).unwrap();
    let room = room_of("id", texts, Task::Classification).unwrap();
    let refusal = room.step.stage(&room.attempt(Previous::default())).await.unwrap_err();
    assert_eq!(refusal.code(), "scoring.column_type");

    let reserved = room_of("label", projects(&["a"]), Task::Classification).map(|_| ());
    assert_eq!(reserved.unwrap_err().code(), "scoring.key_reserved");
}

#[tokio::test]
async fn a_regression_has_numbers_and_no_score() {
    let room = room_of("title", projects(&["a long one"]), Task::Regression).unwrap();
    room.run(Previous::default()).await;
    let answers = room.answers();
    let labels = answers["label"].as_any().downcast_ref::<Float64Array>().unwrap();
    assert!((labels.value(0) - 7.0).abs() < f64::EPSILON);
    assert!(answers["score"].is_null(0));
    assert_eq!(room.topic.events()[0]["label"], 7.0);
}
