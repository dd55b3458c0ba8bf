//! The environment that `pyproject.toml` and `uv.lock` of a project describe, made by uv.
//!
//! Each state of the lock has a folder of its own, so that what runs keeps its packages while
//! another state is made. One process makes it, the others wait; what a killed one left is made
//! anew.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use millstream_core::ContentHash;

use crate::error::PythonError;

/// What uv locks, and what it wrote about that.
const PROJECT: &str = "pyproject.toml";
const LOCK: &str = "uv.lock";
/// The files that decide which packages and which Python are there.
const DECIDING: [&str; 2] = [LOCK, ".python-version"];
/// Where environments lie, below the project. No environment of Millstream can have this name.
const FOLDER: &str = ".millstream/.python";
/// Says in a folder that all is there.
const COMPLETE: &str = ".complete";
/// Names the program, if it is not on the path.
const UV: &str = "MILLSTREAM_UV";
/// Of what uv says, so many lines at the end are told.
const LINES_MAX: usize = 30;

/// An environment that uv has locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedEnvironment {
    /// Where the files are that describe it.
    files: PathBuf,
    /// Where it lies: the files of a release share it with those of the project's folder.
    home: PathBuf,
    /// The hash of the lock.
    pub lock: ContentHash,
}

/// An environment that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeEnvironment {
    /// Its interpreter.
    pub interpreter: PathBuf,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it was made just now.
    pub is_new: bool,
}

impl LockedEnvironment {
    /// That of a project, if it has one: described by its files, made where it is at home.
    pub fn of(files: &Path, home: &Path) -> Option<Self> {
        if !files.join(PROJECT).is_file() {
            return None;
        }
        let lock = lock_hash(files)?;
        let placed = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Some(Self { files: placed(files), home: placed(home), lock })
    }

    /// Its folder, whether it is there or not.
    pub fn folder(&self) -> PathBuf {
        self.home.join(FOLDER).join(self.lock.short())
    }

    /// Whether it is there.
    pub fn is_made(&self) -> bool {
        self.folder().join(COMPLETE).is_file()
    }

    /// The environment; it is made if it is not there. Blocks.
    ///
    /// # Errors
    /// When uv is not there, or says why it cannot.
    pub fn made(&self) -> Result<MadeEnvironment, PythonError> {
        let folder = self.folder();
        let interpreter = folder.join("bin/python");
        let made = |is_new| MadeEnvironment { interpreter, folder: folder.clone(), is_new };
        if self.is_made() {
            return Ok(made(false));
        }
        let unwritable = |error: io::Error| PythonError::EnvironmentUnwritable {
            folder: folder.clone(),
            problem: error.to_string(),
        };
        let _turn = turn(&self.home, &self.lock).map_err(unwritable)?;
        // Whoever had the turn before may have made it.
        if self.is_made() {
            return Ok(made(false));
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(unwritable)?;
        }
        tracing::info!(folder = %folder.display(), "uv makes the Python environment");
        let mut uv = uv(&self.files);
        uv.args(["sync", "--frozen", "--no-dev"]).env("UV_PROJECT_ENVIRONMENT", &folder);
        said(uv)?;
        let complete = File::create(folder.join(COMPLETE)).and_then(|file| file.sync_all());
        complete.map_err(unwritable)?;
        Ok(made(true))
    }

    /// Locks the packages that `pyproject.toml` of a project asks for: writes its `uv.lock`.
    ///
    /// # Errors
    /// When there is no `pyproject.toml`, uv is not there, or says why it cannot.
    pub fn lock(project: &Path, upgrade: bool) -> Result<Self, PythonError> {
        if !project.join(PROJECT).is_file() {
            return Err(PythonError::NoProject { folder: project.to_owned() });
        }
        let mut uv = uv(project);
        uv.arg("lock");
        if upgrade {
            uv.arg("--upgrade");
        }
        said(uv)?;
        Self::of(project, project)
            .ok_or_else(|| PythonError::Unlocked { output: "no uv.lock".to_owned() })
    }

