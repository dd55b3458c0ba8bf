//! Contents by their hash: each is there once, whole or not at all.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use millstream_core::ContentHash;

use crate::content::{self, Content};
use crate::error::{BackupError, Result};
use crate::names::{make_folder, names_in, remove, sync_holders};

/// Where contents lie.
pub(crate) const OBJECTS: &str = "objects";
/// Where copies lie until they are whole.
pub(crate) const INCOMING: &str = "incoming";

/// A folder of contents, each named by its hash.
#[derive(Debug, Clone)]
pub struct Contents {
    folder: PathBuf,
}

/// A copy that has no name yet.
#[derive(Debug)]
pub(crate) struct Received {
    path: PathBuf,
    pub(crate) content: Content,
}

/// Contents that were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Whether a content was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    New,
    Known,
}

impl Contents {
    /// Those of a folder, which is made if it is missing, to add to them.
    pub fn open_or_make(folder: &Path) -> Result<Self> {
        let contents = Self::within(folder);
        for part in [OBJECTS, INCOMING] {
            make_folder(&folder.join(part))?;
        }
        Ok(contents)
    }

    /// Those of a folder, to read.
    pub fn within(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The file of a content.
    pub(crate) fn path(&self, hash: &ContentHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(OBJECTS).join(&name[..2]).join(&name[2..])
    }

    /// Where copies lie until they are whole.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.folder.join(INCOMING)
    }

    /// Copies what is read, under a name that no other copy has meanwhile; not more than so many
    /// bytes.
    pub(crate) fn receive(
        &self,
        from: impl Read,
        name: &str,
        limit: u64,
        each: &(dyn Fn(u64) + Sync),
    ) -> Result<Received> {
        let path = self.incoming().join(name);
        let mut file = File::create(&path).map_err(BackupError::io(&path))?;
        let content = content::pass(from, &mut file, limit, each);
        let content = content.map_err(BackupError::io(&path))?;
        Ok(Received { path, content })
    }

    /// Gives a copy its name, which is durable with [`Contents::settle`]. A content that is damaged
    /// is written anew.
    pub(crate) fn keep(&self, received: &Received) -> Result<Kept> {
        let Received { path, content } = received;
        let object = self.path(&content.hash);
        if is_whole(&object, *content) {
            fs::remove_file(path).map_err(BackupError::io(path))?;
            return Ok(Kept::Known);
        }
        File::open(path).and_then(|copy| copy.sync_all()).map_err(BackupError::io(path))?;
        object.parent().map_or(Ok(()), make_folder)?;
        fs::rename(path, &object).map_err(BackupError::io(&object))?;
        Ok(Kept::New)
    }

    /// All contents; what else lies among them has no hash.
    pub(crate) fn all(&self) -> Result<Vec<(PathBuf, Option<ContentHash>)>> {
        let root = self.folder.join(OBJECTS);
        let mut objects = Vec::new();
        for first in names_in(&root)? {
            for rest in names_in(&root.join(&first))? {
                let hash = format!("{first}{rest}").parse().ok();
                objects.push((root.join(&first).join(rest), hash));
            }
        }
        Ok(objects)
    }

    /// Removes all contents but those that are needed. Whoever adds or reads others meanwhile has to
    /// be kept from that.
    pub fn keep_only(&self, needed: &HashSet<ContentHash>) -> Result<Removed> {
        let mut removed = Removed::default();
        for (path, hash) in self.all()? {
            if hash.is_none_or(|hash| !needed.contains(&hash)) {
                removed.files += 1;
                removed.bytes += path.metadata().map_or(0, |object| object.len());
                remove(&path)?;
            }
        }
        Ok(removed)
    }

    /// Makes the names of contents durable.
    pub(crate) fn settle<'h>(
        &self,
        hashes: impl IntoIterator<Item = &'h ContentHash>,
    ) -> Result<()> {
        let objects: Vec<PathBuf> = hashes.into_iter().map(|hash| self.path(hash)).collect();
        sync_holders(&objects)
    }

    /// Writes a content to a file, comparing every byte with its hash; durable when this returns,
    /// its name apart. `name` is what people know the file as.
    pub(crate) fn put(
        &self,
        hash: &ContentHash,
        target: &Path,
        name: &str,
        each: &(dyn Fn(u64) + Sync),
    ) -> Result<()> {
        let object = self.path(hash);
        let source = File::open(&object).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => BackupError::damaged(name, "its content is missing"),
            _ => BackupError::io(&object)(error),
        })?;
        let mut out = File::create(target).map_err(BackupError::io(target))?;
        let passed = content::pass(source, &mut out, u64::MAX, each);
        if passed.map_err(BackupError::io(target))?.hash != *hash {
            return Err(BackupError::damaged(name, "its bytes have changed"));
        }
        out.sync_all().map_err(BackupError::io(target))
    }
}

/// Whether a content is there, its bytes looked at.
fn is_whole(object: &Path, content: Content) -> bool {
    let sized = fs::metadata(object).is_ok_and(|found| found.len() == content.bytes);
    sized && content::of_file(object, &|_| ()).is_ok_and(|found| found == content)
}
