//! Releases of an environment: which files they have, where those lie, and which one it runs by
//! (`docs/adr/0017`).
//!
//! ```text
//! <project>/.millstream/<environment>/releases/objects/ab/cdef...   every content once
//!                                              trees/<hash>/        the files of a release, to read
//! ```

use std::collections::{BTreeSet, HashSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use millstream_backup::{Contents, Tree};
use millstream_connect::registry::input_files;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::{ContentHash, Error, crash};
use millstream_files::{Folder, Report};
use millstream_ledger::{Ledger, Release, ReleaseOrigin, Retired, current_release_of};
use millstream_project::{Branch, Project, is_environment_name, state_dir};

use super::frozen::LEDGER;
use super::git;
use super::opened::user;
use crate::exit::Failure;
use crate::output::size;

/// The folder of releases in that of an environment.
pub(super) const RELEASES: &str = "releases";
/// Where the files of releases lie to be read, below that.
const TREES: &str = "trees";
/// Whoever adds or copies files shares it; whoever removes some has it alone.
const LOCK: &str = ".lock";
/// The end of the name of a tree that is being removed.
const REMOVING: &str = ".removing";
/// The most files of a release.
const FILES_MAX: usize = 20_000;
/// The most bytes of all files of a release.
const BYTES_MAX: u64 = 512 << 20;
/// Folders at the root in which dbt writes.
const WRITTEN_BY_DBT: [&str; 2] = ["target", "logs"];
/// Folders that programs keep beside their files.
const KEPT_BY_PROGRAMS: [&str; 2] = ["__pycache__", "node_modules"];
/// What makes a folder a virtual environment of Python.
const VIRTUAL_ENVIRONMENT: &str = "pyvenv.cfg";

/// Where the files of an environment's releases lie.
#[derive(Debug, Clone)]
pub struct ReleaseFiles {
    folder: PathBuf,
}

impl ReleaseFiles {
    /// Those of an environment of the project that is at home in a folder.
    pub fn of(home: &Path, environment: &str) -> Self {
        Self { folder: state_dir(home, environment).join(RELEASES) }
    }

    /// Whether there are any.
    pub fn is_there(&self) -> bool {
        self.folder.is_dir()
    }

    /// Keeps other processes from removing files until it is dropped.
    pub fn hold(&self) -> CoreResult<ReleaseHold> {
        Contents::open_or_make(&self.folder)?;
        let file = self.lock_file()?;
        file.lock_shared().map_err(|error| self.unlocked(&error))?;
        Ok(ReleaseHold { _file: file })
    }

    /// Removes the files that no release of the ledger needs, of which so many are kept to go back
    /// to. It is left to the next time if another process adds or copies files at the moment.
    pub async fn retire(&self, ledger: &Ledger, keep: u32) -> CoreResult<Retired> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Retired::default()),
            Err(TryLockError::Error(error)) => return Err(self.unlocked(&error)),
        }
        let retired = ledger.retire_releases(keep as usize, user()).await?;
        crash::point("release.retire.before");
        self.keep_only(&retired.needed)?;
        Ok(retired)
    }

    fn keep_only(&self, needed: &BTreeSet<ContentHash>) -> CoreResult<()> {
        let contents = self.contents();
        let mut hashes = HashSet::new();
        for hash in needed {
            // What a tree needs that cannot be read is not known: then all stays.
            let tree = Tree::read(&contents, hash)?;
            hashes.extend(tree.files().iter().map(|file| file.hash).chain([*hash]));
        }
        for entry in folders_in(&self.folder.join(TREES)) {
            let name = entry.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let hash: Option<ContentHash> = name.parse().ok();
            let is_needed = hash.is_some_and(|hash| needed.contains(&hash));
            if !is_needed && (hash.is_some() || name.ends_with(REMOVING)) {
                remove_folder(&entry).map_err(|error| self.unremoved(&error))?;
            }
        }
        contents.keep_only(&hashes)?;
        Ok(())
    }

    fn lock_file(&self) -> CoreResult<File> {
        let path = self.folder.join(LOCK);
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        file.map_err(|error| self.unlocked(&error))
    }

    fn unlocked(&self, error: &io::Error) -> Error {
        let message = format!("{} cannot be locked: {error}", self.folder.join(LOCK).display());
        Plain::external("release.lock", message).into()
    }

    fn unremoved(&self, error: &io::Error) -> Error {
        let folder = self.folder.join(TREES);
        let message = format!("files below {} cannot be removed: {error}", folder.display());
        Plain::external("release.lock", message).into()
    }

    /// Keeps the files of a project as they are now.
    pub fn take(&self, project: &Project) -> Result<Tree, Failure> {
        let paths = files_of(project)?;
        let contents = Contents::open_or_make(&self.folder)?;
        Ok(Tree::take(&contents, &project.root, &paths)?)
    }

    /// The list of the files of a release.
    pub fn tree(&self, hash: &ContentHash) -> CoreResult<Tree> {
        let contents = self.contents();
        if !Tree::is_kept(&contents, hash) {
            let message = format!("the files {} of a release are kept no more", hash.short());
            let hint = "`millstream release list` says which releases have theirs";
            return Err(Plain::user("release.removed", message).with_hint(hint).into());
        }
        Ok(Tree::read(&contents, hash)?)
    }

    /// The folder with the files of a release.
    pub fn folder(&self, hash: &ContentHash) -> CoreResult<PathBuf> {
        let folder = self.folder.join(TREES).join(hash.to_string());
        if !folder.is_dir() {
            self.tree(hash)?.check_out(&self.contents(), &folder)?;
        }
        Ok(folder)
    }

    fn contents(&self) -> Contents {
        Contents::within(&self.folder)
    }
}

