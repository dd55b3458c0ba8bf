use std::time::Duration;

use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::log::AttemptLog;
use millstream_core::step::{Refresh, StepKind};
use serde_json::{Value, json};

use super::*;
use crate::testing::Project;
use crate::testing::warehouse::MemoryWarehouse;

/// A stream, its step, and what the ledger would know.
struct Fixture {
    project: Project,
    warehouse: Arc<MemoryWarehouse>,
    stream: Value,
    previous: Previous,
}

impl Fixture {
    fn new(stream: Value, files: &[(&str, &[u8])]) -> Self {
        let warehouse = Arc::new(MemoryWarehouse::default());
        Self { project: Project::new(files), warehouse, stream, previous: Previous::default() }
    }

    fn step(&self) -> SyncStep {
        let (source, spec) = self.project.source(&self.stream);
        let relation = Relation::new(&spec.name, &spec.streams[0].name).unwrap();
        SyncStep::new(SyncConfig {
            source,
            source_name: spec.name,
            stream: spec.streams[0].clone(),
            retention: Retention::parse(None).unwrap(),
            warehouse: self.warehouse.clone(),
            raw: self.raw(),
            step: StepSpec {
                kind: StepKind::Sync,
                outputs: [relation.clone(), relation.quarantine()]
                    .map(|r| AssetKey::table(&r))
                    .to_vec(),
                inputs: Vec::new(),
                definition: ContentHash::of(b"definition"),
                timeout: Duration::from_mins(1),
                execution: millstream_core::execution::Execution::default(),
                partitions: None,
                flow: millstream_core::flow::Flow::default(),
            },
        })
        .unwrap()
    }

    fn raw(&self) -> RawStore {
        RawStore::new(self.project.root().join("raw"))
    }

    fn loads(&self) -> Vec<String> {
        let loads = self.raw().loads("files", "things").unwrap();
        loads.into_iter().map(|load| load.load_id).collect()
    }

    fn attempt(&self, refresh: Refresh) -> Attempt {
        Attempt {
            run: RunId::new(),
            id: AttemptId::new(),
            claimed_at: Timestamp::from_micros(i64::try_from(self.previous.version).unwrap()),
            catalog: CatalogSnapshot::default(),
            inputs: Vec::new(),
            previous: self.previous.clone(),
            refresh,
            log: AttemptLog::default(),
            partition: None,
            results: millstream_core::flow::Results::new(),
            given: None,
            trace_parent: None,
        }
    }

    /// One whole attempt, as the executor does it.
    async fn run(&mut self, step: &SyncStep, refresh: Refresh) -> Result<Staged> {
        let staged = step.stage(&self.attempt(refresh)).await?;
        for target in &staged.targets {
            let application = EffectId::application("test", &target.asset, "");
            let sequence = step.sequence(&target.asset, &application).await? + 1;
            let effect = EffectId { application, sequence };
            assert_eq!(step.find(target, &effect).await?, None);
            let receipt = step.publish(target, &effect).await?;
            assert_eq!(step.find(target, &effect).await?, Some(receipt));
        }
        if !staged.targets.is_empty() {
            self.previous.version += 1;
        }
        self.previous.checkpoint.clone_from(&staged.checkpoint);
        Ok(staged)
    }

    async fn sync(&mut self) -> Result<Staged> {
        let step = self.step();
        self.run(&step, Refresh::Incremental).await
    }

    fn table(&self, columns: &[&str]) -> Vec<Vec<String>> {
        self.warehouse.rows("files.things", columns)
    }
}

#[tokio::test]
async fn rows_and_refused_records_arrive_together() {
    let stream = json!({"path": "in.csv"});
    let mut fixture = Fixture::new(stream, &[("in.csv", b"id,a\n1,x\n2\n3,y\n")]);
    let staged = fixture.sync().await.unwrap();
    let outputs: Vec<String> = staged.targets.iter().map(|t| t.asset.to_string()).collect();
    assert_eq!(outputs, ["table:files.things", "table:quarantine.files__things"]);
    assert_eq!((staged.stats.rows_in, staged.stats.rows_out), (3, 2));
    assert_eq!(staged.stats.rows_quarantined, 1);
    let note = staged.note.unwrap();
    assert_eq!(note, "see quarantine.files__things", "the number stands before it");
    assert_eq!(fixture.table(&["id", "a"]), [["1", "x"], ["3", "y"]]);
    let refused = fixture.warehouse.rows("quarantine.files__things", &["place", "code", "raw"]);
    assert_eq!(refused, [["in.csv:3", "sync.ragged_row", "2"]]);
    assert_eq!(fixture.table(&["_load_id"]), [fixture.loads(), fixture.loads()]);
}

