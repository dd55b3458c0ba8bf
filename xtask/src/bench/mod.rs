//! `cargo xtask bench NAME`: ours and a named peer in turn on the same input, in one run.
//!
//! A figure is only ever printed as a ratio beside both medians; never is a time a test.

mod csv;
mod labeled;
mod measure;
mod noop;
mod scoring;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{cargo, root, run as run_command};

/// Runs one workload.
pub(crate) fn run(name: &str) -> Result<()> {
    match name {
        "noop" => noop::run(),
        "csv" => csv::run(),
        "labeled-projects" => labeled::run(),
        "scoring" => scoring::run(),
        _ => bail!("there is no workload `{name}`: noop, csv, labeled-projects, scoring"),
    }
}

/// The binary in the profile that is measured: `MILLSTREAM_BENCH_PROFILE`, or `dist`.
fn binary() -> Result<PathBuf> {
    let profile = std::env::var("MILLSTREAM_BENCH_PROFILE").unwrap_or_else(|_| "dist".to_owned());
    run_command(&mut cargo(&["build", "--profile", &profile, "--package", "millstream"]))?;
    Ok(root().join("target").join(profile).join("millstream"))
}

/// What a peer is installed from.
#[derive(Debug, Clone, Copy, Default)]
struct Packages {
    /// With all that they depend on.
    whole: &'static [&'static str],
    /// Without what they depend on, which is named in `whole` as far as it is needed.
    alone: &'static [&'static str],
}

/// Python with the packages of one peer.
fn python(peer: &str, packages: Packages) -> Result<PathBuf> {
    let folder = root().join("target/bench").join(peer);
    let python = folder.join("bin/python");
    let mark = folder.join("installed");
    let wanted = [packages.whole, packages.alone].concat().join(" ");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run_command(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run_command(Command::new(&python).args(install).args(packages.whole))?;
    if !packages.alone.is_empty() {
        run_command(Command::new(&python).args(install).arg("--no-deps").args(packages.alone))?;
    }
    std::fs::write(mark, wanted)?;
    Ok(python)
}
