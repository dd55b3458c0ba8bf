//! `dbt deps --add-package`: names a package in `packages.yml`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use millstream_core::error::{Plain, Result};
use serde_json::{Map, Value, json};

use super::{fetch, spec, write};
use crate::parse::yaml_file;

/// A package that is added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPackage {
    /// `hub`, `git` or `local`.
    pub source: String,
    /// Its name or address.
    pub name: String,
    /// Its version or revision.
    pub version: Option<String>,
}

impl NewPackage {
    /// Reads `name@version`.
    pub fn parse(source: &str, text: &str) -> Self {
        let (name, version) = match text.split_once('@') {
            Some((name, version)) if !version.contains('@') && !name.is_empty() => {
                (name, Some(version.to_owned()))
            }
            _ => (text, None),
        };
        Self { source: source.to_owned(), name: name.to_owned(), version }
    }

    /// Adds it in the place of entries of the same package.
    pub(super) fn add(&self, root: &Path) -> Result<PathBuf> {
        let entry = self.entry()?;
        let file = root.join(spec::PACKAGES);
        let said = if file.is_file() { yaml_file(&file, None)? } else { json!({}) };
        let mut said = said.as_object().cloned().unwrap_or_default();
        let known = said.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut packages: Vec<Value> =
            known.into_iter().filter(|known| !self.is_same(known)).collect();
        packages.push(Value::Object(entry));
        said.insert("packages".to_owned(), Value::Array(packages));
        let text = write::yaml(&Value::Object(said));
        fs::write(&file, text).map_err(|error| fetch::unwritable(&file, &error))?;
        Ok(file)
    }

    fn entry(&self) -> Result<Map<String, Value>> {
        let (key, version_key) = match self.source.as_str() {
            "hub" => ("package", "version"),
            "git" => ("git", "revision"),
            "local" => ("local", "version"),
            other => {
                let message = format!("`{other}` is no source of packages");
                let hint = "one of: hub, git, local";
                return Err(Plain::user("dbt.argument", message).with_hint(hint).into());
            }
        };
        let mut entry = Map::new();
        entry.insert(key.to_owned(), json!(self.name));
        if let Some(version) = &self.version {
            let version = if version.contains(',') {
                json!(version.split(',').collect::<Vec<_>>())
            } else {
                json!(version)
            };
            entry.insert(version_key.to_owned(), version);
        }
        Ok(entry)
    }

    /// Whether an entry is of this package, whatever it comes from and however words are joined.
    fn is_same(&self, entry: &Value) -> bool {
        let keys = ["package", "git", "local", "tarball", "private"];
        let known = keys.iter().find_map(|key| entry.get(key)?.as_str()).unwrap_or_default();
        let plain = |text: &str| text.trim_end_matches(".git").replace('-', "_");
        let short = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
        let (known, own) = (plain(known), plain(&self.name));
        known == own || short(&known) == short(&own)
    }
}

impl fmt::Display for NewPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}
