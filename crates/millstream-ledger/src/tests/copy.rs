//! What a copied file knows, and how it becomes a ledger again.

use std::fs;

use super::*;

#[tokio::test]
async fn a_copy_knows_what_may_be_published() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let done = request(run, &[orders()]);
    publish(&ledger, &done, &staged(&[orders()])).await;
    let intended = request(run, &[refused()]);
    let effect = claimed(&ledger, &intended).await.effects[&refused()].clone();
    ledger.intend(intended.attempt, &staged(&[refused()])).await.unwrap();
    let claimed_only = request(run, &[orders()]);
    claimed(&ledger, &claimed_only).await;

    let copy = LedgerCopy::open(&folder.path()).unwrap();
    assert_eq!(copy.environment().unwrap(), "dev");
    assert!(!copy.is_unused().unwrap());
    let found = copy.intended().unwrap();
    assert_eq!(found.len(), 1, "a claim alone publishes nothing");
    assert_eq!(found[0].attempt, intended.attempt);
    assert_eq!(found[0].effects, [(refused(), effect.clone())]);
    assert!(!copy.has_ended(&effect).unwrap());
    let first = EffectId { application: "dev/table:main.orders/".to_owned(), sequence: 1 };
    assert!(copy.has_ended(&first).unwrap());
    assert!(copy.has_ended_attempt(done.attempt).unwrap());
    assert!(!copy.has_ended_attempt(claimed_only.attempt).unwrap());
    assert_eq!(copy.current(&orders()).unwrap(), Some(receipt(0)));
    assert_eq!(copy.current(&refused()).unwrap(), None);
}

#[tokio::test]
async fn a_settled_copy_leaves_what_was_running_to_recovery() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let left = request(run, &[orders()]);
    claimed(&ledger, &left).await;
    ledger.intend(left.attempt, &staged(&[orders()])).await.unwrap();
    drop(ledger);
    let other = Folder::new();
    fs::copy(folder.path(), other.path()).unwrap();

    settle_copy(&other.path(), "pr-12").unwrap();
    let ledger = Ledger::open(&other.path(), "pr-12", Clock::System).await.unwrap();
    let unfinished = ledger.unfinished().unwrap();
    assert_eq!(unfinished.len(), 1, "its process lives, but works on the original");
    assert_eq!(unfinished[0].attempt, left.attempt);
    assert_eq!(ledger.runs(9).unwrap()[0].state, RunState::Interrupted);
}
