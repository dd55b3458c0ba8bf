//! The column-lineage tests of sqllineage and sqlglot, out of their source archives: their edges
//! are compared with those of `millstream lineage`.

use anyhow::Result;

use super::lists::{Coverage, Lists};
use super::program::Program;
use super::{Options, Who, pytest};
use crate::python::{Packages, environment};
use crate::shell::{root, say};

const SQLGLOT: &str = "sqlglot==30.30.0";
const SQLLINEAGE: &str = "sqllineage==1.5.9";
/// The name of each suite, its archive and the tests in it that are of column lineage.
const SUITES: [(&str, &str, &str); 2] =
    [("sqllineage", SQLLINEAGE, "tests/sql/column"), ("sqlglot", SQLGLOT, "tests/test_lineage.py")];

pub(super) fn run(options: &Options) -> Result<()> {
    let work = root().join("target/conformance/lineage");
    let packages = Packages::whole(&[SQLGLOT, SQLLINEAGE, "pytest>=9,<10", "pytest-xdist"]);
    let python = environment(&work.join("python"), &packages)?;
    let program = Program::of(Who::Millstream, &python)?;
    let ours = root().join("conformance/lineage");
    for (name, archive, tests) in SUITES {
        if !options.parts.is_empty() && !options.parts.iter().any(|part| part == name) {
            continue;
        }
        let work = work.join(name);
        let suite = pytest::suite(&work, &python, archive)?;
        let mut judged = pytest::command(&python, &suite, &ours, "judge")?;
        judged
            .args(["--tb", "no", "-r", "N", tests])
            .env("MILLSTREAM_TEST_BINARY", program.own().get_program());
        let outcomes = pytest::outcomes(&mut judged, &work.join("outcomes.tsv"))?;
        say(name);
        Lists::read(&ours.join(name))?.judge(&outcomes, Coverage::All, options.found)?;
    }
    Ok(())
}
