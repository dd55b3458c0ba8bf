//! `cargo xtask test`: what the README names and CI calls.

use anyhow::Result;

use crate::dist;
use crate::environment::TestEnvironment;
use crate::screens;
use crate::shell::{self, cargo, target};

/// Builds and tests share this, so that dependencies compile once.
const PROFILE: [&str; 2] = ["--profile", "ci"];
/// The binary under test can be ended at named points.
const FEATURES: [&str; 2] = ["--features", "millstream/crash-points"];

/// Checks the house, then runs every test.
pub(crate) fn run() -> Result<()> {
    crate::check::quick()?;
    let environment = TestEnvironment::start()?;
    screens::check()?;
    shell::run(cargo(&["build", "--workspace"]).args(PROFILE).args(FEATURES))?;
    let wheel = dist::wheel_of(&target().join("ci/millstream"))?;
    let mut tests = cargo(&["test", "--workspace"]);
    tests.args(PROFILE).args(FEATURES).env("MILLSTREAM_TEST_WHEEL", wheel);
    environment.apply(&mut tests);
    shell::run(&mut tests)
}

/// The whole kill matrix, and as many random kills, power cuts and full disks as asked for.
pub(crate) fn chaos(kills: &str) -> Result<()> {
    let environment = TestEnvironment::start()?;
    shell::run(cargo(&["build", "--workspace"]).args(PROFILE).args(FEATURES))?;
    let mut tests = cargo(&["test", "--workspace", "--test", "end_to_end"]);
    tests.args(PROFILE).args(FEATURES).args(["--", "chaos"]);
    tests.env("MILLSTREAM_TEST_KILLS", kills).env("MILLSTREAM_TEST_SHARD", "all");
    environment.apply(&mut tests);
    shell::run(&mut tests)
}
