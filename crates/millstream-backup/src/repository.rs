//! The folder of backups.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use millstream_core::ContentHash;

use crate::contents::{Contents, Removed};
use crate::error::{BackupError, Result};
use crate::manifest::{BackupManifest, BackupSummary, FORMAT, StoredFile};
use crate::names::{make_folder, names_in, remove, sync_folder, write_whole};

const MARK: &str = "millstream-backup";
const BACKUPS: &str = "backups";
const LOCK: &str = ".lock";
/// What a damaged content's file ends with.
const DAMAGED: &str = "damaged";
/// What the file of an unfinished backup ends with.
pub(crate) const UNFINISHED: &str = ".unfinished";

/// A folder of backups.
#[derive(Debug, Clone)]
pub struct Repository {
    folder: PathBuf,
}

/// What a pruning removed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// The backups that are gone.
    pub backups: Vec<String>,
    /// Contents that no backup needs any more.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl Repository {
    /// Opens a folder of backups. Fails with `backup.not_a_backup` or `backup.newer_format`.
    pub fn open(folder: &Path) -> Result<Self> {
        let mark = folder.join(MARK);
        let text = match fs::read_to_string(&mark) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NotABackup { folder: folder.to_owned() });
            }
            Err(error) => return Err(BackupError::io(&mark)(error)),
        };
        match text.trim().parse() {
            Ok(found) if found > FORMAT => Err(BackupError::NewerFormat { found, known: FORMAT }),
            Ok(_) => Ok(Self { folder: folder.to_owned() }),
            Err(_) => Err(BackupError::NotABackup { folder: folder.to_owned() }),
        }
    }

    /// Opens a folder of backups; makes it of an empty folder or of none. Fails with
    /// `backup.in_the_way` if there are other files.
    pub fn open_or_make(folder: &Path) -> Result<Self> {
        make_folder(folder)?;
        if !folder.join(MARK).exists() {
            // What is hidden, such as `lost+found`'s like, is not ours, but not in the way either;
            // what a first backup made before it was killed is.
            for entry in fs::read_dir(folder).map_err(BackupError::io(folder))? {
                let name = entry.map_err(BackupError::io(folder))?.file_name();
                let name = name.to_string_lossy();
                if !name.starts_with('.') && !name.starts_with(MARK) && name != "lost+found" {
                    return Err(BackupError::InTheWay { folder: folder.to_owned() });
                }
            }
            write_whole(&folder.join(MARK), &format!("{FORMAT}\n"))?;
        }
        let repository = Self::open(folder)?;
        Contents::open_or_make(folder)?;
        make_folder(&folder.join(BACKUPS))?;
        Ok(repository)
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All backups, the newest first, those that are unfinished included.
    pub fn list(&self) -> Result<Vec<BackupSummary>> {
        let mut found = Vec::new();
        for name in self.names()? {
            found.push(match name.strip_suffix(UNFINISHED) {
                Some(id) => unfinished(id, &self.journal(id)?),
                None => match self.read(&name) {
                    Ok(manifest) => manifest.summary(),
                    Err(BackupError::Damaged { .. }) => {
                        BackupSummary { state: "damaged", ..unfinished(&name, &[]) }
                    }
                    Err(error) => return Err(error),
                },
            });
        }
        found.sort_by(|a, b| (b.began_at, &b.id).cmp(&(a.began_at, &a.id)));
        Ok(found)
    }

    /// A backup; the newest complete one if none is named.
    pub fn find(&self, id: Option<&str>) -> Result<BackupManifest> {
        if let Some(id) = id {
            let known = self.names()?.iter().any(|name| name == id);
            return if known {
                self.read(id)
            } else {
                Err(BackupError::Unknown { id: id.to_owned() })
            };
        }
        self.manifests()?.pop().ok_or_else(|| BackupError::Nothing { folder: self.folder.clone() })
    }

    /// All complete backups, the oldest first. Damaged ones are passed over.
    pub fn manifests(&self) -> Result<Vec<BackupManifest>> {
        let mut manifests = Vec::new();
        for name in self.names()?.iter().filter(|name| !name.ends_with(UNFINISHED)) {
            match self.read(name) {
                Ok(manifest) => manifests.push(manifest),
                Err(BackupError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        manifests.sort_by(|a, b| (a.about.began_at, &a.id).cmp(&(b.about.began_at, &b.id)));
        Ok(manifests)
    }

    /// Removes all backups of each environment but the newest, and the contents that none needs.
    /// What unfinished backups have copied goes, too.
    pub fn prune(&self, keep: usize) -> Result<Pruned> {
        let _lock = self.lock()?;
        if let Some(damaged) = self.list()?.into_iter().find(|backup| backup.state == "damaged") {
            // What it needs is not known.
            return Err(BackupError::damaged(&damaged.id, "its list of files cannot be read"));
        }
        let mut kept: BTreeMap<String, usize> = BTreeMap::new();
        let mut needed = HashSet::new();
        let mut pruned = Pruned { backups: Vec::new(), files: 0, bytes: 0 };
        for manifest in self.manifests()?.into_iter().rev() {
            let count = kept.entry(manifest.about.environment.clone()).or_default();
            *count += 1;
            if *count <= keep {
                needed.extend(manifest.files.iter().map(|file| file.hash));
            } else {
                pruned.backups.push(manifest.id);
            }
        }
        for name in self.names()?.iter().filter(|name| name.ends_with(UNFINISHED)) {
            remove(&self.folder.join(BACKUPS).join(name))?;
        }
        // A backup goes before its contents: what is half removed must not look complete.
        for id in &pruned.backups {
            remove(&self.manifest_path(id))?;
        }
        let backups = self.folder.join(BACKUPS);
        sync_folder(&backups).map_err(BackupError::io(&backups))?;
        let Removed { files, bytes } = self.contents().keep_only(&needed)?;
        Ok(Pruned { files, bytes, ..pruned })
    }

    /// Keeps other processes from adding and removing until it is dropped.
    pub(crate) fn lock(&self) -> Result<File> {
        let path = self.folder.join(LOCK);
        let file = File::options().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(BackupError::io(&path))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(BackupError::Busy { folder: self.folder.clone() }),
            Err(TryLockError::Error(error)) => Err(BackupError::io(&path)(error)),
        }
    }

    /// The file of a content.
    pub(crate) fn object(&self, hash: &ContentHash) -> PathBuf {
        self.contents().path(hash)
    }

    /// The contents of all backups.
    pub(crate) fn contents(&self) -> Contents {
        Contents::within(&self.folder)
    }

    /// Takes a damaged content out of the way of a sound one.
    pub(crate) fn set_aside(&self, hash: &ContentHash) -> Result<()> {
        let path = self.object(hash);
        fs::rename(&path, path.with_extension(DAMAGED)).map_err(BackupError::io(&path))
    }

    /// Where copies lie until they are whole; emptied when a backup begins.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.contents().incoming()
    }

    pub(crate) fn manifest_path(&self, id: &str) -> PathBuf {
        self.folder.join(BACKUPS).join(id)
    }

    pub(crate) fn journal_path(&self, id: &str) -> PathBuf {
        self.folder.join(BACKUPS).join(format!("{id}{UNFINISHED}"))
    }

    /// What unfinished backups have copied.
    pub(crate) fn journals(&self) -> Result<Vec<(String, Vec<StoredFile>)>> {
        let names = self.names()?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(UNFINISHED));
        ids.map(|id| Ok((id.to_owned(), self.journal(id)?))).collect()
    }

    fn journal(&self, id: &str) -> Result<Vec<StoredFile>> {
        let path = self.journal_path(id);
        let text = fs::read_to_string(&path).map_err(BackupError::io(&path))?;
        // The last line may be half of one.
        Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn read(&self, id: &str) -> Result<BackupManifest> {
        let path = self.manifest_path(id);
        let text = fs::read(&path).map_err(BackupError::io(&path))?;
        let manifest = BackupManifest::read(&String::from_utf8_lossy(&text))?;
        manifest
            .ok_or_else(|| BackupError::damaged(id, "its list of files is not what was written"))
    }

    fn names(&self) -> Result<Vec<String>> {
        names_in(&self.folder.join(BACKUPS)).map(|mut names| {
            names.retain(|name| !name.ends_with(".writing"));
            names
        })
    }
}

fn unfinished(id: &str, copied: &[StoredFile]) -> BackupSummary {
    let bytes = copied.iter().map(|file| file.bytes).sum();
    BackupSummary {
        id: id.to_owned(),
        state: "unfinished",
        environment: None,
        began_at: None,
        ended_at: None,
        files: copied.len() as u64,
        bytes,
        new_bytes: bytes,
    }
}
