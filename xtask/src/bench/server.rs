//! The server by itself: doing nothing, with a long past, asked for many things in one second, and
//! the way from a request to the code of a user; and how fast its ledger takes what happens.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use millstream_tests::{Client, Server, TestProject};
use serde_json::json;

use super::measure::resident_mib;
use crate::python::Packages;
use crate::shell::{cargo, output, root, run as run_command, say};

const WORKLOADS: [&str; 5] = ["idle", "history", "trigger", "schedules", "transitions"];
/// How long nothing happens.
const IDLE: Duration = Duration::from_mins(1);
/// The runs of a long past, unless `MILLSTREAM_BENCH_RUNS` says how many, and how often each page
/// of it is asked for.
const RUNS: &str = "1000000";
const ASKED: usize = 40;
/// The steps of each of them.
const STEPS: usize = 10;
/// Requests whose way to the code of a user is measured.
const TRIGGERS: usize = 200;
/// Schedules that are due in the same second.
const SCHEDULES: usize = 1000;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(1);

/// Runs one workload, or all of them.
pub(super) fn run(workload: Option<&str>) -> Result<()> {
    // The ledger alone: it needs no other part of the program.
    if workload == Some("transitions") {
        return transitions();
    }
    let binary = super::binary()?;
    match workload {
        Some("idle") => idle(&binary),
        Some("history") => history(&binary),
        Some("trigger") => trigger(&binary),
        Some("schedules") => schedules(&binary),
        Some(name) => bail!("there is no workload `{name}`: {}", WORKLOADS.join(", ")),
        None => WORKLOADS.iter().try_for_each(|name| run(Some(name))),
    }
}

fn idle(binary: &Path) -> Result<()> {
    let project = TestProject::example("shop");
    command(binary, &project).arg("run").stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let begun = Instant::now();
    let server = serve(binary, &project, None)?;
    let ready = begun.elapsed();
    let before = processor_seconds(server.pid())?;
    std::thread::sleep(IDLE);
    let share = (processor_seconds(server.pid())? - before) / IDLE.as_secs_f64();
    say(&format!(
        "server-idle, the shop: ready after {:.0} ms, {:.0} MiB, {:.2} % of a core",
        ready.as_secs_f64() * 1e3,
        resident_mib(server.pid()),
        share * 100.0
    ));
    Ok(())
}

