//! The packages that a project names, in `packages.yml` or `dependencies.yml`.

use std::path::Path;

use millstream_core::error::{Plain, Result};
use serde_json::{Map, Value, json};

use super::{Deps, sha1};
use crate::parse::{Templates, yaml_file};

/// The files that name packages.
pub(super) const PACKAGES: &str = "packages.yml";
const DEPENDENCIES: &str = "dependencies.yml";

/// A package that is named.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spec {
    pub(super) from: From,
    /// What is said of it, templates filled in.
    said: Map<String, Value>,
    /// The same as it is written.
    written: Map<String, Value>,
}

/// Where a package comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum From {
    /// A folder, from the project's.
    Local(String),
    Git {
        url: String,
        revision: Option<String>,
        subdirectory: Option<String>,
        warns: bool,
    },
    Tarball {
        url: String,
        name: String,
    },
    Hub {
        package: String,
        versions: Vec<String>,
        with_prereleases: bool,
    },
}

impl From {
    /// What two that are the same package have in common.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Local(path) => path.clone(),
            Self::Git { url, subdirectory, .. } => {
                let url = url.strip_suffix(".git").unwrap_or(url);
                format!("{url}/{}", subdirectory.as_deref().unwrap_or_default())
            }
            Self::Tarball { name, .. } => name.clone(),
            Self::Hub { package, .. } => package.clone(),
        }
    }

    /// Its name in messages.
    pub(super) fn shown(&self) -> &str {
        match self {
            Self::Local(path) => path,
            Self::Git { url, .. } => url,
            Self::Tarball { name, .. } => name,
            Self::Hub { package, .. } => package,
        }
    }
}

impl Spec {
    /// A package of the registry that another one needs.
    pub(super) fn of_hub(package: String, versions: Vec<String>) -> Self {
        let from = From::Hub { package, versions, with_prereleases: false };
        Self { from, said: Map::new(), written: Map::new() }
    }

    /// A folder that a package in a folder names, from the project.
    pub(super) fn seen_from(mut self, outer: &From) -> Self {
        if let (From::Local(outer), From::Local(path)) = (outer, &mut self.from) {
            *path = format!("{outer}/{path}");
        }
        self
    }

    /// Its address as it is written: there secrets stand as templates.
    pub(super) fn written(&self, key: &str) -> Option<&str> {
        self.written.get(key).and_then(Value::as_str)
    }
}

/// The packages that the project names.
pub(super) fn of_project(deps: &Deps) -> Result<Vec<Spec>> {
    let templates = Templates { vars: deps.vars.clone(), env_var: deps.env_var.clone() };
    of_folder(&deps.root, Some(&templates))
}

/// The packages that a folder names. Templates of packages see the same as those of the project.
pub(super) fn of_folder(folder: &Path, templates: Option<&Templates>) -> Result<Vec<Spec>> {
    let packages = list(&folder.join(PACKAGES), templates)?;
    let dependencies = list(&folder.join(DEPENDENCIES), None)?;
    if !packages.is_empty() && !dependencies.is_empty() {
        let message = "both packages.yml and dependencies.yml name packages";
        let hint = "move all packages into one of them";
        return Err(Plain::user("dbt.package_invalid", message).with_hint(hint).into());
    }
    Ok([packages, dependencies].concat())
}

/// The packages of a file; none if there is no such file.
pub(super) fn list(file: &Path, templates: Option<&Templates>) -> Result<Vec<Spec>> {
    if !file.is_file() {
        return Ok(Vec::new());
    }
    let written = yaml_file(file, None)?;
    let said = yaml_file(file, templates)?;
    let items = |value: &Value| value.get("packages").and_then(Value::as_array).cloned();
    let said = items(&said).unwrap_or_default();
    let written = items(&written).unwrap_or_default();
    said.into_iter().zip(written).map(|(said, written)| spec(said, written, file)).collect()
}

