//! Who is told what went wrong: real receivers, and the real binary killed in between.

use std::time::{Duration, Instant};

use millstream_tests::{Answering, MailReceiver, Received, Receiver, TestProject};
use serde_json::Value;

const SECRET: &str = "a secret of both";
/// How long a test waits for what a server does by itself.
const PATIENCE: Duration = Duration::from_mins(1);

/// A seed whose rows cannot be numbers, and three models in a row behind it.
fn project(notifications: &str) -> TestProject {
    TestProject::of(&[
        ("millstream.yml", "name: shop\nurl: https://data.example\n"),
        ("seeds/numbers.csv", BROKEN),
        ("models/ints.sql", "select cast(a as integer) as a from {{ ref('numbers') }}\n"),
        (
            "models/behind.sql",
            "{{ config(materialized='table') }} select a from {{ ref('ints') }}\n",
        ),
        (
            "models/report.sql",
            "{{ config(materialized='table') }} select a from {{ ref('behind') }}\n",
        ),
        (
            "models/all.yml",
            "models:\n  - {name: ints, config: {materialized: table, meta: {owner: ann}}}\n",
        ),
        ("notifications/all.yml", notifications),
    ])
    .with("HOOK_SECRET", SECRET)
}

const BROKEN: &str = "a\nnone\n";
const WELL: &str = "a\n7\n";

/// The project with a signed webhook to a receiver.
fn hooked(receiver: &Receiver) -> TestProject {
    project(&format!(
        "channels:\n  hook:\n    webhook: {{url: {}/hook, secret: {{env: HOOK_SECRET}}}}\n\
         rules:\n  all: {{to: hook}}\n",
        receiver.url
    ))
}

fn listed(project: &TestProject) -> Value {
    project.json(&["notifications", "list"])["notifications"].clone()
}

/// The body of a request that is signed.
fn signed(received: &Received) -> Value {
    assert!(received.is_signed_with(SECRET), "{received:?}");
    let body = received.json();
    assert_eq!(received.headers["millstream-delivery"], body["id"].as_str().unwrap());
    body
}

#[test]
fn one_cause_is_told_once_counted_and_resolved() {
    let receiver = Receiver::start(Answering::Taking);
    let project = hooked(&receiver);
    project.output(&["run"]).ended_with(1);
    let received = receiver.received();
    assert_eq!(received.len(), 1, "the cause and what waits for it are one: {received:?}");
    let told = signed(&received[0]);
    assert_eq!((&told["kind"], &told["event"]), (&"problem".into(), &"step_failed".into()));
    assert_eq!((&told["asset"], &told["owner"]), (&"table:main.ints".into(), &"ann".into()));
    let behind = serde_json::json!(["table:main.behind", "table:main.report"]);
    assert_eq!((&told["blocked"], &told["count"]), (&behind, &1.into()));
    let url = format!("https://data.example/runs/{}", told["run"].as_str().expect("a run"));
    assert_eq!(told["url"], url);
    let code = told["error"]["code"].as_str().expect("an error has a code");
    project.output(&["explain", code]).succeeded();

    project.output(&["run"]).ended_with(1);
    project.output(&["run"]).ended_with(1);
    assert_eq!(receiver.received().len(), 1, "the same failure is not told again");
    let open = listed(&project);
    assert_eq!(open["incidents"][0]["count"], 3, "{open}");

    project.write("seeds/numbers.csv", WELL);
    project.output(&["run"]).succeeded();
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    let end = signed(&received[1]);
    assert_eq!((&end["kind"], &end["count"]), (&"resolved".into(), &3.into()));
    assert_eq!(end["incident"], told["incident"]);
    assert_ne!(end["id"], told["id"]);
    project.output(&["run", "--full-refresh"]).succeeded();
    assert_eq!(receiver.received().len(), 2);
    let all = listed(&project);
    assert_eq!(
        (&all["incidents"], all["messages"].as_array().unwrap().len()),
        (&serde_json::json!([]), 2)
    );
}

#[test]
fn a_receiver_that_fails_twice_gets_the_message_by_the_same_name() {
    let receiver = Receiver::start(Answering::First(2, 503));
    let project = hooked(&receiver);
    project.output(&["run"]).ended_with(1);
    let received = receiver.received();
    assert_eq!(received.len(), 3);
    let names: Vec<Value> = received.iter().map(|it| signed(it)["id"].clone()).collect();
    assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    let messages = listed(&project)["messages"].clone();
    assert_eq!((&messages[0]["state"], &messages[0]["attempts"]), (&"sent".into(), &3.into()));
}

