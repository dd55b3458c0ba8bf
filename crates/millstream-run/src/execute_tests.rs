//! Runs of steps that share pools and mutexes, fail, and take too long.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millstream_core::execution::{ErrorClass, Execution, Resource, Retries, Share};
use millstream_ledger::RunState;
use tokio_util::sync::CancellationToken;

use crate::testing::{FakeStep, Place, Work, asset, fails, nothing};
use crate::{Executor, Pace, Progress, RunReport, RunRequest, StepOutcome};

const WIDE: Pace = Pace { parallel_steps: 16, lease: Duration::from_secs(15), run_timeout: None };

fn sharing(resource: Resource, limit: u32, priority: i32) -> Execution {
    let shares = vec![Share { resource, slots: 1, limit }];
    Execution { shares, priority, ..Execution::default() }
}

fn pool() -> Resource {
    Resource::Pool("warehouse".to_owned())
}

fn retries(times: u32) -> Retries {
    let pause = Duration::from_millis(1);
    Retries { times, backoff: pause, backoff_max: pause, ..Retries::default() }
}

async fn run(executor: &Executor) -> (RunReport, Vec<Progress>) {
    let all: BTreeSet<_> =
        executor.steps().iter().map(|step| step.spec().asset().clone()).collect();
    let request = RunRequest::new("test", all);
    let mut progress = Vec::new();
    let cancel = CancellationToken::new();
    let report = executor.run(&request, &cancel, |it| progress.push(it)).await.expect("it runs");
    (report, progress)
}

/// Work that says how many do it at the same time, and in which order they began.
#[derive(Debug, Default)]
struct Crowd {
    now: AtomicUsize,
    most: AtomicUsize,
    order: Mutex<Vec<String>>,
}

impl Crowd {
    fn work(self: &Arc<Self>, name: &str) -> Work {
        let (crowd, name) = (Arc::clone(self), name.to_owned());
        Arc::new(move |_| {
            let (crowd, name) = (Arc::clone(&crowd), name.clone());
            Box::pin(async move {
                let now = crowd.now.fetch_add(1, Ordering::SeqCst) + 1;
                crowd.most.fetch_max(now, Ordering::SeqCst);
                crowd.order.lock().unwrap().push(name);
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                crowd.now.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            })
        })
    }
}

#[tokio::test]
async fn no_more_steps_work_than_their_pool_has_slots() {
    let (place, crowd) = (Place::new().await, Arc::new(Crowd::default()));
    let steps = (0..10).map(|number| {
        let name = format!("s{number}");
        FakeStep::new(&name, sharing(pool(), 3, 0), crowd.work(&name))
    });
    let executor = place.executor(steps.collect(), WIDE);
    let (report, progress) = run(&executor).await;
    assert!(report.succeeded(), "{report:?}");
    assert!((1..=3).contains(&crowd.most.load(Ordering::SeqCst)));
    let waited = progress.iter().any(
        |it| matches!(it, Progress::Waiting { on, .. } if on.starts_with("pool `warehouse` has")),
    );
    assert!(waited, "{progress:?}");
}

#[tokio::test]
async fn those_of_a_mutex_work_one_after_another_the_most_urgent_first() {
    let (place, crowd) = (Place::new().await, Arc::new(Crowd::default()));
    let mutex = || Resource::Mutex("m".to_owned());
    let mut steps = vec![FakeStep::new("s0", sharing(mutex(), 1, 100), crowd.work("s0"))];
    steps.extend((1..6).map(|number| {
        let name = format!("s{number}");
        FakeStep::new(&name, sharing(mutex(), 1, number), crowd.work(&name))
    }));
    let executor = place.executor(steps, WIDE);
    let (report, _) = run(&executor).await;
    assert!(report.succeeded(), "{report:?}");
    assert_eq!(crowd.most.load(Ordering::SeqCst), 1);
    let order = crowd.order.lock().unwrap().clone();
    // The first of them may begin before all others have come.
    assert_eq!(order.len(), 6);
    let late: Vec<_> = order.iter().skip(3).collect();
    let mut sorted = late.clone();
    sorted.sort_by(|a, b| b.cmp(a));
    assert_eq!(late, sorted, "{order:?}");
}

