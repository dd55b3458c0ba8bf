//! The processes of a run: which there are, what they do, and their end.

use std::process::{Command, Stdio};

use serde::Serialize;

/// A word of the command line by which the warm Python process is known.
const PYTHON_WORKER: &str = "_millstream_zygote";

/// What a process of a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// It is the run itself.
    Run,
    /// It is the Python process that is warm.
    PythonWorker,
    /// It makes a model written in Python.
    PythonTask,
    /// It is the command of a step.
    Command,
}

impl Victim {
    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::PythonWorker => "python worker",
            Self::PythonTask => "python task",
            Self::Command => "command",
        }
    }
}

/// A process below a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// Its id.
    pub pid: u32,
    /// What it does.
    pub victim: Victim,
}

/// The processes that a run has started and that are worth killing, in the order of their ids.
/// None where the system does not tell.
pub fn below(run: u32) -> Vec<Found> {
    classified(run, &all())
}

/// Ends a process as a crash would. Whether there was one.
pub fn kill(pid: u32) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-9", &pid.to_string()]);
    kill.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    kill.status().is_ok_and(|status| status.success())
}

/// What the system tells of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    pid: u32,
    parent: u32,
    words: String,
}

/// What the processes below a run do. What a command starts goes with the command.
fn classified(run: u32, all: &[Seen]) -> Vec<Found> {
    let of = |parent: u32| all.iter().filter(move |seen| seen.parent == parent);
    let mut found = Vec::new();
    for child in of(run) {
        let is_worker = child.words.contains(PYTHON_WORKER);
        let victim = if is_worker { Victim::PythonWorker } else { Victim::Command };
        found.push(Found { pid: child.pid, victim });
        if is_worker {
            let tasks = of(child.pid);
            found.extend(tasks.map(|task| Found { pid: task.pid, victim: Victim::PythonTask }));
        }
    }
    found.sort_unstable_by_key(|found| found.pid);
    found
}

/// All processes of the machine.
fn all() -> Vec<Seen> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid=,state=,args="]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().filter_map(parsed).collect()
}

/// A line of `ps`. One that has ended and was not waited for is none.
fn parsed(line: &str) -> Option<Seen> {
    let mut words = line.split_whitespace();
    let pid = words.next()?.parse().ok()?;
    let parent = words.next()?.parse().ok()?;
    let state = words.next()?;
    let words: Vec<&str> = words.collect();
    (!state.starts_with('Z')).then(|| Seen { pid, parent, words: words.join(" ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(pid: u32, parent: u32, words: &str) -> Seen {
        Seen { pid, parent, words: words.to_owned() }
    }

    #[test]
    fn what_belongs_to_a_run_is_told_apart() {
        let python = "python3 -c import _millstream_zygote";
        let all = [
            seen(1, 0, "init"),
            seen(10, 1, "millstream run"),
            seen(20, 10, python),
            seen(22, 20, python),
            seen(21, 10, "sh scripts/build.sh"),
            seen(23, 21, "sleep 1000"),
            seen(30, 1, "millstream run"),
            seen(31, 30, "sh other.sh"),
        ];
        let found = |pid, victim| Found { pid, victim };
        assert_eq!(
            classified(10, &all),
            [
                found(20, Victim::PythonWorker),
                found(21, Victim::Command),
                found(22, Victim::PythonTask)
            ]
        );
        assert_eq!(classified(99, &all), []);
    }

    #[test]
    fn lines_of_ps_are_read() {
        let line = "   21    10 Sl   sh  -c go";
        assert_eq!(parsed(line), Some(seen(21, 10, "sh -c go")));
        assert_eq!(parsed("22 10 Z [sh] <defunct>"), None);
        assert_eq!(parsed("PID PPID"), None);
    }

    #[test]
    fn a_child_is_found_and_killed() {
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let found = below(std::process::id());
        assert!(found.contains(&Found { pid: child.id(), victim: Victim::Command }), "{found:?}");
        assert!(kill(child.id()));
        assert!(!child.wait().unwrap().success());
    }
}
