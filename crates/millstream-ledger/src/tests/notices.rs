//! What is decided to be told, and the messages that follow.

use millstream_core::Coded;

use super::*;

fn delivery(name: &str, incident: &str) -> NewDelivery {
    NewDelivery {
        delivery: name.to_owned(),
        channel: "team".to_owned(),
        incident: incident.to_owned(),
        message: json!({"text": name}),
    }
}

async fn decided(ledger: &Ledger, deliveries: Vec<NewDelivery>) {
    let book = ledger.notice_book().unwrap();
    let decision = NoticeDecision {
        revision: book.revision,
        followed: book.followed.unwrap_or_default(),
        deliveries,
        ..NoticeDecision::default()
    };
    assert!(ledger.decide_notices(decision).await.unwrap());
}

fn due(ledger: &Ledger) -> Vec<String> {
    ledger.due_deliveries(10).unwrap().into_iter().map(|due| due.delivery).collect()
}

#[tokio::test]
async fn changes_are_followed_from_the_moment_that_it_begins() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.begin_run(cause()).await.unwrap();
    assert_eq!(ledger.notice_book().unwrap(), NoticeBook::default());
    ledger.begin_notices().await.unwrap();
    ledger.begin_run(cause()).await.unwrap();
    ledger.begin_notices().await.unwrap();
    assert_eq!(ledger.notice_book().unwrap().followed, Some(1));
}

#[tokio::test]
async fn of_two_that_decide_at_once_only_one_is_written() {
    let folder = Folder::new();
    let (one, two) = (folder.open().await, folder.open().await);
    one.begin_notices().await.unwrap();
    let decision = |name: &str| NoticeDecision {
        incidents: [("step:a".to_owned(), Some(json!({"by": name})))].into(),
        deliveries: vec![delivery(name, "i")],
        ..NoticeDecision::default()
    };
    assert!(one.decide_notices(decision("one")).await.unwrap());
    assert!(!two.decide_notices(decision("two")).await.unwrap());
    let book = two.notice_book().unwrap();
    assert_eq!((book.revision, &book.incidents["step:a"]), (1, &json!({"by": "one"})));
    assert_eq!(due(&two), ["one"]);
    let gone = NoticeDecision {
        revision: 1,
        incidents: [("step:a".to_owned(), None)].into(),
        ..NoticeDecision::default()
    };
    assert!(two.decide_notices(gone).await.unwrap());
    assert!(one.notice_book().unwrap().incidents.is_empty());
}

#[tokio::test]
async fn a_message_is_sent_by_one_process_and_again_after_a_pause() {
    let mut folder = Folder::new();
    folder.clock = stopped_clock();
    let (one, two) = (folder.open().await, folder.open().await);
    one.begin_notices().await.unwrap();
    decided(&one, vec![delivery("a", "i")]).await;
    assert_eq!(one.take_delivery("a", LEASE).await.unwrap(), Some(1));
    assert_eq!(two.take_delivery("a", LEASE).await.unwrap(), None);
    assert!(due(&two).is_empty());
    let at = Timestamp::from_micros(folder.clock.now().as_micros() + 2_000_000);
    one.end_delivery("a", DeliveryEnd::Again { at, error: "refused".into() }).await.unwrap();
    assert!(due(&one).is_empty());
    assert_eq!(one.next_delivery_at().unwrap(), Some(at));
    advance(&folder.clock, Duration::from_secs(2));
    assert_eq!(two.take_delivery("a", LEASE).await.unwrap(), Some(2));
    advance(&folder.clock, LEASE);
    assert_eq!(one.take_delivery("a", LEASE).await.unwrap(), Some(3), "the lease is over");
    one.end_delivery("a", DeliveryEnd::Sent).await.unwrap();
    two.end_delivery("a", DeliveryEnd::Dead { error: "late".into() }).await.unwrap();
    let all = one.deliveries(&DeliveryFilter::default(), 10).unwrap();
    assert_eq!((all[0].state, all[0].attempts), (DeliveryState::Sent, 3));
    assert_eq!(one.sent_moments("team", 10).unwrap(), [folder.clock.now()]);
}

#[tokio::test]
async fn messages_about_one_incident_come_in_order() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.begin_notices().await.unwrap();
    decided(&ledger, vec![delivery("broken", "i"), delivery("well", "i"), delivery("b", "j")])
        .await;
    assert_eq!(due(&ledger), ["broken", "b"]);
    ledger.end_delivery("broken", DeliveryEnd::Dead { error: "no".into() }).await.unwrap();
    assert_eq!(due(&ledger), ["well", "b"]);
}

#[tokio::test]
async fn mutes_are_recorded_with_who_and_why() {
    let folder = Folder::new();
    let ledger = folder.open().await.acting_for(Actor { name: "ann".into(), via: Via::Token });
    let until = Timestamp::from_micros(ledger.now().as_micros() + 1_000_000_000);
    ledger.mute(MuteTarget::Asset(orders()), until, "repair").await.unwrap();
    ledger.mute(MuteTarget::Everything, until, "").await.unwrap();
    let mutes = ledger.notice_book().unwrap().mutes;
    assert_eq!(mutes.len(), 2);
    assert_eq!((mutes[1].by.as_str(), mutes[1].reason.as_deref()), ("ann", Some("repair")));
    assert!(ledger.unmute(MuteTarget::Everything).await.unwrap());
    assert!(!ledger.unmute(MuteTarget::Everything).await.unwrap());
    let actions: Vec<Action> = ledger
        .audit_records(&AuditFilter::default(), 10)
        .unwrap()
        .into_iter()
        .map(|record| record.action)
        .collect();
    let mute = Action::NotificationsMute;
    assert_eq!(actions, [Action::NotificationsUnmute, mute, mute]);
}

