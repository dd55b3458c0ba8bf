//! Who runs a dbt project: we, dbt in Python (v1) and dbt in Rust (v2).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::super::measure::{Figure, measure};
use crate::python::{DBT_DUCKDB, Packages};
use crate::shell::{root, run as run_command};

const V1: &str = "dbt-core 1.12.6";
const V2_WHEEL: &str = "dbt-core==2.0.0a4";
/// The driver that v2 would fetch at its first run; the same version of `DuckDB` as v1's.
const V2_DRIVER: &str = "@duckdb/node-bindings-linux-x64@1.5.6-r.1";
const PROFILES: &str = "\
{profile}:
  target: duckdb
  outputs:
    duckdb: {type: duckdb, path: warehouse.duckdb, schema: main, threads: 2}
    millstream: {type: millstream, schema: main, threads: 2}
";

/// A program with dbt's command line.
pub(super) struct Contestant {
    pub(super) name: &'static str,
    program: Vec<PathBuf>,
    target: &'static str,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Contestant {
    /// Those that `MILLSTREAM_BENCH_CONTESTANTS` names, parted by commas; or all.
    pub(super) fn all() -> Result<Vec<Self>> {
        let names = std::env::var("MILLSTREAM_BENCH_CONTESTANTS");
        let names = names.as_deref().unwrap_or("millstream,v1,v2");
        names.split(',').map(Self::named).collect()
    }

    fn named(name: &str) -> Result<Self> {
        match name {
            "millstream" => Ok(Self {
                name: "millstream",
                program: vec![super::super::binary()?, "dbt".into()],
                target: "millstream",
                environment: Vec::new(),
            }),
            "v1" => {
                let python = super::super::python("dbt", &Packages::dbt(&[DBT_DUCKDB], &[]))?;
                Ok(Self {
                    name: V1,
                    program: vec![python.with_file_name("dbt")],
                    target: "duckdb",
                    environment: Vec::new(),
                })
            }
            "v2" => {
                let folder = v2()?;
                Ok(Self {
                    name: "dbt-core 2.0.0a4",
                    program: vec![folder.join("dbt")],
                    target: "duckdb",
                    environment: vec![
                        ("LD_LIBRARY_PATH", folder.clone()),
                        ("ADBC_DRIVER_PATH", folder),
                    ],
                })
            }
            _ => bail!("there is no contestant `{name}`: millstream, v1, v2"),
        }
    }

    pub(super) fn is_v1(&self) -> bool {
        self.name == V1
    }

    /// Runs dbt's command in a project to its end.
    pub(super) fn run(&self, project: &Path, verb: &[&str]) -> Result<Figure> {
        let mut command = Command::new(&self.program[0]);
        command.args(&self.program[1..]).args(verb).arg("--project-dir").arg(project);
        command.arg("--profiles-dir").arg(project).args(["--target", self.target]);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env("DBT_SEND_ANONYMOUS_USAGE_STATS", "false").env("DO_NOT_TRACK", "1");
        measure(command.current_dir(project))
    }
}

/// Puts what runs have left in a project out of its way. It is removed with `leftovers` only: for a
/// minute after files were removed, `ext4` searches longer for the place of each new one, and the
/// next run would pay for it.
pub(super) fn clean(project: &Path, leftovers: &TempDir) -> Result<()> {
    let aside = tempfile::tempdir_in(leftovers)?.keep();
    for name in ["target", "logs", ".millstream", "warehouse.duckdb", "warehouse.duckdb.wal"] {
        if project.join(name).exists() {
            std::fs::rename(project.join(name), aside.join(name))?;
        }
    }
    Ok(())
}

/// Lets every contestant run the project in its own way.
pub(super) fn write_profiles(project: &Path, profile: &str) -> Result<()> {
    let file = project.join("profiles.yml");
    std::fs::write(file, PROFILES.replace("{profile}", profile)).context("write profiles.yml")
}

/// What became of every node: its id and status. None of them may have failed.
pub(super) fn outcomes(project: &Path) -> Result<BTreeMap<String, String>> {
    let file = project.join("target/run_results.json");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let results: Value = serde_json::from_str(&text)?;
    let results = results["results"].as_array().context("run_results.json has results")?;
    let outcomes: BTreeMap<String, String> =
        results.iter().map(|one| (text_of(&one["unique_id"]), text_of(&one["status"]))).collect();
    let bad = outcomes.iter().find(|(_, status)| !matches!(status.as_str(), "success" | "pass"));
    ensure!(bad.is_none(), "{}: {bad:?}", file.display());
    Ok(outcomes)
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The folder that holds `dbt` in its second version, and what it needs.
fn v2() -> Result<PathBuf> {
    let folder = root().join("target/bench/dbt-v2");
    let mark = folder.join("installed");
    let wanted = format!("{V2_WHEEL} {V2_DRIVER}");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    let shell = format!(
        "set -eu
cd '{}'
python3 -m pip download --quiet --disable-pip-version-check --no-deps '{V2_WHEEL}'
python3 -m zipfile -e dbt_core-*.whl wheel
mv wheel/*.data/scripts/dbt dbt
chmod +x dbt
npm pack --silent '{V2_DRIVER}'
tar -xzf duckdb-node-bindings-*.tgz
mv package/libduckdb.so .
rm -r wheel package ./*.whl ./*.tgz",
        folder.display()
    );
    run_command(Command::new("sh").args(["-c", &shell]))?;
    let driver = format!(
        "manifest_version = 1\n[Driver]\nentrypoint = \"duckdb_adbc_init\"\n[Driver.shared]\n\
         linux_amd64 = \"{}\"\n",
        folder.join("libduckdb.so").display()
    );
    std::fs::write(folder.join("duckdb.toml"), driver)?;
    std::fs::write(mark, wanted)?;
    Ok(folder)
}
