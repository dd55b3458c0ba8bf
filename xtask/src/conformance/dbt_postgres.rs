//! The functional tests of dbt-postgres, from its source archive, with a program in dbt's place.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::lists::{Coverage, Lists, Outcome, Outcomes};
use super::program::Program;
use super::{Options, Who, pytest};
use crate::environment::Cluster;
use crate::python::{DBT_POSTGRES, Packages, environment};
use crate::shell::{output, root, run as run_command, say};

const TESTS: &[&str] = &[
    "dbt-tests-adapter==1.20.0",
    "freezegun",
    "psycopg2-binary>=2.9,<3",
    "pytest>=9,<10",
    "pytest-mock",
    "pytest-xdist",
];
const ALL: &str = "tests/functional";
const ROLES: [&str; 3] = ["dbt_test_user_1", "dbt_test_user_2", "dbt_test_user_3"];

pub(super) fn run(options: &Options) -> Result<()> {
    let work = root().join("target/conformance/dbt-postgres");
    let mut packages = Packages::dbt(&[DBT_POSTGRES], &TESTS[1..]);
    packages.alone.push(TESTS[0]);
    let python = environment(&work.join("python"), &packages)?;
    let suite = pytest::suite(&work, &python, DBT_POSTGRES)?;
    let program = Program::of(options.run_by, &python)?;
    let cluster = Cluster::start()?;
    cluster.run_file(&suite.join("scripts/setup_test_database.sql"))?;
    let outcomes = outcomes(&work, &suite, &python, &program, &cluster, &options.parts)?;
    if program.who == Who::Dbt {
        print_failed(&outcomes);
        return Ok(());
    }
    let coverage = if options.parts.is_empty() { Coverage::All } else { Coverage::Part };
    let lists = Lists::read(&root().join("conformance/dbt_postgres"))?;
    lists.judge(&outcomes, coverage, options.found)
}

fn outcomes(
    work: &Path,
    suite: &Path,
    python: &Path,
    program: &Program,
    cluster: &Cluster,
    parts: &[String],
) -> Result<Outcomes> {
    let ours = root().join("conformance/dbt_postgres");
    let mut pytest = pytest::command(python, suite, &ours, "program_runner")?;
    // Tests of one class share a project and build on each other.
    pytest.args(["--dist", "loadscope"]);
    let all = [ALL.to_owned()];
    pytest.args(if parts.is_empty() { &all } else { parts });
    pytest.env("MILLSTREAM_TEST_DBT", program.words().join(" "));
    pytest.env("MILLSTREAM_TEST_NOT_JUDGED", ours.join("not_judged.txt"));
    pytest.env("MILLSTREAM_TEST_FAKETIME", faketime()?);
    pytest.env("POSTGRES_TEST_HOST", "127.0.0.1").env("POSTGRES_TEST_PORT", cluster.port());
    pytest.env("POSTGRES_TEST_USER", "root").env("POSTGRES_TEST_PASS", "password");
    pytest.env("POSTGRES_TEST_DATABASE", "dbt").env("POSTGRES_TEST_THREADS", "4");
    for (number, role) in ROLES.iter().enumerate() {
        pytest.env(format!("DBT_TEST_USER_{}", number + 1), role);
    }
    pytest.env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").env("DO_NOT_TRACK", "1");
    pytest::outcomes(&mut pytest, &work.join("outcomes.tsv"))
}

fn print_failed(outcomes: &Outcomes) {
    for (id, outcome) in outcomes {
        if let Outcome::Failed(reason) = outcome {
            say(&format!("{id}\t{reason}"));
        }
    }
    let failed = outcomes.values().filter(|outcome| **outcome != Outcome::Passed).count();
    say(&format!("dbt itself fails {failed} of {} through this runner", outcomes.len()));
}

/// The library that moves a program's clock; Debian's package is installed if missing.
fn faketime() -> Result<PathBuf> {
    if let Some(found) = installed_faketime() {
        return Ok(found);
    }
    run_command(Command::new("apt-get").args(["update", "-qq"]))?;
    run_command(Command::new("apt-get").args(["install", "-y", "-qq", "libfaketime"]))?;
    installed_faketime().context("libfaketime.so.1 was not found after installing it")
}

fn installed_faketime() -> Option<PathBuf> {
    let files = output(Command::new("dpkg").args(["-L", "libfaketime"])).ok()?;
    files.lines().find(|file| file.ends_with("libfaketime.so.1")).map(PathBuf::from)
}
