//! Pools and mutexes, as several processes see them.

use millstream_core::execution::{Resource, Share};

use super::*;

fn asset(number: u32) -> AssetKey {
    format!("table:main.t{number}").parse().expect("it is a key")
}

fn slot_of(limit: u32) -> Share {
    Share { resource: Resource::Pool("warehouse".to_owned()), slots: 1, limit }
}

fn wanting(run: RunId, number: u32, priority: i32) -> ClaimRequest {
    let shares = vec![slot_of(2)];
    ClaimRequest { shares, priority, ..request(run, &[asset(number)]) }
}

async fn waits(ledger: &Ledger, request: &ClaimRequest) -> Wait {
    match ledger.claim(request.clone()).await.expect("the claim is written") {
        ClaimOutcome::Waits(wait) => wait,
        other => panic!("there was a place: {other:?}"),
    }
}

#[tokio::test]
async fn a_pool_holds_across_processes_and_says_who_has_it() {
    let folder = Folder::new();
    let (here, there) = (folder.open().await, folder.open().await);
    let run = here.begin_run(cause()).await.expect("a run begins");
    let other = there.begin_run(cause()).await.expect("a run begins");
    let first = wanting(run, 1, 0);
    claimed(&here, &first).await;
    claimed(&there, &wanting(other, 2, 0)).await;

    let third = wanting(other, 3, 0);
    let wait = waits(&there, &third).await;
    assert_eq!(wait.by.iter().map(|it| it.asset.clone()).collect::<Vec<_>>(), [asset(1), asset(2)]);
    let said = wait.to_string();
    assert!(said.starts_with("pool `warehouse` has 2 of 2 slots taken by main.t1"), "{said}");
    let step = there.run(other).expect("it is read").expect("it is there").steps.pop();
    let step = step.expect("it has steps");
    assert_eq!((step.state, step.reason), (StepState::Waiting, said));

    assert!(here.admitted().expect("it is read").is_empty());
    here.fail(first.attempt, &step_error(), FailState::Failed, None).await.expect("it fails");
    assert_eq!(there.admitted().expect("it is read"), [(other, asset(3))].into());
    claimed(&there, &third).await;
}

#[tokio::test]
async fn a_process_that_dies_gives_back_what_it_had_and_its_place() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.expect("a run begins");
    let mut dead = Bystander::start();
    for number in 1..=2 {
        let request = ClaimRequest { holder: dead.holder(), ..wanting(run, number, 0) };
        claimed(&ledger, &request).await;
    }
    waits(&ledger, &ClaimRequest { holder: dead.holder(), ..wanting(run, 3, 9) }).await;
    let mine = wanting(run, 4, 0);
    assert_eq!(waits(&ledger, &mine).await.ahead, 1);
    dead.kill();
    dead.wait();
    assert_eq!(ledger.admitted().expect("it is read"), [(run, asset(4))].into());
    claimed(&ledger, &mine).await;
}

#[tokio::test]
async fn the_place_of_a_process_that_stopped_runs_out() {
    let clock = stopped_clock();
    let folder = Folder { clock: clock.clone(), ..Folder::new() };
    let (here, stopped) = (folder.open().await, folder.open().await);
    let run = here.begin_run(cause()).await.expect("a run begins");
    for number in 1..=2 {
        claimed(&here, &wanting(run, number, 0)).await;
    }
    waits(&stopped, &wanting(run, 3, 9)).await;
    advance(&clock, LEASE / 2);
    here.keep_waiting(LEASE).await.expect("it is written");
    advance(&clock, LEASE);
    // The leases of the attempts have run out too.
    claimed(&here, &wanting(run, 4, 0)).await;
}

#[tokio::test]
async fn the_higher_priority_begins_first_whoever_asks_first() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.expect("a run begins");
    let first = wanting(run, 1, 0);
    claimed(&ledger, &first).await;
    claimed(&ledger, &wanting(run, 2, 0)).await;
    let (low, high) = (wanting(run, 3, 0), wanting(run, 4, 1));
    waits(&ledger, &low).await;
    waits(&ledger, &high).await;
    ledger.fail(first.attempt, &step_error(), FailState::Failed, None).await.expect("it fails");
    assert_eq!(waits(&ledger, &low).await.ahead, 1);
    claimed(&ledger, &high).await;
}

#[tokio::test]
async fn a_run_that_ends_waits_for_nothing() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.expect("a run begins");
    let other = ledger.begin_run(cause()).await.expect("a run begins");
    let first = wanting(run, 1, 0);
    claimed(&ledger, &first).await;
    claimed(&ledger, &wanting(run, 2, 0)).await;
    waits(&ledger, &wanting(other, 3, 9)).await;
    ledger.end_run(other, RunState::Cancelled).await.expect("it ends");
    ledger.fail(first.attempt, &step_error(), FailState::Failed, None).await.expect("it fails");
    claimed(&ledger, &wanting(run, 4, 0)).await;
}
