//! Finds what named packages mean, and what those name in turn.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use millstream_core::error::{Plain, Result};
use serde_json::{Map, Value, json};

use super::fetch::Downloads;
use super::spec::{self, From, Spec};
use super::{Deps, Line, hub};
use crate::parse::{Templates, yaml_file};

/// A package of which is known what it is.
#[derive(Debug)]
pub(super) struct Resolved {
    /// The name of its project.
    pub(super) name: String,
    /// What the lock says of it.
    pub(super) locked: Map<String, Value>,
    from: From,
}

/// All packages that are needed. Two of a name are an error.
pub(super) fn resolve(
    deps: &Deps,
    named: &[Spec],
    downloads: &Downloads,
    say: &mut dyn FnMut(Line),
) -> Result<Vec<Resolved>> {
    let templates = Templates { vars: deps.vars.clone(), env_var: deps.env_var.clone() };
    let mut resolver = Resolver { deps, downloads, templates, found: Vec::new(), say };
    let mut pending: VecDeque<Spec> = named.to_vec().into();
    while let Some(spec) = pending.pop_front() {
        pending.extend(resolver.add(&spec)?);
    }
    let mut names: HashMap<String, &str> = HashMap::new();
    names.insert(name_of(&deps.root)?, "the project itself");
    for package in &resolver.found {
        if let Some(first) = names.insert(package.name.clone(), package.from.shown()) {
            let message = format!(
                "Found duplicate project \"{}\". This occurs when a dependency has the same \
                 project name as some other dependency: {first} and {}",
                package.name,
                package.from.shown()
            );
            return Err(Plain::user("dbt.package_duplicate", message).into());
        }
    }
    Ok(resolver.found)
}

struct Resolver<'a> {
    deps: &'a Deps,
    downloads: &'a Downloads,
    templates: Templates,
    found: Vec<Resolved>,
    say: &'a mut dyn FnMut(Line),
}

impl Resolver<'_> {
    /// Adds a package; gives those that it names.
    fn add(&mut self, spec: &Spec) -> Result<Vec<Spec>> {
        let key = spec.from.key();
        let known = self.found.iter().position(|known| known.from.key() == key);
        let from = match known {
            Some(known) => match together(&self.found[known].from, &spec.from)? {
                Some(from) => from,
                None => return Ok(Vec::new()),
            },
            None => spec.from.clone(),
        };
        let (resolved, needed) = self.resolved(spec, from)?;
        match known {
            Some(known) => self.found[known] = resolved,
            None => self.found.push(resolved),
        }
        Ok(needed)
    }

    fn resolved(&mut self, spec: &Spec, from: From) -> Result<(Resolved, Vec<Spec>)> {
        let written =
            |key: &str, otherwise: &str| spec.written(key).unwrap_or(otherwise).to_owned();
        let (folder, locked) = match &from {
            From::Local(path) => (self.deps.root.join(path), json!({"local": path})),
            From::Git { url, revision, subdirectory, warns } => {
                let asked = revision.as_deref().unwrap_or("HEAD");
                if *warns && matches!(asked, "HEAD" | "main" | "master") {
                    (self.say)(Line::Warns(unpinned(url, asked)));
                }
                let (folder, commit) = self.downloads.git(url, asked, subdirectory.as_deref())?;
                let mut locked = json!({"git": written("git", url), "revision": commit});
                if let Some(subdirectory) = subdirectory {
                    locked["subdirectory"] = json!(subdirectory);
                }
                (folder, locked)
            }
            From::Tarball { url, name } => {
                let locked = json!({"tarball": written("tarball", url), "name": name});
                (self.downloads.tarball(url)?, locked)
            }
            From::Hub { package, versions, with_prereleases } => {
                let found = hub::find(&self.deps.env_var, package, versions, *with_prereleases)?;
                let locked = json!({"package": package, "version": found.version});
                let needed = found
                    .packages
                    .iter()
                    .map(|(package, versions)| Spec::of_hub(package.clone(), versions.clone()));
                let needed = needed.collect();
                return Ok((Resolved::new(found.name, locked, from)?, needed));
            }
        };
        let name = match &from {
            From::Tarball { name, .. } => name.clone(),
            _ => name_of(&folder)?,
        };
        let needed = spec::of_folder(&folder, Some(&self.templates))?;
        let needed = needed.into_iter().map(|needed| needed.seen_from(&from)).collect();
        Ok((Resolved::new(name, locked, from)?, needed))
    }
}

impl Resolved {
    fn new(name: String, locked: Value, from: From) -> Result<Self> {
        check_name(&name)?;
        let mut locked = match locked {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        locked.insert("name".to_owned(), json!(name));
        Ok(Self { name, locked, from })
    }
}

/// What is asked for in two places; `None` if the second asks for nothing new.
fn together(known: &From, asked: &From) -> Result<Option<From>> {
    match (known, asked) {
        (From::Git { url, revision: known, .. }, From::Git { revision: asked, .. }) => {
            if known == asked {
                return Ok(None);
            }
            let shown = |revision: &Option<String>| revision.clone().unwrap_or("HEAD".to_owned());
            let message = format!(
                "git dependencies should contain exactly one version. {url} contains: {} and {}",
                shown(known),
                shown(asked)
            );
            Err(Plain::user("dbt.package_version", message).into())
        }
        (
            From::Hub { package, versions, with_prereleases },
            From::Hub { versions: more, with_prereleases: too, .. },
        ) => {
            let new = more.iter().filter(|version| !versions.contains(version)).cloned();
            let all: Vec<String> = versions.iter().cloned().chain(new).collect();
            if all.len() == versions.len() {
                return Ok(None);
            }
            let with_prereleases = *with_prereleases || *too;
            Ok(Some(From::Hub { package: package.clone(), versions: all, with_prereleases }))
        }
        _ => Ok(None),
    }
}

fn unpinned(url: &str, revision: &str) -> String {
    let how = match revision {
        "HEAD" => "not pinned, using HEAD (default branch)".to_owned(),
        branch => format!("pinned to the \"{branch}\" branch"),
    };
    format!(
        "The git package \"{url}\" \n\tis {how}.\n\tThis can \
         introduce breaking changes into your project without warning!\n\nSee \
         https://docs.getdbt.com/docs/package-management#section-specifying-package-versions"
    )
}

/// The name of the project in a folder.
pub(super) fn name_of(folder: &Path) -> Result<String> {
    let file: PathBuf = folder.join("dbt_project.yml");
    if !file.is_file() {
        let message = format!("there is no dbt_project.yml in `{}`", folder.display());
        return Err(Plain::user("dbt.package_missing", message).into());
    }
    let said = yaml_file(&file, None)?;
    let Some(name) = said.get("name").and_then(Value::as_str) else {
        let message = format!("{} has no name", file.display());
        return Err(Plain::user("dbt.package_invalid", message).into());
    };
    Ok(name.to_owned())
}

/// A name becomes the name of a folder.
pub(super) fn check_name(name: &str) -> Result<()> {
    let is_word = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if is_word && !name.is_empty() {
        return Ok(());
    }
    let message = format!("`{name}` is no name of a package");
    let hint = "a name has letters, digits and `_`";
    Err(Plain::user("dbt.package_invalid", message).with_hint(hint).into())
}
