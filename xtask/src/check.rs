//! `cargo xtask check`: what can be known of the house without running it (DESIGN 4).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell::{self, cargo, output, root};

/// The largest source file; one that grows past it has more than one idea.
const SOURCE_BYTES_MAX: u64 = 24 * 1024;
/// Crates of which the lock file may hold one version only.
const SINGLE: [&str; 7] = [
    "arrow-array",
    "arrow-schema",
    "parquet",
    "datafusion",
    "object_store",
    "rusqlite",
    "libsqlite3-sys",
];
/// What only the engine may name.
const ENGINE_ONLY: [&str; 4] = ["datafusion", "deltalake-core", "ballista", "object_store"];
/// What rooms may depend on besides `core`: `ledger` and `guard` for all; the rest is listed.
const SHARED: [&str; 3] = ["millstream-core", "millstream-ledger", "millstream-guard"];
const SIDEWAYS: [(&str, &str); 8] = [
    ("millstream-command", "millstream-python"),
    ("millstream-notify", "millstream-project"),
    ("millstream-run", "millstream-project"),
    ("millstream-project", "millstream-dbt"),
    ("millstream-project", "millstream-files"),
    ("millstream-project", "millstream-jinja"),
    ("millstream-dbt", "millstream-files"),
    ("millstream-dbt", "millstream-jinja"),
];

/// Everything, lints included.
pub(crate) fn run() -> Result<()> {
    quick()?;
    shell::run(
        cargo(&["clippy", "--workspace", "--all-targets", "--profile", "ci"])
            .args(["--", "-D", "warnings"]),
    )
}

/// What takes seconds: format and invariants.
pub(crate) fn quick() -> Result<()> {
    shell::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    dependencies()?;
    single_versions()?;
    sources()?;
    tour()
}

/// Invariants 1 and 2: who may name whom.
fn dependencies() -> Result<()> {
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().context("cargo metadata has packages")? {
        let name = package["name"].as_str().unwrap_or_default();
        let all = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        for dependency in all.iter().filter(|dependency| dependency["kind"].is_null()) {
            let dependency = dependency["name"].as_str().unwrap_or_default();
            if !may_name(name, dependency) {
                wrong.push(format!("{name} must not depend on {dependency}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn may_name(package: &str, dependency: &str) -> bool {
    if matches!(package, "millstream" | "millstream-tests" | "xtask") {
        return !ENGINE_ONLY.contains(&dependency);
    }
    if ENGINE_ONLY.contains(&dependency) {
        return package == "millstream-engine";
    }
    if package == "millstream-core" {
        return !dependency.starts_with("millstream");
    }
    !dependency.starts_with("millstream")
        || SHARED.contains(&dependency)
        || SIDEWAYS.contains(&(package, dependency))
}

/// Invariant 6: one version of what would otherwise be linked twice.
fn single_versions() -> Result<()> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock"))?;
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lock.lines() {
        let name = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"'));
        if let Some(name) = name.filter(|name| SINGLE.contains(name)) {
            *versions.entry(name).or_default() += 1;
        }
    }
    let twice: Vec<_> = versions.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "more than one version in Cargo.lock: {twice:?}");
    Ok(())
}

/// Source files: small, and without what must not stay.
fn sources() -> Result<()> {
    let mut wrong = Vec::new();
    for folder in ["crates", "xtask", "tests"] {
        visit(&root().join(folder), &mut |path, text| {
            if text.len() as u64 > SOURCE_BYTES_MAX {
                wrong.push(format!("{} has {} bytes", path.display(), text.len()));
            }
            let forbidden = ["to", "do!("].concat();
            for word in [forbidden.as_str(), "#[async_trait", "#[ignore"] {
                let here = path.ends_with("xtask/src/check.rs");
                if text.contains(word) && !here {
                    wrong.push(format!("{} has `{word}`", path.display()));
                }
            }
        })?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path, &str)) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            visit(&path, each)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&path, &std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// The file names in ARCHITECTURE.md exist.
fn tour() -> Result<()> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md"))?;
    let names: BTreeSet<&str> =
        text.split('`').skip(1).step_by(2).filter(|name| is_path(name)).collect();
    ensure!(!names.is_empty(), "ARCHITECTURE.md names no file");
    let missing: Vec<_> = names.into_iter().filter(|name| !root().join(name).exists()).collect();
    ensure!(missing.is_empty(), "ARCHITECTURE.md names files that are not there: {missing:?}");
    Ok(())
}

fn is_path(name: &str) -> bool {
    name.starts_with("crates/") || name.starts_with("tests/") || name.starts_with("xtask/")
}
