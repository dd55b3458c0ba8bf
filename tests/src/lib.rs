//! What the end-to-end tests share: a project in a temporary folder and the real binary on it.

#[cfg(target_os = "linux")]
mod clock;
pub mod dbt;
#[cfg(target_os = "linux")]
pub mod disk;
mod http;
pub mod manifest;
#[cfg(target_os = "linux")]
mod preload;
mod random;
mod receiver;

#[cfg(target_os = "linux")]
pub use clock::JumpingClock;
pub use http::{Answer, Client, Events, ServerEvent};
pub use random::Random;
pub use receiver::{Answering, Mail, MailReceiver, Received, Receiver};

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The longest that a test waits for something to happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A query that no machine answers while a test lasts; it keeps one thread busy, or more.
pub const ENDLESS: &str = "select count(*) as n from generate_series(1, 10000000) as a(x) \
     cross join generate_series(1, 10000000) as b(y) where (x * y) % 7 = 3";

/// What something is, once it is there.
///
/// # Panics
///
/// Panics when the patience of a test is over.
pub fn once<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::yield_now();
    }
}

/// The binary under test: the one that `MILLSTREAM_TEST_BINARY` names, else the one beside the
/// tests, in the same profile.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("MILLSTREAM_TEST_BINARY") {
        return PathBuf::from(named);
    }
    let tests = std::env::current_exe().expect("a test knows its own file");
    let profile = tests.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let binary = profile.join(format!("millstream{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.exists(), "build it first: cargo build --profile ci -p millstream");
    binary
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the root").to_path_buf()
}

/// The real input, kept beside the repository.
pub fn data(file: &str) -> PathBuf {
    let folder = std::env::var_os("MILLSTREAM_TEST_DATA")
        .map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let path = folder.join(file);
    assert!(path.exists(), "{} is missing; set MILLSTREAM_TEST_DATA", path.display());
    path.canonicalize().expect("it exists")
}

/// A Python that has what `tests/requirements.txt` names.
pub fn python() -> PathBuf {
    std::env::var_os("MILLSTREAM_TEST_PYTHON")
        .map_or_else(|| root().join("target/python/bin/python"), PathBuf::from)
}

/// The wheel of the program under test, as `cargo xtask test` makes it.
pub fn wheel() -> PathBuf {
    let wheel = std::env::var_os("MILLSTREAM_TEST_WHEEL");
    PathBuf::from(wheel.expect("cargo xtask test makes a wheel and names it"))
}

/// A project in a folder of its own, removed afterwards unless the test failed.
#[derive(Debug)]
pub struct TestProject {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl TestProject {
    /// A project of these files.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("millstream-").tempdir().expect("a folder");
        let project = Self { folder, variables: Vec::new() };
        for (path, text) in files {
            project.write(path, text);
        }
        project
    }

    /// A copy of an example.
    pub fn example(name: &str) -> Self {
        Self::copy_of(&root().join("examples").join(name))
    }

    /// A copy of a folder.
    pub fn copy_of(folder: &Path) -> Self {
        let project = Self::of(&[]);
        copy(folder, project.path());
        project
    }

    /// `examples/labeled-projects` on the real data.
    pub fn labeled() -> Self {
        Self::example("labeled-projects")
            .with("PROJECTS_URL", data("made-with-ml/projects.csv").display().to_string())
            .with("TAGS_URL", data("made-with-ml/tags.csv").display().to_string())
    }

    /// `examples/shop`, small.
    pub fn small_shop() -> Self {
        Self::example("shop").with("SHOP_SCALE", "0.01")
    }

    /// One whose only model, `endless`, is never made.
    pub fn endless() -> Self {
        let model = format!("{{{{ config(materialized='table') }}}} {ENDLESS}\n");
        Self::of(&[("millstream.yml", "name: endless\n"), ("models/endless.sql", &model)])
    }

    /// The same project with the files of a folder above its own.
    #[must_use]
    pub fn overlaid_with(self, folder: &Path) -> Self {
        copy(folder, self.path());
        self
    }

    /// The same project with an environment variable for every command.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the project.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Writes all that a power cut left, or that was there at some time.
    #[cfg(target_os = "linux")]
    pub fn write_all(&self, files: &disk::Survivors) {
        for (path, content) in files {
            let path = self.path().join(path);
            match content {
                Some(content) => std::fs::write(path, content).expect("a file"),
                None => std::fs::create_dir_all(path).expect("a folder"),
            }
        }
    }

    /// Replaces text in a file of the project.
    pub fn edit(&self, path: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path().join(path)).expect("the file is there");
        assert!(text.contains(from), "{path} has no {from:?}");
        self.write(path, text.replace(from, to));
    }

    /// The binary with these arguments, to be started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(binary());
        command.arg("-C").arg(self.path()).args(arguments);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// The binary with these arguments, begun; what it prints is lost.
    pub fn begun(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("the binary starts")
    }

    /// The id of the newest run, once there is one.
    pub fn newest_run(&self) -> String {
        once("a run", || {
            let runs = self.json(&["runs", "list"]);
            runs["runs"][0]["run"].as_str().map(str::to_owned)
        })
    }

    /// Runs the binary to its end.
    pub fn output(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().expect("the binary starts");
        Ran::of(arguments, &output)
    }

    /// Runs the binary, which must succeed, and reads its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--output", "json"];
        all.extend_from_slice(arguments);
        self.output(&all).succeeded().json()
    }

    /// The rows of a query, each an object.
    pub fn query(&self, sql: &str) -> Vec<Value> {
        let value = self.json(&["query", sql]);
        value["rows"].as_array().expect("a query has rows").clone()
    }

    /// The one number that a query gives.
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql);
        let first = rows.first().and_then(|row| row.as_object()).expect("a row");
        let value = first.values().next().expect("a column");
        value.as_i64().unwrap_or_else(|| panic!("{value} is no integer"))
    }

    /// `serve` on a free port, to be started.
    pub fn serve_command(&self) -> Command {
        self.command(&["serve", "--listen", "127.0.0.1:0"])
    }

    /// A running `serve` on a free port.
    pub fn serve(&self) -> Server {
        Server::start(self.serve_command())
    }

    /// A running `serve` with these arguments.
    pub fn serve_with(&self, arguments: &[&str]) -> Server {
        Server::start(self.command(&[&["serve"], arguments].concat()))
    }
}

