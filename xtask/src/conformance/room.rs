//! Where copies of dbt projects are run, on every target.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::lists::{Outcome, Outcomes};
use super::program::Program;
use super::{Options, Who};
use crate::environment::Cluster;
use crate::python::{DBT_DUCKDB, DBT_POSTGRES, Packages, environment};
use crate::shell::{output, root, run as run_command, say};

const PROFILES: &str = "\
{profile}:
  target: postgres
  outputs:
    postgres:
      {type: postgres, host: 127.0.0.1, port: {port}, user: postgres, pass: none,
       dbname: {database}, schema: main, threads: 2}
    duckdb: {type: duckdb, path: warehouse.duckdb, schema: main, threads: 2}
    millstream: {type: millstream, schema: main, threads: 2}
";
/// What these hold depends on the day; only their columns and their number of rows are compared.
const OF_TODAY: [&str; 1] = ["main.metricflow_time_spine"];

/// What the projects are run with.
pub(super) struct Room {
    name: &'static str,
    from: PathBuf,
    pub(super) python: PathBuf,
    pub(super) program: Program,
    cluster: Cluster,
}

impl Room {
    pub(super) fn open(name: &'static str, options: &Options) -> Result<Self> {
        let from = options.from.clone().context("--from DIR names the projects' copies")?;
        let packages = Packages::dbt(&[DBT_DUCKDB, DBT_POSTGRES], &["psycopg2-binary>=2.9,<3"]);
        let python = environment(&root().join("target/conformance/dbt/python"), &packages)?;
        let program = Program::of(options.run_by, &python)?;
        Ok(Self { name, from, python, program, cluster: Cluster::start()? })
    }

    pub(super) fn targets(&self) -> [&'static str; 2] {
        match self.program.who {
            Who::Millstream => ["postgres", "millstream"],
            Who::Dbt => ["postgres", "duckdb"],
        }
    }

    /// A fresh copy of a repository; gives the folder of the project in it, with profiles for
    /// every target and a database of its own.
    pub(super) fn project(
        &self,
        repository: &str,
        inside: &str,
        profile: &str,
        target: &str,
    ) -> Result<PathBuf> {
        let work = root().join("target/conformance").join(self.name).join(target);
        let project = self.copy(repository, &work)?.join(inside);
        let database = repository.replace('-', "_");
        if target == "postgres" {
            self.cluster.run_sql(&format!("create database {database}"))?;
        }
        let profiles = PROFILES
            .replace("{profile}", profile)
            .replace("{port}", &self.cluster.port())
            .replace("{database}", &database);
        std::fs::write(project.join("profiles.yml"), profiles)?;
        Ok(project)
    }

    pub(super) fn copy(&self, repository: &str, work: &Path) -> Result<PathBuf> {
        let copy = work.join(repository);
        if copy.exists() {
            std::fs::remove_dir_all(&copy)?;
        }
        std::fs::create_dir_all(work)?;
        output(Command::new("cp").arg("-r").arg(self.from.join(repository)).arg(&copy))?;
        Ok(copy)
    }

    /// Runs one of dbt's commands; gives whether it was well.
    fn dbt(&self, project: &Path, target: &str, arguments: &[&str]) -> Result<bool> {
        let mut command = self.program.dbt();
        command.args(arguments).args(["--target", target, "--profiles-dir", "."]);
        say(&format!("$ dbt {} --target {target}", arguments.join(" ")));
        let output = command.current_dir(project).output().context("start the program")?;
        if !output.status.success() {
            say(&String::from_utf8_lossy(&output.stdout));
            say(&String::from_utf8_lossy(&output.stderr));
        }
        Ok(output.status.success())
    }

    pub(super) fn must(&self, project: &Path, target: &str, arguments: &[&str]) -> Result<()> {
        ensure!(self.dbt(project, target, arguments)?, "dbt {} was refused", arguments.join(" "));
        Ok(())
    }

    pub(super) fn build(
        &self,
        project: &Path,
        target: &str,
        arguments: &[&str],
    ) -> Result<Outcomes> {
        let file = project.join("target/run_results.json");
        if file.exists() {
            std::fs::remove_file(&file)?;
        }
        self.dbt(project, target, &[&["build"], arguments].concat())?;
        let text = std::fs::read_to_string(&file).context("the build left no run_results.json")?;
        outcomes(&serde_json::from_str(&text)?)
    }

    /// One line of JSON for each relation.
    pub(super) fn fingerprints(
        &self,
        project: &Path,
        target: &str,
        schemas: &[&str],
        relations: &[String],
    ) -> Result<String> {
        let mut python = Command::new(&self.python);
        python.arg(root().join("conformance/jaffle/fingerprints.py"));
        match target {
            "postgres" => {
                let database = project.file_name().context("a project has a name")?;
                let database = database.to_string_lossy().replace('-', "_");
                python.args(["postgres", &self.cluster.url_of(&database)]).args(schemas);
            }
            "duckdb" => {
                python.arg("duckdb").arg(project.join("warehouse.duckdb")).args(schemas);
            }
            _ => {
                let folder = project.join("target/relations");
                self.export(project, relations, &folder)?;
                python.arg("parquet").arg(folder);
            }
        }
        let found = output(&mut python)?;
        Ok(found.lines().map(|line| without_day(line) + "\n").collect())
    }

    /// Our own tables, as files. `init` makes environments of the profile's targets.
    fn export(&self, project: &Path, relations: &[String], folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        run_command(self.program.own().arg("-C").arg(project).arg("init"))?;
        for relation in relations {
            let mut query = self.program.own();
            query.arg("-C").arg(project).args(["--env", "millstream"]);
            query.args(["query", "--output", "parquet", "--to"]);
            query.arg(folder.join(format!("{relation}.parquet")));
            run_command(query.arg(format!("select * from {relation}")))?;
        }
        Ok(())
    }
}

fn without_day(line: &str) -> String {
    let named = |relation: &str| line.contains(&format!("\"relation\": \"{relation}\""));
    match line.split_once(", \"hash\"") {
        Some((before, _)) if OF_TODAY.into_iter().any(named) => format!("{before}}}"),
        _ => line.to_owned(),
    }
}

fn outcomes(run_results: &Value) -> Result<Outcomes> {
    let results = run_results["results"].as_array().context("run_results.json has results")?;
    let outcome = |one: &Value| {
        let id = one["unique_id"].as_str().unwrap_or_default().to_owned();
        let status = one["status"].as_str().unwrap_or_default();
        // A saved query has nothing to do in a build.
        if matches!(status, "success" | "pass" | "no-op") {
            return (id, Outcome::Passed);
        }
        let message = one["message"].as_str().unwrap_or_default();
        let message: Vec<&str> = message.split_whitespace().collect();
        (id, Outcome::Failed(format!("{status}: {}", message.join(" "))))
    };
    Ok(results.iter().map(outcome).collect())
}