#[test]
fn a_refused_message_is_a_dead_letter_that_people_see() {
    let receiver = Receiver::start(Answering::First(1, 410));
    let project = hooked(&receiver);
    project.output(&["run"]).ended_with(1);
    let shown = project.output(&["notifications", "list", "--state", "dead"]).succeeded().stdout;
    assert!(shown.contains("notify.refused") && shown.contains("410"), "{shown}");
    assert!(!shown.contains(&receiver.url), "no address is shown: {shown}");
}

#[test]
fn a_kill_between_sending_and_marking_sends_the_same_again() {
    for point in ["notify.send.before", "notify.send.after"] {
        let receiver = Receiver::start(Answering::Taking);
        let project = hooked(&receiver);
        let mut run = project.command(&["run"]);
        let killed = run.env("MILLSTREAM_CRASH_AT", point).output().expect("it starts");
        assert_eq!(killed.status.code(), None, "{point} kills it: {killed:?}");
        let before = receiver.received().len();
        assert_eq!(before, usize::from(point == "notify.send.after"));
        project.output(&["run"]).ended_with(1);
        let received = receiver.received();
        assert_eq!(received.len(), before + 1, "{point}");
        let names: Vec<Value> = received.iter().map(|it| signed(it)["id"].clone()).collect();
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        project.output(&["run"]).ended_with(1);
        assert_eq!(receiver.received().len(), before + 1);
    }
}

