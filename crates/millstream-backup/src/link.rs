//! A second copy of files on the same disk, without their bytes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::content;
use crate::error::{BackupError, Result};
use crate::item::{Item, Nature, Need};
use crate::names::{make_folder, sync_holders};
use crate::work::for_each;

/// What a folder of links is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Linked {
    /// Files that both have.
    pub files_shared: u64,
    /// Their bytes, which are on the disk once.
    pub bytes_shared: u64,
    /// Files that change, and so were copied.
    pub files_copied: u64,
    /// Their bytes.
    pub bytes_copied: u64,
}

/// Gives files a second name below a folder. Those that never change are the same file under both:
/// removing the one name leaves the other. All others are copied. Durable when this returns.
pub fn link(items: &[Item], folder: &Path) -> Result<Linked> {
    let targets: Vec<(&Item, PathBuf)> =
        items.iter().map(|item| (item, folder.join(&item.path))).collect();
    let holders: BTreeSet<&Path> =
        targets.iter().filter_map(|(_, target)| target.parent()).collect();
    make_folder(folder)?;
    holders.into_iter().try_for_each(make_folder)?;
    let done = for_each(&targets, |(item, target)| link_one(item, target))?;
    sync_holders(targets.iter().map(|(_, target)| target))?;
    let mut linked = Linked::default();
    for ((item, _), placed) in targets.iter().zip(done) {
        match placed {
            Placed::Shared => {
                linked.files_shared += 1;
                linked.bytes_shared += item.bytes;
            }
            Placed::Copied => {
                linked.files_copied += 1;
                linked.bytes_copied += item.bytes;
            }
            Placed::Gone => {}
        }
    }
    Ok(linked)
}

enum Placed {
    Shared,
    Copied,
    Gone,
}

fn link_one(item: &Item, target: &Path) -> Result<Placed> {
    let placed = match item.nature {
        Nature::Sealed => fs::hard_link(&item.from, target).map(|()| Placed::Shared),
        Nature::Changing => copy(item, target).map(|()| Placed::Copied),
    };
    match placed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match item.need {
            Need::Required => Err(BackupError::SourceGone { path: item.path.clone() }),
            Need::Optional | Need::WithFolder => Ok(Placed::Gone),
        },
        // The file system knows no links, or not so many, or the file lies on another disk.
        Err(_) if item.nature == Nature::Sealed => {
            copy(item, target).map(|()| Placed::Copied).map_err(BackupError::io(target))
        }
        placed => placed.map_err(BackupError::io(target)),
    }
}

fn copy(item: &Item, target: &Path) -> io::Result<()> {
    let source = File::open(&item.from)?;
    let mut file = File::create(target)?;
    content::pass(source, &mut file, item.bytes, &|_| ())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_changes_is_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let item = |name: &str, text: &str, nature| {
            let from = folder.path().join(name);
            fs::write(&from, text).unwrap();
            let path = format!("lake/{name}");
            Item { path, from, bytes: 3, nature, need: Need::Required }
        };
        let items = [
            item("sealed", "one", Nature::Sealed),
            item("grows", "two and more", Nature::Changing),
        ];
        let target = folder.path().join("branch");
        let linked = link(&items, &target).unwrap();
        assert_eq!((linked.bytes_shared, linked.bytes_copied), (3, 3));
        assert_eq!(fs::read_to_string(target.join("lake/grows")).unwrap(), "two");
        fs::remove_file(&items[0].from).unwrap();
        assert_eq!(fs::read_to_string(target.join("lake/sealed")).unwrap(), "one");
    }
}
