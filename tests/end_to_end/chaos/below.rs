//! Kills of the processes that a run starts: the Python process that is warm, the one of a model,
//! the command of a step. The run makes the step again, by itself.

use std::process::{Child, Command, Stdio};

use millstream_tests::TestProject;

use super::ground::{Ground, Kind};

/// A Python model that says who it is, and waits the first time.
const WAITING: &str = "import os, time

def model(dbt, session):
    people = dbt.ref('people').df()
    if not os.path.exists('begun'):
        with open('begun.part', 'w') as told:
            told.write(f'{os.getppid()} {os.getpid()}\\n')
        os.rename('begun.part', 'begun')
        time.sleep(1000)
    people['more'] = people['spent'] + 1
    return people[['id', 'more']]
";
/// A command that says who it is, and waits the first time, with a child.
const REPORT: &str = "if [ ! -e begun ]; then
  echo half > report.txt
  sleep 1000 &
  echo \"$$ $!\" > begun.part; mv begun.part begun
  wait
fi
sort seeds/people.csv > report.txt
";

/// A function that says who it and the warm process are, and waits the first time.
const COUNTING: &str = "import os, time

def main():
    if not os.path.exists('begun'):
        with open('begun.part', 'w') as begun:
            begun.write(f'{os.getppid()} {os.getpid()}')
        os.rename('begun.part', 'begun')
        time.sleep(1000)
    with open('seeds/people.csv') as people, open('count.txt', 'w') as count:
        print(sum(1 for _ in people), file=count)
";

fn kill(process: &str) {
    let status = Command::new("kill").args(["-9", process]).status().expect("kill starts");
    assert!(status.success(), "process {process} was there to be killed");
}

fn started(project: &TestProject, kind: Kind) -> Child {
    let mut run = project.command(&["run", "--select", kind.select]);
    run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts")
}

/// The processes that a step has named.
fn begun(project: &TestProject, run: &mut Child) -> Vec<String> {
    loop {
        if let Ok(text) = std::fs::read_to_string(project.path().join("begun")) {
            return text.split_whitespace().map(str::to_owned).collect();
        }
        let ended = run.try_wait().expect("it can be asked for");
        assert!(ended.is_none(), "the run ended before its step began: {ended:?}");
        std::thread::yield_now();
    }
}

/// Attempts of an asset that were cut off.
fn failed(project: &TestProject, asset: &str) -> i64 {
    project.number(&format!(
        "select count(*) from millstream.attempts where state = 'failed' and asset = '{asset}'"
    ))
}

#[test]
fn a_python_process_that_is_killed_is_made_up_for() {
    let ground = Ground::shared();
    for (name, file, text, asset) in [
        ("python", "models/as_python.py", WAITING, "table:main.as_python"),
        ("task", "scripts/count.py", COUNTING, "step:count"),
    ] {
        let kind = Kind::named(name);
        for (position, victim) in ["the warm process", "its child"].iter().enumerate() {
            let project = ground.project();
            project.write(file, text);
            let mut run = started(&project, kind);
            let processes = begun(&project, &mut run);
            kill(&processes[position]);
            assert!(run.wait().expect("it ends").success(), "{name}, {victim}: it is made again");
            assert_eq!(failed(&project, asset), 1, "{name}: {victim} was at work");
            ground.expect(&project, kind, victim);
        }
    }
}

#[test]
fn a_command_that_is_killed_is_made_up_for() {
    let (ground, kind) = (Ground::shared(), Kind::named("command"));
    let project = ground.project();
    project.write("scripts/report.sh", REPORT);
    project.edit(
        "steps/report.yml",
        "shell: 'sort seeds/people.csv > report.txt'",
        "run: [sh, scripts/report.sh]",
    );
    let mut run = started(&project, kind);
    let processes = begun(&project, &mut run);
    kill(&processes[0]);
    assert!(run.wait().expect("it ends").success(), "the run makes it again");
    assert_eq!(failed(&project, "step:report"), 1, "it was at work");
    let child = std::fs::read_to_string(format!("/proc/{}/stat", processes[1])).unwrap_or_default();
    let lives = child.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'));
    assert!(!lives, "what it had started has ended with it");
    let report = std::fs::read_to_string(project.path().join("report.txt")).expect("a report");
    assert_eq!(report.lines().count(), 122, "the report is whole");
    ground.expect(&project, kind, "the command was killed");
}

/// The run is killed while a process of a step is at work: that ends too, and the next run makes
/// the step once more.
#[test]
fn a_run_that_is_killed_takes_its_processes_along() {
    let ground = Ground::shared();
    for (name, file, text) in [
        ("python", "models/as_python.py", WAITING),
        ("task", "scripts/count.py", COUNTING),
        ("command", "scripts/report.sh", REPORT),
    ] {
        let (project, kind) = (ground.project(), Kind::named(name));
        project.write(file, text);
        if name == "command" {
            project.edit(
                "steps/report.yml",
                "shell: 'sort seeds/people.csv > report.txt'",
                "run: [sh, scripts/report.sh]",
            );
        }
        let mut run = started(&project, kind);
        let processes = begun(&project, &mut run);
        run.kill().expect("it is there");
        run.wait().expect("it ends");
        project.json(&["run", "--select", kind.select]);
        for process in processes {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            assert!(stat.is_empty() || stat.contains(") Z"), "{name}: {process} lives on");
        }
        ground.expect(&project, kind, name);
    }
}
