//! The folders of a local lake: made, and their names made durable, with few syncs.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use millstream_core::name::Relation;

/// What all writers of a process share. Those who wait for the same folder share a sync, and the
/// name of a folder is synced once.
#[derive(Debug)]
pub(crate) struct Folders {
    top: PathBuf,
    /// Folders whose own names are durable.
    durable: Mutex<HashSet<PathBuf>>,
    /// Folders that are being synced.
    turns: Mutex<HashMap<PathBuf, Arc<Turns>>>,
}

impl Folders {
    /// The folders of the lake in `top`, which must be there.
    pub(crate) fn new(top: PathBuf) -> Self {
        Self { top, durable: Mutex::default(), turns: Mutex::default() }
    }

    /// The folder of the lake.
    pub(crate) fn top(&self) -> &Path {
        &self.top
    }

    /// The folder of a table.
    pub(crate) fn of_table(&self, relation: &Relation) -> PathBuf {
        self.top.join(relation.schema()).join(relation.name())
    }

    /// Makes a folder; its name, and those of the folders of the lake that hold it, are durable
    /// when this returns. A folder that is there may have been made by a process that was killed
    /// before it could sync the name.
    pub(crate) fn make(&self, dir: &Path) -> io::Result<()> {
        if lock(&self.durable).contains(dir) && dir.is_dir() {
            return Ok(());
        }
        let parent = parent_of(dir);
        if dir == self.top || !dir.starts_with(&self.top) {
            make_dirs_synced(&parent)?;
        } else {
            self.make(&parent)?;
        }
        make_dir(dir)?;
        self.sync(&parent)?;
        lock(&self.durable).insert(dir.to_owned());
        Ok(())
    }

    /// Makes a folder in one that `make` has made, and makes durable all names that are in that.
    pub(crate) fn settle(&self, dir: &Path, child: &str) -> io::Result<()> {
        let child = dir.join(child);
        make_dir(&child)?;
        self.sync(dir)?;
        lock(&self.durable).insert(child);
        Ok(())
    }

    /// Makes durable the names that are in a folder now.
    pub(crate) fn sync(&self, dir: &Path) -> io::Result<()> {
        let turns = Arc::clone(lock(&self.turns).entry(dir.to_owned()).or_default());
        let synced = turns.sync(|| sync_dir(dir));
        let mut all = lock(&self.turns);
        // This one and that of the map: nobody else waits.
        if Arc::strong_count(&turns) == 2 {
            all.remove(dir);
        }
        synced
    }

    /// Makes durable the names in a folder and in all above it, up to what holds the lake.
    pub(crate) fn sync_up(&self, dir: &Path) -> io::Result<()> {
        for dir in dir.ancestors() {
            sync_dir(dir)?;
            if dir == self.top {
                break;
            }
        }
        sync_dir(&parent_of(&self.top))
    }
}

/// The syncs of one folder, one after the other. Whoever comes while one is running needs the next.
#[derive(Debug, Default)]
struct Turns {
    state: Mutex<Turn>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Turn {
    asked: u64,
    /// Requests up to this one have their answer.
    answered: u64,
    /// Requests up to this one may have lost what they wanted durable: a disk that has failed to
    /// sync once says afterwards that all is well.
    failed: u64,
    running: bool,
}

impl Turns {
    fn sync(&self, sync: impl Fn() -> io::Result<()>) -> io::Result<()> {
        let mut turn = lock(&self.state);
        turn.asked += 1;
        let mine = turn.asked;
        while turn.answered < mine {
            if turn.running {
                turn = self.ended.wait(turn).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            turn.running = true;
            let covered = turn.asked;
            drop(turn);
            let synced = sync();
            turn = lock(&self.state);
            turn.running = false;
            turn.answered = covered;
            if synced.is_err() {
                turn.failed = covered;
            }
            self.ended.notify_all();
            synced?;
        }
        if mine <= turn.failed {
            return Err(io::Error::other("the folder could not be synced"));
        }
        Ok(())
    }
}

/// Makes a directory and its parents; each new name is synced in the directory that holds it.
pub(crate) fn make_dirs_synced(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let parent = parent_of(dir);
    make_dirs_synced(&parent)?;
    make_dir(dir)?;
    sync_dir(&parent)
}

/// The directory that holds something.
pub(crate) fn parent_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_path_buf).unwrap_or_default()
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match std::fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    File::open(dir)?.sync_all()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    const CALLERS: u64 = 16;

    #[test]
    fn those_who_come_during_a_sync_share_the_next() {
        let turns = Turns::default();
        let syncs = AtomicU64::new(0);
        // The first sync lasts until all have come.
        let all_have_come = || while lock(&turns.state).asked < CALLERS {};
        std::thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    let sync = || {
                        syncs.fetch_add(1, Ordering::SeqCst);
                        all_have_come();
                        Ok(())
                    };
                    turns.sync(sync).unwrap();
                });
            }
        });
        assert!(syncs.into_inner() <= 2);
    }

    #[test]
    fn a_failure_is_told_to_all_whom_the_sync_covered() {
        let turns =
            Turns { state: Mutex::new(Turn { asked: 2, ..Turn::default() }), ..Turns::default() };
        let failed = turns.sync(|| Err(io::Error::other("no")));
        assert!(failed.is_err());
        assert_eq!(lock(&turns.state).failed, 3);
        assert!(turns.sync(|| Ok(())).is_ok());
    }

    #[test]
    fn folders_are_made_and_kept_in_mind() {
        let top = tempfile::tempdir().unwrap();
        let folders = Folders::new(top.path().to_path_buf());
        let table = top.path().join("main/orders");
        folders.make(&table).unwrap();
        folders.settle(&table, "log").unwrap();
        assert!(table.join("log").is_dir());
        std::fs::remove_dir_all(top.path().join("main")).unwrap();
        folders.make(&table.join("log")).unwrap();
        assert!(table.join("log").is_dir());
        assert!(lock(&folders.turns).is_empty());
    }
}
