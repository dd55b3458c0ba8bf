//! The program that has to show that it does what dbt does.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Who;
use crate::shell::{cargo, run, target};

/// A program with dbt's command line.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) who: Who,
    binary: PathBuf,
}

impl Program {
    /// Ours is `MILLSTREAM_TEST_BINARY`, or built first; the peer is the one beside `python`.
    pub(super) fn of(who: Who, python: &Path) -> Result<Self> {
        let binary = match (who, std::env::var_os("MILLSTREAM_TEST_BINARY")) {
            (Who::Dbt, _) => python.with_file_name("dbt"),
            (Who::Millstream, Some(binary)) => std::path::absolute(PathBuf::from(binary))?,
            (Who::Millstream, None) => {
                run(&mut cargo(&["build", "--profile", "ci", "--package", "millstream"]))?;
                target().join("ci/millstream")
            }
        };
        Ok(Self { who, binary })
    }

    /// The words before those of dbt.
    pub(super) fn words(&self) -> Vec<String> {
        let binary = self.binary.display().to_string();
        match self.who {
            Who::Millstream => vec![binary, "dbt".to_owned()],
            Who::Dbt => vec![binary],
        }
    }

    /// One of dbt's commands.
    pub(super) fn dbt(&self) -> Command {
        let words = self.words();
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false");
        command.env("DO_NOT_TRACK", "1");
        command
    }

    /// A command of our own binary.
    pub(super) fn own(&self) -> Command {
        Command::new(&self.binary)
    }
}
