//! The clock of the machine is set an hour forward or back while processes work.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use millstream_tests::{JumpingClock, Server, TestProject};
use serde_json::Value;

/// How long a test waits for what processes do.
const PATIENCE: Duration = Duration::from_mins(1);
const HOUR: i64 = 3600;
const MICROS: i64 = 1_000_000;
/// Seconds between two fires.
const EVERY: i64 = 600;

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
    }
}

/// The moments of the fires of a schedule, in seconds, the earliest first.
fn fires(project: &TestProject) -> Vec<i64> {
    let shown = project.json(&["schedule", "history", "often", "--limit", "1000"]);
    let fires = shown["fires"].as_array().expect("a history has fires").iter();
    let real = fires.filter(|fire| fire["fire"].is_string() || fire["state"] != "skipped");
    let mut moments: Vec<i64> =
        real.map(|fire| fire["at"].as_i64().expect("a moment") / MICROS).collect();
    moments.sort_unstable();
    moments
}

fn waiting(project: &TestProject) -> usize {
    let shown = project.json(&["schedule", "history", "often", "--limit", "1000"]);
    let fires = shown["fires"].as_array().expect("a history has fires").iter();
    fires.filter(|fire: &&Value| fire["state"] == "waiting").count()
}

#[test]
fn no_fire_is_lost_or_doubled_when_the_clock_is_set() {
    let clock = JumpingClock::compiled();
    let project = TestProject::of(&[
        ("millstream.yml", "name: clockwork\n"),
        ("models/ticks.sql", "select 1 as a\n"),
        (
            "schedules/all.yml",
            "schedules:\n  often: {every: 10m, select: ticks, catch_up: since 3h, if_running: queue}\n",
        ),
    ]);
    let mut serve = project.serve_command();
    clock.put_under(&mut serve);
    let _server = Server::start(serve);
    until("it has begun", || {
        !project.json(&["schedule", "list"])["schedules"][0]["state"].is_null()
    });
    for (set, least) in [(EVERY, 1), (EVERY + HOUR, 7), (EVERY, 7), (EVERY + 2 * HOUR, 13)] {
        clock.set(set);
        until(&format!("{least} fires at {set}"), || fires(&project).len() >= least);
    }
    until("nothing waits", || waiting(&project) == 0);
    let moments = fires(&project);
    let steps: Vec<i64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| *step == EVERY), "each once, none left out: {moments:?}");
}

/// A project with a step that waits for a file, and one beside it.
fn with_a_long_step() -> TestProject {
    TestProject::of(&[
        ("millstream.yml", "name: long\n"),
        (
            "steps/long.yml",
            "steps:\n  - {name: long, shell: 'echo begun >> begun; while [ ! -e free ]; do sleep 0.05; done'}\n",
        ),
    ])
}

/// A run that ends with the test.
struct Run(Child);

impl Run {
    fn has_succeeded(&mut self) -> bool {
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // It has ended already unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn started(project: &TestProject, clock: &JumpingClock) -> Run {
    let mut run = project.command(&["run"]);
    clock.put_under(&mut run);
    Run(run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts"))
}

fn begun(project: &TestProject) -> usize {
    let text = std::fs::read_to_string(project.path().join("begun")).unwrap_or_default();
    text.lines().count()
}

fn waits(project: &TestProject) -> bool {
    // A run that has to wait for another process says so in its log.
    let runs = project.json(&["runs", "list"])["runs"].clone();
    runs.as_array().expect("a list has runs").iter().any(|run| {
        let id = run["run"].as_str().expect("a run has an id");
        project.output(&["runs", "logs", id]).succeeded().stdout.contains("held by")
    })
}

#[test]
fn a_living_process_keeps_its_steps_when_the_clock_is_set() {
    for set in [HOUR, -HOUR] {
        let (clock, project) = (JumpingClock::compiled(), with_a_long_step());
        let mut first = started(&project, &clock);
        until("the step has begun", || begun(&project) == 1);
        clock.set(set);
        let mut second = started(&project, &clock);
        until("the other run waits", || waits(&project));
        project.write("free", "");
        assert!(first.has_succeeded(), "it kept its step at {set}");
        assert!(second.has_succeeded());
        assert_eq!(begun(&project), 1, "nobody began the step again at {set}");
    }
}

/// The lease of a process that was stopped runs out by what has passed, not by the clock.
#[test]
fn a_stopped_process_is_taken_over_though_the_clock_went_back() {
    let (clock, project) = (JumpingClock::compiled(), with_a_long_step());
    let mut first = started(&project, &clock);
    until("the step has begun", || begun(&project) == 1);
    let process = first.0.id().to_string();
    let signal = |name: &str| {
        let status = Command::new("kill").args([name, &process]).status();
        assert!(status.expect("kill starts").success());
    };
    signal("-STOP");
    clock.set(-HOUR);
    project.write("free", "");
    let mut second = started(&project, &clock);
    assert!(second.has_succeeded());
    assert_eq!(begun(&project), 2, "the step was taken over");
    signal("-CONT");
    first.has_succeeded();
    let versions = "select count(*) from millstream.versions where asset = 'step:long'";
    assert_eq!(project.number(versions), 1);
}
