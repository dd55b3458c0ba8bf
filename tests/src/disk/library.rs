//! `tests/disk/disk.c`, compiled and put under a command.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::journal::Journal;

/// The compiled library, removed at the end.
#[derive(Debug)]
pub struct FaultyDisk {
    folder: TempDir,
}

impl FaultyDisk {
    /// Compiles it with the compiler that SQLite needs as well.
    pub fn compiled() -> Self {
        let folder = tempfile::Builder::new().prefix("millstream-disk-").tempdir();
        let disk = Self { folder: folder.expect("a folder") };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("disk/disk.c");
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .args([&disk.library(), &source])
            .arg("-ldl")
            .status();
        assert!(status.expect("there is a C compiler").success(), "disk.c does not compile");
        disk
    }

    /// Lets a command note what it does in a folder. One command at a time.
    pub fn record(&self, command: &mut Command, folder: &Path) -> Journal {
        let path = self.folder.path().join("journal");
        // There is one only if another command was recorded before.
        let _ = std::fs::remove_file(&path);
        self.put_under(command, folder).env("MILLSTREAM_DISK_JOURNAL", &path);
        Journal::at(path)
    }

    /// Lets a command find a full disk after so many bytes.
    pub fn fill(&self, command: &mut Command, folder: &Path, bytes: u64) {
        self.put_under(command, folder).env("MILLSTREAM_DISK_BYTES", bytes.to_string());
    }

    fn put_under<'a>(&self, command: &'a mut Command, folder: &Path) -> &'a mut Command {
        let folder = folder.canonicalize().expect("the folder is there");
        command.env("LD_PRELOAD", self.library()).env("MILLSTREAM_DISK_FOLDER", folder)
    }

    fn library(&self) -> PathBuf {
        self.folder.path().join("libdisk.so")
    }
}
