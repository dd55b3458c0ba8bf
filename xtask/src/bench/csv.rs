//! CSV of TPC-H lineitem into a table, against `DuckDB` writing the same CSV to zstd Parquet.
//!
//! `MILLSTREAM_BENCH_SCALE` is the scale factor of TPC-H: 1 is 766 MB, 10 is 7.7 GB.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use millstream_tests::TestProject;

use super::measure::{compare, measure};
use crate::python::Packages;
use crate::shell::{root, run as run_command};

const RUNS: usize = 3;
const PACKAGES: [&str; 2] = ["duckdb==2.0.0", "tpchgen-cli==4.0.0"];
const COLUMNS: [(&str, &str); 16] = [
    ("l_orderkey", "bigint"),
    ("l_partkey", "bigint"),
    ("l_suppkey", "bigint"),
    ("l_linenumber", "integer"),
    ("l_quantity", "decimal(15,2)"),
    ("l_extendedprice", "decimal(15,2)"),
    ("l_discount", "decimal(15,2)"),
    ("l_tax", "decimal(15,2)"),
    ("l_returnflag", "text"),
    ("l_linestatus", "text"),
    ("l_shipdate", "date"),
    ("l_commitdate", "date"),
    ("l_receiptdate", "date"),
    ("l_shipinstruct", "text"),
    ("l_shipmode", "text"),
    ("l_comment", "text"),
];

pub(super) fn run() -> Result<()> {
    let binary = super::binary()?;
    let python = super::python("csv", &Packages::whole(&PACKAGES))?;
    let scale = std::env::var("MILLSTREAM_BENCH_SCALE").unwrap_or_else(|_| "1".to_owned());
    let folder = root().join("target/bench").join(format!("tpch-{scale}"));
    let file = folder.join("lineitem.csv");
    if !file.exists() {
        let mut generate = Command::new(python.with_file_name("tpchgen-cli"));
        generate.args(["csv", "-s", &scale, "--tables", "lineitem", "--output-dir"]).arg(&folder);
        run_command(&mut generate)?;
    }
    let columns: Vec<String> =
        COLUMNS.iter().map(|(name, sql)| format!("{{name: {name}, type: \"{sql}\"}}")).collect();
    let source = format!(
        "sources:\n  - name: tpch\n    connector: file\n    keep_raw: 0d\n    streams:\n      \
         - {{name: lineitem, path: \"{}\", columns: [{}]}}\n",
        file.display(),
        columns.join(", ")
    );
    let new_project =
        || TestProject::of(&[("millstream.yml", "name: tpch\n"), ("sources/tpch.yml", &source)]);
    let ours = |project: &TestProject| {
        let mut command = Command::new(&binary);
        measure(command.arg("-C").arg(project.path()).arg("run"))
    };
    let peer = |parquet: &Path| {
        let mut command = Command::new(&python);
        command.arg(root().join("bench/peers/duckdb_csv.py")).arg(&file).arg(parquet);
        command.args(COLUMNS.map(|(name, sql)| format!("{name}={sql}")));
        measure(&mut command)
    };
    let out = tempfile::tempdir()?;
    let parquet = out.path().join("lineitem.parquet");
    {
        let project = new_project();
        ours(&project)?;
        peer(&parquet)?;
        let mut same = Command::new(&python);
        same.arg(root().join("bench/peers/same_rows.py"));
        same.arg(project.path().join(".millstream/dev/lake/tpch/lineitem/*.parquet"));
        run_command(same.arg(&parquet).args(COLUMNS.map(|(name, _)| name)))?;
    }
    let name = format!("lineitem, scale {scale}");
    compare(&name, RUNS, || ours(&new_project()), "DuckDB 2.0.0", || peer(&parquet))
}
