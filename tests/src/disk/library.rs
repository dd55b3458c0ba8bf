//! `tests/disk/disk.c`, compiled and put under a command.

use std::path::Path;
use std::process::Command;

use super::journal::Journal;
use crate::preload::Preload;

/// The compiled library, removed at the end.
#[derive(Debug)]
pub struct FaultyDisk {
    library: Preload,
}

/// Operations of which one can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operations {
    /// Those that write bytes.
    Writes,
    /// Those that make them durable.
    Syncs,
}

impl FaultyDisk {
    /// Compiles it with the compiler that SQLite needs as well.
    pub fn compiled() -> Self {
        Self { library: Preload::compiled("disk.c") }
    }

    /// Lets a command note what it does in a folder. One command at a time.
    pub fn record(&self, command: &mut Command, folder: &Path) -> Journal {
        let path = self.library.folder().join("journal");
        // There is one only if another command was recorded before.
        let _ = std::fs::remove_file(&path);
        self.put_under(command, folder).env("MILLSTREAM_DISK_JOURNAL", &path);
        Journal::at(path)
    }

    /// Lets a command find a full disk after so many bytes.
    pub fn fill(&self, command: &mut Command, folder: &Path, bytes: u64) {
        self.put_under(command, folder).env("MILLSTREAM_DISK_BYTES", bytes.to_string());
    }

    /// Lets the operation of this number, from 1, fail with an error of the system, once.
    pub fn fail(
        &self,
        command: &mut Command,
        folder: &Path,
        operations: Operations,
        number: u64,
        error: i32,
    ) {
        let variable = match operations {
            Operations::Writes => "MILLSTREAM_DISK_WRITE",
            Operations::Syncs => "MILLSTREAM_DISK_SYNC",
        };
        let command = self.put_under(command, folder);
        command.env(variable, number.to_string()).env("MILLSTREAM_DISK_ERROR", error.to_string());
    }

    fn put_under<'a>(&self, command: &'a mut Command, folder: &Path) -> &'a mut Command {
        let folder = folder.canonicalize().expect("the folder is there");
        command.env("LD_PRELOAD", self.library.path()).env("MILLSTREAM_DISK_FOLDER", folder)
    }
}
