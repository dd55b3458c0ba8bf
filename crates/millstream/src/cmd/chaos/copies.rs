//! Copies of a project with its environment, each in a folder of its own, so that whatever a run
//! does there it does to the copy.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_backup::{Item, Nature, Need, link};
use millstream_core::clock::Clock;
use millstream_core::error::Result;
use millstream_project::{Branch, Project, state_dir};

use crate::cli::Global;
use crate::exit::Failure;
use crate::output::print_note;
use crate::wire::{Opened, beside, make_branch, remove_folder, unwritable, write_record};

/// What of a project no copy has: what Millstream and git keep, and whom to tell of failures.
const LEFT_OUT: [&str; 3] = [".millstream", ".git", "notifications"];
/// A file of a virtual environment of Python, whose folder is large and only read.
const VIRTUAL_ENVIRONMENT: &str = "pyvenv.cfg";
/// The folder of packages of Node, the same.
const NODE_PACKAGES: &str = "node_modules";
/// What of an environment never changes once it is there.
const SEALED: [&str; 3] = ["lake", "raw", "models"];
/// The environment of a copy, unless the project declares one of this name.
const NAME: &str = "chaos";
/// What the folder of copies that stay ends with.
const KEPT: &str = ".kept";
/// The copy from which all others are made.
const BASE: &str = "base";

/// What a copy begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// With nothing.
    Empty,
    /// With what the environment has now.
    Environment,
}

/// The copies of one command, below one folder.
#[derive(Debug)]
pub struct Copies {
    global: Global,
    folder: PathBuf,
    /// The name of the environment in all of them.
    environment: String,
    seed: u64,
}

impl Copies {
    /// Makes the copy from which all others are made.
    pub async fn begin(
        global: &Global,
        project: &Project,
        seed: u64,
        begin: Begin,
    ) -> std::result::Result<Self, Failure> {
        // The name of an environment has no dot.
        let folder = state_dir(&project.home, &format!("chaos.{seed}"));
        remove_folder(&folder)?;
        let environment = free_name(&project.environments);
        let copies = Self { global: global.clone(), folder, environment, seed };
        copy_folder(&project.root, copies.base(), &LEFT_OUT)?;
        if let Err(failure) = copies.fill_base(project, begin).await {
            copies.end()?;
            return Err(failure);
        }
        Ok(copies)
    }

    async fn fill_base(&self, project: &Project, begin: Begin) -> std::result::Result<(), Failure> {
        let from = &project.environment;
        let branch = Branch {
            from: from.name.clone(),
            settings: from.branch.as_ref().map_or(&from.name, |branch| &branch.settings).clone(),
            at: Clock::System.now(),
        };
        let environment = branch.environment(from, &self.environment, &self.base());
        if begin == Begin::Environment {
            let opened = Opened::open(&self.global, "chaos").await?;
            let (_, left_out) = make_branch(&opened, &environment, &branch).await?;
            for what in left_out {
                print_note(&format!("warning: {what} is not in the copies, which have their own"));
            }
            return Ok(());
        }
        fs::create_dir_all(&environment.root).map_err(unwritable(&environment.root))?;
        Ok(write_record(&environment.root, &branch)?)
    }

    /// What decides when kills come.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The copy from which all others are made.
    pub fn base(&self) -> PathBuf {
        self.path(BASE)
    }

    /// Where a copy lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The command line in a copy.
    pub fn within(&self, copy: impl Into<PathBuf>) -> Global {
        Global {
            directory: copy.into(),
            env: Some(self.environment.clone()),
            ..self.global.clone()
        }
    }

    /// The environment in all copies.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// Makes a copy that nobody has touched.
    pub fn fresh(&self, name: &str) -> Result<PathBuf> {
        let (base, copy) = (self.base(), self.path(name));
        remove_folder(&copy)?;
        copy_folder(&base, copy.clone(), &LEFT_OUT)?;
        let from = state_dir(&base, &self.environment);
        let mut items = Vec::new();
        collect(&from, "", &mut items).map_err(unwritable(&from))?;
        link(&items, &state_dir(&copy, &self.environment))?;
        Ok(copy)
    }

