//! The whole loop of `examples/labeled-projects`, cold, against the same path in Python.

use std::process::Command;

use anyhow::Result;
use millstream_tests::{TestProject, data};

use super::Packages;
use super::measure::{compare, measure};
use crate::shell::root;

const RUNS: usize = 5;
const PACKAGES: Packages = Packages {
    whole: &[
        "dlt[duckdb]==1.31.0",
        "scikit-learn==1.9.1",
        "mlflow-skinny==3.17.2",
        "skops",
        "pandas<3",
        "sqlalchemy",
        "alembic",
        "duckdb==1.5.6",
        // What dbt-core needs.
        "agate<1.15",
        "click>=8.3,<9",
        "daff",
        "dbt-adapters>=1.24.5,<2",
        "dbt-common>=1.37.5,<2",
        "dbt-extractor",
        "dbt-protos>=1.0.514,<2",
        "jinja2",
        "jsonschema",
        "mashumaro[msgpack]<3.18",
        "metricflow>=0.213",
        "networkx",
        "packaging",
        "pathspec<1.1",
        "protobuf>=6,<8",
        "pydantic<3",
        "python-dotenv>=1.2",
        "pytz",
        "pyyaml",
        "requests",
        "snowplow-tracker",
        "sqlparse<0.7",
        "typing-extensions",
    ],
    // One of its dependencies downloads a program that this path does not use.
    alone: &["dbt-core==1.12.6", "dbt-duckdb==1.11.1"],
};

pub(super) fn run() -> Result<()> {
    let binary = super::binary()?;
    let python = super::python("labeled-projects", PACKAGES)?;
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