    /// Removes the environments of other states of the lock, and says which.
    ///
    /// # Errors
    /// When a folder cannot be removed.
    pub fn remove_others(&self) -> Result<Vec<PathBuf>, PythonError> {
        let (keep, all) = (self.folder(), self.home.join(FOLDER));
        let unwritable = |error: io::Error| PythonError::EnvironmentUnwritable {
            folder: all.clone(),
            problem: error.to_string(),
        };
        let mut removed = Vec::new();
        let Ok(entries) = fs::read_dir(&all) else { return Ok(removed) };
        for entry in entries {
            let path = entry.map_err(unwritable)?.path();
            if path.is_dir() && path != keep {
                fs::remove_dir_all(&path).map_err(unwritable)?;
                removed.push(path);
            }
        }
        removed.sort();
        Ok(removed)
    }
}

/// The hash of what a project has locked; none if it has locked nothing.
fn lock_hash(project: &Path) -> Option<ContentHash> {
    let mut parts = vec![fs::read(project.join(DECIDING[0])).ok()?];
    parts.extend(fs::read(project.join(DECIDING[1])).ok());
    Some(ContentHash::of_parts(parts))
}

/// Waits until nobody else makes the environment.
fn turn(home: &Path, lock: &ContentHash) -> io::Result<File> {
    let folder = home.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join(format!("{}.lock", lock.short())))?;
    file.lock()?;
    Ok(file)
}

fn uv(project: &Path) -> Command {
    let named = std::env::var_os(UV).filter(|named| !named.is_empty());
    let mut uv = Command::new(named.unwrap_or_else(|| "uv".into()));
    uv.args(["--no-progress", "--directory"]).arg(project);
    // What a shell has activated is not what is meant.
    uv.env_remove("VIRTUAL_ENV").stdin(Stdio::null());
    uv
}

/// Runs uv, and gives what it said if it could not.
fn said(mut uv: Command) -> Result<(), PythonError> {
    let done = uv.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => PythonError::NoUv,
        _ => PythonError::Unlocked { output: error.to_string() },
    })?;
    let output = String::from_utf8_lossy(&done.stderr).into_owned();
    for line in output.lines() {
        tracing::debug!("uv: {line}");
    }
    if done.status.success() {
        return Ok(());
    }
    let lines: Vec<&str> = output.trim().lines().collect();
    let last = lines[lines.len().saturating_sub(LINES_MAX)..].join("\n");
    Err(PythonError::Unlocked { output: last })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(PROJECT), "[project]").unwrap();
        fs::write(folder.path().join(LOCK), "version = 1").unwrap();
        folder
    }

    #[test]
    fn each_lock_has_a_folder_of_its_own() {
        let folder = project();
        let first = LockedEnvironment::of(folder.path(), folder.path()).unwrap();
        fs::write(folder.path().join(PROJECT), "[project]\nname = 'a'").unwrap();
        assert_eq!(LockedEnvironment::of(folder.path(), folder.path()).unwrap(), first);
        fs::write(folder.path().join(".python-version"), "3.12").unwrap();
        let second = LockedEnvironment::of(folder.path(), folder.path()).unwrap();
        assert_ne!(second.folder(), first.folder());
        fs::remove_file(folder.path().join(LOCK)).unwrap();
        assert_eq!(LockedEnvironment::of(folder.path(), folder.path()), None);
    }

    #[test]
    fn what_is_complete_is_not_made_again_and_others_can_be_removed() {
        let folder = project();
        let environment = LockedEnvironment::of(folder.path(), folder.path()).unwrap();
        fs::create_dir_all(environment.folder()).unwrap();
        assert!(!environment.is_made(), "a process may have been killed there");
        fs::write(environment.folder().join(COMPLETE), "").unwrap();
        let made = environment.made().unwrap();
        assert_eq!((made.is_new, made.folder), (false, environment.folder()));
        let other = folder.path().join(FOLDER).join("0123");
        fs::create_dir_all(other.join("bin")).unwrap();
        assert_eq!(environment.remove_others().unwrap(), [other]);
        assert!(environment.is_made());
    }
}