    /// Removes a copy.
    pub fn remove(&self, name: &str) -> Result<()> {
        remove_folder(&self.path(name))
    }

    /// Lets a copy stay, to be looked at, when the others go. Gives its place.
    pub fn keep(&self, name: &str) -> Result<PathBuf> {
        let kept = beside(&self.folder, KEPT);
        let (from, to) = (self.path(name), kept.join(name));
        remove_folder(&to)?;
        fs::create_dir_all(&kept).map_err(unwritable(&kept))?;
        fs::rename(&from, &to).map_err(unwritable(&from))?;
        Ok(to)
    }

    /// Removes all that is not kept.
    pub fn end(&self) -> Result<()> {
        remove_folder(&self.folder)
    }
}

/// A name that the project has not given away.
fn free_name(taken: &[String]) -> String {
    let mut name = NAME.to_owned();
    while taken.contains(&name) {
        name.push_str("-copy");
    }
    name
}

/// Copies a folder without some of the names in it.
fn copy_folder(from: &Path, to: impl Into<PathBuf>, left_out: &[&str]) -> Result<()> {
    let to = to.into();
    let copied = || {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            if !left_out.iter().any(|name| entry.file_name() == **name) {
                copy(&entry, &to.join(entry.file_name()))?;
            }
        }
        Ok(())
    };
    copied().map_err(unwritable(from))
}

fn copy(entry: &fs::DirEntry, to: &Path) -> io::Result<()> {
    let (path, kind) = (entry.path(), entry.file_type()?);
    if kind.is_symlink() || (kind.is_dir() && is_only_read(&path)) {
        return refer(&path, to);
    }
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(&path)? {
            let entry = entry?;
            copy(&entry, &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    // Pipes and sockets are of the processes that made them.
    if kind.is_file() { fs::copy(&path, to).map(|_| ()) } else { Ok(()) }
}

fn is_only_read(folder: &Path) -> bool {
    folder.join(VIRTUAL_ENVIRONMENT).exists() || folder.ends_with(NODE_PACKAGES)
}

/// A link to where a path leads, if it leads anywhere.
#[cfg(unix)]
fn refer(path: &Path, to: &Path) -> io::Result<()> {
    match path.canonicalize() {
        Ok(real) => std::os::unix::fs::symlink(real, to),
        Err(_) => Ok(()),
    }
}

#[cfg(not(unix))]
fn refer(_path: &Path, _to: &Path) -> io::Result<()> {
    Ok(())
}

/// The files below a folder of an environment in which nobody works.
fn collect(folder: &Path, path: &str, items: &mut Vec<Item>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, items)?;
            continue;
        }
        let first = path.split('/').next().unwrap_or_default();
        let nature = if SEALED.contains(&first) { Nature::Sealed } else { Nature::Changing };
        let bytes = entry.metadata()?.len();
        items.push(Item { path, from: entry.path(), bytes, nature, need: Need::Required });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_a_name_of_its_own() {
        assert_eq!(free_name(&["dev".to_owned()]), "chaos");
        assert_eq!(free_name(&["chaos".to_owned(), "dev".to_owned()]), "chaos-copy");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_only_read_is_not_copied() {
        let root = std::env::temp_dir().join(format!("millstream-copies-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        for folder in [".millstream/dev", "notifications", ".venv/bin", "models/deep"] {
            fs::create_dir_all(from.join(folder)).unwrap();
        }
        fs::write(from.join(".venv/pyvenv.cfg"), "").unwrap();
        fs::write(from.join("models/deep/a.sql"), "select 1").unwrap();
        copy_folder(&from, &to, &LEFT_OUT).unwrap();
        assert_eq!(fs::read_to_string(to.join("models/deep/a.sql")).unwrap(), "select 1");
        assert!(fs::symlink_metadata(to.join(".venv")).unwrap().is_symlink());
        assert!(!to.join(".millstream").exists() && !to.join("notifications").exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
