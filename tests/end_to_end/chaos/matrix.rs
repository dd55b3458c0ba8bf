//! Kills of a run, and of a server, at every transition of every kind of step.

use std::time::{Duration, Instant};

use millstream_tests::{Server, TestProject};
use serde_json::Value;

use super::TRANSITIONS;
use super::ground::{Ground, KINDS, Kind, PAYLOAD, SIGNATURE};
use super::shard;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Points that only some kinds have.
const MORE_POINTS: [(&str, &str); 15] = [
    ("sync", "sync.raw_sealed"),
    ("sync", "sync.staged"),
    ("sync", "engine.publish.before_log"),
    ("snapshot", "engine.entry.named"),
    ("incremental", "engine.publish.after_log"),
    ("partition", "model.stage.after=2"),
    ("partition", "model.publish.after=2"),
    ("training", "registry.before_rename"),
    ("training", "registry.after_rename"),
    ("scoring", "scoring.publish.after=2"),
    ("scoring", "topic.written"),
    ("command", "command.known"),
    ("command", "command.ended"),
    ("task", "command.known"),
    ("task", "command.ended"),
];

/// A kind, and where it is killed.
fn cells() -> Vec<(Kind, String)> {
    let transitions = KINDS.iter().flat_map(|kind| {
        TRANSITIONS.iter().map(|transition| (*kind, format!("{}.{transition}", kind.point)))
    });
    let more = MORE_POINTS.iter().map(|(kind, point)| (Kind::named(kind), (*point).to_owned()));
    transitions.chain(more).collect()
}

#[test]
fn a_run_that_is_killed_anywhere_changes_nothing() {
    let ground = Ground::shared();
    for (kind, point) in shard::of(cells()) {
        let project = ground.project();
        let mut killed = project.command(&["run", "--select", kind.select]);
        let output = killed.env("MILLSTREAM_CRASH_AT", &point).output().expect("it starts");
        let cell = format!("{} killed at {point}", kind.name);
        assert!(output.status.code().is_none(), "{cell}: it was not reached: {output:?}");
        project.json(&["run", "--select", kind.select]);
        ground.expect(&project, kind, &cell);
    }
}

/// The next server goes on with what the dead one had begun, without being asked.
#[test]
fn a_server_that_is_killed_anywhere_changes_nothing() {
    let ground = Ground::shared();
    for (kind, point) in shard::of(cells()) {
        let project = ground.project();
        let cell = format!("server killed at {point} of {}", kind.name);
        let mut serve = project.serve_command();
        serve.env("MILLSTREAM_CRASH_AT", &point);
        let mut server = Server::start(serve);
        ask(&server, kind);
        let ended = server.ended_within(PATIENCE);
        assert!(
            ended.is_some_and(|ended| ended.code().is_none()),
            "{cell}: not reached: {ended:?}"
        );
        let mut next = project.serve();
        until_done(&next, kind, &cell);
        next.kill();
        // It may have been killed in the middle of a function.
        let settled = project.json(&["run", "--select", kind.select]);
        assert!(settled["run"]["run"].is_null(), "{cell}: it left something to do: {settled}");
        ground.expect(&project, kind, &cell);
        expect_one_fire(&project, kind, &cell);
    }
}

/// Asks for a run of a kind, as an outside system does.
fn ask(server: &Server, kind: Kind) {
    let path = format!("/api/v1/schedules/run_{}/hook", kind.name);
    let headers = [("x-hub-signature-256", SIGNATURE)];
    let answer = server.client().post_with(&path, &headers, PAYLOAD).expect("the server answers");
    assert_eq!(answer.status, 202, "{}", answer.body);
}

fn until_done(server: &Server, kind: Kind, cell: &str) {
    let path = format!("/api/v1/schedules/run_{}/history", kind.name);
    let (mut client, begun) = (server.client(), Instant::now());
    loop {
        let page = client.get(&path).expect("the server answers").json();
        let fires = page["items"].as_array().expect("a history has fires");
        if fires.first().is_some_and(is_done) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{cell}: the next server does not end it: {page}");
    }
}

fn is_done(fire: &Value) -> bool {
    fire["state"] == "up_to_date"
        || (fire["state"] == "started" && fire["run_state"] == "succeeded")
}

fn expect_one_fire(project: &TestProject, kind: Kind, cell: &str) {
    let name = format!("run_{}", kind.name);
    let history = project.json(&["schedule", "history", &name]);
    assert_eq!(history["fires"].as_array().map(Vec::len), Some(1), "{cell}: {history}");
}
