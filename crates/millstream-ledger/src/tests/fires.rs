//! What schedules start, once.

use super::*;

fn nightly(fire: &str) -> FireKey {
    FireKey { schedule: "nightly".to_owned(), fire: fire.to_owned() }
}

fn caused_by(fire: &str) -> RunCause {
    RunCause { fire: Some(nightly(fire)), ..cause() }
}

/// The decision that leads from one number to the next and starts these.
fn decision(from: Option<i64>, to: i64, fires: &[&str]) -> FireDecision {
    let start = |fire: &&str| NewFire {
        fire: (*fire).to_owned(),
        at: Timestamp::from_micros(to),
        cause: "it was 02:30".to_owned(),
    };
    FireDecision {
        from: from.map(|from| json!({ "time": from })),
        to: json!({ "time": to }),
        starts: fires.iter().map(start).collect(),
        skipped: Vec::new(),
    }
}

/// The live fires that have no run.
fn open(ledger: &Ledger) -> Vec<Fire> {
    let live = ledger.live_fires().unwrap();
    live.into_iter().filter(|fire| fire.run_state != Some(RunState::Running)).collect()
}

fn names(fires: &[Fire]) -> Vec<&str> {
    fires.iter().filter_map(|fire| fire.fire.as_deref()).collect()
}

#[tokio::test]
async fn a_fire_starts_one_run_however_many_servers_see_it() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    one.decide_schedule("nightly", decision(None, 1, &["n1"])).await.unwrap();
    let (first, second) =
        tokio::join!(one.begin_run(caused_by("n1")), other.begin_run(caused_by("n1")));
    let (run, refused) = match (first, second) {
        (Ok(run), Err(refused)) | (Err(refused), Ok(run)) => (run, refused),
        both => panic!("one of them starts the run: {both:?}"),
    };
    assert!(matches!(refused, LedgerError::FireTaken { .. }), "{refused:?}");
    let fires = one.fires("nightly", 10).unwrap();
    assert_eq!((fires[0].run, fires[0].state), (Some(run), FireState::Started));
    assert_eq!(one.runs(10).unwrap().len(), 1, "the refused run leaves no trace");
}

#[tokio::test]
async fn of_two_servers_that_decide_at_once_one_does() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.decide_schedule("nightly", decision(None, 1, &["n1"])).await.unwrap();
    for late in [decision(None, 1, &["n1"]), decision(Some(0), 2, &["n2"])] {
        let refused = ledger.decide_schedule("nightly", late).await;
        assert!(matches!(refused, Err(LedgerError::FireTaken { .. })), "{refused:?}");
    }
    ledger.decide_schedule("nightly", decision(Some(1), 2, &["n2", "n3"])).await.unwrap();
    assert_eq!(names(&open(&ledger)), ["n1", "n2", "n3"]);
    assert_eq!(ledger.schedules().unwrap()["nightly"].state, Some(json!({ "time": 2 })));
}

#[tokio::test]
async fn a_run_that_was_cut_off_may_be_started_again_for_its_fire() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let mut process = Bystander::start();
    ledger.decide_schedule("nightly", decision(None, 1, &["n1"])).await.unwrap();
    let run = ledger.begin_run(caused_by("n1")).await.unwrap();
    give_runs_to(&ledger, &process).await;
    ledger.mark_interrupted().await.unwrap();
    assert!(open(&ledger).is_empty());
    process.kill();
    process.wait();
    ledger.mark_interrupted().await.unwrap();
    assert_eq!(open(&ledger).iter().map(|fire| fire.run).collect::<Vec<_>>(), [Some(run)]);
    let again = ledger.begin_run(caused_by("n1")).await.unwrap();
    assert!(open(&ledger).is_empty());
    assert_eq!(ledger.fires("nightly", 10).unwrap()[0].run, Some(again));
    ledger.end_run(again, RunState::Failed).await.unwrap();
    let third = ledger.begin_run(caused_by("n1")).await;
    assert!(matches!(third, Err(LedgerError::FireTaken { .. })), "a failure is an end");
}

#[tokio::test]
async fn what_starts_nothing_says_why() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let skipped = SkippedFires {
        last: Timestamp::from_micros(1),
        reason: "3 fires did not start: the schedule is paused".to_owned(),
    };
    let both = FireDecision { skipped: vec![skipped.clone()], ..decision(None, 2, &["n2"]) };
    ledger.decide_schedule("nightly", both).await.unwrap();
    ledger.close_fire(&nightly("n2"), FireEnd::UpToDate).await.unwrap();
    let fires = ledger.fires("nightly", 10).unwrap();
    assert_eq!((fires[0].fire.as_deref(), fires[0].state), (Some("n2"), FireState::UpToDate));
    assert_eq!((fires[1].fire.as_deref(), fires[1].state), (None, FireState::Skipped));
    assert_eq!((fires[1].at, &fires[1].reason), (skipped.last, &skipped.reason));
    assert!(ledger.live_fires().unwrap().is_empty());
}

#[tokio::test]
async fn pausing_keeps_what_is_remembered() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    assert!(ledger.schedules().unwrap().is_empty());
    ledger.decide_schedule("nightly", decision(None, 1, &[])).await.unwrap();
    ledger.pause_schedule("nightly", Pause::Paused, "by ana: audit").await.unwrap();
    let paused = ledger.schedules().unwrap()["nightly"].clone();
    assert_eq!((paused.paused, paused.state), (Some(true), Some(json!({ "time": 1 }))));
    assert_eq!(paused.note.as_deref(), Some("by ana: audit"));
    ledger.pause_schedule("nightly", Pause::Running, "by ana").await.unwrap();
    assert_eq!(ledger.schedules().unwrap()["nightly"].paused, Some(false));
}

#[tokio::test]
async fn requests_are_counted_with_who_asked_last() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    assert_eq!(ledger.request_schedule("nightly", "ci").await.unwrap(), 1);
    assert_eq!(ledger.request_schedule("nightly", "ana").await.unwrap(), 2);
    let record = ledger.schedules().unwrap()["nightly"].clone();
    assert_eq!(
        (record.requests, record.request),
        (2, Some(("ana".to_owned(), folder.clock.now())))
    );
}

#[tokio::test]
async fn a_run_can_be_asked_to_stop_while_it_is_at_work() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    assert!(!ledger.is_cancel_asked(run).unwrap());
    assert!(ledger.ask_to_cancel(run).await.unwrap());
    assert!(ledger.is_cancel_asked(run).unwrap());
    ledger.end_run(run, RunState::Cancelled).await.unwrap();
    assert!(!ledger.ask_to_cancel(run).await.unwrap());
}