#[tokio::test]
async fn row_ids_depend_on_the_input_alone() {
    let file: &[(&str, &[u8])] = &[("in.csv", b"id,a\n1,x\n2,y\n")];
    for stream in [json!({"path": "in.csv"}), json!({"path": "in.csv", "key": "id"})] {
        let (mut one, mut two) = (Fixture::new(stream.clone(), file), Fixture::new(stream, file));
        one.sync().await.unwrap();
        two.sync().await.unwrap();
        let ids = one.table(&["_row_id"]);
        assert_eq!(ids, two.table(&["_row_id"]));
        assert_ne!(ids[0], ids[1]);
    }
}

#[tokio::test]
async fn an_append_without_new_files_changes_nothing() {
    let stream = json!({"path": "in/*.csv", "sync": "append"});
    let mut fixture = Fixture::new(stream, &[("in/1.csv", b"id\n1\n")]);
    fixture.sync().await.unwrap();
    let again = fixture.sync().await.unwrap();
    assert!(again.targets.is_empty());
    fixture.project.write("in/2.csv", b"id\n2\n");
    fixture.sync().await.unwrap();
    assert_eq!(fixture.table(&["id"]), [["1"], ["2"]]);
    let step = fixture.step();
    fixture.run(&step, Refresh::Full).await.unwrap();
    assert_eq!(fixture.table(&["id"]), [["1"], ["2"]]);
}

#[tokio::test]
async fn the_last_record_of_a_key_wins() {
    let stream = json!({"path": "in/*.csv", "sync": "merge", "key": "ID"});
    let mut fixture = Fixture::new(stream, &[("in/1.csv", b"ID,v\n1,a\n2,b\n1,c\n,d\n")]);
    let staged = fixture.sync().await.unwrap();
    assert_eq!(staged.stats.rows_quarantined, 1);
    assert_eq!(fixture.table(&["id", "v"]), [["2", "b"], ["1", "c"]]);
    fixture.project.write("in/2.csv", b"ID,v\n2,e\n3,f\n");
    fixture.sync().await.unwrap();
    assert_eq!(fixture.table(&["id", "v"]), [["1", "c"], ["2", "e"], ["3", "f"]]);
}

#[tokio::test]
async fn a_frozen_contract_holds() {
    let stream = json!({"path": "in.csv", "contract": "freeze"});
    let mut fixture = Fixture::new(stream, &[("in.csv", b"id,a\n1,1.5\n")]);
    fixture.sync().await.unwrap();
    fixture.project.write("in.csv", b"id,a\n2,7\n");
    fixture.sync().await.unwrap();
    for (changed, change) in [
        ("id,a,b\n1,1.5,2\n", "column `b` is new"),
        ("id\n1\n", "column `a` is gone"),
        ("id,a\nx,1.5\n", "column `id` was bigint and is text"),
    ] {
        fixture.project.write("in.csv", changed.as_bytes());
        let error = fixture.sync().await.unwrap_err();
        assert_eq!(error.code(), "sync.contract_broken");
        assert!(error.to_string().contains(change), "{error}");
    }
    assert_eq!(fixture.table(&["id", "a"]), [["2", "7.0"]]);
    fixture.stream = json!({"path": "in.csv", "contract": "evolve"});
    fixture.sync().await.unwrap();
    assert_eq!(fixture.table(&["id", "a"]), [["x", "1.5"]]);
}

/// A file that was read once, and then what a changed declaration gives without a new file.
async fn redeclared(before: &Value, after: &Value) -> (Fixture, Result<Staged>) {
    let with = |own: &Value| {
        let mut stream = json!({"path": "in/*.csv", "sync": "append"});
        stream.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        stream
    };
    let mut fixture = Fixture::new(with(before), &[("in/1.csv", b"id,a\n1,2\n")]);
    fixture.sync().await.unwrap();
    fixture.stream = with(after);
    let again = fixture.sync().await;
    (fixture, again)
}

#[tokio::test]
async fn a_declaration_that_the_table_cannot_take_is_refused_without_new_input() {
    let a = |of: &str| json!({"columns": ["id", {"name": "a", "type": of}]});
    let key = |key: &str| json!({"key": key, "sync": "merge"});
    let needed = json!({"columns": ["id", {"name": "a", "type": "bigint", "not_null": true}]});
    for (before, after, change) in [
        (json!({}), a("text"), "column `a` is bigint in the table and declared text"),
        (json!({}), a("integer"), "column `a` is bigint in the table and declared integer"),
        (a("double"), a("decimal(9,2)"), "column `a` is double in the table and declared decimal"),
        (key("id"), key("a"), "the key was `id` and is `a`"),
        (json!({}), json!({"key": "id"}), "the key was none and is `id`"),
        (a("bigint"), needed, "column `a` was not yet `not_null`"),
    ] {
        let (mut fixture, again) = redeclared(&before, &after).await;
        let error = again.unwrap_err();
        assert_eq!(error.code(), "sync.declaration_changed");
        assert!(error.to_string().contains(change), "{error}");
        assert!(error.hint().unwrap().contains("--full-refresh"));
        let step = fixture.step();
        fixture.run(&step, Refresh::Full).await.unwrap();
        assert!(fixture.sync().await.unwrap().targets.is_empty(), "{after} is taken");
    }
}

