//! A PostgreSQL server for tests, made with the installed programs. It listens on a socket in its
//! own folder and on a port of its own, and asks for passwords there.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::test_certificates::{AUTHORITY, CERTIFICATE, KEY};

/// The password of everyone, over TCP.
pub(super) const PASSWORD: &str = "let 'me\\ in";

/// A server that ends with this value.
#[derive(Debug)]
pub(super) struct TestCluster {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl TestCluster {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { folder, programs: programs(), port };
        let folder = cluster.folder.path();
        std::fs::write(folder.join("password"), PASSWORD).unwrap();
        if is_root() {
            // The server refuses to run as root, and its folder has to be its user's.
            succeed(Command::new("chown").args(["-R", "postgres"]).arg(folder));
        }
        succeed(
            cluster
                .program("initdb")
                .args(["-U", "postgres", "-N", "--auth-local=trust", "--auth-host=scram-sha-256"])
                .arg("--pwfile")
                .arg(folder.join("password"))
                .arg("-D")
                .arg(folder.join("data")),
        );
        cluster.write("server.crt", CERTIFICATE);
        cluster.write("server.key", KEY);
        cluster.write("authority.crt", AUTHORITY);
        let options = format!(
            "-c listen_addresses=127.0.0.1 -p {port} -c fsync=off -c ssl=on -k {}",
            folder.display()
        );
        succeed(
            cluster
                .program("pg_ctl")
                .args(["start", "-w", "-o", &options, "-l"])
                .arg(folder.join("log"))
                .arg("-D")
                .arg(folder.join("data")),
        );
        cluster
    }

    /// The fields of an output that connects through the socket.
    pub(super) fn local(&self) -> Map<String, Value> {
        fields(&json!({
            "host": self.folder.path(), "port": self.port, "user": "postgres",
            "dbname": "postgres", "schema": "public",
        }))
    }

    /// The fields of an output that connects with a password.
    pub(super) fn remote(&self) -> Map<String, Value> {
        fields(&json!({
            "host": "127.0.0.1", "port": self.port, "user": "postgres", "pass": PASSWORD,
            "dbname": "postgres", "schema": "public",
        }))
    }

    /// The file of whoever signed the server's certificate.
    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("data/authority.crt")
    }

    /// Puts a file beside the server's data, which only its user may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join("data").join(name);
        std::fs::write(&path, text).unwrap();
        succeed(Command::new("chmod").arg("600").arg(&path));
        if is_root() {
            succeed(Command::new("chown").arg("postgres").arg(&path));
        }
    }

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

impl Drop for TestCluster {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        succeed(self.program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(data));
    }
}

fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    // Debian keeps them out of the path, one folder for each version.
    let versions = Path::new("/usr/lib/postgresql").read_dir();
    folders.extend(versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin")));
    let found = folders.into_iter().find(|folder| folder.join("initdb").exists());
    found.expect("PostgreSQL is installed")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn succeed(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?} ended with {status}");
}
