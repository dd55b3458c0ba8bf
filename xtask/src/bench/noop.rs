//! `run` with nothing to do, on the shop at scale 1, process start included.

use std::process::Command;

use anyhow::Result;
use millstream_tests::TestProject;

use super::measure::{measure, median};
use crate::shell::say;

const RUNS: usize = 11;

pub(super) fn run() -> Result<()> {
    let binary = super::binary()?;
    let project = TestProject::example("shop");
    let command = || {
        let mut command = Command::new(&binary);
        command.arg("-C").arg(project.path()).arg("run");
        command
    };
    let first = measure(&mut command())?;
    say(&format!(
        "shop at scale 1, first run: {:.1} s, peak {:.0} MiB",
        first.seconds, first.peak_mib
    ));
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        seconds.push(measure(&mut command())?.seconds);
    }
    say(&format!(
        "shop at scale 1, nothing to do: median {:.0} ms of {RUNS}",
        median(&seconds) * 1e3
    ));
    Ok(())
}
