//! People are asked: a step that waits for their word, a release that waits for approvals.

use std::process::{Child, Stdio};

use millstream_tests::{Answering, Received, Receiver, TestProject, once};
use serde_json::{Value, json};

use crate::notifications::{SECRET, get, listed, post, signed};

/// A project of which a step asks, with a webhook and a pager to a receiver.
fn asking(receiver: &Receiver, terms: &str) -> TestProject {
    let url = &receiver.url;
    TestProject::of(&[
        (
            "millstream.yml",
            "name: shop\nurl: https://data.example\n\
             environments: {prod: {releases: {approvals: 1}}}\n",
        ),
        ("models/orders.sql", "select 1 as id"),
        (
            "steps/all.yml",
            &format!(
                "steps:\n  - {{name: make, shell: 'cat status', files: [status]}}\n  \
                 - {{name: publish_ok, approve: {{{terms}}}, depends_on: ['step:make']}}\n  \
                 - {{name: publish, shell: 'true', inputs: ['step:publish_ok']}}\n"
            ),
        ),
        ("status", "1"),
        (
            "notifications/all.yml",
            &format!(
                "channels:\n  hook: {{webhook: {{url: {url}/hook, secret: {{env: HOOK_SECRET}}}}}}\n  \
                 pager: {{pagerduty: {{routing_key: {{env: HOOK_SECRET}}, url: {url}/enqueue}}}}\n\
                 rules:\n  all: {{to: hook}}\n  wake: {{on: [approval_asked], to: pager}}\n"
            ),
        ),
    ])
    .with("HOOK_SECRET", SECRET)
    .with("USER", "ada")
}

fn begun(project: &TestProject) -> Child {
    let mut run = project.command(&["run"]);
    let run = run.stdout(Stdio::null()).stderr(Stdio::null());
    run.spawn().expect("the binary starts")
}

/// What of all that was received went to a path.
fn sent_to(received: &[Received], path: &str) -> Vec<Value> {
    let meant = received.iter().filter(|it| it.path.starts_with(path));
    meant.map(Received::json).collect()
}

