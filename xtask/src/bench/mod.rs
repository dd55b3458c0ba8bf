//! `cargo xtask bench NAME`: ours and a named peer in turn on the same input, in one run.
//!
//! A figure is only ever printed as a ratio beside both medians; never is a time a test.

mod csv;
mod dbt;
mod labeled;
mod measure;
mod noop;
mod scoring;
mod server;
mod tasks;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::python::{Packages, environment};
use crate::shell::{cargo, root, run as run_command, target};

/// Runs one workload.
pub(crate) fn run(name: &str) -> Result<()> {
    match name {
        "noop" => noop::run(),
        "csv" => csv::run(),
        "labeled-projects" => labeled::run(),
        "scoring" => scoring::run(),
        "dbt" => dbt::run(None),
        "server" => server::run(None),
        "tasks" => tasks::run(None),
        _ => match name.split_once('-') {
            Some(("dbt", workload)) => dbt::run(Some(workload)),
            Some(("server", workload)) => server::run(Some(workload)),
            Some(("tasks", workload)) => tasks::run(Some(workload)),
            _ => {
                let names = "noop, csv, labeled-projects, scoring, dbt, server, tasks";
                bail!("there is no workload `{name}`: {names}")
            }
        },
    }
}

/// The binary that `MILLSTREAM_TEST_BINARY` names, or that of the profile that is measured:
/// `MILLSTREAM_BENCH_PROFILE`, or `release`.
fn binary() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("MILLSTREAM_TEST_BINARY") {
        return Ok(std::path::absolute(named)?);
    }
    let profile = profile();
    run_command(&mut cargo(&["build", "--profile", &profile, "--package", "millstream"]))?;
    Ok(target().join(profile).join("millstream"))
}

/// The profile that is measured.
fn profile() -> String {
    std::env::var("MILLSTREAM_BENCH_PROFILE").unwrap_or_else(|_| "release".to_owned())
}

/// Python with the packages of one peer.
fn python(peer: &str, packages: &Packages) -> Result<PathBuf> {
    environment(&root().join("target/bench").join(peer), packages)
}
