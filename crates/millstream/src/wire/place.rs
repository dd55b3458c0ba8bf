//! Where a copy of an environment becomes one: beside its place until it is whole.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_backup::sync_folder;
use millstream_core::clock::Timestamp;
use millstream_core::crash;
use millstream_core::error::{Plain, Result};
use millstream_ledger::{LedgerCopy, settle_copy};
use millstream_project::{DatabaseRef, Environment};

use super::frozen::{LEDGER, OPERATIONAL, remote_lake};

/// What the folder of an environment that is being restored ends with. A name has no dot, so that
/// it is never the folder of another environment.
const RESTORING: &str = ".restoring";

/// What becomes of an environment that is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing else takes its place.
    Stays,
    /// It is moved aside.
    MovesAside,
}

/// The place of an environment that is made from a copy.
#[derive(Debug)]
pub struct Place<'e> {
    environment: &'e Environment,
    staging: PathBuf,
}

impl<'e> Place<'e> {
    /// The place of an environment. Fails with `restore.not_empty` if something is there that must
    /// not be replaced.
    pub fn find(environment: &'e Environment, existing: Existing) -> Result<Self> {
        if environment.lake.is_some() {
            return Err(remote_lake());
        }
        let place = Self { environment, staging: beside(&environment.root, RESTORING) };
        if existing == Existing::Stays {
            if !is_unused(&environment.root)? {
                return Err(not_empty(environment, &environment.root));
            }
            if let Some(path) = place.own_operational().filter(|path| path.exists()) {
                return Err(not_empty(environment, path));
            }
        }
        Ok(place)
    }

    /// The folder in which the copy is made. What is there after a crash is gone on with.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// Makes the copy the environment: from here on it is there as a whole. Gives where the one lies
    /// that was there before.
    pub fn take(&self, now: Timestamp) -> Result<Option<PathBuf>> {
        settle_copy(&self.staging.join(LEDGER), &self.environment.name)?;
        self.place_operational()?;
        let root = &self.environment.root;
        crash::point("restore.take.before");
        let replaced = if is_unused(root)? {
            remove(root).map_err(|error| unwritable(root, &error))?;
            None
        } else {
            let aside = beside(root, &format!(".replaced-{}", now.as_micros()));
            fs::rename(root, &aside).map_err(|error| unwritable(root, &error))?;
            Some(aside)
        };
        crash::point("restore.take.moved");
        fs::rename(&self.staging, root).map_err(|error| unwritable(root, &error))?;
        let parent = root.parent().unwrap_or(root);
        sync_folder(root)
            .and_then(|()| sync_folder(parent))
            .map_err(|error| unwritable(root, &error))?;
        Ok(replaced)
    }

    /// The file of the operational database, if it lies elsewhere.
    fn own_operational(&self) -> Option<&Path> {
        match &self.environment.operational {
            Some(DatabaseRef::Sqlite(path)) => Some(path),
            _ => None,
        }
    }

    fn place_operational(&self) -> Result<()> {
        let from = self.staging.join(OPERATIONAL);
        let Some(path) = self.own_operational().filter(|_| from.exists()) else { return Ok(()) };
        let copied = || {
            let beside = beside(path, RESTORING);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(&from, &beside)?;
            fs::File::open(&beside)?.sync_all()?;
            // The log of the database that was there is not that of this one.
            for log in ["-wal", "-shm"] {
                remove(&self::beside(path, log))?;
            }
            fs::rename(&beside, path)?;
            path.parent().map_or(Ok(()), sync_folder)
        };
        copied().map_err(|error| unwritable(path, &error))
    }
}

/// Refuses to begin an environment anew of which a restore was cut off.
pub(super) fn expect_restored(root: &Path) -> Result<()> {
    let staging = beside(root, RESTORING);
    if root.exists() || !staging.exists() {
        return Ok(());
    }
    let message = format!("a restore into {} was cut off", root.display());
    let hint = format!(
        "run the same `millstream restore` again; or remove {} to start anew",
        staging.display()
    );
    Err(Plain::user("restore.unfinished", message).with_hint(hint).into())
}

/// Whether there is no environment yet, or one in which nothing was ever done.
fn is_unused(root: &Path) -> Result<bool> {
    let ledger = root.join(LEDGER);
    if ledger.exists() && !LedgerCopy::open(&ledger)?.is_unused()? {
        return Ok(false);
    }
    has_only_begun(root).map_err(|error| unwritable(root, &error))
}

fn has_only_begun(folder: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        other => other?,
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_begun = name == "format" || name.starts_with(LEDGER);
        let is_fine = if path.is_dir() { has_only_begun(&path)? } else { is_begun };
        if !is_fine {
            return Ok(false);
        }
    }
    Ok(true)
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn not_empty(environment: &Environment, path: &Path) -> millstream_core::Error {
    let message = format!("`{}` is in use: {} is there", environment.name, path.display());
    Plain::user("restore.not_empty", message)
        .with_hint(
            "name an environment that does not exist yet, or say `--replace` to move this one aside",
        )
        .into()
}

fn unwritable(path: &Path, error: &io::Error) -> millstream_core::Error {
    Plain::external("restore.io", format!("{}: {error}", path.display()))
        .never_retried()
        .with_hint("check the disk and the rights, and run the same command again")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_that_was_cut_off_is_not_begun_anew() {
        let folder = tempfile_like();
        let root = folder.join("prod");
        expect_restored(&root).unwrap();
        fs::create_dir_all(beside(&root, RESTORING)).unwrap();
        assert_eq!(expect_restored(&root).unwrap_err().code(), "restore.unfinished");
        fs::create_dir_all(&root).unwrap();
        expect_restored(&root).unwrap();
        assert!(is_unused(&root).unwrap());
        fs::write(root.join("operational.db"), "rows").unwrap();
        assert!(!is_unused(&root).unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }

    fn tempfile_like() -> PathBuf {
        let name = format!("millstream-place-{}", millstream_core::id::RunId::new());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).unwrap();
        folder
    }
}
