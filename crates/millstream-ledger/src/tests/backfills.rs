//! Partitions and backfills.

use millstream_core::id::BackfillId;
use millstream_core::partition::PartitionKey;
use millstream_core::step::Refresh;

use super::*;

fn key(name: &str) -> PartitionKey {
    PartitionKey::new(name)
}

fn part(run: RunId, name: &str) -> ClaimRequest {
    ClaimRequest { partition: Some(key(name)), ..request(run, &[orders()]) }
}

/// Makes a partition as the attempt of a run.
async fn make(ledger: &Ledger, request: &ClaimRequest) {
    claimed(ledger, request).await;
    ledger.intend(request.attempt, &staged(&[orders()])).await.unwrap();
    ledger.commit(request.attempt, vec![(orders(), receipt(1))]).await.unwrap();
}

async fn backfill(ledger: &Ledger) -> BackfillId {
    let parts = ["a", "b", "c"].map(|name| (orders(), key(name))).to_vec();
    let pace = BackfillPace { parallel: 2, refresh: Refresh::Incremental };
    let new = NewBackfill { selection: "orders --all".to_owned(), pace, parts, by: None };
    ledger.add_backfill(new).await.unwrap()
}

fn states(ledger: &Ledger, id: BackfillId) -> Vec<PartState> {
    let parts = ledger.backfill_parts(id, None, 10).unwrap();
    parts.into_iter().map(|part| part.state).collect()
}

#[tokio::test]
async fn each_partition_keeps_its_version_and_its_mark() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let first = part(run, "a");
    let claim = claimed(&ledger, &first).await;
    assert_eq!(claim.effects[&orders()].application, "dev/table:main.orders/a");
    ledger.intend(first.attempt, &staged(&[orders()])).await.unwrap();
    ledger.commit(first.attempt, vec![(orders(), receipt(1))]).await.unwrap();
    make(&ledger, &ClaimRequest { number: 2, ..part(run, "b") }).await;
    let made = ledger.partitions(&orders()).unwrap();
    assert_eq!((made[&key("a")].version, made[&key("b")].version), (1, 2));
    // An attempt that publishes nothing leaves the version of its partition.
    let again = ClaimRequest { number: 3, ..part(run, "a") };
    claimed(&ledger, &again).await;
    ledger.intend(again.attempt, &staged(&[])).await.unwrap();
    ledger.commit(again.attempt, vec![]).await.unwrap();
    let made = ledger.partitions(&orders()).unwrap();
    assert_eq!((made[&key("a")].version, made[&key("a")].attempt), (1, again.attempt));
    assert_eq!(ledger.partition_history(&orders(), 10).unwrap().len(), 2);
}

#[tokio::test]
async fn a_backfill_knows_by_the_attempts_what_is_made() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let id = backfill(&ledger).await;
    let run = ledger.begin_run(cause()).await.unwrap();
    ledger.begin_parts(id, run, vec![0, 1, 2]).await.unwrap();
    make(&ledger, &part(run, "a")).await;
    let failed = ClaimRequest { number: 2, ..part(run, "b") };
    claimed(&ledger, &failed).await;
    ledger.fail(failed.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    ledger.settle_parts(id).await.unwrap();
    assert_eq!(states(&ledger, id), [PartState::Done, PartState::Failed, PartState::Pending]);
    let last = ledger.last_attempts(&orders()).unwrap();
    assert!(last[&key("b")].has_failed() && !last[&key("a")].has_failed());
    let left = ledger.leave_backfill(id).await.unwrap();
    assert_eq!(left.state, BackfillState::Paused, "one is still to be made");
    ledger.take_backfill(id).await.unwrap();
    assert_eq!(states(&ledger, id), [PartState::Done, PartState::Pending, PartState::Pending]);
    let held = ledger.take_backfill(id).await.unwrap_err();
    assert!(matches!(held, LedgerError::BackfillHeld { .. }), "{held}");
}

#[tokio::test]
async fn what_was_stopped_is_still_to_be_made() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let id = backfill(&ledger).await;
    let run = ledger.begin_run(cause()).await.unwrap();
    ledger.begin_parts(id, run, vec![0]).await.unwrap();
    let stopped = part(run, "a");
    claimed(&ledger, &stopped).await;
    let error = StepError { code: "run.interrupted".to_owned(), ..step_error() };
    ledger.fail(stopped.attempt, &error, FailState::Failed, None).await.unwrap();
    ledger.settle_parts(id).await.unwrap();
    assert_eq!(states(&ledger, id), [PartState::Pending; 3]);
    ledger.cancel_backfill(id).await.unwrap();
    assert_eq!(states(&ledger, id), [PartState::Cancelled; 3]);
    let over = ledger.pause_backfill(id).await.unwrap_err();
    assert_eq!(over.to_string(), "the backfill is cancelled");
    assert_eq!(ledger.find_backfill(&id.short()).unwrap(), Some(id));
    assert_eq!(ledger.backfills(10).unwrap()[0].count(PartState::Cancelled), 3);
}
