//! Virtual environments of Python below `target`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell::run;

/// What an environment is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Packages {
    /// With all that they depend on.
    pub(crate) whole: Vec<&'static str>,
    /// Without what they depend on, which is named in `whole` as far as it is needed.
    pub(crate) alone: Vec<&'static str>,
}

impl Packages {
    /// Packages that need nothing said about what they depend on.
    pub(crate) fn whole(names: &[&'static str]) -> Self {
        Self { whole: names.to_vec(), alone: Vec::new() }
    }

    /// Real dbt with some of its adapters, beside `others`.
    pub(crate) fn dbt(adapters: &[&'static str], others: &[&'static str]) -> Self {
        let whole = [NEEDED_BY_DBT, others].concat();
        Self { whole, alone: [&[DBT_CORE], adapters].concat() }
    }
}

pub(crate) const DBT_CORE: &str = "dbt-core==1.12.6";
pub(crate) const DBT_DUCKDB: &str = "dbt-duckdb==1.11.1";
pub(crate) const DBT_POSTGRES: &str = "dbt-postgres==1.11.0";

/// What dbt-core and its adapters depend on, but for one package that downloads a program which
/// dbt uses only when asked.
const NEEDED_BY_DBT: &[&str] = &[
    "agate<1.15",
    "click>=8.3,<9",
    "daff",
    "dbt-adapters>=1.24.5,<2",
    "dbt-common>=1.37.5,<2",
    "dbt-extractor",
    "dbt-protos>=1.0.514,<2",
    "duckdb==1.5.6",
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
];

/// The Python of an environment, which is made anew when its packages changed.
pub(crate) fn environment(folder: &Path, packages: &Packages) -> Result<PathBuf> {
    let python = folder.join("bin/python");
    let mark = folder.join("installed");
    let wanted = [packages.whole.as_slice(), &packages.alone].concat().join(" ");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(&python).args(install).args(&packages.whole))?;
    if !packages.alone.is_empty() {
        run(Command::new(&python).args(install).arg("--no-deps").args(&packages.alone))?;
    }
    std::fs::write(mark, wanted)?;
    Ok(python)
}
