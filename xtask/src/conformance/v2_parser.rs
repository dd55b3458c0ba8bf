//! `cargo xtask conformance v2-parser`: stock dbt with our binary as its parser.
//!
//! dbt 1.12 can leave reading a project to a command that writes `manifest.json`. What it then
//! builds has to be what it builds by itself.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use super::lists::{Outcome, Outcomes};
use super::program::Program;
use super::room::Room;
use super::{Options, Who, projects};
use crate::shell::say;

const TARGET: &str = "duckdb";

/// Builds the projects with both parsers.
pub(super) fn run(options: Options) -> Result<()> {
    let room = Room::open("v2-parser", &Options { run_by: Who::Dbt, ..options })?;
    let parser = Program::of(Who::Millstream, &room.python)?.words().join(" ") + " parse";
    let ours = ["--use-v2-parser", "--v2-parser", &parser];
    let project = || room.project("jaffle_shop_duckdb", "", "jaffle_shop", TARGET);
    compare(&room, "jaffle_shop_duckdb", &ours, &[], &project)?;
    let project = || projects::jaffle_shop(&room, TARGET);
    compare(&room, "jaffle-shop", &ours, &[], &project)?;
    let project = || {
        let project =
            room.project("dbt-utils", "integration_tests", "integration_tests", TARGET)?;
        room.must(&project, TARGET, &["deps"])?;
        Ok(project)
    };
    compare(&room, "dbt-utils", &ours, &["--full-refresh"], &project)
}

fn compare(
    room: &Room,
    name: &str,
    ours: &[&str],
    flags: &[&str],
    project: &dyn Fn() -> Result<PathBuf>,
) -> Result<()> {
    let build = |project: &Path, more: &[&str]| -> Result<Outcomes> {
        room.build(project, TARGET, &[flags, more].concat())
    };
    let expected = build(&project()?, &[])?;
    let fresh = project()?;
    room.must(&fresh, TARGET, &[&["parse"], ours].concat())?;
    let found = build(&fresh, ours)?;
    let differing: Vec<&String> = expected
        .keys()
        .chain(found.keys())
        .filter(|id| passed(&expected, id) != passed(&found, id))
        .collect();
    ensure!(differing.is_empty(), "{name}: dbt's own parser does otherwise: {differing:?}");
    let passing = found.values().filter(|outcome| **outcome == Outcome::Passed).count();
    say(&format!("{name}: {passing} of {} pass, as with dbt's own parser", found.len()));
    Ok(())
}

/// Whether a node passes; `None` if it was not run.
fn passed(outcomes: &Outcomes, id: &str) -> Option<bool> {
    outcomes.get(id).map(|outcome| *outcome == Outcome::Passed)
}
