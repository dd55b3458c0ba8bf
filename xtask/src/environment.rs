//! What the tests need beside cargo: a PostgreSQL server and Python with the real clients.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell::{output, root, run};

/// What tests are given.
pub(crate) struct TestEnvironment {
    /// URL of a throw-away PostgreSQL cluster.
    pub(crate) postgres_url: String,
    /// Python of a virtual environment that has `tests/requirements.txt`.
    pub(crate) python: PathBuf,
    cluster: Cluster,
}

impl TestEnvironment {
    /// Installs and starts what is missing.
    pub(crate) fn start() -> Result<Self> {
        let python = python()?;
        let cluster = Cluster::start()?;
        Ok(Self { postgres_url: cluster.url(), python, cluster })
    }

    /// Gives a command the names under which tests look for all this.
    pub(crate) fn apply(&self, command: &mut Command) {
        command.env("MILLSTREAM_TEST_POSTGRES", &self.postgres_url);
        command.env("MILLSTREAM_TEST_PYTHON", &self.python);
        command.env("MILLSTREAM_TEST_POSTGRES_SOCKETS", &self.cluster.folder);
    }
}

/// The virtual environment, made anew when the requirements changed.
fn python() -> Result<PathBuf> {
    let requirements = root().join("tests/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements).context("read tests/requirements.txt")?;
    let folder = root().join("target/python");
    let python = folder.join("bin/python");
    let mark = folder.join("requirements.installed");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(Command::new(&python).args(install).arg(&requirements))?;
    std::fs::write(mark, wanted).context("mark the virtual environment")?;
    Ok(python)
}

/// A PostgreSQL cluster that lives as long as this value.
pub(crate) struct Cluster {
    binaries: PathBuf,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    pub(crate) fn start() -> Result<Self> {
        let binaries = binaries()?;
        let folder = std::env::temp_dir().join(format!("millstream-pg-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        if is_root()? {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let port = free_port()?;
        let cluster = Self { binaries, folder, port };
        let data = cluster.data();
        cluster.command("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "--no-sync"])?;
        // Autovacuum would hold transactions open that no test knows of.
        let options = format!(
            "-p {port} -h 127.0.0.1 -k {} -c fsync=off -c autovacuum=off -c log_min_messages=fatal",
            cluster.folder.display()
        );
        let log = cluster.folder.join("log").display().to_string();
        cluster.command("pg_ctl", &["-D", &data, "-w", "-l", &log, "-o", &options, "start"])?;
        Ok(cluster)
    }

    fn url(&self) -> String {
        self.url_of("postgres")
    }

    pub(crate) fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    pub(crate) fn port(&self) -> String {
        self.port.to_string()
    }

    pub(crate) fn run_sql(&self, sql: &str) -> Result<()> {
        self.psql(&["--command", sql])
    }

    pub(crate) fn run_file(&self, file: &Path) -> Result<()> {
        self.psql(&["--file", &file.display().to_string()])
    }

    fn psql(&self, arguments: &[&str]) -> Result<()> {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", &self.url()]);
        run(psql.args(arguments))
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    /// The server refuses to run as root, so root becomes the user `postgres`.
    fn command(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let program = self.binaries.join(program);
        let mut command = if is_root()? {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        run(command.args(arguments).stdout(std::process::Stdio::null()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let stopped = self.command("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
        if let Err(error) = stopped.and_then(|()| Ok(std::fs::remove_dir_all(&self.folder)?)) {
            crate::shell::say(&format!("the test cluster was not removed: {error}"));
        }
    }
}

/// Where `initdb` lies; Debian's packages keep it out of the path and are installed if missing.
fn binaries() -> Result<PathBuf> {
    if let Some(found) = installed_binaries() {
        return Ok(found);
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", "postgresql"]))?;
    installed_binaries().context("PostgreSQL's initdb was not found after installing it")
}

fn installed_binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|entry| entry.path().join("bin")).filter(has_initdb).collect();
    found.sort();
    let homebrew = ["/opt/homebrew/bin", "/usr/local/bin"].map(PathBuf::from);
    found.pop().or_else(|| homebrew.into_iter().find(has_initdb))
}

fn has_initdb(folder: &PathBuf) -> bool {
    Path::new(folder).join("initdb").exists()
}

fn is_root() -> Result<bool> {
    Ok(output(Command::new("id").arg("-u"))?.trim() == "0")
}

fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}
