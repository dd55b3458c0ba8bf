//! Who is told what went wrong: real receivers, and the real binary killed in between.

use std::time::{Duration, Instant};

use millstream_tests::{Answer, Answering, MailReceiver, Received, Receiver, Server, TestProject};
use serde_json::{Value, json};

pub(crate) const SECRET: &str = "a secret of both";
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

pub(crate) fn listed(project: &TestProject) -> Value {
    project.json(&["notifications", "list"])["notifications"].clone()
}

/// The body of a request that is signed.
pub(crate) fn signed(received: &Received) -> Value {
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

pub(crate) fn get(server: &Server, path: &str) -> Value {
    let answer = server.client().get(path).expect("the server answers");
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.client().post(path, body).expect("the server answers")
}

fn delete(server: &Server, path: &str) -> Answer {
    server.client().ask("DELETE", path, &[], "").expect("the server answers")
}

#[test]
fn what_the_command_line_knows_of_notifications_the_interface_knows_too() {
    let receiver = Receiver::start(Answering::First(1, 410));
    let project = hooked(&receiver);
    project.output(&["run"]).ended_with(1);
    let server = project.serve();

    let notices = get(&server, "/api/v1/notifications/notices?state=open");
    let notice = &notices["items"][0];
    assert_eq!(notice["headline"], "main.ints failed", "{notices}");
    assert_eq!((&notice["asset"], &notice["owner"]), (&"table:main.ints".into(), &"ann".into()));
    assert_eq!(notice["blocked"], json!(["table:main.behind", "table:main.report"]));
    assert_eq!((&notice["count"], &notice["muted"]), (&1.into(), &false.into()));
    assert_eq!(notice["told"][0]["channel"], "hook");
    assert!(notice["error"]["hint"].is_string() || notice["error"]["message"].is_string());
    let id = notice["notice"].as_str().expect("a notice has an id");
    let one = get(&server, &format!("/api/v1/notifications/notices/{id}"));
    assert_eq!(one["run"], notice["run"]);
    let of = |asset: &str| get(&server, &format!("/api/v1/notifications/notices?asset={asset}"));
    assert_eq!(of("table:main.report")["items"][0]["notice"], id, "it is held up");
    assert_eq!(of("table:main.other")["items"], json!([]));

    let dead = get(&server, "/api/v1/notifications/messages?state=dead");
    let message = dead["items"][0]["message"].as_str().expect("a message has an id").to_owned();
    assert!(dead["items"][0]["error"].as_str().unwrap().contains("410"), "{dead}");
    assert_eq!(dead["items"][0]["notice"], id);
    let resend = format!("/api/v1/notifications/messages/{message}/resend");
    let again = post(&server, &resend, &json!({}));
    assert_eq!((again.status, &again.json()["state"]), (202, &"waiting".into()), "{}", again.body);
    let received = receiver.wait_for(2);
    assert_eq!(signed(&received[1])["id"], message.as_str());
    let begun = Instant::now();
    let sent = "/api/v1/notifications/messages?state=sent&channel=hook";
    while get(&server, sent)["items"][0]["message"] != message.as_str() {
        assert!(begun.elapsed() < PATIENCE, "{}", get(&server, sent));
    }
    let twice = post(&server, &resend, &json!({}));
    assert_eq!((twice.status, &twice.json()["code"]), (409, &"ledger.message_not_dead".into()));
    let all = post(&server, "/api/v1/notifications/resend", &json!({"channel": "hook"}));
    assert_eq!((all.status, &all.json()["messages"]), (202, &0.into()), "{}", all.body);

    let rules = get(&server, "/api/v1/notifications/rules");
    assert_eq!(
        (&rules["items"][0]["rule"], &rules["items"][0]["to"][0]),
        (&"all".into(), &"hook".into())
    );
    let channels = get(&server, "/api/v1/notifications/channels");
    let channel = &channels["items"][0];
    assert_eq!((&channel["kind"], &channel["sent"]), (&"webhook".into(), &1.into()), "{channel}");
    assert!(!channels.to_string().contains(&receiver.url), "no address is shown: {channels}");
    let tried = post(&server, "/api/v1/notifications/channels/hook/test", &json!({}));
    assert_eq!((tried.status, &tried.json()["arrived"]), (200, &true.into()), "{}", tried.body);
    assert_eq!(signed(&receiver.wait_for(3)[2])["kind"], "test");
    let unknown = post(&server, "/api/v1/notifications/channels/hoek/test", &json!({}));
    assert_eq!((unknown.status, &unknown.json()["code"]), (404, &"notify.channel_unknown".into()));

    let asked = json!({"target": "table:main.ints", "for_ms": 7_200_000, "reason": "repair"});
    let muted = post(&server, "/api/v1/notifications/mutes", &asked);
    assert_eq!((muted.status, &muted.json()["reason"]), (201, &"repair".into()), "{}", muted.body);
    assert_eq!(get(&server, "/api/v1/notifications/mutes")["items"].as_array().unwrap().len(), 1);
    assert_eq!(get(&server, &format!("/api/v1/notifications/notices/{id}"))["muted"], true);
    for (wrong, status) in [
        (json!({"target": "table:main.inst"}), 404),
        (json!({"target": "*", "for_ms": 1}), 400),
        (json!({"target": "*", "reason": "x".repeat(501)}), 400),
    ] {
        let refused = post(&server, "/api/v1/notifications/mutes", &wrong);
        assert_eq!(refused.status, status, "{wrong}: {}", refused.body);
    }
    assert_eq!(delete(&server, "/api/v1/notifications/mutes/table:main.ints").status, 204);
    assert_eq!(delete(&server, "/api/v1/notifications/mutes/table:main.ints").status, 404);

    project.write("seeds/numbers.csv", WELL);
    project.output(&["run"]).succeeded();
    let over = get(&server, "/api/v1/notifications/notices?state=over");
    assert_eq!(
        (&over["items"][0]["notice"], &over["items"][0]["told"][0]["channel"]),
        (&id.into(), &"hook".into()),
        "{over}"
    );
    assert!(over["items"][0]["over_at"].is_string(), "{over}");
    assert_eq!(get(&server, "/api/v1/notifications/notices?state=open")["items"], json!([]));
    let of_it = get(&server, &format!("/api/v1/notifications/messages?notice={id}&limit=1"));
    let cursor = of_it["next_cursor"].as_str().expect("there are two");
    let next = format!("/api/v1/notifications/messages?notice={id}&limit=1&cursor={cursor}");
    assert_eq!(get(&server, &next)["items"][0]["message"], message.as_str());

    let audit = get(&server, "/api/v1/audit?by=local");
    let actions: Vec<&str> =
        audit["items"].as_array().unwrap().iter().filter_map(|it| it["action"].as_str()).collect();
    for action in ["resend", "test", "mute", "unmute"] {
        let action = format!("notifications.{action}");
        assert!(actions.contains(&action.as_str()), "{action} is not in {actions:?}");
    }
}

#[test]
fn what_was_given_up_is_sent_again_from_the_command_line() {
    let receiver = Receiver::start(Answering::First(1, 410));
    let project = hooked(&receiver);
    project.output(&["run"]).ended_with(1);
    let message = listed(&project)["messages"][0]["delivery"].as_str().unwrap().to_owned();
    let unknown = project.output(&["notifications", "resend", "nothing"]).ended_with(1);
    assert!(unknown.stderr.contains("ledger.unknown_message"), "{}", unknown.stderr);
    let nobody = project.output(&["notifications", "resend", "--all", "--channel", "mail"]);
    assert!(nobody.succeeded().stdout.contains("no message was given up"));
    project.output(&["notifications", "resend", &message]).succeeded();
    project.output(&["run"]).ended_with(1);
    let received = receiver.received();
    assert_eq!((received.len(), &signed(&received[1])["id"]), (2, &message.into()));
}
