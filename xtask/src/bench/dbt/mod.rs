//! dbt projects: ours, dbt in Python and dbt in Rust in turn, the peers with `DuckDB`.
//!
//! `MILLSTREAM_BENCH_CONTESTANTS` chooses who takes part (`millstream,v1,v2`), and
//! `MILLSTREAM_BENCH_JAFFLE` names a copy of `jaffle_shop_duckdb`.

mod contestant;
mod synthetic;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use self::contestant::{Contestant, clean, outcomes, write_profiles};
use super::measure::{Figure, report};
use crate::shell::{output, say};

const RUNS: usize = 5;
const WORKLOADS: [&str; 6] =
    ["jaffle", "parse-1000", "parse-10000", "build-500", "merge-recent", "merge-everywhere"];
/// So large that v1 would need many minutes.
const WITHOUT_V1: &str = "parse-10000";
const MERGED_ROWS: u64 = 10_000_000;
const BATCH_ROWS: u64 = 1_000_000;

/// Runs one workload, or all of them.
pub(super) fn run(workload: Option<&str>) -> Result<()> {
    let contestants = Contestant::all()?;
    match workload {
        Some(name) => run_one(name, &contestants),
        None => WORKLOADS.iter().try_for_each(|name| run_one(name, &contestants)),
    }
}

fn run_one(name: &str, contestants: &[Contestant]) -> Result<()> {
    let takes_part = |one: &&Contestant| name != WITHOUT_V1 || !one.is_v1();
    let chosen: Vec<&Contestant> = contestants.iter().filter(takes_part).collect();
    match name {
        "jaffle" => build(name, &chosen, jaffle),
        "parse-1000" => parse(name, &chosen, 1_000),
        "parse-10000" => parse(name, &chosen, 10_000),
        "build-500" => build(name, &chosen, |folder| synthetic(folder, 500)),
        "merge-recent" => merge(name, &chosen, Keys::Recent),
        "merge-everywhere" => merge(name, &chosen, Keys::Everywhere),
        _ => bail!("there is no workload `{name}`: {}", WORKLOADS.join(", ")),
    }
}

/// Parses without anything left by an earlier run, then again with nothing changed.
fn parse(name: &str, contestants: &[&Contestant], models: u64) -> Result<()> {
    let projects = projects(contestants, |folder| synthetic(folder, models))?;
    let leftovers = tempfile::tempdir()?;
    let (mut cold, mut again) = (Figures::of(contestants), Figures::of(contestants));
    for _ in 0..RUNS {
        for (place, contestant) in contestants.iter().enumerate() {
            let project = projects[place].path();
            clean(project, &leftovers)?;
            cold.0[place].push(contestant.run(project, &["parse"])?);
            again.0[place].push(contestant.run(project, &["parse"])?);
        }
    }
    cold.report(&format!("{name}, cold"), contestants);
    again.report(&format!("{name}, nothing changed"), contestants);
    Ok(())
}

/// Builds into an empty warehouse.
fn build(
    name: &str,
    contestants: &[&Contestant],
    write: impl Fn(&Path) -> Result<()>,
) -> Result<()> {
    let projects = projects(contestants, write)?;
    let leftovers = tempfile::tempdir()?;
    let mut figures = Figures::of(contestants);
    for _ in 0..RUNS {
        for (place, contestant) in contestants.iter().enumerate() {
            clean(projects[place].path(), &leftovers)?;
            figures.0[place].push(contestant.run(projects[place].path(), &["build"])?);
        }
        same_outcomes(&projects)?;
    }
    figures.report(name, contestants);
    Ok(())
}

/// Where the keys of a batch lie in the table that it is merged into.
#[derive(Debug, Clone, Copy)]
enum Keys {
    /// Among those that came last.
    Recent,
    Everywhere,
}

fn merge(name: &str, contestants: &[&Contestant], keys: Keys) -> Result<()> {
    let projects = projects(contestants, |folder| {
        synthetic::write_merge(folder)?;
        write_profiles(folder, "synthetic")
    })?;
    let mut figures = Figures::of(contestants);
    for batch in 0..=RUNS as u64 {
        let vars = batch_vars(batch, keys);
        for (place, contestant) in contestants.iter().enumerate() {
            let project = projects[place].path();
            contestant.run(project, &["run", "--select", "src", "--vars", &vars])?;
            let merge = contestant.run(project, &["run", "--select", "merged", "--vars", &vars])?;
            // The first one makes the table.
            if batch > 0 {
                figures.0[place].push(merge);
            }
        }
        same_outcomes(&projects)?;
    }
    figures.report(name, contestants);
    Ok(())
}