#[test]
fn a_step_that_asks_is_told_while_it_waits_and_when_it_is_answered() {
    let receiver = Receiver::start(Answering::Taking);
    let project = asking(&receiver, "role: author, timeout: 1h, message: 'Publish the month?'");
    let mut run = begun(&project);
    let received = receiver.wait_for(2);
    let hook = received.iter().find(|it| it.path == "/hook").expect("the webhook is told");
    let told = signed(hook);
    assert_eq!((&told["kind"], &told["event"]), (&json!("question"), &json!("approval_asked")));
    assert_eq!(told["headline"], "publish_ok waits for approval");
    assert_eq!((&told["asset"], &told["error"]), (&json!("step:publish_ok"), &Value::Null));
    assert_eq!(told["blocked"], json!(["step:publish"]));
    let question = &told["question"];
    assert_eq!(question["text"], "Publish the month?");
    assert_eq!(question["who"], "an author or an admin");
    assert_eq!(question["otherwise"], "reject");
    assert!(question["until"].as_str().expect("a moment").ends_with('Z'), "{question}");
    let id = told["run"].as_str().expect("a run");
    assert_eq!(told["url"], format!("https://data.example/runs/{id}"));
    let event = &sent_to(&received, "/enqueue")[0];
    assert_eq!(
        (&event["event_action"], &event["payload"]["severity"]),
        (&json!("trigger"), &json!("warning"))
    );
    let listed = listed(&project);
    assert_eq!(
        listed["incidents"][0]["what"]["question"]["text"], "Publish the month?",
        "{listed}"
    );

    // The command that the message names answers.
    let command = question["approve"].as_str().expect("a command").to_owned();
    let words: Vec<&str> = command.split(' ').skip(1).chain(["--comment", "go"]).collect();
    project.output(&words).succeeded();
    assert!(run.wait().expect("it ends").success());
    let received = receiver.wait_for(4);
    assert_eq!(received.len(), 4, "{received:?}");
    let end = &sent_to(&received, "/hook")[1];
    assert_eq!((&end["kind"], &end["incident"]), (&json!("resolved"), &told["incident"]));
    let headline = end["headline"].as_str().expect("a headline");
    assert!(
        headline.starts_with("publish_ok was approved by") && headline.ends_with(": go"),
        "{headline}"
    );
    let actions: Vec<Value> =
        sent_to(&received, "/enqueue").iter().map(|it| it["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    project.output(&["run"]).succeeded();
    assert_eq!(receiver.received().len(), 4, "the same inputs are not asked about again");
}

#[test]
fn a_question_that_nobody_answers_or_waits_for_is_told_to_be_over() {
    let receiver = Receiver::start(Answering::Taking);
    let project = asking(&receiver, "timeout: 2s");
    let server = project.serve();
    post(&server, "/api/v1/runs", &json!({}));
    // What the webhook was told to be over, once it is so many. A message that was not marked when
    // its server was killed comes again under its id.
    let ends = |count: usize| {
        once("the end of a question", || {
            let hooks = sent_to(&receiver.received(), "/hook");
            let over = hooks
                .iter()
                .filter(|it| it["kind"] == "resolved" && it["event"] == "approval_asked");
            let mut said: Vec<(String, String)> = over
                .map(|it| (it["id"].to_string(), it["headline"].as_str().unwrap().to_owned()))
                .collect();
            said.dedup();
            let said: Vec<String> = said.into_iter().map(|(_, headline)| headline).collect();
            (said.len() == count).then_some(said)
        })
    };
    assert_eq!(ends(1), ["publish_ok was rejected, because nobody answered in time"]);

    project.edit("steps/all.yml", "timeout: 2s", "timeout: 1h");
    drop(server);
    let server = project.serve();
    let begun = post(&server, "/api/v1/runs", &json!({})).json();
    let asked = once("the question", || {
        let path = "/api/v1/notifications/notices?state=open&asset=step:publish_ok";
        let notices = get(&server, path)["items"].as_array().expect("a list").clone();
        notices.into_iter().find(|it| it["event"] == "approval_asked")
    });
    assert_eq!(asked["question"]["who"], "an operator, an author or an admin", "{asked}");
    let run = begun["run"].as_str().expect("a run");
    post(&server, &format!("/api/v1/runs/{run}/cancel"), &json!({}));
    let ends = ends(2);
    assert!(ends[1].starts_with("publish_ok was withdrawn"), "{ends:?}");
}

#[test]
fn a_release_that_waits_is_told_and_who_decided() {
    let receiver = Receiver::start(Answering::Taking);
    let project = asking(&receiver, "role: admin").with("MILLSTREAM_ENV", "prod");
    let muted = project.output(&["notifications", "mute", "--all", "--for", "1h"]);
    muted.succeeded();
    project.output(&["deploy", "--yes", "--message", "Orders by country"]).succeeded();
    assert!(receiver.received().is_empty(), "it is muted");
    project.output(&["notifications", "unmute", "--all"]).succeeded();
    project.write("models/orders.sql", "select 2 as id");
    project.output(&["deploy", "--yes", "--message", "Two"]).succeeded();
    let told: Vec<Value> = receiver.wait_for(2).iter().map(signed).collect();
    assert_eq!(
        (&told[0]["kind"], &told[0]["event"]),
        (&json!("question"), &json!("release_proposed"))
    );
    assert_eq!(told[0]["headline"], "release 1 waits for approval");
    assert_eq!(told[0]["question"]["text"], "Orders by country");
    assert_eq!(told[0]["question"]["who"], "an author other than ada");
    assert_eq!(told[0]["question"]["approve"], "millstream release approve 1 --env prod");
    assert_eq!(told[0]["url"], "https://data.example/releases/1");
    let approve = ["release", "approve", "2", "--yes"];
    let approved = project.command(&approve).env("USER", "bob").output().expect("it starts");
    assert!(approved.status.success(), "{approved:?}");
    let received = receiver.wait_for(4);
    let ends: Vec<Value> = received[2..].iter().map(|it| signed(it)["headline"].clone()).collect();
    let expected = [
        "release 1 was overtaken: another release became current before",
        "release 2 was approved by bob",
    ];
    for end in expected {
        assert!(ends.contains(&json!(end)), "{ends:?}");
    }
}
