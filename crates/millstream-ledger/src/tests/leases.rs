//! Who may write an asset.

use super::*;

#[tokio::test]
async fn an_asset_has_one_holder_in_all_processes() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let run = one.begin_run(cause()).await.unwrap();
    let first = request(run, &[orders(), refused()]);
    claimed(&one, &first).await;

    let second = request(run, &[refused()]);
    let ClaimOutcome::Held { asset, by, attempt, standing, .. } =
        two.claim(second.clone()).await.unwrap()
    else {
        panic!("the second claim must wait");
    };
    assert_eq!((asset, by), (refused(), Holder::current("run")));
    assert_eq!((attempt, standing), (first.attempt, Standing::Working));

    one.fail(first.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    claimed(&two, &second).await;
}

#[tokio::test]
async fn a_refused_claim_leaves_no_trace() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    claimed(&ledger, &request(run, &[refused()])).await;
    let outcome = ledger.claim(request(run, &[orders(), refused()])).await.unwrap();
    assert!(matches!(outcome, ClaimOutcome::Held { .. }));
    assert_eq!(claimed(&ledger, &request(run, &[orders()])).await.effects[&orders()].sequence, 1);
}

#[tokio::test]
async fn a_lease_that_runs_out_is_free_and_its_holder_is_locked_out() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let (one, two) = (folder.open().await, folder.open().await);
    let run = one.begin_run(cause()).await.unwrap();
    let slow = request(run, &[orders()]);
    claimed(&one, &slow).await;
    advance(&folder.clock, LEASE / 2);
    assert_eq!(one.renew(slow.attempt, LEASE).await.unwrap(), Renewal::Kept);
    advance(&folder.clock, LEASE * 2);

    let quick = request(run, &[orders()]);
    assert_eq!(claimed(&two, &quick).await.effects[&orders()].sequence, 2);
    assert_eq!(one.renew(slow.attempt, LEASE).await.unwrap(), Renewal::Lost);
    let refusal = one.intend(slow.attempt, &staged(&[orders()])).await.unwrap_err();
    assert!(matches!(refusal, LedgerError::LeaseLost { .. }));
    two.intend(quick.attempt, &staged(&[orders()])).await.unwrap();
    two.commit(quick.attempt, vec![(orders(), receipt(0))]).await.unwrap();
    // What the slow one staged is still to be removed.
    assert_eq!(two.unfinished().unwrap()[0].attempt, slow.attempt);
}

#[tokio::test]
async fn a_lease_that_ran_out_unnoticed_can_be_renewed() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let slow = request(run, &[orders()]);
    claimed(&ledger, &slow).await;
    advance(&folder.clock, LEASE * 3);
    assert_eq!(ledger.renew(slow.attempt, LEASE).await.unwrap(), Renewal::Kept);
    ledger.intend(slow.attempt, &staged(&[orders()])).await.unwrap();
}

#[tokio::test]
async fn the_lease_of_a_dead_process_is_taken_over_at_once() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    let run = one.begin_run(cause()).await.unwrap();
    let mut elsewhere = Bystander::start();
    let left = ClaimRequest { holder: elsewhere.holder(), ..request(run, &[orders()]) };
    claimed(&one, &left).await;
    let next = request(run, &[orders()]);
    assert!(matches!(two.claim(next.clone()).await.unwrap(), ClaimOutcome::Held { .. }));

    elsewhere.kill();
    elsewhere.wait();
    assert_eq!(claimed(&two, &next).await.effects[&orders()].sequence, 2);
}

#[test]
fn a_process_is_known_by_its_start_and_its_host() {
    let mut elsewhere = Bystander::start();
    let holder = elsewhere.holder();
    assert_eq!(holder.liveness(), Liveness::Alive);
    assert_eq!(Holder::current("serve").liveness(), Liveness::Alive);
    let reused = Holder { started: format!("{}1", holder.started), ..holder.clone() };
    assert_eq!(reused.liveness(), Liveness::Dead);
    let foreign = Holder { host: "elsewhere".to_owned(), ..holder.clone() };
    assert_eq!(foreign.liveness(), Liveness::Unknown);
    elsewhere.kill();
    elsewhere.wait();
    assert_eq!(holder.liveness(), Liveness::Dead);
}

#[tokio::test]
async fn a_sequence_is_never_given_out_twice() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    for expected in 1..=3 {
        let attempt = request(run, &[orders()]);
        let claim = claimed(&ledger, &attempt).await;
        assert_eq!(claim.effects[&orders()].sequence, expected);
        assert_eq!(claim.effects[&orders()].application, "dev/table:main.orders/");
        ledger.fail(attempt.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    }
    // A ledger from a backup goes on above what the target has seen.
    let behind = ClaimRequest {
        target_sequences: BTreeMap::from([(orders(), 40)]),
        ..request(run, &[orders()])
    };
    assert_eq!(claimed(&ledger, &behind).await.effects[&orders()].sequence, 41);
}
