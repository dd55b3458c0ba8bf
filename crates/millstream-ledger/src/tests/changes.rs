//! The changes of the ledger, as a reader follows them.

use super::*;

fn next(ledger: &Ledger, after: u64) -> Vec<Changed> {
    match ledger.changes_after(after, 1000).unwrap() {
        Changes::Next(next) => next,
        Changes::Gone => panic!("changes after {after} are gone"),
    }
}

#[tokio::test]
async fn every_change_is_told_once_in_order() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    assert_eq!(one.last_change().unwrap(), 0);
    let run = one.begin_run(cause()).await.unwrap();
    publish(&one, &request(run, &[orders()]), &staged(&[orders()])).await;
    one.end_run(run, RunState::Succeeded).await.unwrap();
    let all = next(&two, 0);
    let told: Vec<(&str, Option<&str>)> =
        all.iter().map(|change| (change.kind.as_str(), change.state.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("run", Some("running")),
            ("step", Some("running")),
            ("version", None),
            ("step", Some("succeeded")),
            ("run", Some("succeeded")),
        ]
    );
    assert!(all.iter().all(|change| change.run == Some(run)));
    let numbers: Vec<u64> = all.iter().map(|change| change.sequence).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(next(&two, 3), all[3..]);
    assert_eq!(next(&two, 5), []);
    assert_eq!(two.changes_after(6, 10).unwrap(), Changes::Gone);
}

#[tokio::test]
async fn schedules_and_what_is_refused_are_changes_too() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.pause_schedule("nightly", Pause::Paused, "").await.unwrap();
    ledger.pause_schedule("nightly", Pause::Running, "").await.unwrap();
    ledger.request_schedule("nightly", "github").await.unwrap();
    let actor = Actor { name: "ann".to_owned(), via: Via::Token };
    let deed = Deed::new(Action::Request, "run:1").that(AuditOutcome::Refused);
    ledger.record(actor, deed).await.unwrap();
    let states: Vec<Option<String>> =
        next(&ledger, 0).into_iter().map(|change| change.state).collect();
    assert_eq!(states, ["paused", "on", "asked", "refused"].map(|state| Some(state.to_owned())));
}

#[tokio::test]
async fn a_reader_too_far_behind_is_told_so() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger
        .write(|connection| {
            connection.execute(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 135168)
                 INSERT INTO changes (kind) SELECT 'run' FROM n",
                [],
            )?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(ledger.changes_after(4095, 10).unwrap(), Changes::Gone);
    assert_eq!(next(&ledger, 4096)[0].sequence, 4097);
}
