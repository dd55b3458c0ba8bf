//! A PostgreSQL server for tests: the one that `MILLSTREAM_TEST_POSTGRES` names, or a throw-away
//! one made with the installed programs. Without either the test fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// A server; one of our own ends with this value.
#[derive(Debug)]
pub(super) struct TestCluster {
    /// Address of a database.
    pub(super) url: String,
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    folder: TempDir,
    programs: PathBuf,
}

impl TestCluster {
    pub(super) fn start() -> Self {
        match std::env::var("MILLSTREAM_TEST_POSTGRES") {
            Ok(url) => Self { url, own: None },
            Err(_) => Self::start_own(),
        }
    }

    fn start_own() -> Self {
        let own = Own { folder: tempfile::tempdir().unwrap(), programs: programs() };
        let folder = own.folder.path();
        if is_root() {
            // The server refuses to run as root, and its folder has to be its user's.
            succeed(Command::new("chown").arg("postgres").arg(folder));
        }
        let data = folder.join("data");
        succeed(
            own.program("initdb").args(["-A", "trust", "-U", "postgres", "-N", "-D"]).arg(&data),
        );
        let options = format!("-c listen_addresses= -c fsync=off -k {}", folder.display());
        let log = folder.join("log");
        succeed(
            own.program("pg_ctl")
                .args(["start", "-w", "-o", &options, "-l"])
                .arg(log)
                .arg("-D")
                .arg(data),
        );
        let url = format!("host={} user=postgres dbname=postgres", folder.display());
        Self { url, own: Some(own) }
    }

    /// A session of an application. Tests on a server that is shared work in schemas of their own.
    pub(super) async fn client(&self) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if let Some(own) = &self.own {
            let data = own.folder.path().join("data");
            succeed(own.program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(data));
        }
    }
}

impl Own {
    /// A program of the server, as a user that may run it.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps them out of the path, one folder for each version.
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    folders.extend(versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin")));
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists());
    found.expect("PostgreSQL is installed, or MILLSTREAM_TEST_POSTGRES names a database")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn succeed(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}
