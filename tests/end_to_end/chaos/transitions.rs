//! `kill -9` of a run of the example at every transition of its step kinds, and at random times: the
//! next run ends with the same contents as one that was never disturbed.

use std::time::{Duration, Instant};

use millstream_tests::{Random, TestProject};

use super::TRANSITIONS;
use crate::undisturbed::{Undisturbed, disturbances};

/// Step kinds with the transitions above.
const KINDS: [&str; 5] = ["sync", "model", "training", "scoring", "function"];
/// Points below the protocol: around the entry of a table's log.
const ENGINE: [&str; 3] =
    ["engine.publish.before_log", "engine.entry.named", "engine.publish.after_log"];
/// Random kills when nobody asks for more.
const RANDOM_KILLS: u64 = 20;

/// Every point at which a run of the example can be killed.
pub(crate) fn points() -> Vec<String> {
    let mut points: Vec<String> = KINDS
        .iter()
        .flat_map(|kind| TRANSITIONS.iter().map(move |transition| format!("{kind}.{transition}")))
        .collect();
    points.extend(ENGINE.map(str::to_owned));
    // The later writes of one run: the second table, the second target of a step.
    points.extend(
        ["engine.publish.after_log=3", "scoring.publish.after=2", "sync.commit.after=3"]
            .map(str::to_owned),
    );
    points
}

#[test]
fn a_kill_at_every_transition_changes_nothing() {
    let wanted = Undisturbed::labeled();
    let points = points();
    assert!(points.len() >= 40);
    for point in points {
        let project = TestProject::labeled();
        let mut killed = project.command(&["run"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", &point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        project.json(&["run"]);
        wanted.expect(&project, &format!("after a kill at {point}"));
    }
}

#[test]
fn kills_at_random_times_change_nothing() {
    let wanted = Undisturbed::labeled();
    let begun = Instant::now();
    TestProject::labeled().json(&["run"]);
    let whole = begun.elapsed();
    let mut random = Random::seeded(1);
    for number in 0..disturbances(RANDOM_KILLS) {
        let share = random.below(1000);
        let project = TestProject::labeled();
        let mut run = project
            .command(&["run"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary starts");
        let until = Instant::now() + whole.mul_f64(share as f64 / 1000.0);
        while Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        run.kill().expect("it can be killed");
        run.wait().expect("it ended");
        project.json(&["run"]);
        wanted.expect(&project, &format!("kill {number} at {share}/1000"));
    }
}
