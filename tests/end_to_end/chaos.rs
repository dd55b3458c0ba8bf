//! `kill -9` at every transition of every step kind, and at random times: the next run ends with
//! the same contents as one that was never disturbed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use millstream_tests::TestProject;

/// Transitions of the recovery protocol.
const TRANSITIONS: [&str; 7] = [
    "claim.before",
    "claim.after",
    "stage.after",
    "intent.after",
    "publish.after",
    "commit.after",
    "clean.after",
];
/// Step kinds with the transitions above.
const KINDS: [&str; 5] = ["sync", "model", "training", "scoring", "function"];
/// Points below the protocol: around the entry of a table's log.
const ENGINE: [&str; 2] = ["engine.publish.before_log", "engine.publish.after_log"];
/// Random kills when nobody asks for more.
const RANDOM_KILLS: u64 = 20;
/// Columns made from clock or randomness.
const QUERIES: [(&str, &str); 6] = [
    (
        "projects",
        "select id, created_on, title, description, _row_id from made_with_ml.projects order by id",
    ),
    ("tags", "select id, tag from made_with_ml.tags order by id"),
    ("labeled", "select * from labeled_projects order by id"),
    (
        "predicted",
        "select event_id, id, label, score, model, version from predicted_tags order by id",
    ),
    (
        "operational",
        "select event_id, model, version, key, label from app.predictions order by event_id",
    ),
    ("joined", "select id, tag, predicted_tag, model_version from predicted_projects order by id"),
];

fn contents(project: &TestProject) -> BTreeMap<&'static str, String> {
    QUERIES
        .iter()
        .map(|(name, sql)| {
            let csv = project.output(&["query", "--output", "csv", sql]).succeeded();
            (*name, csv.stdout)
        })
        .collect()
}

/// What was published: of every asset the number of versions and of effects, and the events of
/// the topic.
fn effects(project: &TestProject) -> Vec<serde_json::Value> {
    let mut all = project.query(
        "select asset, count(*) as n from millstream.versions group by asset order by asset",
    );
    all.extend(project.query("select count(*) as n from topic.predictions"));
    all
}

fn undisturbed() -> (BTreeMap<&'static str, String>, Vec<serde_json::Value>) {
    let project = TestProject::labeled();
    project.json(&["run"]);
    (contents(&project), effects(&project))
}

#[test]
fn chaos_a_kill_at_every_transition_changes_nothing() {
    let (wanted, wanted_effects) = undisturbed();
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
    assert!(points.len() >= 40);
    for point in points {
        let project = TestProject::labeled();
        let mut killed = project.command(&["run"]);
        let output = killed.env("MILLSTREAM_CRASH_AT", &point).output().expect("it starts");
        assert!(output.status.code().is_none(), "{point} was not reached: {output:?}");
        project.json(&["run"]);
        assert_eq!(contents(&project), wanted, "after a kill at {point}");
        assert_eq!(effects(&project), wanted_effects, "after a kill at {point}");
    }
}

#[test]
fn chaos_kills_at_random_times_change_nothing() {
    let (wanted, wanted_effects) = undisturbed();
    let kills = std::env::var("MILLSTREAM_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    let begun = Instant::now();
    TestProject::labeled().json(&["run"]);
    let whole = begun.elapsed();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for number in 0..kills.unwrap_or(RANDOM_KILLS) {
        // SplitMix64: the same times in every run of the test.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let share = (state ^ (state >> 31)) % 1000;
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
        assert_eq!(contents(&project), wanted, "kill {number} at {share}/1000");
        assert_eq!(effects(&project), wanted_effects, "kill {number} at {share}/1000");
    }
}
