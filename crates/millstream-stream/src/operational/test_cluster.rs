//! A PostgreSQL cluster for one test, made with the installed programs and thrown away.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A running cluster; it ends with this value.
pub(super) struct TestCluster {
    folder: TempDir,
    address: String,
    programs: Option<PathBuf>,
}

impl TestCluster {
    /// The cluster that the environment names, or a new one. Panics when there is neither.
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Ok(address) = std::env::var("MILLSTREAM_TEST_POSTGRES") {
            return Self { folder, address, programs: None };
        }
        let programs = programs();
        if is_root() {
            let user = id("postgres").expect("PostgreSQL's own user, since root may not run it");
            chown(folder.path(), Some(user), None).unwrap();
        }
        let data = folder.path().join("data");
        let socket = folder.path().display();
        run(command(&programs, "initdb")
            .arg("-D")
            .arg(&data)
            .args(["-A", "trust", "-U", "postgres", "-N", "-E", "UTF8"]));
        let options = format!("-k {socket} -c listen_addresses='' -c fsync=off");
        run(command(&programs, "pg_ctl").arg("-D").arg(&data).args(["-w", "-o", &options]).args([
            "-l",
            folder.path().join("log").to_str().unwrap(),
            "start",
        ]));
        let address = format!("host={socket} user=postgres dbname=postgres");
        Self { folder, address, programs: Some(programs) }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if let Some(programs) = &self.programs {
            let data = self.folder.path().join("data");
            let mut stop = command(programs, "pg_ctl");
            run(stop.arg("-D").arg(data).args(["-m", "immediate", "stop"]));
        }
    }
}

/// The folder of the newest installed programs.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path).collect();
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        let mut versions: Vec<_> = versions.map(|v| v.unwrap().path().join("bin")).collect();
        versions.sort();
        folders.extend(versions.into_iter().rev());
    }
    let found = folders.into_iter().find(|folder| folder.join("initdb").is_file());
    found.expect("PostgreSQL is installed, or MILLSTREAM_TEST_POSTGRES names a database")
}

/// A program, run by a user who may run it.
fn command(programs: &Path, name: &str) -> Command {
    let program = programs.join(name);
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n")
}

fn id(user: &str) -> Option<u32> {
    let out = Command::new("id").args(["-u", user]).output().ok()?;
    String::from_utf8(out.stdout).ok()?.trim().parse().ok()
}