#[tokio::test]
async fn a_failure_is_known_to_be_over_once_the_asset_is_made() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    let run = ledger.begin_run(cause()).await.unwrap();
    let failing = request(run, &[orders()]);
    claimed(&ledger, &failing).await;
    ledger.fail(failing.attempt, &step_error(), FailState::Failed, None).await.unwrap();
    let news = ledger.step_news(run, &orders()).unwrap().unwrap();
    assert_eq!((news.state, news.settled_at), (StepState::Failed, None));
    assert_eq!(news.error, Some(step_error()));
    let next = ledger.begin_run(cause()).await.unwrap();
    publish(&ledger, &request(next, &[orders()]), &staged(&[orders()])).await;
    let news = ledger.step_news(run, &orders()).unwrap().unwrap();
    assert!(news.settled_at.is_some_and(|at| at > news.at));
    assert_eq!(ledger.step_news(run, &refused()).unwrap(), None);
}

#[tokio::test]
async fn a_message_that_was_given_up_is_sent_once_more_and_that_is_recorded() {
    let folder = Folder::new();
    let ledger = folder.open().await.acting_for(Actor { name: "ann".into(), via: Via::Session });
    ledger.begin_notices().await.unwrap();
    decided(&ledger, vec![delivery("a", "i"), delivery("b", "i"), delivery("c", "j")]).await;
    let refused = || DeliveryEnd::Dead { error: "no".into() };
    assert_eq!(ledger.take_delivery("a", LEASE).await.unwrap(), Some(1));
    ledger.end_delivery("a", refused()).await.unwrap();
    let again = ledger.resend_delivery("b").await.unwrap_err();
    assert_eq!(again.code(), "ledger.message_not_dead");
    assert_eq!(ledger.resend_delivery("x").await.unwrap_err().code(), "ledger.unknown_message");
    ledger.resend_delivery("a").await.unwrap();
    let again = ledger.delivery("a").unwrap().unwrap();
    assert_eq!((again.state, again.attempts, again.ended_at), (DeliveryState::Waiting, 0, None));
    assert_eq!(due(&ledger), ["a", "c"], "it is before what came later");

    ledger.end_delivery("a", refused()).await.unwrap();
    ledger.end_delivery("c", refused()).await.unwrap();
    assert_eq!(ledger.resend_dead(Some("nobody".to_owned())).await.unwrap(), 0);
    assert_eq!(ledger.resend_dead(Some("team".to_owned())).await.unwrap(), 2);
    let lines = ledger.audit_records(&AuditFilter::default(), 10).unwrap();
    let told: Vec<(&str, Option<&str>)> =
        lines.iter().map(|line| (line.target.as_str(), line.detail.as_deref())).collect();
    assert_eq!(told, [("channel:team", Some("2 messages")), ("message:a", Some("team"))]);
}

#[tokio::test]
async fn what_was_told_is_found_by_incident_and_by_channel() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.begin_notices().await.unwrap();
    let elsewhere = NewDelivery { channel: "mail".to_owned(), ..delivery("c", "i") };
    decided(&ledger, vec![delivery("a", "i"), delivery("b", "j"), elsewhere]).await;
    ledger.end_delivery("a", DeliveryEnd::Sent).await.unwrap();
    let told = ledger.told_of_incidents(10).unwrap();
    assert_eq!(told.len(), 2);
    assert_eq!((told[0].last.delivery.as_str(), told[0].messages), ("c", 2));
    let mut channels = told[0].channels.clone();
    channels.sort_unstable();
    assert_eq!(channels, ["mail", "team"]);
    let of_incident = DeliveryFilter { incident: Some("i".to_owned()), ..Default::default() };
    let found = ledger.deliveries(&of_incident, 10).unwrap();
    let before = DeliveryFilter { before: Some(found[0].position), ..of_incident };
    assert_eq!(ledger.deliveries(&before, 10).unwrap()[0].delivery, "a");
    let channels = ledger.told_channels().unwrap();
    assert_eq!(channels["team"].counts["waiting"], 1);
    assert!(channels["team"].sent_at.is_some() && channels["mail"].sent_at.is_none());
}

#[tokio::test]
async fn changes_tell_of_notices_messages_and_mutes() {
    let folder = Folder::new();
    let ledger = folder.open().await;
    ledger.begin_notices().await.unwrap();
    let decision = NoticeDecision {
        incidents: [("step:a".to_owned(), Some(json!({})))].into(),
        deliveries: vec![delivery("a", "i")],
        ..NoticeDecision::default()
    };
    assert!(ledger.decide_notices(decision).await.unwrap());
    ledger.end_delivery("a", DeliveryEnd::Sent).await.unwrap();
    let until = Timestamp::from_micros(ledger.now().as_micros() + 1_000_000_000);
    ledger.mute(MuteTarget::Everything, until, "").await.unwrap();
    let Changes::Next(changes) = ledger.changes_after(0, 100).unwrap() else { panic!("a gap") };
    let told: Vec<(&str, Option<&str>)> =
        changes.iter().map(|change| (change.kind.as_str(), change.state.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("notice", Some("open")),
            ("message", Some("waiting")),
            ("message", Some("sent")),
            ("mute", Some("muted")),
        ]
    );
}
