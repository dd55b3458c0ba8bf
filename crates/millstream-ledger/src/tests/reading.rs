//! What readers see: names, runs and the system tables.

use std::pin::Pin;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use futures_core::Stream;
use millstream_core::Relation;
use millstream_core::batch::Scan;
use millstream_core::catalog::{Catalog, CatalogEntry};
use millstream_core::step::{CheckOutcome, CheckResult, StepSpec};

use super::*;

fn relation(name: &str) -> Relation {
    name.parse().expect("it is a relation")
}

#[tokio::test]
async fn a_snapshot_sees_what_another_process_commits() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let before = two.snapshot().unwrap();
    assert!(before.get(&relation("orders")).is_none());
    let run = one.begin_run(cause()).await.unwrap();
    assert!(two.snapshot().unwrap().get(&relation("orders")).is_none());

    publish(&one, &request(run, &[orders()]), &staged(&[orders()])).await;
    let after = two.snapshot().unwrap();
    let entry = after.get(&relation("main.orders"));
    assert!(matches!(entry, Some(CatalogEntry::Table { version: 0 })), "{entry:?}");
    assert!(before.get(&relation("orders")).is_none(), "a snapshot never changes");
}

#[tokio::test]
async fn a_snapshot_has_views_and_aliases() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.snapshot().unwrap();
    let run = ledger.begin_run(cause()).await.unwrap();
    let model = AssetKey::model("tagger");
    let attempt = request(run, std::slice::from_ref(&model));
    publish(&ledger, &attempt, &staged(std::slice::from_ref(&model))).await;
    ledger.move_alias("tagger", "champion", 1, "ada", "first").await.unwrap();

    let view = request(run, &[orders()]);
    claimed(&ledger, &view).await;
    ledger.intend(view.attempt, &staged(&[orders()])).await.unwrap();
    let made = Receipt { version: 0, detail: json!({"view": "select 1 as id"}) };
    ledger.commit(view.attempt, vec![(orders(), made)]).await.unwrap();

    let snapshot = ledger.snapshot().unwrap();
    let entry = snapshot.get(&relation("orders"));
    assert!(matches!(entry, Some(CatalogEntry::View { sql, .. }) if sql == "select 1 as id"));
    assert_eq!(snapshot.alias("tagger", "champion"), Some(1));
    assert_eq!(snapshot.relations().count(), 1);
}

/// A run with one failed attempt, one that succeeded, and one step that was skipped.
async fn eventful_run(ledger: &Ledger) -> RunId {
    let run = ledger.begin_run(cause()).await.unwrap();
    let first = request(run, &[orders()]);
    claimed(ledger, &first).await;
    let check = CheckResult {
        name: "not_null_id".to_owned(),
        outcome: CheckOutcome::Fail,
        failures: 3,
        message: None,
    };
    let refused_rows = Staged { checks: vec![check], ..staged(&[orders()]) };
    ledger
        .fail(first.attempt, &step_error(), FailState::Refused, Some(&refused_rows))
        .await
        .unwrap();
    let second = ClaimRequest { number: 2, ..request(run, &[orders()]) };
    publish(ledger, &second, &staged(&[orders()])).await;
    let spec = StepSpec {
        kind: StepKind::Model,
        outputs: vec!["table:main.marts".parse().unwrap()],
        inputs: Vec::new(),
        definition: ContentHash::of(b"select 2"),
        timeout: LEASE,
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    };
    ledger.skip_step(run, &spec, SkipState::UpToDate, "nothing changed").await.unwrap();
    run
}

