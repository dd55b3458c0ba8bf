//! The audit record.

use super::*;

fn ann() -> Actor {
    Actor { name: "ann".to_owned(), via: Via::Token }
}

#[tokio::test]
async fn what_somebody_does_is_recorded_with_the_change() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let hers = ledger.acting_for(ann());
    hers.pause_schedule("nightly", Pause::Paused, "vacation").await.unwrap();
    let run = ledger.begin_run(RunCause { by: Some(ann()), ..cause() }).await.unwrap();
    hers.ask_to_cancel(run).await.unwrap();
    assert!(hers.move_alias("tagger", "champion", 1, "ann", "").await.is_err());
    ledger.pause_schedule("nightly", Pause::Running, "").await.unwrap();

    let records = ledger.audit_records(&AuditFilter::default(), 10).unwrap();
    let told: Vec<(Action, &str)> =
        records.iter().map(|record| (record.action, record.target.as_str())).collect();
    let of_run = format!("run:{run}");
    assert_eq!(
        told,
        [
            (Action::RunCancel, of_run.as_str()),
            (Action::RunStart, of_run.as_str()),
            (Action::SchedulePause, "schedule:nightly"),
        ],
        "the newest first; nothing of what failed or was done in nobody's name"
    );
    assert!(records.iter().all(|record| record.by == "ann" && record.via == Via::Token));
    assert_eq!(records[2].detail.as_deref(), Some("vacation"));
}

#[tokio::test]
async fn the_audit_record_is_filtered_and_read_in_pages() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let bob = Actor { name: "bob".to_owned(), via: Via::Session };
    for number in 0..4 {
        let deed = Deed::new(Action::Request, format!("run:{number}"));
        let actor = if number % 2 == 0 { ann() } else { bob.clone() };
        ledger.record(actor, deed.that(AuditOutcome::Refused)).await.unwrap();
    }
    let bobs = AuditFilter { by: Some("bob".to_owned()), ..AuditFilter::default() };
    let page = ledger.audit_records(&bobs, 1).unwrap();
    assert_eq!(page[0].target, "run:3");
    let next = AuditFilter { before: Some(page[0].sequence), ..bobs };
    let page = ledger.audit_records(&next, 5).unwrap();
    assert_eq!(page.iter().map(|line| line.target.as_str()).collect::<Vec<_>>(), ["run:1"]);
    let other = AuditFilter { action: Some("query".to_owned()), ..AuditFilter::default() };
    assert!(ledger.audit_records(&other, 5).unwrap().is_empty());
}
