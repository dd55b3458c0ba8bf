//! Attempts that somebody left.

use super::*;

/// An attempt with an intent whose process is dead.
async fn left_behind(ledger: &Ledger) -> ClaimRequest {
    let run = ledger.begin_run(cause()).await.unwrap();
    let mut elsewhere = Bystander::start();
    let left = ClaimRequest { holder: elsewhere.holder(), ..request(run, &[orders()]) };
    claimed(ledger, &left).await;
    ledger.intend(left.attempt, &staged(&[orders()])).await.unwrap();
    elsewhere.kill();
    elsewhere.wait();
    left
}

#[tokio::test]
async fn an_attempt_that_may_have_published_is_not_taken_over_but_recovered() {
    let folder = Folder::new();
    let (gone, one, two) = (folder.open().await, folder.open().await, folder.open().await);
    let left = left_behind(&gone).await;

    let ClaimOutcome::Held { standing, .. } =
        one.claim(request(left.run, &[orders()])).await.unwrap()
    else {
        panic!("what may have been published must be looked for first");
    };
    assert_eq!(standing, Standing::NeedsRecovery);

    let unfinished = one.unfinished().unwrap();
    assert_eq!(unfinished.len(), 1);
    assert_eq!(unfinished[0].attempt, left.attempt);
    assert_eq!(unfinished[0].effects[&orders()].sequence, 1);
    assert_eq!(unfinished[0].intent, Some(staged(&[orders()])));

    let me = Holder::current("run");
    assert_eq!(one.adopt(left.attempt, &me, LEASE).await.unwrap(), Adoption::Adopted);
    assert_eq!(two.adopt(left.attempt, &me, LEASE).await.unwrap(), Adoption::Gone);
    assert_eq!(two.unfinished().unwrap(), []);

    let late = gone.commit(left.attempt, vec![(orders(), receipt(0))]).await;
    assert!(matches!(late, Err(LedgerError::LeaseLost { .. })));
    let late = gone.fail(left.attempt, &step_error(), FailState::Failed, None).await;
    assert!(matches!(late, Err(LedgerError::LeaseLost { .. })));
    one.commit(left.attempt, vec![(orders(), receipt(0))]).await.unwrap();
    assert_eq!(one.adopt(left.attempt, &me, LEASE).await.unwrap(), Adoption::Gone);
    assert_eq!(one.current(&orders()).unwrap().unwrap().attempt, left.attempt);
}

#[tokio::test]
async fn a_recovery_that_dies_is_itself_recovered() {
    let folder = Folder::new();
    let (gone, one, two) = (folder.open().await, folder.open().await, folder.open().await);
    let left = left_behind(&gone).await;
    let mut rescuer = Bystander::start();
    let adopted = one.adopt(left.attempt, &rescuer.holder(), LEASE).await.unwrap();
    assert_eq!(adopted, Adoption::Adopted);
    rescuer.kill();
    rescuer.wait();
    let me = Holder::current("run");
    assert_eq!(two.adopt(left.attempt, &me, LEASE).await.unwrap(), Adoption::Adopted);
    two.fail(left.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    claimed(&two, &request(left.run, &[orders()])).await;
    assert_eq!(two.unfinished().unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_told_now_is_left_to_recovery() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let unsure = request(run, &[orders()]);
    claimed(&ledger, &unsure).await;
    ledger.intend(unsure.attempt, &staged(&[orders()])).await.unwrap();
    assert_eq!(ledger.unfinished().unwrap(), [], "its process knows what it does");
    ledger.abandon(unsure.attempt).await.unwrap();
    assert_eq!(ledger.unfinished().unwrap()[0].attempt, unsure.attempt);
    let refusal = ledger.commit(unsure.attempt, vec![(orders(), receipt(0))]).await;
    assert!(matches!(refusal, Err(LedgerError::LeaseLost { .. })));
    let me = Holder::current("run");
    assert_eq!(ledger.adopt(unsure.attempt, &me, LEASE).await.unwrap(), Adoption::Adopted);
    ledger.commit(unsure.attempt, vec![(orders(), receipt(0))]).await.unwrap();
}

#[tokio::test]
async fn a_late_recovery_does_not_speak_for_the_step() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let run = one.begin_run(cause()).await.unwrap();
    let mut elsewhere = Bystander::start();
    let left = ClaimRequest { holder: elsewhere.holder(), ..request(run, &[orders()]) };
    claimed(&one, &left).await;
    elsewhere.kill();
    elsewhere.wait();
    let next = ClaimRequest { number: 2, ..request(run, &[orders()]) };
    publish(&two, &next, &staged(&[orders()])).await;

    let me = Holder::current("run");
    assert_eq!(two.adopt(left.attempt, &me, LEASE).await.unwrap(), Adoption::Adopted);
    two.fail(left.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    let step = two.run(run).unwrap().unwrap().steps.remove(0);
    assert_eq!(step.state, StepState::Succeeded);
    let states: Vec<_> = step.attempts.iter().map(|attempt| attempt.state).collect();
    assert_eq!(states, [StepState::Failed, StepState::Succeeded]);
}