/// Lists over a past of a million runs; only their newest rows are in the cache at first.
fn history(binary: &Path) -> Result<()> {
    let project = wide(STEPS);
    output(command(binary, &project).arg("run"))?;
    let ledger = project.path().join(".millstream/dev/ledger.db");
    let mut fill = Command::new("python3");
    fill.arg(root().join("bench/history.py")).arg(&ledger);
    fill.arg(std::env::var("MILLSTREAM_BENCH_RUNS").unwrap_or_else(|_| RUNS.to_owned()));
    let rows = output(&mut fill)?;
    let begun = Instant::now();
    let server = serve(binary, &project, None)?;
    say(&format!(
        "server-history: runs and steps: {}; {:.1} GiB; ready after {:.0} ms",
        rows.trim(),
        std::fs::metadata(&ledger)?.len() as f64 / f64::from(1 << 30),
        begun.elapsed().as_secs_f64() * 1e3
    ));
    let mut client = Client::connect(&server.address)?;
    for path in [
        "/api/v1/overview",
        "/api/v1/runs?limit=50",
        "/api/v1/runs?limit=50&state=failed",
        "/api/v1/runs?limit=50&asset=table:main.task_3",
        "/api/v1/runs?limit=50&asset=table:main.task_3&state=failed",
        "/api/v1/runs?limit=50&asset=table:main.task_3&state=cancelled",
        "/api/v1/grid?limit=50",
        "/api/v1/grid?limit=50&state=failed",
        "/api/v1/assets?limit=50",
        "/api/v1/metrics",
    ] {
        let mut millis = Vec::new();
        for _ in 0..ASKED {
            let begun = Instant::now();
            let answer = client.get(path)?;
            ensure!(answer.status == 200, "{path}: {}", answer.body);
            millis.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        say(&format!(
            "  {path}  p50 {:.1} ms, p95 {:.1} ms",
            share(&mut millis, 0.5),
            share(&mut millis, 0.95)
        ));
    }
    Ok(())
}

/// From the request to the first line of a model in Python, in a process that is warm.
#[expect(clippy::disallowed_methods, reason = "the model says by the same clock when it begins")]
fn trigger(binary: &Path) -> Result<()> {
    let python = super::python("tasks", &Packages::whole(&["pyarrow"]))?;
    let project = TestProject::of(&[
        ("dbt_project.yml", "name: triggered\nversion: '1.0'\n"),
        (
            "models/now.py",
            "import time

import pyarrow as pa


def model(dbt, session):
    with open('begun', 'w') as told:
        told.write(str(time.time_ns()))
    return pa.table({'n': [1]})
",
        ),
    ]);
    let server = serve(binary, &project, Some(&python))?;
    let mut client = Client::connect(&server.address)?;
    let mut millis = Vec::new();
    // The first one warms the process.
    for number in 0..=TRIGGERS {
        let asked = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let started = client.post("/api/v1/runs", &json!({"full_refresh": true}))?;
        let run = started.json()["run"].as_str().with_context(|| started.body.clone())?.to_owned();
        wait_until(|| {
            let run = client.get(&format!("/api/v1/runs/{run}"))?.json();
            ensure!(run["state"] != "failed", "{run}");
            Ok(run["state"] == "succeeded")
        })?;
        let begun: u128 = std::fs::read_to_string(project.path().join("begun"))?.parse()?;
        if number > 0 {
            millis.push((begun - asked) as f64 / 1e6);
        }
    }
    say(&format!(
        "server-trigger, request to user code, {TRIGGERS} in turn: p50 {:.1} ms, p99 {:.1} ms",
        share(&mut millis, 0.5),
        share(&mut millis, 0.99)
    ));
    Ok(())
}

/// Schedules that are all due at the beginning of the same minute.
fn schedules(binary: &Path) -> Result<()> {
    let project = wide(SCHEDULES);
    let all = (0..SCHEDULES)
        .map(|number| format!("  every_{number}: {{cron: '* * * * *', select: task_{number}}}\n"));
    project.write("schedules/all.yml", format!("schedules:\n{}", all.collect::<String>()));
    let server = serve(binary, &project, None)?;
    let mut client = Client::connect(&server.address)?;
    let ended = "select count(*) from millstream.runs where state <> 'running'";
    wait_until(|| Ok(numbers(&mut client, ended)?[0] >= SCHEDULES as f64))?;
    // From the beginning of the minute, which is when they are due.
    let since = "date_part('epoch', max(started_at)), date_part('epoch', max(ended_at))";
    let first = format!("(select * from millstream.runs order by started_at limit {SCHEDULES})");
    let minute = "60 * floor(date_part('epoch', min(started_at)) / 60)";
    let found = numbers(&mut client, &format!("select {since}, {minute} from {first}"))?;
    let [started, ended, minute] = found[..] else { bail!("{found:?}") };
    say(&format!(
        "server-schedules: {SCHEDULES} runs due in one second: all started after {:.1} s, ended after {:.1} s",
        started - minute,
        ended - minute
    ));
    Ok(())
}

/// Steps that are claimed, intended and committed, as durable as those of commands are.
fn transitions() -> Result<()> {
    say("server-transitions:");
    let bench = ["bench", "--package", "millstream-ledger", "--bench", "transitions"];
    let profile = super::profile();
    run_command(cargo(&bench).args(["--profile", &profile]))
}

/// The numbers of the one row of a query.
fn numbers(client: &mut Client, sql: &str) -> Result<Vec<f64>> {
    let answer = client.post("/api/v1/query", &json!({"sql": sql}))?;
    ensure!(answer.status == 200, "{sql}: {}", answer.body);
    let row = answer.json()["rows"][0].as_array().cloned().context("a row")?;
    row.iter().map(|value| value.as_f64().with_context(|| answer.body.clone())).collect()
}

/// Views that need nothing of each other.
fn wide(count: usize) -> TestProject {
    let settings = "name: tasks\nversion: '1.0'\nmodels: {+materialized: view}\n";
    let project = TestProject::of(&[("dbt_project.yml", settings)]);
    for number in 0..count {
        project.write(&format!("models/task_{number}.sql"), format!("select {number} as n\n"));
    }
    project
}

fn command(binary: &Path, project: &TestProject) -> Command {
    let mut command = Command::new(binary);
    command.arg("-C").arg(project.path());
    command
}

/// A server that is ready.
fn serve(binary: &Path, project: &TestProject, python: Option<&Path>) -> Result<Server> {
    let mut command = command(binary, project);
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.envs(python.map(|python| ("MILLSTREAM_PYTHON", python)));
    let server = Server::start(command);
    let mut client = Client::connect(&server.address)?;
    wait_until(|| Ok(client.get("/api/v1/ready")?.status == 200))?;
    Ok(server)
}

fn wait_until(mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !done()? {
        ensure!(begun.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// The processor time that a process has had, of itself and in the system.
fn processor_seconds(pid: u32) -> Result<f64> {
    let file = std::fs::File::open(format!("/proc/{pid}/stat"))?;
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line)?;
    let (_, after) = line.rsplit_once(')').context("stat has a name")?;
    let ticks = after.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn share(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}