fn batch_vars(batch: u64, keys: Keys) -> String {
    if batch == 0 {
        let half = MERGED_ROWS / 2;
        return format!(
            "{{rows: {MERGED_ROWS}, known_from: 0, stride: 1, new_from: {half}, batch: 0}}"
        );
    }
    let half = BATCH_ROWS / 2;
    let new_from = MERGED_ROWS + (batch - 1) * half;
    let (known_from, stride) = match keys {
        Keys::Recent => (new_from - half, 1),
        Keys::Everywhere => (batch, MERGED_ROWS / half),
    };
    format!(
        "{{rows: {BATCH_ROWS}, known_from: {known_from}, stride: {stride}, new_from: {new_from}, \
         batch: {batch}}}"
    )
}

fn synthetic(folder: &Path, models: u64) -> Result<()> {
    synthetic::write_synthetic(folder, models)?;
    write_profiles(folder, "synthetic")
}

/// A copy of jaffle shop in the spelling that v1 and v2 both read.
fn jaffle(folder: &Path) -> Result<()> {
    let from = std::env::var_os("MILLSTREAM_BENCH_JAFFLE");
    let from = PathBuf::from(from.context("MILLSTREAM_BENCH_JAFFLE names no folder")?);
    output(std::process::Command::new("cp").arg("-r").arg(from.join(".")).arg(folder))?;
    for file in ["models/schema.yml", "models/staging/schema.yml"].map(|name| folder.join(name)) {
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, with_test_arguments(&text))?;
    }
    let file = folder.join("dbt_project.yml");
    let text = std::fs::read_to_string(&file)?;
    let text =
        text.replace("\"<2.0.0\"", "\"<3.0.0\"").replace(" materialized:", " +materialized:");
    std::fs::write(&file, text)?;
    clean(folder, &tempfile::tempdir()?)?;
    write_profiles(folder, "jaffle_shop")
}

/// Puts what a test is given under `arguments:`, as v2 wants it.
fn with_test_arguments(yaml: &str) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut out = Vec::new();
    let mut inside: Option<usize> = None;
    for line in yaml.lines() {
        if inside.is_some_and(|test| indent(line) <= test) {
            inside = None;
        }
        if inside.is_some() {
            out.push(format!("  {line}"));
        } else {
            out.push(line.to_owned());
        }
        if matches!(line.trim(), "- relationships:" | "- accepted_values:") {
            inside = Some(indent(line));
            out.push(format!("{}arguments:", " ".repeat(indent(line) + 4)));
        }
    }
    out.join("\n") + "\n"
}

/// One project for each contestant.
fn projects(
    contestants: &[&Contestant],
    write: impl Fn(&Path) -> Result<()>,
) -> Result<Vec<TempDir>> {
    let new = |_: &&Contestant| {
        let folder = tempfile::tempdir()?;
        write(folder.path())?;
        Ok(folder)
    };
    contestants.iter().map(new).collect()
}

/// Everyone has run the same nodes, and none has failed.
fn same_outcomes(projects: &[TempDir]) -> Result<()> {
    let all =
        projects.iter().map(|project| outcomes(project.path())).collect::<Result<Vec<_>>>()?;
    for other in &all[1..] {
        let differs = all[0].iter().find(|(id, status)| other.get(*id) != Some(status));
        ensure!(differs.is_none() && other.len() == all[0].len(), "outcomes differ: {differs:?}");
    }
    Ok(())
}

/// What was measured of every contestant.
struct Figures(Vec<Vec<Figure>>);

impl Figures {
    fn of(contestants: &[&Contestant]) -> Self {
        Self(vec![Vec::new(); contestants.len()])
    }

    fn report(&self, workload: &str, contestants: &[&Contestant]) {
        say(&format!("{workload}, median of {RUNS} runs in turn:"));
        let names = contestants.iter().map(|contestant| contestant.name);
        report(names.zip(self.0.iter().map(Vec::as_slice)));
    }
}
