//! The functional tests of dbt-postgres, from its source archive, with a program in dbt's place.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::lists::{Coverage, Lists, Outcome, Outcomes};
use super::program::Program;
use super::{Options, Who};
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
    let suite = suite(&work, &python)?;
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

/// The unpacked source archive.
fn suite(work: &Path, python: &Path) -> Result<PathBuf> {
    let suite = work.join("suite");
    if suite.exists() {
        return Ok(suite);
    }
    let archives = work.join("archive");
    let mut download = Command::new(python);
    download.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"]);
    download.args(["--no-deps", "--no-binary", ":all:", DBT_POSTGRES, "--dest"]).arg(&archives);
    run_command(&mut download)?;
    let archive = std::fs::read_dir(&archives)?.flatten().next().context("no archive came")?.path();
    let unpacked = work.join("unpacked");
    std::fs::create_dir_all(&unpacked)?;
    run_command(
        Command::new("tar")
            .args(["-xzf"])
            .arg(&archive)
            .args(["--strip-components=1", "-C"])
            .arg(&unpacked),
    )?;
    std::fs::rename(unpacked, &suite)?;
    Ok(suite)
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
    let file = work.join("outcomes.tsv");
    if file.exists() {
        std::fs::remove_file(&file)?;
    }
    let workers = std::thread::available_parallelism()?.to_string();
    let mut pytest = Command::new(python);
    pytest.args(["-m", "pytest", "-p", "program_runner", "-p", "outcomes", "-q", "-W", "ignore"]);
    // Tests of one class share a project and build on each other.
    pytest.args(["-o", "addopts=", "-n", &workers, "--dist", "loadscope", "--tb", "short"]);
    pytest.args(["-p", "no:cacheprovider"]).current_dir(suite).env("PYTHONPATH", &ours);
    if parts.is_empty() {
        pytest.arg(ALL);
    } else {
        pytest.args(parts);
    }
    pytest.env("MILLSTREAM_TEST_DBT", program.words().join(" "));
    pytest.env("MILLSTREAM_TEST_OUTCOMES", &file);
    pytest.env("MILLSTREAM_TEST_NOT_JUDGED", ours.join("not_judged.txt"));
    pytest.env("MILLSTREAM_TEST_FAKETIME", faketime()?);
    pytest.env("POSTGRES_TEST_HOST", "127.0.0.1").env("POSTGRES_TEST_PORT", cluster.port());
    pytest.env("POSTGRES_TEST_USER", "root").env("POSTGRES_TEST_PASS", "password");
    pytest.env("POSTGRES_TEST_DATABASE", "dbt").env("POSTGRES_TEST_THREADS", "4");
    for (number, role) in ROLES.iter().enumerate() {
        pytest.env(format!("DBT_TEST_USER_{}", number + 1), role);
    }
    pytest.env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").env("DO_NOT_TRACK", "1");
    pytest.env("PYTHONDONTWRITEBYTECODE", "1");
    say(&format!("$ pytest {}", if parts.is_empty() { ALL.to_owned() } else { parts.join(" ") }));
    // It fails when any test does; what counts is what became of each.
    pytest.status().context("start pytest")?;
    read_outcomes(&std::fs::read_to_string(&file).context("pytest wrote no outcomes")?)
}

fn read_outcomes(lines: &str) -> Result<Outcomes> {
    let mut outcomes = Outcomes::new();
    for line in lines.lines() {
        let mut fields = line.split('\t');
        let id = fields.next().context("an outcome has an id")?.to_owned();
        match (fields.next(), fields.next()) {
            (Some("passed"), _) => drop(outcomes.insert(id, Outcome::Passed)),
            // The suite itself leaves it out for PostgreSQL, or this runner cannot judge it.
            (Some("skipped"), _) => {}
            (_, reason) => {
                let reason = reason.unwrap_or_default().to_owned();
                outcomes.insert(id, Outcome::Failed(reason));
            }
        }
    }
    Ok(outcomes)
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
