//! Real-time scoring of one text over HTTP, kept alive, recorded and not; memory and start of an
//! idle server; and the same kind of model behind `mlflow models serve`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use millstream_tests::{Client, TestProject, data};
use serde_json::{Value, json};

use super::measure::{median, resident_mib};
use crate::python::Packages;
use crate::shell::{root, say};

const PACKAGES: [&str; 2] = ["mlflow==3.17.2", "scikit-learn==1.9.1"];
const REQUESTS: usize = 3000;
const WARM_UP: usize = 200;
const CLIENTS: usize = 8;
/// How long a server may take to answer at all.
const START_MAX: Duration = Duration::from_mins(2);

pub(super) fn run() -> Result<()> {
    let binary = super::binary()?;
    let recorded = TestProject::example("labeled-projects")
        .with("PROJECTS_URL", data("made-with-ml/projects.csv").display().to_string())
        .with("TAGS_URL", data("made-with-ml/tags.csv").display().to_string());
    let command = |project: &TestProject, verb: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(["-C"]).arg(project.path()).args(verb);
        command.env("PROJECTS_URL", data("made-with-ml/projects.csv"));
        command.env("TAGS_URL", data("made-with-ml/tags.csv"));
        command
    };
    ensure!(command(&recorded, &["run"]).stdout(Stdio::null()).status()?.success(), "no model");
    let serve = |project: &TestProject| -> Result<Served> {
        let begun = Instant::now();
        let mut child = command(project, &["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout")?).read_line(&mut line)?;
        let address = line.trim().rsplit("http://").next().context("an address")?.to_owned();
        let served = Served { child, address };
        served.until_ready("/v2/health/ready")?;
        say(&format!("ready after {:.0} ms", begun.elapsed().as_secs_f64() * 1e3));
        say(&format!("idle: {:.0} MiB resident", resident_mib(served.child.id())));
        Ok(served)
    };
    let body = json!({"inputs": [
        {"name": "title", "shape": [1], "datatype": "BYTES", "data": ["Graph networks in practice"]},
        {"name": "description", "shape": [1], "datatype": "BYTES", "data": ["A tour with code."]},
    ]});
    let recording = {
        let served = serve(&recorded)?;
        rates("recorded", &served, "/v2/models/tagger/infer", &body)?
    };
    recorded.edit("deployments/tagger.yml", "    record: {topic: predictions}\n", "");
    let unrecorded = {
        let served = serve(&recorded)?;
        rates("unrecorded", &served, "/v2/models/tagger/infer", &body)?
    };
    let peer = mlflow()?;
    for (name, ours) in [("unrecorded, as the peer", unrecorded), ("recorded", recording)] {
        say(&format!(
            "requests per second, {name}: {:.1} times the peer's with 1 client, {:.1} times with \
             {CLIENTS}",
            ours.one / peer.one,
            ours.many / peer.many
        ));
    }
    Ok(())
}

/// Requests per second with one client and with [`CLIENTS`].
#[derive(Debug, Clone, Copy)]
struct Rates {
    one: f64,
    many: f64,
}

fn rates(name: &str, served: &Served, path: &str, body: &Value) -> Result<Rates> {
    let one = latencies(name, served, path, body, 1)?;
    let many = latencies(name, served, path, body, CLIENTS)?;
    Ok(Rates { one, many })
}

/// The requests per second of MLflow.
fn mlflow() -> Result<Rates> {
    let python = super::python("mlflow", &Packages::whole(&PACKAGES))?;
    let folder = tempfile::tempdir()?;
    let script = root().join("bench/peers/mlflow_model.py");
    let mut make = Command::new(&python);
    make.arg(script).arg(data("made-with-ml/projects.csv")).arg(data("made-with-ml/tags.csv"));
    make.current_dir(folder.path()).env("MLFLOW_DISABLE_TELEMETRY", "true");
    crate::shell::say("training the peer's model");
    ensure!(make.status()?.success(), "the peer's model was not made");
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut serve = Command::new(python.with_file_name("mlflow"));
    serve.args(["models", "serve", "-m", "model", "--env-manager", "local", "-w", "1", "-p"]);
    serve.arg(port.to_string()).current_dir(folder.path());
    let bin = python.parent().context("a folder")?.to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path)))?;
    // It starts another process, so that both get a group to be ended with.
    serve.env("PATH", path).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    let served = Served { child: serve.spawn()?, address: format!("127.0.0.1:{port}") };
    served.until_ready("/ping")?;
    let body = json!({"inputs": ["Graph networks in practice A tour with code."]});
    rates("mlflow models serve", &served, "/invocations", &body)
}

struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn until_ready(&self, path: &str) -> Result<()> {
        let begun = Instant::now();
        loop {
            let answer = Client::connect(&self.address).and_then(|mut client| client.get(path));
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            ensure!(begun.elapsed() < START_MAX, "{} does not answer", self.address);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Either may have ended by itself, and not every server leads a group.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Prints the latencies of some clients and gives the requests per second of all.
fn latencies(name: &str, served: &Served, path: &str, body: &Value, clients: usize) -> Result<f64> {
    let ask = || -> Result<Vec<f64>> {
        let mut client = Client::connect(&served.address)?;
        let mut millis = Vec::with_capacity(REQUESTS);
        for number in 0..REQUESTS + WARM_UP {
            let begun = Instant::now();
            let answer = client.post(path, body)?;
            ensure!(answer.status == 200, "{}: {}", answer.status, answer.body);
            if number >= WARM_UP {
                millis.push(begun.elapsed().as_secs_f64() * 1e3);
            }
        }
        Ok(millis)
    };
    let begun = Instant::now();
    let all: Vec<f64> = std::thread::scope(|scope| {
        let askers: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        let answers =
            askers.into_iter().map(|asker| asker.join().expect("a client does not panic"));
        answers.collect::<Result<Vec<_>>>().map(|answers| answers.concat())
    })?;
    let rate = ((REQUESTS + WARM_UP) * clients) as f64 / begun.elapsed().as_secs_f64();
    let mut sorted = all.clone();
    sorted.sort_by(f64::total_cmp);
    let p99 = sorted[sorted.len() * 99 / 100];
    say(&format!(
        "{name}, {clients} clients: p50 {:.3} ms, p99 {p99:.3} ms, {rate:.0} requests/s",
        median(&all)
    ));
    Ok(rate)
}
