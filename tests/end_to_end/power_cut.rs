//! The power is cut at any point of a run or of real-time scoring, and the disk loses what was not
//! synced (`millstream_tests::disk` says what that is): nothing that was acknowledged is missing,
//! and the next run ends with the same contents as one that was never disturbed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use millstream_tests::disk::{Disk, FaultyDisk, Journal, Losses, Noted, Survivors};
use millstream_tests::{Random, Server, TestProject};
use serde_json::{Value, json};

use crate::chaos::transitions::points;
use crate::undisturbed::{Undisturbed, contents, disturbances};

/// Cuts of both tests when nobody asks for more.
const CUTS: u64 = 100;
/// Of so many cuts of a run one comes when it has ended.
const CUT_AFTER_END: u64 = 8;
/// In one of so many cuts all is lost that was not synced.
const CUT_LOSES_ALL: u64 = 3;
/// Real-time predictions that are recorded.
const REQUESTS: usize = 240;
const CLIENTS: usize = 4;

/// What a cut takes: the same in every run of the test.
fn losses(cut: u64) -> Losses {
    if cut.is_multiple_of(CUT_LOSES_ALL) { Losses::Everything } else { Losses::seeded(cut) }
}

/// The project that a power cut left.
fn restarted(survivors: &Survivors) -> TestProject {
    let project = TestProject::labeled();
    project.write_all(survivors);
    project
}

/// Runs the project and notes what happens on the disk.
fn recorded(faulty: &FaultyDisk, project: &TestProject, crash_at: Option<&str>) -> Vec<Noted> {
    let mut run = project.command(&["run"]);
    let journal = faulty.record(&mut run, project.path());
    run.envs(crash_at.map(|point| ("MILLSTREAM_CRASH_AT", point)));
    let output = run.output().expect("the binary starts");
    let status = output.status.code();
    assert_eq!(status, crash_at.map_or(Some(0), |_| None), "{crash_at:?}: {output:?}");
    journal.operations()
}

/// The paths at which a folder is not what the notes make of it. The shared memory of SQLite is
/// left out: it is mapped, and SQLite makes it anew after a crash.
fn missed(model: &Disk, folder: &Path) -> Vec<PathBuf> {
    let noted = model.after_power_cut(Losses::Nothing);
    let real = Disk::of(folder).after_power_cut(Losses::Nothing);
    let paths: BTreeSet<&PathBuf> = noted.keys().chain(real.keys()).collect();
    let differs = |path: &&&PathBuf| noted.get(**path) != real.get(**path);
    let is_content = |path: &&&PathBuf| !path.to_string_lossy().ends_with("-shm");
    paths.iter().filter(is_content).filter(differs).map(|path| (*path).clone()).collect()
}

/// A project whose run was killed, and its disk.
fn killed(faulty: &FaultyDisk, point: &str) -> (TestProject, Disk) {
    loop {
        let project = TestProject::labeled();
        let disk = Disk::of(project.path()).after(&recorded(faulty, &project, Some(point)));
        // The kill can come between an operation of another thread and its note.
        if missed(&disk, project.path()).is_empty() {
            return (project, disk);
        }
    }
}

#[test]
fn chaos_a_power_cut_in_a_run_changes_nothing() {
    let wanted = Undisturbed::labeled();
    let project = TestProject::labeled();
    let (before, faulty) = (Disk::of(project.path()), FaultyDisk::compiled());
    let operations = recorded(&faulty, &project, None);
    let missed = missed(&before.after(&operations), project.path());
    assert!(missed.is_empty(), "the recording misses operations on {missed:?}");
    let mut random = Random::seeded(2);
    for number in 0..disturbances(CUTS) / 2 {
        let ended = number % CUT_AFTER_END == 1;
        let at = random.below(operations.len() as u64) as usize;
        let at = if ended { operations.len() } else { at };
        let left = before.after(&operations[..at]).after_power_cut(losses(number));
        let project = restarted(&left);
        let report = project.json(&["run"]);
        let cut = format!("cut {number}, after {at} of {} operations", operations.len());
        assert!(!ended || report["run"]["run"].is_null(), "{cut}: {report}");
        wanted.expect(&project, &cut);
        if ended {
            project.json(&["source", "replay", "made_with_ml.projects"]);
            assert_eq!(contents(&project)["projects"], wanted.contents["projects"], "{cut}");
        }
    }
}

