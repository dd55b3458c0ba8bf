//! `cargo xtask conformance NAME`: outside suites and projects, run by the real binary.
//!
//! What passes is listed in `conformance`, and that list only grows.

mod api;
mod dbt_postgres;
mod golden;
mod lineage;
mod lists;
mod manifest;
mod program;
mod projects;
mod pytest;
mod room;
mod v2_parser;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// What a run is asked for.
#[derive(Debug, Default)]
struct Options {
    /// The folder that holds the projects which are in no registry.
    from: Option<PathBuf>,
    run_by: Who,
    found: Found,
    /// Parts of the suite; all of it if empty.
    parts: Vec<String>,
}

/// Whose program is run.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Who {
    #[default]
    Millstream,
    /// The peer: proves the harness, and makes what results are compared with.
    Dbt,
}

/// What is done with what was found.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Found {
    #[default]
    Compare,
    /// New passes and reasons are written to the lists, the peer's results to the goldens.
    Accept,
}

/// Runs one suite.
pub(crate) fn run(name: &str, words: &[&str]) -> Result<()> {
    let options = parse(words)?;
    match name {
        "api" => api::run(&options),
        "dbt-postgres" => dbt_postgres::run(&options),
        "dbt-utils" => projects::dbt_utils(&options),
        "jaffle" => projects::jaffle(&options),
        "lineage" => lineage::run(&options),
        "manifest" => manifest::run(&options),
        "v2-parser" => v2_parser::run(options),
        _ => bail!(
            "there is no suite `{name}`: api, dbt-postgres, dbt-utils, jaffle, lineage, manifest, \
             v2-parser"
        ),
    }
}

fn parse(words: &[&str]) -> Result<Options> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--from" => {
                let folder = words.next().context("--from needs a folder")?;
                options.from = Some(std::path::absolute(folder)?);
            }
            "--accept" => options.found = Found::Accept,
            "--real" => options.run_by = Who::Dbt,
            part if !part.starts_with('-') => options.parts.push(part.to_owned()),
            _ => bail!("there is no option `{word}`: --from DIR, --accept, --real, PART..."),
        }
    }
    Ok(options)
}
