//! Suites of pytest, out of source archives, that a plugin of ours turns on another program.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::lists::{Outcome, Outcomes};
use crate::shell::{describe, root, run, say};

/// The unpacked source archive of a package.
pub(super) fn suite(work: &Path, python: &Path, package: &str) -> Result<PathBuf> {
    let suite = work.join("suite");
    if suite.exists() {
        return Ok(suite);
    }
    let archives = work.join("archive");
    let name = package.split_once("==").map_or(package, |(name, _)| name);
    let mut download = Command::new(python);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
    download.args(["--no-deps", "--no-binary", name, package, "--dest"]).arg(&archives);
    run(&mut download)?;
    let archive = std::fs::read_dir(&archives)?.flatten().next().context("no archive came")?.path();
    let unpacked = work.join("unpacked");
    std::fs::create_dir_all(&unpacked)?;
    run(Command::new("tar")
        .args(["-xzf"])
        .arg(&archive)
        .args(["--strip-components=1", "-C"])
        .arg(&unpacked))?;
    std::fs::rename(unpacked, &suite)?;
    Ok(suite)
}

/// pytest over a suite on all processors, with a plugin that is a file in `ours`.
pub(super) fn command(python: &Path, suite: &Path, ours: &Path, plugin: &str) -> Result<Command> {
    let workers = std::thread::available_parallelism()?.to_string();
    let paths = std::env::join_paths([ours, &root().join("conformance")])?;
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-p", plugin, "-p", "outcomes", "-q", "-W", "ignore"]);
    pytest.args(["-o", "addopts=", "-n", &workers, "--tb", "short", "-p", "no:cacheprovider"]);
    pytest.current_dir(suite).env("PYTHONPATH", paths).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(pytest)
}

/// What became of each test. The run fails when any test does, which says nothing more.
pub(super) fn outcomes(pytest: &mut Command, file: &Path) -> Result<Outcomes> {
    if file.exists() {
        std::fs::remove_file(file)?;
    }
    say(&format!("$ {}", describe(pytest)));
    pytest.env("MILLSTREAM_TEST_OUTCOMES", file).status().context("start pytest")?;
    read(&std::fs::read_to_string(file).context("pytest wrote no outcomes")?)
}

fn read(lines: &str) -> Result<Outcomes> {
    let mut outcomes = Outcomes::new();
    for line in lines.lines() {
        let mut fields = line.split('\t');
        let id = fields.next().context("an outcome has an id")?.to_owned();
        match (fields.next(), fields.next()) {
            (Some("passed"), _) => drop(outcomes.insert(id, Outcome::Passed)),
            // The suite itself leaves it out, or the plugin cannot judge it.
            (Some("skipped"), _) => {}
            (_, reason) => {
                let reason = reason.unwrap_or_default().to_owned();
                outcomes.insert(id, Outcome::Failed(reason));
            }
        }
    }
    Ok(outcomes)
}