/// What a killed process did not sync is still to be seen by the next one, which must not take it
/// for durable.
#[test]
fn chaos_a_power_cut_after_a_kill_changes_nothing() {
    let wanted = Undisturbed::labeled();
    let (points, faulty) = (points(), FaultyDisk::compiled());
    let mut random = Random::seeded(4);
    for number in 0..disturbances(CUTS).div_ceil(4) {
        let point = &points[random.below(points.len() as u64) as usize];
        let (project, before) = killed(&faulty, point);
        let operations = recorded(&faulty, &project, None);
        let ended = number % CUT_AFTER_END == 1;
        let at = random.below(operations.len() as u64) as usize;
        let at = if ended { operations.len() } else { at };
        let left = before.after(&operations[..at]).after_power_cut(losses(number));
        let project = restarted(&left);
        let report = project.json(&["run"]);
        let cut = format!("killed at {point}, cut {number} at {at} of {}", operations.len());
        assert!(!ended || report["run"]["run"].is_null(), "{cut}: {report}");
        wanted.expect(&project, &cut);
    }
}

/// The entry of a table's log has its name, and the process is killed before it could sync it.
#[test]
fn chaos_an_entry_that_a_killed_process_named_is_made_durable() {
    let wanted = Undisturbed::labeled();
    let faulty = FaultyDisk::compiled();
    let (project, before) = killed(&faulty, "engine.entry.named");
    let operations = recorded(&faulty, &project, None);
    let left = before.after(&operations).after_power_cut(Losses::Everything);
    let project = restarted(&left);
    let report = project.json(&["run"]);
    assert!(report["run"]["run"].is_null(), "{report}");
    wanted.expect(&project, "the power was cut after the second run");
}

fn infer(key: &str) -> Value {
    let input = |name: &str, text: &str| json!({"name": name, "shape": [1], "datatype": "BYTES", "data": [text]});
    json!({"id": key, "inputs": [
        input("title", "A title about graphs"),
        input("description", "A short text."),
        input("key", key),
    ]})
}

/// A request, and the length of the journal once its answer was there.
type Acknowledged = (String, u64);

/// Asks for predictions, several at a time.
fn ask(server: &Server, journal: &Journal) -> Vec<Acknowledged> {
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                let mut connection = server.client();
                for number in 0..REQUESTS / CLIENTS {
                    let key = format!("request-{client}-{number}");
                    let answer = connection.post("/v2/models/tagger/infer", &infer(&key));
                    let answer = answer.expect("the server answers");
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    let length = journal.length();
                    acknowledged.lock().expect("no client panicked").push((key, length));
                }
            });
        }
    });
    acknowledged.into_inner().expect("no client panicked")
}

#[test]
fn chaos_a_power_cut_loses_no_acknowledged_prediction() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let (before, faulty) = (Disk::of(project.path()), FaultyDisk::compiled());
    let mut serve = project.serve_command();
    let journal = faulty.record(&mut serve, project.path());
    let mut server = Server::start(serve);
    let acknowledged = ask(&server, &journal);
    server.kill();
    let operations = journal.operations();

    let mut random = Random::seeded(3);
    for number in 0..disturbances(CUTS).div_ceil(2) {
        let at = random.below(operations.len() as u64 + 1) as usize;
        let end = operations[..at].last().map_or(0, |noted| noted.end);
        let left = before.after(&operations[..at]).after_power_cut(losses(number));
        let project = restarted(&left);
        project.json(&["run"]);
        let rows = project.query(
            "select key, count(*) as n from app.predictions where key like 'request-%' \
             group by key",
        );
        let cut = format!("cut {number}, after {at} of {} operations", operations.len());
        assert!(rows.iter().all(|row| row["n"] == 1), "{cut}: {rows:?}");
        let found: BTreeSet<&str> = rows.iter().filter_map(|row| row["key"].as_str()).collect();
        let promised = acknowledged.iter().filter(|(_, length)| *length <= end);
        let missing: Vec<_> = promised.filter(|(key, _)| !found.contains(key.as_str())).collect();
        assert!(missing.is_empty(), "{cut}: acknowledged and lost: {missing:?}");
    }
}
