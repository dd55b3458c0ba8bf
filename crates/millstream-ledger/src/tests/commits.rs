//! What a commit changes.

use millstream_core::step::{AliasMove, InputVersion};

use super::*;

#[tokio::test]
async fn a_commit_can_be_repeated() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let attempt = request(run, &[orders(), refused()]);
    let made = publish(&ledger, &attempt, &staged(&[orders(), refused()])).await;
    assert_eq!(made.len(), 2);
    assert_eq!((&made[0].asset, made[0].version), (&orders(), 1));
    assert_eq!(made[0].checkpoint, Some(json!({"position": 7})));
    assert_eq!(made[1].checkpoint, None);

    let again = ledger.commit(attempt.attempt, Vec::new()).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(ledger.history(&orders(), 10).unwrap(), made[..1]);
    assert_eq!(ledger.all_current().unwrap().len(), 2);
    let late = ledger.fail(attempt.attempt, &step_error(), FailState::Failed, None).await;
    assert!(matches!(late, Err(LedgerError::Protocol { .. })));
}

#[tokio::test]
async fn a_commit_without_targets_rekeys_the_current_version() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    publish(&ledger, &request(run, &[orders()]), &staged(&[orders()])).await;

    let inputs = vec![InputVersion { asset: refused(), version: 4 }];
    let second = ClaimRequest {
        memo: Memo { inputs: inputs.clone(), ..memo("second") },
        ..request(run, &[orders()])
    };
    let unchanged = Staged { checkpoint: Some(json!(9)), ..Staged::default() };
    assert_eq!(publish(&ledger, &second, &unchanged).await, []);
    let current = ledger.current(&orders()).unwrap().unwrap();
    assert_eq!((current.version, current.sequence), (1, 1));
    assert_eq!(current.memo_key, memo("second").key);
    assert_eq!(current.probe, memo("second").probe);
    assert_eq!(current.checkpoint, Some(json!(9)));
    assert_eq!(current.inputs, [], "lineage is that of the attempt that made the version");
    assert_eq!(current.rekeyed.unwrap().inputs, inputs);

    // Nothing staged anew keeps the checkpoint.
    publish(&ledger, &request(run, &[orders()]), &Staged::default()).await;
    assert_eq!(ledger.previous(&orders()).unwrap().checkpoint, Some(json!(9)));

    // A version that is published says for itself what it rests on.
    publish(&ledger, &request(run, &[orders()]), &staged(&[orders()])).await;
    let current = ledger.current(&orders()).unwrap().unwrap();
    assert_eq!((current.version, current.sequence, current.rekeyed), (2, 4, None));
    assert_eq!(ledger.version(&orders(), 1).unwrap().unwrap().rekeyed, None);
}

#[tokio::test]
async fn a_step_that_never_published_still_need_not_run_again() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let idle = Staged { checkpoint: Some(json!(0)), ..Staged::default() };
    publish(&ledger, &request(run, &[orders()]), &idle).await;
    assert_eq!(ledger.current(&orders()).unwrap(), None);
    assert_eq!(ledger.memos().unwrap()[&orders()], memo("first"));
    let previous = ledger.previous(&orders()).unwrap();
    assert_eq!((previous.version, previous.checkpoint), (0, Some(json!(0))));
    assert_eq!(previous.definition, Some(memo("first").definition));
}

#[tokio::test]
async fn only_the_quarantine_may_be_published() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let both = [orders(), refused()];
    publish(&ledger, &request(run, &both), &staged(&[orders()])).await;
    let second = ClaimRequest { memo: memo("second"), ..request(run, &both) };
    publish(&ledger, &second, &staged(&[refused()])).await;
    let current = ledger.all_current().unwrap();
    assert_eq!((current[&orders()].version, current[&refused()].version), (1, 1));
    assert_eq!(current[&orders()].memo_key, memo("second").key);
    assert_eq!(current[&refused()].sequence, 2);
}

#[tokio::test]
async fn receipts_must_fit_the_intent() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let attempt = request(run, &[orders()]);
    claimed(&ledger, &attempt).await;
    let id = attempt.attempt;
    let refusals = [
        ledger.commit(id, vec![]).await.map(drop),
        ledger.intend(id, &staged(&[refused()])).await,
        ledger.intend(id, &staged(&[orders(), orders()])).await,
        ledger
            .intend(id, &staged(&[orders()]))
            .await
            .and(ledger.commit(id, vec![]).await.map(drop)),
        ledger.intend(id, &Staged::default()).await,
        ledger.commit(id, vec![(orders(), receipt(0)), (refused(), receipt(0))]).await.map(drop),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, Err(LedgerError::Protocol { .. })), "{refusal:?}");
    }
    assert_eq!(ledger.all_current().unwrap().len(), 0);
    ledger.commit(id, vec![(orders(), receipt(0))]).await.unwrap();
}

#[tokio::test]
async fn the_gate_moves_its_alias_with_the_commit() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let model = [AssetKey::model("tagger")];
    let passed = |reason: &str| Staged {
        alias: Some(AliasMove {
            model: "tagger".to_owned(),
            alias: "champion".to_owned(),
            reason: reason.to_owned(),
        }),
        ..staged(&model)
    };
    publish(&ledger, &request(run, &model), &passed("f1 0.90")).await;
    publish(&ledger, &request(run, &model), &staged(&model)).await;
    assert_eq!(ledger.alias("tagger", "champion").unwrap().unwrap().version, 1);
    publish(&ledger, &request(run, &model), &passed("f1 0.92")).await;
    let champion = ledger.alias("tagger", "champion").unwrap().unwrap();
    assert_eq!((champion.version, champion.by.as_str()), (3, "gate"));
    assert_eq!(champion.reason, "f1 0.92");
}
