//! What schedules start, once.

use super::*;

fn nightly(at: i64) -> FireKey {
    FireKey { schedule: "nightly".to_owned(), at: Timestamp::from_micros(at) }
}

fn caused_by(key: FireKey) -> RunCause {
    RunCause { fire: Some(FireStart { key, moves: Vec::new() }), ..cause() }
}

#[tokio::test]
async fn a_fire_starts_one_run_however_many_servers_see_it() {
    let folder = Folder::new();
    let (one, other) = (folder.open().await, folder.open().await);
    let (first, second) =
        tokio::join!(one.begin_run(caused_by(nightly(1))), other.begin_run(caused_by(nightly(1))));
    let (run, refused) = match (first, second) {
        (Ok(run), Err(refused)) | (Err(refused), Ok(run)) => (run, refused),
        both => panic!("one of them starts the run: {both:?}"),
    };
    assert!(matches!(refused, LedgerError::FireTaken { .. }), "{refused:?}");
    let fires = one.fires("nightly", 10).unwrap();
    assert_eq!(fires.len(), 1);
    assert_eq!((fires[0].run, fires[0].state), (Some(run), FireState::Started));
    assert_eq!(one.runs(10).unwrap().len(), 1, "the refused run leaves no trace");
}

#[tokio::test]
async fn a_run_that_was_cut_off_may_be_started_again_for_its_fire() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let mut process = Bystander::start();
    let run = ledger.begin_run(caused_by(nightly(1))).await.unwrap();
    let holder = serde_json::to_string(&process.holder()).unwrap();
    ledger
        .write(move |connection| {
            connection.execute("UPDATE runs SET holder = ?1", [holder])?;
            Ok(())
        })
        .await
        .unwrap();
    assert!(ledger.interrupted_fires().await.unwrap().is_empty());
    process.kill();
    process.wait();
    let interrupted = ledger.interrupted_fires().await.unwrap();
    assert_eq!(interrupted.iter().map(|fire| fire.run).collect::<Vec<_>>(), [Some(run)]);
    let again = ledger.begin_run(caused_by(nightly(1))).await.unwrap();
    assert!(ledger.interrupted_fires().await.unwrap().is_empty());
    assert_eq!(ledger.fires("nightly", 10).unwrap()[0].run, Some(again));
    ledger.end_run(again, RunState::Failed).await.unwrap();
    let third = ledger.begin_run(caused_by(nightly(1))).await;
    assert!(matches!(third, Err(LedgerError::FireTaken { .. })), "a failure is an end");
}

#[tokio::test]
async fn skipping_says_why_and_changes_nothing_that_was_handled() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(caused_by(nightly(2))).await.unwrap();
    let late = |at| (nightly(at).at, "an earlier run was still at work".to_owned());
    ledger.skip_fires("nightly", vec![late(1), late(2)], Vec::new()).await.unwrap();
    let fires = ledger.fires("nightly", 10).unwrap();
    assert_eq!((fires[0].run, fires[0].state), (Some(run), FireState::Started));
    assert_eq!((fires[1].run, fires[1].state), (None, FireState::Skipped));
    assert_eq!(fires[1].reason, "an earlier run was still at work");
}

#[tokio::test]
async fn a_schedule_is_known_since_it_was_first_seen_and_may_be_paused() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    let first = ledger.observe_schedule("nightly").await.unwrap();
    assert_eq!((first.since, first.paused), (folder.clock.now(), None));
    advance(&folder.clock, Duration::from_hours(1));
    ledger.set_schedule_paused("nightly", Pause::Paused, "by ana: audit").await.unwrap();
    let paused = ledger.observe_schedule("nightly").await.unwrap();
    assert_eq!((paused.since, paused.paused), (first.since, Some(true)));
    assert_eq!(paused.note.as_deref(), Some("by ana: audit"));
    ledger.set_schedule_paused("nightly", Pause::Running, "by ana").await.unwrap();
    assert_eq!(ledger.schedule("nightly").unwrap().unwrap().paused, Some(false));
    assert_eq!(ledger.schedule("hourly").unwrap(), None);
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

#[tokio::test]
async fn what_two_servers_saw_at_once_is_handled_by_one() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let moved = |at: i64, from: Option<&str>, to: &str| FireStart {
        key: nightly(at),
        moves: vec![PositionMove {
            trigger: "asset:table:main.orders".to_owned(),
            from: from.map(str::to_owned),
            to: to.to_owned(),
        }],
    };
    let begin = |fire| ledger.begin_run(RunCause { fire: Some(fire), ..cause() });
    begin(moved(1, None, "7")).await.unwrap();
    let late = begin(moved(2, None, "7")).await;
    assert!(matches!(late, Err(LedgerError::FireTaken { .. })), "{late:?}");
    let ahead = begin(moved(3, Some("6"), "8")).await;
    assert!(matches!(ahead, Err(LedgerError::FireTaken { .. })), "{ahead:?}");
    begin(moved(4, Some("7"), "8")).await.unwrap();
    assert_eq!(ledger.positions("nightly").unwrap()["asset:table:main.orders"], "8");
    assert_eq!(ledger.fires("nightly", 10).unwrap().len(), 2);
}
