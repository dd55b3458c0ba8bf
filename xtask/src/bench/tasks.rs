//! Many small tasks: a chain of 40 in Python, with a process of Python kept warm by a server and
//! without, the same with tasks that make tables, and 1,000 that need nothing of each other; Airflow, Dagster and Prefect on the same.
//!
//! `MILLSTREAM_BENCH_CONTESTANTS` chooses among the peers (`dagster,airflow,prefect`).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use millstream_tests::{Client, Server, TestProject};
use serde_json::json;
use tempfile::TempDir;

use super::measure::{Figure, measure, report, resident_mib};
use crate::python::Packages;
use crate::shell::{root, say};

const WORKLOADS: [&str; 4] = ["chain", "chain-models", "chain-cold", "wide"];
const DAGSTER: &str = "dagster==1.13.28";
const AIRFLOW: &str = "apache-airflow==3.3.2";
/// Newer ones of its web framework refuse an argument that it gives.
const PREFECT: [&str; 2] = ["prefect==3.8.8", "fastapi<0.140"];
const RUNS: usize = 5;
const CHAIN: usize = 40;
const WIDE: usize = 1000;
/// How long one run may take.
const RUN_MAX: Duration = Duration::from_mins(5);
/// How often a server is asked whether a run has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Runs one workload, or all of them.
pub(super) fn run(workload: Option<&str>) -> Result<()> {
    match workload {
        Some("chain") => warm_chain("chain", &chain_project()?),
        Some("chain-models") => warm_chain("chain-models", &chain_of_models()?),
        Some("chain-cold") => cold_chain(),
        Some("wide") => wide(),
        Some(name) => bail!("there is no workload `{name}`: {}", WORKLOADS.join(", ")),
        None => WORKLOADS.iter().try_for_each(|name| run(Some(name))),
    }
}

/// From the request to the end of the run, asked of a server that has run it before.
fn warm_chain(name: &str, project: &Project) -> Result<()> {
    let binary = super::binary()?;
    let server = project.serve(&binary);
    run_once(&server)?;
    let mut airflow = takes_part("airflow").then(Airflow::start).transpose()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(Figure { seconds: run_once(&server)?, peak_mib: resident_mib(server.pid()) });
        if let Some(airflow) = &mut airflow {
            theirs.push(airflow.run_chain()?);
        }
    }
    let peak_mib = airflow.map(Airflow::end).transpose()?.unwrap_or_default();
    let theirs: Vec<Figure> =
        theirs.into_iter().map(|seconds| Figure { seconds, peak_mib }).collect();
    say(&format!(
        "tasks-{name}: {CHAIN} tasks in Python, server running, median of {RUNS} in turn:"
    ));
    let peers = (!theirs.is_empty()).then_some((AIRFLOW, theirs.as_slice()));
    report(std::iter::once(("millstream", ours.as_slice())).chain(peers));
    Ok(())
}

/// Whole commands, in which each task starts Python.
fn cold_chain() -> Result<()> {
    let binary = super::binary()?;
    let project = chain_of_commands()?;
    let jobs = [("Dagster in process", "chain_in_process"), ("Dagster", "chain")];
    against("tasks-chain-cold", || whole_run(&binary, &project), peers(&jobs, "chain")?)
}

fn wide() -> Result<()> {
    let binary = super::binary()?;
    let files = TestProject::of(&[("dbt_project.yml", WIDE_PROJECT)]);
    for number in 0..WIDE {
        files.write(&format!("models/task_{number}.sql"), format!("select {number} as n\n"));
    }
    let project = Project { files, python: None };
    let jobs = [("Dagster in process", "wide_in_process")];
    against("tasks-wide", || whole_run(&binary, &project), peers(&jobs, "wide")?)
}

const WIDE_PROJECT: &str = "name: tasks\nversion: '1.0'\nmodels: {+materialized: view}\n";

/// Each task is a step that calls a function, after the one before it.
fn chain_project() -> Result<Project> {
    chain_of_steps(|_| "python: 'tasks.py:work'".to_owned())
}

/// Each task is a step that starts Python, after the one before it.
fn chain_of_commands() -> Result<Project> {
    chain_of_steps(|python| format!("run: ['{}', tasks.py]", python.display()))
}

fn chain_of_steps(task: impl Fn(&Path) -> String) -> Result<Project> {
    let python = super::python("tasks", &Packages::whole(&["pyarrow"]))?;
    let files = TestProject::of(&[("millstream.yml", "name: tasks\n"), ("tasks.py", TASKS)]);
    let mut steps = "steps:\n".to_owned();
    for number in 0..CHAIN {
        let before = number.checked_sub(1);
        let before = before.map(|before| format!(", depends_on: ['step:task_{before}']"));
        let before = before.unwrap_or_default();
        steps += &format!("  - {{name: task_{number}, {}{before}}}\n", task(&python));
    }
    files.write("steps/tasks.yml", steps);
    Ok(Project { files, python: Some(python) })
}

const TASKS: &str = "def fibonacci(n):
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)


def work():
    fibonacci(10)


if __name__ == '__main__':
    work()
";

/// Each task is a model in Python, a table, that refers to the one before it.
fn chain_of_models() -> Result<Project> {
    let python = super::python("tasks", &Packages::whole(&["pyarrow"]))?;
    let files = TestProject::of(&[("dbt_project.yml", "name: tasks\nversion: '1.0'\n")]);
    for number in 0..CHAIN {
        let before = number.checked_sub(1).map(|before| format!("    dbt.ref('task_{before}')\n"));
        let text = format!(
            "import pyarrow as pa


def fibonacci(n):
    return n if n <= 1 else fibonacci(n - 1) + fibonacci(n - 2)


def model(dbt, session):
{}    return pa.table({{'n': [fibonacci(10)]}})
",
            before.unwrap_or_default()
        );
        files.write(&format!("models/task_{number}.py"), text);
    }
    Ok(Project { files, python: Some(python) })
}

