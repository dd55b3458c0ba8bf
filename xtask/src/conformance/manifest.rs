//! `cargo xtask conformance manifest`: manifests of own projects, as real dbt writes them.
//!
//! Goldens are what dbt says of `conformance/manifest/projects`; the end-to-end tests compare with
//! them where no dbt is. With `--from` the projects of others are read by both programs, too.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use millstream_tests::manifest::Normalized;

use super::program::Program;
use super::{Found, Options, Who};
use crate::python::{DBT_DUCKDB, DBT_POSTGRES, Packages, environment};
use crate::shell::{output, root, say};

/// Copies of the projects of others: the folder to copy, and the project in it.
const OTHERS: [(&str, &str); 3] = [
    ("jaffle_shop_duckdb", "jaffle_shop_duckdb"),
    ("jaffle-shop", "jaffle-shop"),
    ("dbt-utils", "dbt-utils/integration_tests"),
];

/// Where dbt is wrong about the projects of others: the resource, the field, and why.
const MISTAKES: [(&str, &str, &str); 1] = [(
    "nodes test.dbt_utils_integration_tests.dbt_utils_not_empty_string_",
    ".depends_on.macros",
    "dbt names the project's macro of that name, though the test calls that of its package",
)];

/// Both programs; dbt alone with `--real`, which suffices to make the goldens.
struct Programs {
    dbt: Program,
    own: Option<Program>,
}

/// Makes or checks the goldens, and compares what we say with what dbt says.
pub(super) fn run(options: &Options) -> Result<()> {
    let packages = Packages::dbt(&[DBT_DUCKDB, DBT_POSTGRES], &["psycopg2-binary>=2.9,<3"]);
    let python = environment(&root().join("target/conformance/dbt/python"), &packages)?;
    let own = match options.run_by {
        Who::Millstream => Some(Program::of(Who::Millstream, &python)?),
        Who::Dbt => None,
    };
    let programs = Programs { dbt: Program::of(Who::Dbt, &python)?, own };
    let folder = root().join("conformance/manifest");
    for name in own_projects(&folder)? {
        let project = copy(&folder.join("projects").join(&name), &name)?;
        let found = programs.dbt.manifest(&project, "dbt")?;
        let golden = folder.join(format!("{name}.tsv"));
        if options.found == Found::Accept {
            std::fs::write(&golden, found.text())?;
        }
        let text = std::fs::read_to_string(&golden).context("--accept makes the goldens")?;
        same(&name, "the golden", &Normalized::parse(&text), &found)?;
        programs.compare(&name, &project, &found)?;
    }
    let Some(from) = &options.from else { return Ok(()) };
    for (repository, inside) in OTHERS {
        let around = copy(&from.join(repository), repository)?;
        let project = around.parent().context("a folder around it")?.join(inside);
        compare_others(&programs, from, &project)?;
    }
    Ok(())
}

fn own_projects(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join("projects"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn compare_others(programs: &Programs, from: &Path, project: &Path) -> Result<()> {
    let profile = std::fs::read_to_string(project.join("dbt_project.yml"))?;
    let profile = profile.lines().find_map(|line| line.strip_prefix("profile:"));
    let profile = profile.context("the project names a profile")?;
    let profile = profile.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
    let output = "{type: postgres, host: localhost, port: 5432, user: u, pass: p, dbname: d, \
                  schema: main, threads: 2}";
    let profiles = format!("{profile}: {{target: dev, outputs: {{dev: {output}}}}}\n");
    std::fs::write(project.join("profiles.yml"), profiles)?;
    if project.ends_with("jaffle-shop") {
        super::projects::with_local_packages(project, |name, around| {
            copy_into(&from.join(name), &around.join(name))
        })?;
    }
    let found = programs.dbt.manifest(project, "dbt")?;
    programs.compare(&project.display().to_string(), project, &found)
}

impl Programs {
    /// Holds what we say of a project against what dbt says.
    fn compare(&self, name: &str, project: &Path, expected: &Normalized) -> Result<()> {
        match &self.own {
            Some(own) => same(name, "ours", expected, &own.manifest(project, "own")?),
            None => Ok(()),
        }
    }
}

fn same(name: &str, whose: &str, expected: &Normalized, found: &Normalized) -> Result<()> {
    let mut differences = expected.differences(found);
    differences.retain(|difference| !is_mistake(difference));
    ensure!(differences.is_empty(), "{name}: {whose} is not dbt's:\n{}", differences.join("\n"));
    say(&format!("{name}: {whose} is dbt's"));
    Ok(())
}

fn is_mistake(difference: &str) -> bool {
    let place = difference.lines().next().unwrap_or_default();
    MISTAKES.iter().any(|(of, field, _)| place.starts_with(of) && place.contains(field))
}

fn copy(folder: &Path, name: &str) -> Result<PathBuf> {
    let target = root().join("target/conformance/manifest").join(name);
    copy_into(folder, &target)?;
    Ok(target)
}

fn copy_into(folder: &Path, target: &Path) -> Result<()> {
    if target.exists() {
        std::fs::remove_dir_all(target)?;
    }
    std::fs::create_dir_all(target.parent().context("a folder around it")?)?;
    output(Command::new("cp").arg("-r").arg(folder).arg(target))?;
    Ok(())
}

impl Program {
    /// What the program says of a project, whose packages it installs first.
    fn manifest(&self, project: &Path, name: &str) -> Result<Normalized> {
        let target = format!("target-{name}");
        let words: [&[&str]; 2] =
            [&["deps"], &["parse", "--no-partial-parse", "--target-path", &target]];
        for arguments in words {
            if arguments == ["deps"] && !project.join("packages.yml").exists() {
                continue;
            }
            let mut command = self.dbt();
            command.args(arguments).args(["--profiles-dir", "."]);
            let output = command.current_dir(project).output().context("start the program")?;
            let said = String::from_utf8_lossy(&output.stdout);
            ensure!(output.status.success(), "{} {arguments:?}:\n{said}", project.display());
        }
        Normalized::read(&project.join(target))
    }
}
