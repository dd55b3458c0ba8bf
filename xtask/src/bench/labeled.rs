//! The whole loop of `examples/labeled-projects`, cold, against the same path in Python.

use std::process::Command;

use anyhow::Result;
use millstream_tests::{TestProject, data};

use super::measure::{compare, measure};
use crate::python::{DBT_DUCKDB, Packages};
use crate::shell::root;

const RUNS: usize = 5;
const BESIDE_DBT: [&str; 7] = [
    "dlt[duckdb]==1.31.0",
    "scikit-learn==1.9.1",
    "mlflow-skinny==3.17.2",
    "skops",
    "pandas<3",
    "sqlalchemy",
    "alembic",
];

pub(super) fn run() -> Result<()> {
    let binary = super::binary()?;
    let packages = Packages::dbt(&[DBT_DUCKDB], &BESIDE_DBT);
    let python = super::python("labeled-projects", &packages)?;
    let (projects, tags) = (data("made-with-ml/projects.csv"), data("made-with-ml/tags.csv"));
    let ours = || {
        let project = TestProject::example("labeled-projects");
        let mut command = Command::new(&binary);
        command.arg("-C").arg(project.path()).arg("run");
        measure(command.env("PROJECTS_URL", &projects).env("TAGS_URL", &tags))
    };
    let peer = || {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(&python);
        command.arg(root().join("bench/peers/labeled_projects.py"));
        command.arg(&projects).arg(&tags).current_dir(folder.path());
        command.env("DO_NOT_TRACK", "1").env("RUNTIME__DLTHUB_TELEMETRY", "false");
        command.env("MLFLOW_DISABLE_TELEMETRY", "true");
        measure(&mut command)
    };
    compare("labeled-projects, cold", RUNS, ours, "dlt, dbt-duckdb, scikit-learn, MLflow", peer)
}
