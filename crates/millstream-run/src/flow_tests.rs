//! Runs of steps that wait for rules, conditions and people, and of such as have a list.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::error::Plain;
use millstream_core::flow::{Answer, Approval, Approver, Expression, Flow, Mapping, Rule};
use millstream_ledger::{Actor, Ledger, StepState, Via};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::plan::Due;
use crate::testing::{FakeStep, Place, Work, nothing};
use crate::{Executor, Pace, RunReport, RunRequest, StepOutcome};

const WIDE: Pace = Pace { parallel_steps: 16, lease: Duration::from_secs(15), run_timeout: None };

fn request(executor: &Executor, due: Due) -> RunRequest {
    let all: BTreeSet<_> =
        executor.steps().iter().map(|step| step.spec().asset().clone()).collect();
    RunRequest { due, ..RunRequest::new("test", all) }
}

async fn run_as(executor: &Executor, due: Due) -> RunReport {
    let cancel = CancellationToken::new();
    executor.run(&request(executor, due), &cancel, |_| {}).await.expect("it runs")
}

async fn run(executor: &Executor) -> RunReport {
    run_as(executor, Due::WhenChanged).await
}

fn outcomes(report: &RunReport) -> Vec<StepOutcome> {
    report.steps.iter().map(|step| step.outcome).collect()
}

fn broken() -> Work {
    Arc::new(|_| Box::pin(async { Err(Plain::user("test.broken", "it is broken").into()) }))
}

fn ruled(rule: Rule) -> Flow {
    Flow { rule, ..Flow::default() }
}

/// A list, or a condition, that a test changes.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Value>>);

impl Said {
    fn new(value: Value) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    fn set(&self, value: Value) {
        *self.0.lock().unwrap() = value;
    }

    fn expression(&self) -> Expression {
        let said = Arc::clone(&self.0);
        Expression::new("said", Vec::new(), move |_| Ok(said.lock().unwrap().clone()))
    }
}

#[tokio::test]
async fn rules_and_conditions_decide_in_the_plan_and_in_the_run() {
    use StepOutcome::{Failed, Published, Skipped, UpToDate, Waits};
    let (place, is_on) = (Place::new().await, Said::new(json!(false)));
    let when = Flow { when: Some(is_on.expression()), ..Flow::default() };
    let of =
        |name: &str, behind: &[&str], flow: Flow| FakeStep::flowing(name, behind, flow, nothing());
    let steps = vec![
        of("check", &[], Flow::default()),
        of("branch", &["check"], when),
        of("behind", &["branch"], Flow::default()),
        of("join", &["check", "branch"], ruled(Rule::NoneFailed)),
        of("alarm", &["check", "branch"], ruled(Rule::OneFailed)),
    ];
    let executor = place.executor(steps, WIDE);
    let report = run(&executor).await;
    assert_eq!(outcomes(&report), [Published, Skipped, Skipped, Published, Skipped]);
    assert!(report.succeeded());
    assert_eq!(report.steps[1].reason, "`said` is false");
    assert_eq!(report.steps[2].reason, "step:branch was skipped");
    assert_eq!(report.steps[4].reason, "runs only if one before it failed");
    let again = run(&executor).await;
    assert_eq!(again.run, None, "what is skipped is nothing to do");
    assert_eq!(outcomes(&again), [UpToDate, Skipped, Skipped, UpToDate, Skipped]);
    is_on.set(json!(true));
    let report = run(&executor).await;
    assert_eq!(outcomes(&report), [UpToDate, Published, Published, Published, Skipped]);

    let place = Place::new().await;
    let steps = vec![
        FakeStep::flowing("bad", &[], Flow::default(), broken()),
        of("good", &[], Flow::default()),
        of("alarm", &["bad", "good"], ruled(Rule::OneFailed)),
        of("tidy", &["bad", "good"], ruled(Rule::AllDone)),
        of("use", &["bad", "good"], Flow::default()),
    ];
    let executor = place.executor(steps, WIDE);
    let report = run(&executor).await;
    assert_eq!(outcomes(&report), [Failed, Published, Published, Published, Waits]);
    let report = run(&executor).await;
    assert_eq!(outcomes(&report), [Failed, UpToDate, Published, Published, Waits]);
}

fn approval(timeout_seconds: Option<u64>, on_timeout: Answer) -> Flow {
    let message = "Ship it?".to_owned();
    let role = Approver::Operator;
    let approval = Approval { role, message, timeout_seconds, on_timeout };
    Flow { approval: Some(approval), ..Flow::default() }
}

fn asking(place: &Place, flow: Flow) -> Executor {
    let steps = vec![
        FakeStep::flowing("ok", &[], flow, nothing()),
        FakeStep::flowing("release", &["ok"], Flow::default(), nothing()),
        FakeStep::flowing("beside", &[], Flow::default(), nothing()),
    ];
    // One place: who waits for a person has none.
    place.executor(steps, Pace { parallel_steps: 1, ..WIDE })
}

