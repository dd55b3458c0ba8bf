//! What runs by itself.

use std::time::{Duration, Instant};

use millstream_tests::TestProject;
use serde_json::Value;

/// How long a test waits for what a server does by itself.
const PATIENCE: Duration = Duration::from_mins(1);

fn project(schedules: &str) -> TestProject {
    TestProject::of(&[
        ("millstream.yml", "name: clockwork\n"),
        ("models/ticks.sql", "select 1 as a\n"),
        ("models/behind.sql", "select a from {{ ref('ticks') }}\n"),
        ("schedules/all.yml", schedules),
    ])
}

fn fires(project: &TestProject, schedule: &str) -> Vec<Value> {
    let shown = project.json(&["schedule", "history", schedule, "--limit", "1000"]);
    shown["fires"].as_array().expect("a history has fires").clone()
}

fn count(fires: &[Value], state: &str) -> usize {
    fires.iter().filter(|fire| fire["state"] == state).count()
}

/// Looks again and again until it is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
    }
}

#[test]
fn a_server_starts_what_is_due_once_however_often_it_is_killed() {
    let project = project(
        "schedules:\n  often:\n    every: 1s\n    select: +behind\n    catch_up: since 1h\n    \
         if_running: queue\n",
    );
    let mut handled = 0;
    for _ in 0..3 {
        let mut server = project.serve();
        until("two more fires", || {
            let fires = fires(&project, "often");
            count(&fires, "started") + count(&fires, "up_to_date") >= handled + 2
        });
        server.kill();
        handled = fires(&project, "often").len();
    }
    let _server = project.serve();
    until("nothing waits any more", || {
        let fires = fires(&project, "often");
        fires.len() > handled && count(&fires, "waiting") == 0
    });
    let fires = fires(&project, "often");
    let mut moments: Vec<i64> = fires.iter().map(|fire| fire["at"].as_i64().unwrap()).collect();
    moments.sort_unstable();
    let seconds: Vec<i64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(seconds.iter().all(|step| *step == 1_000_000), "none is lost or doubled: {moments:?}");
    assert_eq!(count(&fires, "started"), 1, "all others found nothing to do");
}

#[test]
fn two_servers_start_each_run_once() {
    let project =
        project("schedules:\n  often: {every: 1s, select: +behind, catch_up: since 1h}\n");
    let _servers = (project.serve(), project.serve());
    until("some fires", || fires(&project, "often").len() >= 4);
    let runs = project.json(&["runs", "list"]);
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "{runs}");
}

#[test]
fn a_signed_request_starts_a_schedule() {
    let project = project(
        "schedules:\n  asked:\n    webhook: {secret: {env: HOOK_SECRET}}\n    select: ticks\n",
    )
    .with("HOOK_SECRET", "It's a Secret to Everybody");
    let server = project.serve();
    let path = "/api/v1/schedules/asked/hook";
    // GitHub, "Validating webhook deliveries": this secret, payload and signature.
    let right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let ask = |path: &str, body: &str, signature: &str| {
        let headers = [("x-hub-signature-256", signature), ("user-agent", "GitHub-Hookshot")];
        server.client().post_with(path, &headers, body).expect("an answer")
    };
    for (body, signature) in [("Hello, World?", right), ("Hello, World!", "sha256=00"), ("", "")] {
        assert_eq!(ask(path, body, signature).status, 401, "{body} {signature}");
    }
    assert_eq!(ask("/api/v1/schedules/other/hook", "", right).status, 404);
    assert_eq!(ask(path, &"x".repeat(2 << 20), right).status, 413);
    assert!(fires(&project, "asked").is_empty());
    assert_eq!(ask(path, "Hello, World!", right).status, 202);
    until("its run", || count(&fires(&project, "asked"), "started") == 1);
    let why = fires(&project, "asked")[0]["reason"].as_str().unwrap().to_owned();
    assert!(why.contains("GitHub-Hookshot"), "{why}");
}

#[test]
fn a_file_and_a_new_version_start_schedules() {
    let project = project(
        "schedules:\n  arrived: {file: inbox/*.csv, select: ticks}\n  \
         after: {asset: ticks, select: behind}\n",
    );
    let _server = project.serve();
    until("the first look", || {
        let listed = project.json(&["schedule", "list"]);
        listed["schedules"].as_array().unwrap().len() == 2
            && project.number("select count(*) from millstream.runs") == 0
    });
    project.write("inbox/readme.txt", "no");
    project.write("inbox/orders.csv", "a\n1\n");
    until("the run behind it", || count(&fires(&project, "after"), "started") == 1);
    let file = fires(&project, "arrived");
    assert!(file[0]["reason"].as_str().unwrap().contains("inbox/orders.csv"), "{file:?}");
    assert_eq!(project.number("select count(*) from behind"), 1);
}