/// Every run starts over.
fn whole_run(binary: &Path, project: &Project) -> Result<Figure> {
    measure(project.command(binary).args(["run", "--full-refresh"]))
}

/// A peer that does the work as a whole command.
struct Peer {
    name: &'static str,
    command: Command,
    /// What it keeps of its runs.
    _home: TempDir,
}

/// Dagster with these jobs, and Prefect with a flow, as far as they take part.
fn peers(jobs: &[(&'static str, &str)], flow: &str) -> Result<Vec<Peer>> {
    let mut peers = Vec::new();
    if takes_part("dagster") {
        for (name, job) in jobs {
            peers.push(dagster(name, job)?);
        }
    }
    if takes_part("prefect") {
        peers.push(prefect(flow)?);
    }
    Ok(peers)
}

fn dagster(name: &'static str, job: &str) -> Result<Peer> {
    let python = super::python("dagster", &Packages::whole(&[DAGSTER]))?;
    let home = tempfile::tempdir()?;
    std::fs::write(home.path().join("dagster.yaml"), "telemetry: {enabled: false}\n")?;
    let mut command = Command::new(python.with_file_name("dagster"));
    command.args(["job", "execute", "-j", job, "-f"]);
    command.arg(root().join("bench/peers/tasks_dagster.py")).env("DAGSTER_HOME", home.path());
    Ok(Peer { name, command, _home: home })
}

/// It starts a server of its own for each run, and its first run makes the database.
fn prefect(flow: &str) -> Result<Peer> {
    let python = super::python("prefect", &Packages::whole(&PREFECT))?;
    let home = tempfile::tempdir()?;
    let mut command = Command::new(python);
    command.arg(root().join("bench/peers/tasks_prefect.py")).arg(flow);
    command.env("PREFECT_HOME", home.path()).env("PREFECT_LOGGING_LEVEL", "ERROR");
    command.env("DO_NOT_TRACK", "1").env("PREFECT_SERVER_ANALYTICS_ENABLED", "false");
    measure(&mut command)?;
    Ok(Peer { name: "Prefect", command, _home: home })
}

fn against(workload: &str, ours: impl Fn() -> Result<Figure>, mut peers: Vec<Peer>) -> Result<()> {
    let mut figures = vec![Vec::new(); peers.len() + 1];
    for _ in 0..RUNS {
        figures[0].push(ours()?);
        for (peer, figures) in peers.iter_mut().zip(&mut figures[1..]) {
            figures.push(measure(&mut peer.command)?);
        }
    }
    say(&format!("{workload}, whole commands, median of {RUNS} in turn:"));
    let names = std::iter::once("millstream").chain(peers.iter().map(|peer| peer.name));
    report(names.zip(figures.iter().map(Vec::as_slice)));
    Ok(())
}

fn takes_part(peer: &str) -> bool {
    match std::env::var("MILLSTREAM_BENCH_CONTESTANTS") {
        Ok(names) => names.split(',').any(|name| name == peer),
        Err(_) => true,
    }
}

/// A project and what its commands need.
struct Project {
    files: TestProject,
    python: Option<PathBuf>,
}

impl Project {
    fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        command.arg("-C").arg(self.files.path());
        command.envs(self.python.iter().map(|python| ("MILLSTREAM_PYTHON", python)));
        command
    }

    fn serve(&self, binary: &Path) -> Server {
        let mut command = self.command(binary);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command)
    }
}

/// Asks a server of ours for a run, and waits for its end.
fn run_once(server: &Server) -> Result<f64> {
    let mut client = Client::connect(&server.address)?;
    let begun = Instant::now();
    let started = client.post("/api/v1/runs", &json!({"full_refresh": true}))?;
    let run = started.json()["run"].as_str().with_context(|| started.body.clone())?.to_owned();
    loop {
        let answer = client.get(&format!("/api/v1/runs/{run}"))?.json();
        match answer["state"].as_str() {
            Some("running") => std::thread::sleep(LOOK),
            Some("succeeded") => return Ok(begun.elapsed().as_secs_f64()),
            _ => bail!("{answer}"),
        }
        ensure!(begun.elapsed() < RUN_MAX, "run {run} does not end");
    }
}

/// Airflow with all its processes, which runs the chain for every line it gets.
struct Airflow {
    child: Child,
    asked: ChildStdin,
    told: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl Airflow {
    fn start() -> Result<Self> {
        let python = super::python("airflow", &Packages::whole(&[AIRFLOW]))?;
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(python);
        command.arg(root().join("bench/peers/tasks_airflow.py")).arg(folder.path());
        let begun = Instant::now();
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let asked = child.stdin.take().context("stdin")?;
        let told = BufReader::new(child.stdout.take().context("stdout")?);
        let mut airflow = Self { child, asked, told, _folder: folder };
        ensure!(airflow.next_line()? == "ready", "Airflow did not start");
        say(&format!("Airflow was ready after {:.0} s", begun.elapsed().as_secs_f64()));
        // Its first run is the slowest.
        airflow.run_chain()?;
        Ok(airflow)
    }

    /// Seconds from the request to the end of the run.
    fn run_chain(&mut self) -> Result<f64> {
        writeln!(self.asked)?;
        Ok(self.next_line()?.parse()?)
    }

    /// Resident MiB of all its processes.
    fn end(self) -> Result<f64> {
        let Self { mut child, asked, mut told, _folder } = self;
        drop(asked);
        let mut line = String::new();
        told.read_line(&mut line)?;
        child.wait()?;
        Ok(line.trim().parse()?)
    }

    fn next_line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.told.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}