/// Answers as soon as the step of the newest run asks.
async fn answered(ledger: &Ledger, answer: Answer) {
    let hers = ledger.acting_for(Actor { name: "ann".to_owned(), via: Via::Token });
    loop {
        let run = ledger.runs(1).unwrap().first().map(|run| run.run);
        let detail = run.and_then(|run| ledger.run(run).unwrap());
        let of = |name: &str, state: StepState| {
            let mut steps = detail.iter().flat_map(|run| &run.steps);
            steps.any(|step| step.asset.name == name && step.state == state)
        };
        let is_beside = of("beside", StepState::Succeeded) || of("beside", StepState::UpToDate);
        if of("ok", StepState::Waiting) && is_beside {
            assert!(!of("release", StepState::Succeeded));
            hers.answer(run.unwrap(), &AssetKey::step("ok"), answer, None).await.unwrap();
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_person_lets_pass_or_not() {
    use StepOutcome::{Published, Refused, UpToDate, Waits};
    let place = Place::new().await;
    let executor = asking(&place, approval(None, Answer::Reject));
    let (report, ()) = tokio::join!(run(&executor), answered(&place.ledger, Answer::Reject));
    assert_eq!(outcomes(&report), [Refused, Waits, Published]);
    assert_eq!(report.steps[0].reason, "rejected by ann");
    // It is not asked again, until somebody wants that.
    assert_eq!(outcomes(&run(&executor).await), [Refused, Waits, UpToDate]);
    let (report, ()) =
        tokio::join!(run_as(&executor, Due::Always), answered(&place.ledger, Answer::Approve));
    assert_eq!(outcomes(&report), [Published; 3]);
    assert_eq!(run(&executor).await.run, None);
    let current = place.ledger.current(&AssetKey::step("ok")).unwrap().unwrap();
    let given = json!({"approved": true, "by": "ann", "comment": null});
    assert_eq!(current.receipt.result(), Some(&given));
}

#[tokio::test]
async fn time_answers_as_the_step_says() {
    let place = Place::new().await;
    let report = run(&asking(&place, approval(Some(0), Answer::Reject))).await;
    assert_eq!(report.steps[0].outcome, StepOutcome::Refused);
    assert_eq!(report.steps[0].reason, "rejected, because nobody answered in time");
    let report = run(&asking(&place, approval(Some(0), Answer::Approve))).await;
    assert_eq!(report.steps[0].outcome, StepOutcome::Published);
    assert_eq!(report.steps[1].outcome, StepOutcome::Published);
}

#[tokio::test]
async fn a_stopped_run_no_longer_waits_and_the_question_stays() {
    let place = Place::new().await;
    let executor = asking(&place, approval(None, Answer::Reject));
    let request = request(&executor, Due::WhenChanged);
    let cancel = CancellationToken::new();
    let stop = async {
        let is_waiting = || {
            let run = place.ledger.runs(1).unwrap().first().map(|run| run.run)?;
            Some(!place.ledger.approvals_of(run).unwrap().is_empty())
        };
        while is_waiting() != Some(true) {
            tokio::task::yield_now().await;
        }
        cancel.cancel();
    };
    let (report, ()) = tokio::join!(executor.run(&request, &cancel, |_| {}), stop);
    assert_eq!(report.unwrap().steps[0].outcome, StepOutcome::Cancelled);
    let first = place.ledger.runs(1).unwrap()[0].run;
    let hers = place.ledger.acting_for(Actor { name: "ann".to_owned(), via: Via::Token });
    hers.answer(first, &AssetKey::step("ok"), Answer::Approve, None).await.unwrap();
    assert_eq!(run(&executor).await.steps[1].outcome, StepOutcome::Published);
}

#[tokio::test]
async fn each_item_is_done_once() {
    use StepOutcome::{Failed, Published, UpToDate, Waits};
    let (place, list) = (Place::new().await, Said::new(json!(["a", "broken", "b"])));
    let mapping = Mapping { over: list.expression(), parallel_max: 2 };
    let flow = Flow { for_each: Some(mapping), ..Flow::default() };
    let steps = vec![
        FakeStep::flowing("load", &[], flow, nothing()),
        FakeStep::flowing("sum", &["load"], Flow::default(), nothing()),
    ];
    let executor = place.executor(steps, WIDE);
    let items = |report: &RunReport| -> Vec<String> {
        let mut items: Vec<String> =
            report.steps[0].partitions.iter().map(|item| item.partition.to_string()).collect();
        items.sort_unstable();
        items
    };
    let report = run(&executor).await;
    assert_eq!(outcomes(&report), [Failed, Waits]);
    assert_eq!(items(&report), ["a", "b", "broken"]);
    assert_eq!(report.steps[0].note.as_deref(), Some("1 of 3 items failed: broken"));
    let detail = place.ledger.run(report.run.unwrap()).unwrap().unwrap();
    let mut numbers: Vec<u32> = detail.steps[0].attempts.iter().map(|it| it.number).collect();
    numbers.sort_unstable();
    assert_eq!((detail.steps[0].state, numbers), (StepState::Failed, vec![1, 2, 3]));

    let again = run_as(&executor, Due::Always).await;
    assert_eq!(items(&again), ["broken"], "only what is not done");
    list.set(json!(["b", "c", "a"]));
    let report = run(&executor).await;
    assert_eq!((outcomes(&report), items(&report)), (vec![Published; 2], vec!["c".to_owned()]));
    let current = place.ledger.current(&AssetKey::step("load")).unwrap().unwrap();
    assert_eq!((current.version, current.receipt.result()), (1, Some(&json!(["b", "c", "a"]))));
    assert_eq!(outcomes(&run(&executor).await), [UpToDate; 2]);
    let all = run_as(&executor, Due::Always).await;
    assert_eq!(items(&all), ["a", "b", "c"]);
    list.set(json!({}));
    let report = run(&executor).await;
    assert_eq!(report.steps[0].error.as_ref().unwrap().code, "run.no_list");
}