fn spec(said: Value, written: Value, file: &Path) -> Result<Spec> {
    let invalid = |message: &str| {
        let message = format!("{} is malformed: {message}", file.display());
        let hint = "a package has one of the keys: local, git, tarball, package";
        Plain::user("dbt.package_invalid", message).with_hint(hint)
    };
    let (Value::Object(said), Value::Object(written)) = (said, written) else {
        return Err(invalid("a package is no dictionary").into());
    };
    let text = |key: &str| said.get(key).and_then(text).filter(|text| !text.is_empty());
    let is_set = |key: &str| said.get(key).and_then(Value::as_bool);
    let from = if let Some(path) = text("local") {
        From::Local(path)
    } else if let Some(url) = text("git") {
        From::Git {
            url,
            revision: text("revision"),
            subdirectory: text("subdirectory"),
            warns: is_set("warn-unpinned").or_else(|| is_set("warn_unpinned")) != Some(false),
        }
    } else if let Some(url) = text("tarball") {
        let name = text("name").ok_or_else(|| invalid("a tarball has a name"))?;
        From::Tarball { url, name }
    } else if let Some(package) = text("package") {
        if !package.contains('/') {
            let message = format!("{package} has no namespace, e.g dbt-labs/dbt_utils");
            return Err(invalid(&message).into());
        }
        let versions = match said.get("version") {
            Some(Value::Array(items)) => items.iter().filter_map(self::text).collect(),
            other => Vec::from_iter(other.and_then(self::text)),
        };
        if versions.is_empty() {
            return Err(invalid(&format!("{package} is missing the version")).into());
        }
        let with_prereleases =
            is_set("install-prerelease").or_else(|| is_set("install_prerelease")) == Some(true);
        From::Hub { package, versions, with_prereleases }
    } else {
        return Err(invalid("a package says not where it comes from").into());
    };
    Ok(Spec { from, said, written })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What dbt tells two lists of packages apart by.
pub(super) fn hash(specs: &[Spec]) -> String {
    let mut texts: Vec<String> = specs.iter().map(|spec| python_json(&spec.hashed())).collect();
    texts.sort_unstable();
    sha1::hex(&texts.join("\n"))
}

impl Spec {
    /// What dbt hashes of it.
    fn hashed(&self) -> Value {
        let said = |key: &str| self.said.get(key).cloned().unwrap_or(Value::Null);
        let warns = || {
            let said = self.said.get("warn-unpinned").or(self.said.get("warn_unpinned"));
            said.cloned().unwrap_or(Value::Null)
        };
        let mut all = match &self.from {
            From::Local(_) => json!({"local": said("local")}),
            From::Git { .. } => json!({
                "git": said("git"), "revision": said("revision"), "warn-unpinned": warns(),
                "subdirectory": said("subdirectory"),
            }),
            From::Tarball { .. } => json!({"tarball": said("tarball")}),
            From::Hub { with_prereleases, .. } => json!({
                "package": said("package"), "version": said("version"),
                "install_prerelease": with_prereleases,
            }),
        };
        if let Some(name) = self.said.get("name") {
            all["name"] = name.clone();
        }
        all["unrendered"] = json!(self.written);
        all
    }
}

/// JSON as Python writes it with `sort_keys`.
fn python_json(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            let pairs = keys
                .into_iter()
                .map(|key| format!("{}: {}", python_json(&json!(key)), python_json(&map[key])));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(python_json).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => {
            let escaped = json!(text).to_string();
            let mut ascii = String::with_capacity(escaped.len());
            let mut units = [0; 2];
            for letter in escaped.chars() {
                if letter.is_ascii() {
                    ascii.push(letter);
                } else {
                    let codes = letter.encode_utf16(&mut units).iter();
                    ascii.extend(codes.map(|unit| format!("\\u{unit:04x}")));
                }
            }
            ascii
        }
        other => other.to_string(),
    }
}