#[test]
fn what_is_muted_is_told_after_if_it_lasts() {
    let receiver = Receiver::start(Answering::Taking);
    let project = hooked(&receiver);
    let muted =
        project.output(&["notifications", "mute", "ints", "--for", "2h", "--reason", "repair"]);
    assert!(muted.succeeded().stdout.contains("table:main.ints is muted until"));
    project.output(&["run"]).ended_with(1);
    assert!(receiver.received().is_empty());
    let open = listed(&project);
    assert_eq!(open["mutes"][0]["reason"], "repair", "{open}");
    assert_eq!(open["incidents"][0]["told"], serde_json::json!({}), "{open}");
    project.output(&["notifications", "unmute", "ints"]).succeeded();
    project.output(&["run"]).ended_with(1);
    let received = receiver.received();
    assert_eq!((received.len(), &signed(&received[0])["count"]), (1, &2.into()));
    let audit = project.output(&["audit", "list"]).succeeded().stdout;
    assert!(audit.contains("notifications.mute"), "{audit}");
    for (arguments, said) in [
        (["notifications", "mute", "inst"], "select.nothing"),
        (["notifications", "unmute", "+report"], "several assets"),
    ] {
        let refused = project.output(&arguments);
        assert_ne!(refused.status, Some(0));
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}

#[test]
fn a_server_tells_chat_and_pager_and_goes_on_after_a_kill() {
    let receiver = Receiver::start(Answering::Taking);
    let project = project(&format!(
        "channels:\n  team: {{slack: {{url: {{env: SLACK_URL}}}}}}\n  \
         pager: {{pagerduty: {{routing_key: {{env: KEY}}, url: {}/enqueue}}}}\n\
         rules:\n  chat: {{on: [step_failed, recovered], to: team}}\n  \
         wake: {{on: [run_failed], select: report, to: pager}}\n",
        receiver.url
    ))
    .with("SLACK_URL", format!("{}/slack/T0/secret-part", receiver.url))
    .with("KEY", "routing-secret");
    project.write("schedules/all.yml", "schedules:\n  often: {every: 1s, select: +report}\n");
    let mut server = project.serve();
    receiver.wait_for(2);
    let begun = Instant::now();
    while listed(&project)["incidents"][0]["count"].as_u64() < Some(3) {
        assert!(begun.elapsed() < PATIENCE, "the schedule fails again: {}", listed(&project));
    }
    server.kill();
    project.write("seeds/numbers.csv", WELL);
    let _server = project.serve();
    let received = receiver.wait_for(4);
    let of = |path: &str| -> Vec<Value> {
        let meant = received.iter().filter(|it| it.path.starts_with(path));
        meant.map(Received::json).collect()
    };
    let (chat, pager) = (of("/slack"), of("/enqueue"));
    assert_eq!((chat.len(), pager.len()), (2, 2), "{received:?}");
    let text = chat[0]["text"].as_str().expect("a text");
    assert!(text.starts_with(":red_circle: <https://data.example/runs/"), "{text}");
    assert!(chat[1]["text"].as_str().unwrap().contains("main.ints is well again"), "{chat:?}");
    let actions: Vec<&Value> = pager.iter().map(|event| &event["event_action"]).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    assert_eq!(pager[0]["dedup_key"], pager[1]["dedup_key"]);
    assert_eq!(pager[0]["routing_key"], "routing-secret");
    assert_eq!(pager[0]["payload"]["severity"], "error");
    let shown = listed(&project).to_string();
    assert!(!shown.contains("routing-secret") && !shown.contains("secret-part"), "{shown}");
}

#[test]
fn a_mail_has_one_subject_whatever_the_data_says() {
    let mails = MailReceiver::start();
    let project = project(&format!(
        "channels:\n  mail:\n    email: {{host: localhost, port: {}, tls: none, \
         from: data@a.example, to: [x@a.example, y@a.example]}}\n\
         rules:\n  all: {{to: mail}}\n",
        mails.port
    ));
    project.write("seeds/numbers.csv", "a\n\"none\r\nBcc: z@a.example\r\n.\r\nQUIT\"\n");
    project.output(&["run"]).ended_with(1);
    let mail = mails.wait_for(1).remove(0);
    assert_eq!(mail.from, "data@a.example");
    assert_eq!(mail.to, ["x@a.example", "y@a.example"]);
    assert_eq!(mail.header("Subject"), "[shop/dev] main.ints failed");
    assert!(mail.headers.iter().all(|(name, _)| name != "Bcc"), "{mail:?}");
    assert!(mail.body.contains("owner: ann"), "{}", mail.body);
    assert!(mail.body.contains("https://data.example/runs/"), "{}", mail.body);
    project.write("seeds/numbers.csv", WELL);
    project.output(&["run"]).succeeded();
    let end = mails.wait_for(2).remove(1);
    assert_eq!(end.header("Subject"), "[shop/dev] resolved: main.ints is well again");
    assert_eq!(end.header("References"), mail.header("References"));
}

#[test]
fn a_mail_server_without_encryption_is_refused() {
    let mails = MailReceiver::start();
    let project = project(&format!(
        "channels:\n  mail:\n    email: {{host: localhost, port: {}, from: d@a.example, \
         to: x@a.example}}\nrules:\n  all: {{to: mail}}\n",
        mails.port
    ));
    let refused = project.output(&["notifications", "test", "mail"]).ended_with(3);
    assert!(refused.stderr.contains("notify.refused"), "{}", refused.stderr);
    assert!(refused.stderr.contains("does not offer STARTTLS"), "{}", refused.stderr);
}

#[test]
fn no_receiver_keeps_a_run_waiting() {
    let receiver = Receiver::start(Answering::Silent);
    let project = hooked(&receiver);
    let begun = Instant::now();
    let ran = project.output(&["run"]).ended_with(1);
    assert!(ran.stderr.contains("1 notifications wait"), "{}", ran.stderr);
    assert_eq!(receiver.received().len(), 1);
    // The bound is five seconds; the rest is for a machine that is busy.
    assert!(begun.elapsed() < Duration::from_secs(18), "{:?}", begun.elapsed());
    assert_eq!(listed(&project)["messages"][0]["state"], "waiting");
}

#[test]
fn a_channel_can_be_tried() {
    let receiver = Receiver::start(Answering::Taking);
    let project = hooked(&receiver);
    project.output(&["notifications", "test", "hook"]).succeeded();
    assert_eq!(signed(&receiver.received()[0])["kind"], "test");
    let unknown = project.output(&["notifications", "test", "hoek"]).ended_with(1);
    assert!(unknown.stderr.contains("notify.channel_unknown"), "{}", unknown.stderr);
    project.write("notifications/all.yml", "channels:\n  team: {slack: {url: {env: NOT_SET}}}\n");
    let missing = project.output(&["notifications", "test", "team"]).ended_with(1);
    assert!(missing.stderr.contains("`NOT_SET` is not set"), "{}", missing.stderr);
}
