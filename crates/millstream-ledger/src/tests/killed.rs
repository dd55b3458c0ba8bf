//! A process that is killed while it writes: nothing that it was told is lost, and what it left can
//! be finished.

use std::io::{BufRead, BufReader, Write};
use std::process::ChildStdout;

use super::*;

/// Names the ledger for the process that is to be killed.
const VICTIM: &str = "MILLSTREAM_LEDGER_TEST_VICTIM";

#[tokio::test]
async fn a_killed_process_loses_nothing_and_blocks_nobody() {
    let folder = Folder::new();
    for acknowledgements in [1, 2, 3, 4, 5, 7, 11, 23, 46] {
        let said = run_and_kill(&folder, acknowledgements);
        let ledger = folder.open().await;
        ledger.check_integrity().unwrap();
        expect_all(&ledger, &said);
        recover(&ledger).await;
        expect_one_line_of_history(&ledger);
    }
}

/// Lets a victim write until it has been told so often that something is durable; gives all that
/// it was told.
fn run_and_kill(folder: &Folder, acknowledgements: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::killed::victim", "--nocapture", "--test-threads=1"])
        .env(VICTIM, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the test program starts once more");
    let output: ChildStdout = child.stdout.take().expect("it is piped");
    let mut lines = BufReader::new(output).lines().map_while(std::io::Result::ok);
    let told = |line: &String| line.starts_with("told ");
    let mut said: Vec<String> = lines.by_ref().filter(told).take(acknowledgements).collect();
    child.kill().expect("a child can be killed");
    assert_eq!(said.len(), acknowledgements, "the victim wrote until it was killed");
    said.extend(lines.filter(told));
    child.wait().expect("a child can be waited for");
    said
}

fn expect_all(ledger: &Ledger, said: &[String]) {
    for line in said {
        let [_, what, id] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a line of the victim has three words: {line}");
        };
        let found = match what {
            "run" => ledger.run(id.parse().unwrap()).unwrap().is_some(),
            "claim" => attempt_state(ledger, id).is_some(),
            "intent" => attempt_state(ledger, id).is_some_and(|(_, intended)| intended),
            "commit" => attempt_state(ledger, id).is_some_and(|(state, _)| state == "succeeded"),
            other => panic!("the victim does not say `{other}`"),
        };
        assert!(found, "acknowledged and lost: {line}");
    }
}

fn attempt_state(ledger: &Ledger, attempt: &str) -> Option<(String, bool)> {
    let found = ledger.read(|connection| {
        Ok(connection
            .prepare_cached("SELECT state, intent IS NOT NULL FROM attempts WHERE attempt = ?1")?
            .query_row([attempt], |row| Ok((row.get(0)?, row.get(1)?)))?)
    });
    found.ok()
}

async fn recover(ledger: &Ledger) {
    let me = Holder::current("recover");
    for left in ledger.unfinished().unwrap() {
        let adoption = ledger.adopt(left.attempt, &me, LEASE).await.unwrap();
        assert_eq!(adoption, Adoption::Adopted);
        if left.intent.is_some() {
            ledger.commit(left.attempt, vec![(orders(), receipt(0))]).await.unwrap();
        } else {
            let state = FailState::Failed;
            ledger.fail(left.attempt, &step_error(), state, None).await.unwrap();
        }
    }
    assert_eq!(ledger.unfinished().unwrap(), []);
}

fn expect_one_line_of_history(ledger: &Ledger) {
    let history = ledger.history(&orders(), usize::MAX >> 1).unwrap();
    let versions: Vec<u64> = history.iter().map(|version| version.version).collect();
    let expected: Vec<u64> = (1..=versions.len() as u64).rev().collect();
    assert_eq!(versions, expected, "versions have no gaps");
    let sequences: Vec<u64> = history.iter().map(|version| version.sequence).collect();
    assert!(sequences.is_sorted_by(|later, earlier| later > earlier), "sequences only grow");
}

/// Not a test by itself: the process that is killed. It says what the ledger told it.
#[tokio::test]
async fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else { return };
    let path = PathBuf::from(path);
    let ledger = Ledger::open(&path, "dev", Clock::System).await.unwrap();
    let run = ledger.begin_run(cause()).await.unwrap();
    tell("run", &run.to_string());
    loop {
        let attempt = request(run, &[orders()]);
        let id = attempt.attempt.to_string();
        claimed(&ledger, &attempt).await;
        tell("claim", &id);
        ledger.intend(attempt.attempt, &staged(&[orders()])).await.unwrap();
        tell("intent", &id);
        ledger.commit(attempt.attempt, vec![(orders(), receipt(0))]).await.unwrap();
        tell("commit", &id);
    }
}

fn tell(what: &str, id: &str) {
    let mut out = std::io::stdout().lock();
    let told = writeln!(out, "\ntold {what} {id}").and_then(|()| out.flush());
    told.expect("the one who kills also listens");
}
