//! `package-lock.yml`: exactly which packages were found.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_core::error::{Plain, Result};
use serde_json::{Value, json};

use super::resolve::Resolved;
use super::spec::{self, Spec};
use super::{Deps, fetch, write};
use crate::parse::{Templates, yaml_file};

/// The file.
const LOCK: &str = "package-lock.yml";

/// Of which `packages.yml` the lock was made.
pub(super) fn hash_of(root: &Path) -> Option<String> {
    let file = root.join(LOCK);
    let said = file.is_file().then(|| yaml_file(&file, None).ok()).flatten()?;
    said.get("sha1_hash").and_then(Value::as_str).map(str::to_owned)
}

/// Writes the lock.
pub(super) fn write(root: &Path, resolved: &[Resolved], hash: &str) -> Result<PathBuf> {
    let packages: Vec<_> = resolved.iter().map(|package| &package.locked).collect();
    let text = write::yaml(&json!({"packages": packages, "sha1_hash": hash}));
    let file = root.join(LOCK);
    fs::write(&file, text).map_err(|error| fetch::unwritable(&file, &error))?;
    Ok(file)
}

/// The packages of the lock with the names of their projects, if it says them.
pub(super) fn read(deps: &Deps) -> Result<Vec<(Option<String>, Spec)>> {
    let file = deps.root.join(LOCK);
    let templates = Templates { vars: deps.vars.clone(), env_var: deps.env_var.clone() };
    let specs = spec::list(&file, Some(&templates))?;
    if specs.is_empty() {
        let message = format!("{} names no packages", file.display());
        let hint = "run `millstream dbt deps --upgrade`";
        return Err(Plain::user("dbt.package_invalid", message).with_hint(hint).into());
    }
    let named = |spec: Spec| (spec.written("name").map(str::to_owned), spec);
    Ok(specs.into_iter().map(named).collect())
}