#[tokio::test]
async fn a_run_tells_everything_that_happened() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = eventful_run(&ledger).await;
    ledger.end_run(run, RunState::Succeeded).await.unwrap();
    ledger.end_run(run, RunState::Failed).await.unwrap();

    let detail = ledger.run(run).unwrap().unwrap();
    assert_eq!(detail.summary.state, RunState::Succeeded, "the first end counts");
    assert_eq!(
        detail.summary.counts,
        BTreeMap::from([(StepState::Succeeded, 1), (StepState::UpToDate, 1)])
    );
    let [first, second] = detail.steps[0].attempts.as_slice() else { panic!("two attempts") };
    assert_eq!((first.state, first.error.clone()), (StepState::Refused, Some(step_error())));
    assert_eq!(first.checks[0].failures, 3);
    assert_eq!(second.published[0].version, 1);
    assert_eq!(detail.steps[1].reason, "nothing changed");

    let text = run.to_string();
    for part in [&text[..], &text[..20], &run.short()] {
        assert_eq!(ledger.find_run(part).unwrap(), Some(run));
    }
    assert_eq!(ledger.find_run("*").unwrap(), None);
    let other = ledger.begin_run(cause()).await.unwrap();
    assert!(ledger.find_run(&text[..4]).is_err());
    let newest: Vec<_> = ledger.runs(10).unwrap().iter().map(|run| run.run).collect();
    assert_eq!(newest, [other, run]);
}

#[tokio::test]
async fn a_run_whose_process_died_was_interrupted() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let mut elsewhere = Bystander::start();
    give_runs_to(&ledger, &elsewhere).await;
    elsewhere.kill();
    elsewhere.wait();
    assert_eq!(ledger.runs(1).unwrap()[0].state, RunState::Interrupted);
    ledger.begin_run(cause()).await.unwrap();
    let stored = ledger.run(run).unwrap().unwrap();
    assert_eq!(stored.summary.state, RunState::Interrupted);
}

async fn rows(scan: &dyn Scan) -> Vec<RecordBatch> {
    let mut stream = scan.scan().unwrap();
    let mut batches = Vec::new();
    while let Some(batch) =
        std::future::poll_fn(|context| Pin::new(&mut stream.batches).poll_next(context)).await
    {
        batches.push(batch.unwrap());
    }
    batches
}

#[tokio::test]
async fn the_system_tables_show_the_ledger() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = eventful_run(&ledger).await;
    claimed(&ledger, &request(run, &[refused()])).await;
    let model = AssetKey::model("tagger");
    let attempt = request(run, std::slice::from_ref(&model));
    publish(&ledger, &attempt, &staged(std::slice::from_ref(&model))).await;
    ledger.move_alias("tagger", "champion", 1, "ada", "first").await.unwrap();

    let mut counts = BTreeMap::new();
    for (relation, scan) in ledger.system_tables() {
        let batches = rows(&*scan).await;
        for batch in &batches {
            assert_eq!(batch.schema(), scan.schema());
        }
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        counts.insert(relation.to_string(), rows);
    }
    let expected = [
        ("millstream.aliases", 1),
        ("millstream.attempts", 4),
        ("millstream.backfills", 0),
        ("millstream.checks", 1),
        ("millstream.leases", 1),
        ("millstream.partitions", 0),
        ("millstream.runs", 1),
        ("millstream.steps", 4),
        ("millstream.versions", 2),
    ];
    assert_eq!(counts, expected.map(|(name, rows)| (name.to_owned(), rows)).into());
}

#[tokio::test]
async fn the_columns_of_system_tables_have_their_types() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    eventful_run(&ledger).await;
    let tables = ledger.system_tables();
    let versions = tables.iter().find(|(name, _)| name.name() == "versions").unwrap();
    let batch = rows(&*versions.1).await.remove(0);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert_eq!(column("asset").as_string::<i32>().value(0), "table:main.orders");
    assert_eq!(column("sequence").as_primitive::<Int64Type>().value(0), 2);
    assert!(column("current").as_boolean().value(0));
    assert!(column("note").is_null(0));
    let at = column("at").as_primitive::<TimestampMicrosecondType>();
    assert_eq!(at.value(0), folder.clock.now().as_micros());
    assert_eq!(at.timezone(), Some("UTC"));
}