#[tokio::test]
async fn of_steps_that_wait_for_a_place_the_most_urgent_begins() {
    let (place, crowd) = (Place::new().await, Arc::new(Crowd::default()));
    let steps = (0..5).map(|number| {
        let name = format!("s{number}");
        let execution = Execution { priority: number, ..Execution::default() };
        FakeStep::new(&name, execution, crowd.work(&name))
    });
    let executor = place.executor(steps.collect(), Pace { parallel_steps: 1, ..WIDE });
    run(&executor).await;
    let order = crowd.order.lock().unwrap().clone();
    assert_eq!(order.last().map(String::as_str), Some(if order[0] == "s0" { "s1" } else { "s0" }));
}

#[tokio::test]
async fn the_time_of_a_step_leaves_out_how_long_it_waited_for_a_place() {
    const WORK: Duration = Duration::from_millis(100);
    let (place, crowd) = (Place::new().await, Arc::new(Crowd::default()));
    let steps = ["s0", "s1"].map(|name| {
        let counted = crowd.work(name);
        let work: Work = Arc::new(move |attempt| {
            let counted = counted(attempt);
            Box::pin(async move {
                tokio::time::sleep(WORK).await;
                counted.await
            })
        });
        FakeStep::new(name, Execution::default(), work)
    });
    let executor = place.executor(steps.into(), Pace { parallel_steps: 1, ..WIDE });
    let (report, _) = run(&executor).await;
    let second = asset(crowd.order.lock().unwrap().last().unwrap());
    let second = report.steps.iter().find(|step| step.asset == second).unwrap();
    let waited = report.millis - second.millis;
    // Both times are cut to whole milliseconds.
    assert!(waited + 1 >= WORK.as_millis() as u64, "{} of {} ms", second.millis, report.millis);
}

#[tokio::test]
async fn what_fails_outside_is_tried_again_as_often_as_it_may() {
    let place = Place::new().await;
    let execution = |times| Execution { retries: retries(times), ..Execution::default() };
    let steps = vec![
        FakeStep::new("recovers", execution(3), fails(3)),
        FakeStep::new("fails", execution(2), fails(9)),
    ];
    let executor = place.executor(steps, WIDE);
    let (report, _) = run(&executor).await;
    let ends: Vec<_> = report.steps.iter().map(|step| (step.outcome, step.attempts)).collect();
    assert_eq!(ends, [(StepOutcome::Published, 4), (StepOutcome::Failed, 3)]);
}

#[tokio::test]
async fn a_time_out_is_tried_again_only_if_that_is_asked_for() {
    let place = Place::new().await;
    let hangs: Work = Arc::new(|_| Box::pin(std::future::pending()));
    let on = |on: &[ErrorClass]| {
        let retries = Retries { on: on.iter().copied().collect(), ..retries(1) };
        Execution { retries, ..Execution::default() }
    };
    let steps = vec![
        FakeStep::new("once", on(&[ErrorClass::External]), Arc::clone(&hangs)),
        FakeStep::new("twice", on(&[ErrorClass::Timeout]), hangs),
    ];
    let steps = steps.into_iter().map(|step| step.within(Duration::from_millis(20))).collect();
    let (report, _) = run(&place.executor(steps, WIDE)).await;
    let attempts: Vec<_> = report.steps.iter().map(|step| step.attempts).collect();
    assert_eq!(attempts, [1, 2]);
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_stopped_and_says_so() {
    let place = Place::new().await;
    let hangs: Work = Arc::new(|_| Box::pin(std::future::pending()));
    let steps = vec![
        FakeStep::new("done", Execution::default(), nothing()),
        FakeStep::new("hangs", Execution::default(), hangs),
    ];
    let pace = Pace { run_timeout: Some(Duration::from_millis(300)), ..WIDE };
    let (report, _) = run(&place.executor(steps, pace)).await;
    let outcomes: Vec<_> = report.steps.iter().map(|step| step.outcome).collect();
    assert_eq!(outcomes, [StepOutcome::Published, StepOutcome::Cancelled]);
    assert_eq!(place.ledger.runs(1).unwrap()[0].state, RunState::TimedOut);
    assert!(place.ledger.current(&asset("done")).unwrap().is_some());
}
