//! One write or one sync fails: a clear error, or another attempt that goes through; nothing that
//! was acknowledged is lost, and the next run ends with the same contents as one that was never
//! disturbed.

use millstream_tests::disk::{Disk, FaultyDisk, Losses, Noted, Operation, Operations};
use millstream_tests::{Ran, Random, TestProject};

use super::ground::{Ground, KINDS, Kind, all_left};
use crate::undisturbed::disturbances;

/// Faults when nobody asks for more.
const FAULTS: u64 = 6;
/// Numbers of errors of Linux: something is broken, nothing fits any more.
const ERRORS: [i32; 2] = [5, 28];
/// The exit status when something outside Millstream is at fault.
const EXTERNAL: i32 = 3;

/// Everything but what is written in Python, whose processes count for themselves.
fn kinds() -> Vec<Kind> {
    KINDS.into_iter().filter(|kind| kind.name != "python").collect()
}

fn run(project: &TestProject) -> std::process::Command {
    project.command(&["--output", "json", "run", "--exclude", "as_python"])
}

/// How many operations of a kind an undisturbed run makes.
fn count(operations: &[Noted], kind: Operations) -> u64 {
    let is_one = |noted: &&Noted| match kind {
        Operations::Writes => matches!(noted.operation, Operation::Write { .. }),
        Operations::Syncs => matches!(noted.operation, Operation::Sync { .. }),
    };
    operations.iter().filter(is_one).count() as u64
}

/// Either it was done all the same, or every error says what is wrong and what to do.
fn expect_clear_end(ran: &Ran, fault: &str) {
    assert!(!ran.stderr.contains("panicked"), "{fault}: {}", ran.stderr);
    assert!(matches!(ran.status, Some(0 | EXTERNAL)), "{fault}: {ran:?}");
    if ran.status == Some(EXTERNAL) {
        let hints = ran.stdout.matches("\"hint\"").count() + ran.stderr.matches("\"hint\"").count();
        assert!(hints > 0, "{fault}: {ran:?}");
    }
}

#[test]
fn a_write_or_a_sync_that_fails_loses_nothing() {
    let (ground, faulty) = (Ground::shared(), FaultyDisk::compiled());
    let project = ground.project();
    let mut whole = run(&project);
    let journal = faulty.record(&mut whole, project.path());
    assert!(whole.output().expect("the binary starts").status.success());
    let operations = journal.operations();
    let wanted = all_left(&project, &kinds());
    let mut random = Random::seeded(5);
    for number in 0..disturbances(FAULTS) {
        let kind = [Operations::Writes, Operations::Syncs][number as usize % 2];
        let error = ERRORS[number as usize / 2 % 2];
        let at = random.below(count(&operations, kind)) + 1;
        let fault = format!("error {error} of operation {at} of {kind:?}");
        let project = ground.project();
        let before = Disk::of(project.path());
        let mut disturbed = run(&project);
        let journal = faulty.record(&mut disturbed, project.path());
        faulty.fail(&mut disturbed, project.path(), kind, at, error);
        let ran = Ran::of(&["run"], &disturbed.output().expect("the binary starts"));
        expect_clear_end(&ran, &fault);
        // The power is cut afterwards: what could not be synced is not there.
        let left = before.after(&journal.operations()).after_power_cut(Losses::Everything);
        let restarted = ground.bare();
        restarted.write_all(&left);
        for project in [&project, &restarted] {
            let again = Ran::of(&["run"], &run(project).output().expect("the binary starts"));
            let report = again.succeeded().json();
            let is_done = report["run"]["run"].is_null();
            assert!(is_done || ran.status != Some(0), "{fault}: it was acknowledged: {report}");
            assert_eq!(all_left(project, &kinds()), wanted, "{fault}");
        }
    }
}
