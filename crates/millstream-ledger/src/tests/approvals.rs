//! What people are asked, and what they answer.

use millstream_core::execution::Execution;
use millstream_core::flow::{Answer, Approval, Approver, Flow};
use millstream_core::partition::PartitionKey;
use millstream_core::step::StepSpec;

use super::*;

fn release() -> AssetKey {
    AssetKey::step("release_ok")
}

fn asking(run: RunId, inputs: &str, asking: Asking) -> ApprovalRequest {
    let spec = StepSpec {
        kind: StepKind::Approval,
        outputs: vec![release()],
        inputs: Vec::new(),
        definition: ContentHash::of(b"release_ok"),
        timeout: LEASE,
        execution: Execution::default(),
        partitions: None,
        flow: Flow::default(),
    };
    let terms = Approval {
        role: Approver::Operator,
        message: "Ship it?".to_owned(),
        timeout_seconds: Some(60),
        on_timeout: Answer::Reject,
    };
    let (memo, reason) = (ContentHash::of(inputs.as_bytes()), "waits".to_owned());
    ApprovalRequest { run, spec, memo, terms, reason, asking }
}

fn hers(ledger: &Ledger) -> Ledger {
    ledger.acting_for(Actor { name: "ann".to_owned(), via: Via::Token })
}

#[tokio::test]
async fn the_same_inputs_are_asked_about_once() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    let first = ledger.begin_run(cause()).await.unwrap();
    let asked = ledger.ask(asking(first, "a", Asking::Once)).await.unwrap();
    assert_eq!(ledger.run(first).unwrap().unwrap().steps[0].state, StepState::Waiting);
    advance(&folder.clock, Duration::from_secs(20));
    let second = ledger.begin_run(cause()).await.unwrap();
    assert_eq!(ledger.ask(asking(second, "a", Asking::Once)).await.unwrap(), asked);

    // By whichever run that asked.
    let given = hers(&ledger).answer(first, &release(), Answer::Reject, Some(" no ")).await;
    let answered = given.unwrap().answer.unwrap();
    assert_eq!(answered.said(), "rejected by ann: no");
    let found = ledger.ask(asking(second, "a", Asking::Once)).await.unwrap();
    assert_eq!(found.answer, Some(answered));
    assert_eq!(ledger.approvals_of(second).unwrap(), [found]);
    let again = hers(&ledger).answer(second, &release(), Answer::Approve, None).await;
    assert!(matches!(again, Err(LedgerError::Answered { .. })), "{again:?}");

    let other = ledger.ask(asking(second, "b", Asking::Once)).await.unwrap();
    assert_eq!(other.answer, None, "other inputs are another question");
    let anew = ledger.ask(asking(second, "a", Asking::Anew)).await.unwrap();
    assert_eq!((anew.answer, anew.asked_at > asked.asked_at), (None, true));
    let audit = ledger.audit_records(&AuditFilter::default(), 10).unwrap();
    assert_eq!((audit.len(), audit[0].action), (1, Action::RunReject));
    assert_eq!(audit[0].detail.as_deref(), Some("step:release_ok: no"));
}

#[tokio::test]
async fn time_answers_only_where_nobody_has() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let memo = ContentHash::of(b"a");
    let nothing = hers(&ledger).answer(run, &release(), Answer::Approve, None).await;
    assert!(matches!(nothing, Err(LedgerError::NothingAsked { .. })), "{nothing:?}");
    ledger.ask(asking(run, "a", Asking::Once)).await.unwrap();
    let late = ledger.answer_by_time(&release(), memo, Answer::Reject).await.unwrap();
    assert_eq!(late.answer.unwrap().by, None);
    // That was nobody's word: the next one that asks asks anew.
    let next = ledger.ask(asking(run, "a", Asking::Once)).await.unwrap();
    assert_eq!(next.answer, None);
    hers(&ledger).answer(run, &release(), Answer::Approve, None).await.unwrap();
    let late = ledger.answer_by_time(&release(), memo, Answer::Reject).await.unwrap();
    assert_eq!(late.answer.unwrap().answer, Answer::Approve);
}

#[tokio::test]
async fn items_of_a_list_are_held_one_by_one() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let load = AssetKey::step("load");
    let item = |name: &str, number| ClaimRequest {
        number,
        partition: Some(PartitionKey::new(name)),
        ..request(run, std::slice::from_ref(&load))
    };
    let (first, second) = (item("a", 1), item("b", 2));
    claimed(&ledger, &first).await;
    claimed(&ledger, &second).await;
    let again = ledger.claim(item("a", 3)).await.unwrap();
    assert!(matches!(again, ClaimOutcome::Held { .. }), "{again:?}");
    let done = Staged { result: Some(json!({"rows": 3})), ..Staged::default() };
    ledger.intend(second.attempt, &done).await.unwrap();
    ledger.commit(second.attempt, Vec::new()).await.unwrap();
    let detail = ledger.run(run).unwrap().unwrap();
    assert_eq!(detail.steps[0].state, StepState::Running, "another item is at work");
    assert_eq!(detail.steps[0].attempts[1].result, Some(json!({"rows": 3})));
    let results = ledger.item_results(&load).unwrap();
    assert_eq!(results, BTreeMap::from([(PartitionKey::new("b"), json!({"rows": 3}))]));
    assert!(ledger.partition_sequence(&load, &PartitionKey::new("b")).unwrap() > 0);
    ledger.fail(first.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    // The latest attempt, of those that have ended, is not the one that failed last.
    let detail = ledger.run(run).unwrap().unwrap();
    assert_eq!(detail.steps[0].attempts[0].state, StepState::Failed);
}

#[tokio::test]
async fn questions_are_open_until_they_are_answered_expired_or_asked_by_nobody() {
    let folder = Folder { clock: stopped_clock(), ..Folder::new() };
    let ledger = folder.open().await;
    let open = || -> Vec<RunId> {
        let found = ledger.open_questions(ledger.now(), 10).unwrap();
        found.into_iter().map(|question| question.run).collect()
    };
    assert_eq!(open(), []);
    let first = ledger.begin_run(cause()).await.unwrap();
    ledger.ask(asking(first, "a", Asking::Once)).await.unwrap();
    assert_eq!(open(), [first]);

    // Once it asks about other inputs, nobody waits for the answer about the first ones.
    ledger.end_run(first, RunState::Interrupted).await.unwrap();
    assert_eq!(open(), [first], "the next run goes on waiting");
    let second = ledger.begin_run(cause()).await.unwrap();
    ledger.ask(asking(second, "b", Asking::Once)).await.unwrap();
    assert_eq!(open(), [second]);
    hers(&ledger).answer(second, &release(), Answer::Approve, None).await.unwrap();
    assert_eq!(open(), []);

    let third = ledger.begin_run(cause()).await.unwrap();
    ledger.ask(asking(third, "c", Asking::Once)).await.unwrap();
    let spec = asking(third, "c", Asking::Once).spec;
    ledger.skip_step(third, &spec, SkipState::Cancelled, "cancelled").await.unwrap();
    assert_eq!(open(), [], "its run was stopped");

    let fourth = ledger.begin_run(cause()).await.unwrap();
    ledger.ask(asking(fourth, "d", Asking::Once)).await.unwrap();
    assert_eq!(open(), [fourth]);
    advance(&folder.clock, Duration::from_mins(1));
    assert_eq!(open(), [], "its time is over");
}
