//! A branch: an environment with everything that another has at one moment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millstream_backup::{Linked, link};
use millstream_core::error::{Plain, Result};
use millstream_project::{BRANCH_FILE, Branch, Environment};

use super::frozen::FrozenEnvironment;
use super::opened::Opened;
use super::place::{Existing, Place};

/// Makes a branch of what is opened, which may be in use. Gives what it shares, and what of the
/// other is not in it, for people.
///
/// Fails with `restore.not_empty` if there is such an environment already.
pub async fn make_branch(
    opened: &Opened,
    environment: &Environment,
    branch: &Branch,
) -> Result<(Linked, Vec<String>)> {
    let place = Place::find(environment, Existing::Stays)?;
    let staging = place.staging();
    remove_folder(staging)?;
    // Copies of the databases are files like all others: they are moved with the rest.
    let scratch = beside(staging, ".databases");
    remove_folder(&scratch)?;
    fs::create_dir_all(&scratch).map_err(unwritable(&scratch))?;
    let frozen = FrozenEnvironment::freeze(opened, &scratch).await?;
    let mut items = frozen.files().await?;
    items.extend(frozen.topics()?);
    let linked = link(&items, staging)?;
    let left_out = frozen.left_out().to_vec();
    drop(frozen);
    remove_folder(&scratch)?;
    write_record(staging, branch)?;
    place.take(opened.clock.now())?;
    Ok((linked, left_out))
}

/// Writes what makes an environment a branch into its folder.
pub fn write_record(folder: &Path, branch: &Branch) -> Result<()> {
    let record = folder.join(BRANCH_FILE);
    fs::write(&record, branch.to_text()).map_err(unwritable(&record))?;
    fs::File::open(&record).and_then(|file| file.sync_all()).map_err(unwritable(&record))
}

/// The path with more at its end.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a folder with all that is in it; there may be none.
pub fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unwritable(folder)(error)),
        _ => Ok(()),
    }
}

/// What is wrong when a file of an environment cannot be changed.
pub fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> millstream_core::Error {
    let path = path.to_owned();
    move |error| {
        Plain::external("env.io", format!("{}: {error}", path.display()))
            .never_retried()
            .with_hint("check the disk and the rights, and run the same command again")
            .into()
    }
}
