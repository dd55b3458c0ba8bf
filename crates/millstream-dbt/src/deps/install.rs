//! Puts packages into the folder of packages.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_core::error::{Plain, Result};

use super::fetch::{Downloads, unwritable};
use super::resolve::{check_name, name_of};
use super::spec::{From, Spec};
use super::{Deps, Line, hub};

/// A package that is here and not installed yet.
struct Brought {
    name: String,
    folder: PathBuf,
    /// It stays where it is.
    is_local: bool,
    lines: Vec<String>,
}

/// Brings all packages here, and then puts them in the place of those that are installed.
pub(super) fn install(
    deps: &Deps,
    locked: &[(Option<String>, Spec)],
    downloads: &Downloads,
    say: &mut dyn FnMut(Line),
) -> Result<()> {
    let mut brought = Vec::new();
    for (name, spec) in locked {
        say(Line::Says(format!("Installing {}", spec.from.shown())));
        let package = bring(deps, name.clone(), &spec.from, downloads)?;
        package.lines.iter().for_each(|line| say(Line::Says(line.clone())));
        brought.push(package);
    }
    let target = deps.root.join(&deps.install_path);
    check_target(deps, &target)?;
    let failed = |error: io::Error| unwritable(&target, &error);
    if target.exists() {
        fs::remove_dir_all(&target).map_err(failed)?;
    }
    fs::create_dir_all(&target).map_err(failed)?;
    for package in brought {
        put(&package, &target.join(&package.name)).map_err(failed)?;
    }
    Ok(())
}

/// The folder of packages is emptied: it may not be one that holds the project.
fn check_target(deps: &Deps, target: &Path) -> Result<()> {
    let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let (root, target) = (real(&deps.root), real(target));
    if !root.starts_with(&target) {
        return Ok(());
    }
    let message = format!("packages cannot be installed in `{}`", deps.install_path.display());
    let hint = "set packages-install-path to a folder of its own";
    Err(Plain::user("dbt.package_install", message).with_hint(hint).into())
}

fn bring(deps: &Deps, name: Option<String>, from: &From, downloads: &Downloads) -> Result<Brought> {
    let mut lines = Vec::new();
    let mut said = None;
    let (folder, is_local) = match from {
        From::Local(path) => {
            lines.push(format!("Installed from <local @ {path}>"));
            (deps.root.join(path), true)
        }
        From::Git { url, revision, subdirectory, .. } => {
            let revision = revision.as_deref().unwrap_or("HEAD");
            lines.push(format!("Installed from revision {revision}"));
            lines.extend(subdirectory.as_ref().map(|below| format!("and subdirectory {below}")));
            (downloads.git(url, revision, subdirectory.as_deref())?.0, false)
        }
        From::Tarball { url, name } => {
            lines.push(format!("Installed from tarball (url: {url})"));
            said = Some(name.clone());
            (downloads.tarball(url)?, false)
        }
        From::Hub { package, versions, with_prereleases } => {
            let found = hub::find(&deps.env_var, package, versions, *with_prereleases)?;
            lines.push(format!("Installed from version {}", found.version));
            lines.push(if found.version == found.latest {
                "Up to date!".to_owned()
            } else {
                format!("Updated version available: {}", found.latest)
            });
            said = Some(found.name);
            (downloads.tarball(&found.tarball)?, false)
        }
    };
    let name = match said.or(name) {
        Some(name) => name,
        None => name_of(&folder)?,
    };
    check_name(&name)?;
    Ok(Brought { name, folder, is_local, lines })
}

fn put(package: &Brought, place: &Path) -> io::Result<()> {
    let folder = fs::canonicalize(&package.folder)?;
    if package.is_local {
        return link(&folder, place);
    }
    fs::rename(&folder, place).or_else(|_| copy(&folder, place))
}

#[cfg(unix)]
fn link(folder: &Path, place: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(folder, place)
}

#[cfg(not(unix))]
fn link(folder: &Path, place: &Path) -> io::Result<()> {
    copy(folder, place)
}

fn copy(folder: &Path, place: &Path) -> io::Result<()> {
    fs::create_dir_all(place)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (from, to) = (entry.path(), place.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&from, &to)?;
        } else {
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}