/// Keeps other processes from removing files of releases.
#[derive(Debug)]
pub struct ReleaseHold {
    _file: File,
}

/// The folders in a folder; none if it cannot be read.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

/// Removes a folder that is never seen in half: a tree that is there is whole.
fn remove_folder(folder: &Path) -> io::Result<()> {
    let mut name = folder.as_os_str().to_owned();
    if folder.extension().is_none() {
        name.push(REMOVING);
        std::fs::rename(folder, &name)?;
    }
    std::fs::remove_dir_all(name)
}

/// The release by whose files an environment runs. A branch runs by the files of the folder, so that
/// a change can be tried in it.
pub fn current_release(home: &Path, environment: &str) -> CoreResult<Option<Release>> {
    if !is_environment_name(environment) {
        return Ok(None);
    }
    let root = state_dir(home, environment);
    if !root.join(RELEASES).is_dir() || Branch::read(home, environment).is_some() {
        return Ok(None);
    }
    let ledger = root.join(LEDGER);
    if !ledger.is_file() {
        return Ok(None);
    }
    Ok(current_release_of(&ledger)?)
}

/// Where the files of a project's folder come from, as git says it.
pub fn origin(project: &Project) -> ReleaseOrigin {
    git::origin(&project.root)
}

/// The files that decide what a project does: all but what is hidden, what programs write beside
/// them, the data that its sources read, and what is excluded.
fn files_of(project: &Project) -> Result<Vec<PathBuf>, Failure> {
    let sources = project.sources.iter();
    let data: HashSet<PathBuf> =
        sources.flat_map(|source| input_files(source, &project.home)).collect();
    let exclude = &project.environment.releases.exclude;
    let skip = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        exclude.iter().any(|excluded| path == excluded)
            || WRITTEN_BY_DBT.iter().any(|folder| path == Path::new(folder))
            || KEPT_BY_PROGRAMS.contains(&name)
            || project.root.join(path).join(VIRTUAL_ENVIRONMENT).is_file()
            || data.contains(&project.root.join(path))
    };
    let mut report = Report::default();
    let paths = Folder::open(&project.root, &mut report)
        .map(|mut folder| folder.list_but(&skip, &mut report))
        .unwrap_or_default();
    if report.has_errors() {
        return Err(Failure::Diagnostics(report.finish()));
    }
    within_limits(&project.root, &paths)?;
    Ok(paths)
}

fn within_limits(root: &Path, paths: &[PathBuf]) -> CoreResult<()> {
    let too_large = |message: String| {
        Err(Plain::user("release.too_large", message)
            .with_hint(
                "say what is no part of it: `environments: {NAME: {releases: {exclude: [data]}}}` \
                 in millstream.yml",
            )
            .into())
    };
    if paths.len() > FILES_MAX {
        let message =
            format!("the project has {} files; a release has at most {FILES_MAX}", paths.len());
        return too_large(message);
    }
    let bytes = |path: &PathBuf| root.join(path).metadata().map_or(0, |found| found.len());
    let sizes: Vec<u64> = paths.iter().map(bytes).collect();
    let all: u64 = sizes.iter().sum();
    if all <= BYTES_MAX {
        return Ok(());
    }
    let largest = paths.iter().zip(&sizes).max_by_key(|(_, bytes)| **bytes);
    let largest = largest.map_or_else(String::new, |(path, bytes)| {
        format!("; `{}` alone has {}", path.display(), size(*bytes))
    });
    too_large(format!(
        "the files of the project have {}; those of a release have at most {}{largest}",
        size(all),
        size(BYTES_MAX)
    ))
}
