//! Whether backups are what was written.

use std::collections::BTreeMap;
use std::io;

use millstream_core::ContentHash;
use serde::Serialize;

use crate::content;
use crate::error::{BackupError, Result};
use crate::manifest::{BackupManifest, StoredFile};
use crate::repository::Repository;
use crate::work::{Counter, Progress, for_each};

/// What was read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The backups.
    pub backups: Vec<String>,
    /// Contents that were read; backups share them.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What is wrong.
    pub damages: Vec<Damage>,
}

/// A file of a backup that is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The first backup that has it.
    pub backup: String,
    /// Where it lies in the environment.
    pub path: String,
    /// What is wrong.
    pub reason: String,
}

/// Reads all contents of a backup, or of all backups, and compares them with their hashes. What is
/// damaged is set aside, so that the next backup copies it again.
pub fn verify(
    repository: &Repository,
    id: Option<&str>,
    show: &(dyn Fn(Progress) + Sync),
) -> Result<Verified> {
    let manifests = match id {
        Some(id) => vec![repository.find(Some(id))?],
        None => repository.manifests()?,
    };
    let mut damages = lists(repository, id)?;
    let contents = contents(&manifests);
    let bytes = contents.values().map(|(_, file)| file.bytes).sum();
    let counter = Counter::new(contents.len(), bytes, show);
    let all: Vec<_> = contents.into_values().collect();
    let found = for_each(&all, |(backup, file)| {
        let reason = reason(repository, file, &counter)?;
        counter.add_file();
        Ok(reason.map(|reason| Damage {
            backup: (*backup).to_owned(),
            path: file.path.clone(),
            reason,
        }))
    })?;
    damages.extend(found.into_iter().flatten());
    let backups = manifests.iter().map(|manifest| manifest.id.clone()).collect();
    Ok(Verified { backups, files: all.len() as u64, bytes, damages })
}

/// Backups whose lists of files are damaged.
fn lists(repository: &Repository, id: Option<&str>) -> Result<Vec<Damage>> {
    if id.is_some() {
        return Ok(Vec::new());
    }
    let damaged = repository.list()?.into_iter().filter(|backup| backup.state == "damaged");
    Ok(damaged
        .map(|backup| Damage {
            backup: backup.id.clone(),
            path: backup.id,
            reason: "its list of files is not what was written".to_owned(),
        })
        .collect())
}

fn contents(manifests: &[BackupManifest]) -> BTreeMap<ContentHash, (&str, &StoredFile)> {
    let mut contents = BTreeMap::new();
    for manifest in manifests {
        for file in &manifest.files {
            contents.entry(file.hash).or_insert((manifest.id.as_str(), file));
        }
    }
    contents
}

fn reason(
    repository: &Repository,
    file: &StoredFile,
    counter: &Counter<'_>,
) -> Result<Option<String>> {
    let path = repository.object(&file.hash);
    match content::of_file(&path, &|count| counter.add_bytes(count)) {
        Ok(found) if found.hash == file.hash => Ok(None),
        Ok(found) => {
            repository.set_aside(&file.hash)?;
            Ok(Some(if found.bytes == file.bytes {
                "its bytes have changed".to_owned()
            } else {
                format!("it has {} bytes instead of {}", found.bytes, file.bytes)
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(Some("it is missing".to_owned()))
        }
        Err(error) => Err(BackupError::io(&path)(error)),
    }
}