#[tokio::test]
async fn a_declaration_that_the_table_can_take_is_published_without_new_input() {
    let small = json!({"columns": ["id", {"name": "a", "type": "integer"}]});
    let wide = json!({"columns": ["id", {"name": "a", "type": "bigint"}]});
    let more = json!({"columns": ["id", "a", {"name": "B", "type": "date"}]});
    for (before, after, types) in [(small, wide, "a bigint"), (json!({}), more, "b date")] {
        let (mut fixture, again) = redeclared(&before, &after).await;
        assert_eq!(again.unwrap().targets.len(), 1);
        let published = fixture.warehouse.types("files.things");
        assert!(published.contains(&types.to_owned()), "{published:?}");
        assert_eq!(fixture.table(&["id", "a"]), [["1", "2"]]);
        assert!(fixture.sync().await.unwrap().targets.is_empty());
    }
}

#[tokio::test]
async fn a_frozen_contract_takes_no_declaration_and_no_lack_of_input_for_a_change() {
    let freeze = json!({"contract": "freeze"});
    let other_words = json!({"contract": "freeze", "description": "the same"});
    let (_, again) = redeclared(&freeze, &other_words).await;
    assert!(again.unwrap().targets.is_empty());
    let more = json!({"contract": "freeze", "columns": ["id", "a", {"name": "b", "type": "date"}]});
    let (_, again) = redeclared(&freeze, &more).await;
    assert_eq!(again.unwrap_err().code(), "sync.contract_broken");
}

#[tokio::test]
async fn a_replay_gives_the_same_table() {
    for sync in ["replace", "append", "merge"] {
        let stream = json!({"path": "in/*.csv", "sync": sync, "key": "id"});
        let mut fixture = Fixture::new(stream, &[("in/1.csv", b"id,v\n1,1.50\n2,2\nbad\n")]);
        fixture.sync().await.unwrap();
        fixture.project.write("in/2.csv", b"id,v,w\n2,x,1\n3,4,\n");
        fixture.sync().await.unwrap();
        let columns = &["id", "v", "w", "_load_id", "_loaded_at", "_row_id"];
        let mut before = fixture.table(columns);
        let checkpoint = fixture.previous.checkpoint.clone();
        fixture.project.write("in/1.csv", b"gone");
        let step = fixture.step().with_replay(fixture.loads());
        fixture.run(&step, Refresh::Incremental).await.unwrap();
        let mut after = fixture.table(columns);
        if sync != "replace" {
            // The first load was published when `v` still was a number.
            before.iter_mut().filter(|row| row[1] == "1.5").for_each(|row| row[1] = "1.50".into());
            before.iter_mut().filter(|row| row[1] == "2.0").for_each(|row| row[1] = "2".into());
            before.iter_mut().filter(|row| row[2] == "-").for_each(|row| row[2] = "~".into());
        }
        before.sort();
        after.sort();
        assert_eq!(after, before, "{sync}");
        let source = |checkpoint: &Option<Value>| SyncCheckpoint::read(checkpoint.as_ref()).source;
        assert_eq!(source(&fixture.previous.checkpoint), source(&checkpoint));
    }
}

#[tokio::test]
async fn a_discarded_attempt_leaves_nothing() {
    let fixture = Fixture::new(json!({"path": "in.csv"}), &[("in.csv", b"id\n1\n")]);
    let step = fixture.step();
    let attempt = fixture.attempt(Refresh::Incremental);
    step.stage(&attempt).await.unwrap();
    assert_eq!((fixture.warehouse.staged(), fixture.loads().len()), (1, 1));
    step.discard(attempt.id).await.unwrap();
    assert_eq!((fixture.warehouse.staged(), fixture.loads().len()), (0, 0));
    step.discard(attempt.id).await.unwrap();
}

#[tokio::test]
async fn impossible_streams_are_refused() {
    let fixture = Fixture::new(json!({"path": "in.csv"}), &[("in.csv", b"id,_load_id\n1,2\n")]);
    let error = fixture.step().stage(&fixture.attempt(Refresh::Incremental)).await.unwrap_err();
    assert_eq!(error.code(), "sync.column_collision");
    let fixture = Fixture::new(json!({"path": "in.csv", "key": "no"}), &[("in.csv", b"id\n1\n")]);
    let error = fixture.step().stage(&fixture.attempt(Refresh::Incremental)).await.unwrap_err();
    assert_eq!(error.code(), "sync.missing_column");
}
