//! The disk is full at any byte of a run: one clear error, the last good version of every table
//! stays, and with space again the next run ends with the same contents as one that was never
//! disturbed.

use std::path::Path;

use millstream_tests::disk::{Disk, FaultyDisk, Losses, Survivors};
use millstream_tests::{Ran, TestProject, data};
use serde_json::Value;

use crate::undisturbed::{Undisturbed, contents, disturbances};

/// Sizes of the disk when nobody asks for more.
const SIZES: u64 = 12;
/// Disks that are tried at the same time: most of a run on a full disk is pauses.
const AT_A_TIME: usize = 4;
/// The exit status when something outside Millstream is at fault.
const EXTERNAL: i32 = 3;

/// Free space for a run that needs this much more, from none up, evenly.
fn sizes(needed: u64) -> Vec<u64> {
    let count = disturbances(SIZES);
    (0..count).map(|number| needed * number / count).collect()
}

fn try_all(sizes: &[u64], attempt: impl Fn(u64) + Sync) {
    for some in sizes.chunks(AT_A_TIME) {
        std::thread::scope(|scope| {
            for size in some {
                scope.spawn(|| attempt(*size));
            }
        });
    }
}

fn files(folder: &Path) -> Survivors {
    Disk::of(folder).after_power_cut(Losses::Nothing)
}

fn bytes(folder: &Path) -> u64 {
    files(folder).values().flatten().map(|content| content.len() as u64).sum()
}

/// Runs while so many bytes are free.
fn run_with(faulty: &FaultyDisk, project: &TestProject, free: u64) -> Ran {
    let mut run = project.command(&["--output", "json", "run"]);
    faulty.fill(&mut run, project.path(), free);
    Ran::of(&["run"], &run.output().expect("the binary starts"))
}

/// The errors that a run ended with: of the steps in its report, or the one that ended it.
fn errors(ran: &Ran) -> Vec<Value> {
    if ran.stdout.is_empty() {
        let last = ran.stderr.lines().last().expect("an error is printed");
        let last: Value = serde_json::from_str(last).expect("the last line is the error");
        return vec![last["error"].clone()];
    }
    let report = ran.json();
    let steps = report["run"]["steps"].as_array().expect("a run has steps");
    let failed = steps.iter().map(|step| &step["error"]).filter(|error| !error.is_null());
    failed.cloned().collect()
}

/// Sees that a run says what is wrong and what to do.
fn expect_clear_error(project: &TestProject, ran: Ran, when: &str) {
    let ran = ran.ended_with(EXTERNAL);
    assert!(!ran.stderr.contains("panicked"), "{when}: {}", ran.stderr);
    assert!(!ran.stderr.contains("held by"), "{when}: it waits for itself: {}", ran.stderr);
    let errors = errors(&ran);
    assert!(!errors.is_empty(), "{when}: {}", ran.stdout);
    for error in errors {
        let said = format!("{}; {}", error["message"], error["hint"]);
        let is_clear = ["No space left", "full", "has room"].iter().any(|word| said.contains(word));
        assert!(is_clear, "{when}: {error}");
        assert!(error["hint"].is_string(), "{when}: {error}");
        let code = error["code"].as_str().expect("an error has a code");
        project.output(&["explain", code]).succeeded();
    }
}

#[test]
fn chaos_a_disk_that_fills_in_the_first_run_is_one_error() {
    let faulty = FaultyDisk::compiled();
    let project = TestProject::labeled();
    let before = bytes(project.path());
    project.json(&["run"]);
    let needed = bytes(project.path()) - before;
    let wanted = Undisturbed::of(&project);
    try_all(&sizes(needed), |free| {
        let project = TestProject::labeled();
        let when = format!("with {free} of {needed} bytes");
        expect_clear_error(&project, run_with(&faulty, &project, free), &when);
        project.json(&["run"]);
        wanted.expect(&project, &when);
    });
}

/// The example with its input in the project's folder.
fn with_own_input() -> TestProject {
    TestProject::labeled().with("PROJECTS_URL", "input/projects.csv")
}

/// Changes what all steps depend on.
fn change_input(project: &TestProject) {
    let title = "Comparison between YOLO and RCNN on real world videos";
    project.edit("input/projects.csv", title, "YOLO and RCNN compared on real videos");
}

#[test]
fn chaos_a_disk_that_fills_in_a_later_run_leaves_every_table_as_it_was() {
    let faulty = FaultyDisk::compiled();
    let project = with_own_input();
    let text = std::fs::read(data("made-with-ml/projects.csv")).expect("it can be read");
    project.write("input/projects.csv", text);
    project.json(&["run"]);
    change_input(&project);
    let (start, old) = (files(project.path()), contents(&project));
    let before = bytes(project.path());
    project.json(&["run"]);
    let needed = bytes(project.path()) - before;
    let wanted = Undisturbed::of(&project);
    try_all(&sizes(needed), |free| {
        let project = with_own_input();
        project.write_all(&start);
        let when = format!("with {free} of {needed} bytes");
        expect_clear_error(&project, run_with(&faulty, &project, free), &when);
        for (table, rows) in contents(&project) {
            let is_whole = rows == old[table] || rows == wanted.contents[table];
            assert!(is_whole, "{when}: {table} is neither as before nor as after");
        }
        project.json(&["run"]);
        wanted.expect(&project, &when);
    });
}