/// What a command of the binary did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit status; `None` if a signal ended it.
    pub status: Option<i32>,
    /// What it printed as result.
    pub stdout: String,
    /// All else that it printed.
    pub stderr: String,
    command: String,
}

impl Ran {
    /// What a command that was started otherwise did.
    pub fn of(arguments: &[&str], output: &Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: arguments.join(" "),
        }
    }

    /// The same, once it is clear that it succeeded.
    #[allow(clippy::return_self_not_must_use, reason = "the assertion is the point")]
    pub fn succeeded(self) -> Self {
        self.ended_with(0)
    }

    /// The same, once it is clear that it ended with this status.
    #[allow(clippy::return_self_not_must_use, reason = "the assertion is the point")]
    pub fn ended_with(self, status: i32) -> Self {
        assert_eq!(
            self.status,
            Some(status),
            "{}\nstderr: {}\nstdout: {}",
            self.command,
            self.stderr,
            self.stdout
        );
        self
    }

    /// Its result as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", self.command, self.stdout))
    }
}

/// A server, killed at the end of the test.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub address: String,
}

impl Server {
    /// Starts `serve` and waits until it listens.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let line = lines.next().expect("the server says where it listens").expect("it is text");
        let address = line.rsplit("://").next().expect("an address").trim().to_owned();
        Self { child, address }
    }

    /// A connection to it.
    pub fn client(&self) -> Client {
        Client::connect(&self.address).expect("the server listens")
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ended");
    }

    /// How it ended by itself, if it does within this time.
    pub fn ended_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let begun = Instant::now();
        loop {
            match self.child.try_wait().expect("it can be asked for") {
                None if begun.elapsed() < patience => std::thread::yield_now(),
                ended => return ended,
            }
        }
    }

    /// Asks it to end, as an operator does.
    #[cfg(unix)]
    pub fn ask_to_stop(&self) {
        let kill = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
        assert!(kill.expect("there is a program `kill`").success());
    }

    /// Its exit status, once it has ended.
    pub fn ended(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("the example is there") {
        let entry = entry.expect("it can be listed");
        let target = to.join(entry.file_name());
        if entry.file_name() == ".millstream" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("it can be copied");
        }
    }
}