#[test]
fn an_asset_that_must_be_fresh_is_made_without_a_schedule() {
    let project = project("schedules: {}\n");
    project.write(
        "models/properties.yml",
        "models:\n  - name: behind\n    config: {meta: {fresh_within: 1h}}\n",
    );
    let _server = project.serve();
    until("it is made", || {
        project.number("select count(*) from millstream.versions where asset = 'table:main.behind'")
            == 1
    });
    let runs = project.json(&["runs", "list"]);
    assert_eq!(runs["runs"][0]["command"], "fresh_within of main.behind");
}

#[test]
fn a_paused_schedule_starts_nothing_until_it_is_resumed() {
    let project = project("schedules:\n  often: {every: 1s, select: +behind}\n");
    project.output(&["schedule", "pause", "often", "--reason", "audit"]).succeeded();
    let listed = project.json(&["schedule", "list"]);
    assert_eq!(listed["schedules"][0]["state"], "paused");
    let _server = project.serve();
    until("some are skipped", || count(&fires(&project, "often"), "skipped") >= 2);
    assert_eq!(project.number("select count(*) from millstream.runs"), 0);
    project.output(&["schedule", "resume", "often"]).succeeded();
    until("it goes on", || count(&fires(&project, "often"), "started") == 1);
}

#[test]
fn people_see_what_will_be_and_run_it_by_hand() {
    let project = project(
        "schedules:\n  nightly:\n    cron: \"30 2 * * *\"\n    zone: Europe/Paris\n    \
         select: +behind\n",
    );
    let previews = project.json(&["schedule", "preview", "--limit", "400"]);
    let lines = previews["previews"][0]["lines"].as_array().expect("a preview has lines");
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert!((364..=366).contains(&of("fire")), "{}", of("fire"));
    assert_eq!(of("clock"), 2, "the clock goes forward and back");
    let shown = project.output(&["schedule", "show", "nightly"]).succeeded().stdout;
    assert!(shown.contains("next at"), "{shown}");
    project.output(&["schedule", "run", "nightly"]).succeeded();
    assert_eq!(project.number("select count(*) from behind"), 1);
    assert!(fires(&project, "nightly").is_empty());
    let unknown = project.output(&["schedule", "show", "daily"]).ended_with(2).stderr;
    assert!(unknown.contains("there is no schedule daily: nightly"), "{unknown}");
}

#[test]
fn schedules_are_tried_in_virtual_time() {
    let project = project(
        "schedules:
  nightly: {cron: '30 2 * * *', zone: Europe/Paris, select: ticks}
  after: {asset: ticks, select: behind}
tests:
  spring:
    zone: Europe/Paris
    from: 2027-03-27 12:00
    to: 2027-03-29 12:00
    takes: {nightly: 40m}
    starts:
      nightly: [2027-03-28 03:00, 2027-03-29 02:30]
      after: [2027-03-28 03:40, 2027-03-29 03:10]
",
    );
    let tried = project.output(&["schedule", "test"]).succeeded().stdout;
    assert_eq!(tried, "ok    spring  4 runs began as expected\n1 passed, 0 failed\n");
    project.edit("schedules/all.yml", "[2027-03-28 03:40, ", "[");
    let tried = project.output(&["schedule", "test", "spring"]).ended_with(1).stdout;
    assert!(tried.contains("after started at 2027-03-28 03:40:00 +02:00: it has ver"), "{tried}");
    let tried = project.output(&["--output", "json", "schedule", "test"]).ended_with(1).json();
    assert_eq!(tried["tests"][0]["differences"][0]["kind"], "unexpected", "{tried}");
    project.edit("schedules/all.yml", "nightly: 40m", "nightlu: 40m");
    project.edit("schedules/all.yml", "12:00\n    to", "12:99\n    to");
    let wrong = project.output(&["schedule", "test"]).ended_with(1).stderr;
    assert!(wrong.contains("`2027-03-27 12:99` is no moment"), "{wrong}");
    project.edit("schedules/all.yml", "12:99\n    to", "12:00\n    to");
    let wrong = project.output(&["schedule", "test"]).ended_with(1).stderr;
    assert!(wrong.contains("all.yml:9") && wrong.contains("did you mean `nightly`"), "{wrong}");
    project.edit("schedules/all.yml", "nightlu", "nightly");
    let unknown = project.output(&["schedule", "test", "autumn"]).ended_with(2).stderr;
    assert!(unknown.contains("there is no test autumn: spring"), "{unknown}");
}
