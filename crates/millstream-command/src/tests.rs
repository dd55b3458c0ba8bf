use std::collections::BTreeMap;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use millstream_core::asset::AssetKey;
use millstream_core::id::AttemptId;
use millstream_core::log::{AttemptLog, Said};
use millstream_core::secret::Secret;
use tempfile::TempDir;

use crate::group::{Group, Groups, Guards};
use crate::process::{Order, Processes};

struct Place {
    folder: TempDir,
    processes: Arc<Processes>,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let groups = Groups(folder.path().join("commands"));
        Self { folder, processes: Arc::new(Processes::new(groups)), said: Arc::default() }
    }

    fn order(&self) -> Order {
        Order {
            asset: AssetKey::step("a"),
            folder: self.folder.path().to_owned(),
            variables: BTreeMap::from([("TOKEN".to_owned(), "hunter2".to_owned())]),
            secrets: vec![Secret::new("hunter2")],
            limits: None,
        }
    }

    fn log(&self) -> AttemptLog {
        let said = Arc::clone(&self.said);
        AttemptLog::new(move |line| said.lock().unwrap().push(line))
    }

    fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> =
            self.said.lock().unwrap().iter().map(|said| said.text.clone()).collect();
        texts.sort();
        texts
    }

    /// Waits until a command has written a file, and gives what is in it.
    async fn written(&self, file: &str) -> String {
        loop {
            match std::fs::read_to_string(self.folder.path().join(file)) {
                Ok(text) if text.ends_with('\n') => return text.trim().to_owned(),
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

fn sh(line: &str) -> Vec<String> {
    ["sh", "-c", line].map(str::to_owned).to_vec()
}

fn lives(process: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

#[tokio::test]
async fn a_command_says_what_it_prints_and_how_it_ends() {
    let place = Place::new();
    let line = "echo $TOKEN to out; printf 'to err' >&2; pwd > where; exit 7";
    let status = place
        .processes
        .run(AttemptId::new(), &sh(line), place.order(), &place.log())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(7));
    assert_eq!(place.texts(), ["*** to out", "to err"]);
    let folder = place.folder.path().canonicalize().unwrap();
    assert_eq!(Path::new(&place.written("where").await), folder);
    assert_eq!(std::fs::read_dir(folder.join("commands")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_signal_is_told_as_one() {
    let place = Place::new();
    let line = "kill -9 $$";
    let status = place
        .processes
        .run(AttemptId::new(), &sh(line), place.order(), &place.log())
        .await
        .unwrap();
    assert_eq!(status.signal(), Some(9));
}

#[tokio::test]
async fn what_it_leaves_behind_ends_with_it() {
    let place = Place::new();
    let line = "(echo $$ > /dev/null; exec sleep 1000) & echo $! > left";
    place.processes.run(AttemptId::new(), &sh(line), place.order(), &place.log()).await.unwrap();
    let left = place.written("left").await;
    while lives(&left) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_attempt_that_is_given_up_ends_with_all_its_processes() {
    let place = Place::new();
    let attempt = AttemptId::new();
    // One that does not listen when it is asked to end is killed.
    let line = "sleep 1000 & trap '' TERM; echo $! > child; wait; sleep 1000";
    {
        let (command, log) = (sh(line), place.log());
        let run = place.processes.run(attempt, &command, place.order(), &log);
        tokio::select! {
            _ = run => panic!("it does not end by itself"),
            _ = place.written("child") => {}
        }
    }
    place.processes.end(attempt).await.unwrap();
    assert!(!lives(&place.written("child").await));
    place.processes.end(attempt).await.unwrap();
}

#[tokio::test]
async fn a_step_never_runs_while_an_attempt_before_lives() {
    let place = Place::new();
    let line = "echo $$ > first; exec sleep 1000";
    let (processes, order) = (Arc::clone(&place.processes), place.order());
    let (command, log) = (sh(line), place.log());
    let first =
        tokio::spawn(async move { processes.run(AttemptId::new(), &command, order, &log).await });
    let process = place.written("first").await;
    let line = "true";
    place.processes.run(AttemptId::new(), &sh(line), place.order(), &place.log()).await.unwrap();
    assert!(!lives(&process));
    assert!(first.await.unwrap().unwrap().signal().is_some());
}

#[test]
fn a_number_that_is_used_again_is_not_taken_for_the_group() {
    let mut sleep = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
    let group = Group::led_by(sleep.id(), Guards::None, &AssetKey::step("a"));
    assert_eq!(group.left(), 1);
    let mut other = serde_json::to_value(&group).unwrap();
    other["began"] = 1.into();
    let other: Group = serde_json::from_value(other).unwrap();
    assert_eq!(other.left(), 0);
    sleep.kill().unwrap();
    sleep.wait().unwrap();
    assert_eq!(group.left(), 0);
}
