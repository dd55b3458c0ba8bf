//! Making a backup.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use millstream_core::clock::Timestamp;
use millstream_core::{ContentHash, crash};

use crate::content::Content;
use crate::contents::Kept;
use crate::error::{BackupError, Result};
use crate::item::{Item, Nature, Need};
use crate::manifest::{About, BackupManifest, FORMAT, StoredFile};
use crate::names::{make_folder, write_whole};
use crate::repository::Repository;
use crate::work::{Counter, Progress, for_each};

/// A backup that is being made. Dropped before it is finished, it is an unfinished one.
#[derive(Debug)]
pub struct Taking {
    repository: Repository,
    _lock: File,
    about: About,
    id: String,
    journal: Mutex<File>,
    /// Unfinished backups of which this one is the end.
    superseded: Vec<PathBuf>,
    known: HashMap<String, StoredFile>,
    files: BTreeMap<String, StoredFile>,
    left_out: Vec<String>,
    incoming: AtomicU64,
    new_files: AtomicU64,
    new_bytes: AtomicU64,
}

impl Taking {
    /// Begins a backup. Fails with `backup.busy` if another process is at work on the folder.
    pub fn begin(repository: &Repository, about: About) -> Result<Self> {
        let lock = repository.lock()?;
        empty(&repository.incoming())?;
        let mut known = HashMap::new();
        let mut remember = |file: StoredFile| {
            if file.modified.is_some() {
                known.insert(file.path.clone(), file);
            }
        };
        let same = |manifest: &BackupManifest| manifest.about.environment == about.environment;
        let last = repository.manifests()?.into_iter().rfind(same);
        last.into_iter().flat_map(|manifest| manifest.files).for_each(&mut remember);
        let mut superseded = Vec::new();
        for (id, files) in repository.journals()? {
            superseded.push(repository.journal_path(&id));
            files.into_iter().for_each(&mut remember);
        }
        let id = free_id(repository, &about);
        let path = repository.journal_path(&id);
        let journal = File::create(&path).map_err(BackupError::io(&path))?;
        Ok(Self {
            repository: repository.clone(),
            _lock: lock,
            about,
            id,
            journal: Mutex::new(journal),
            superseded,
            known,
            files: BTreeMap::new(),
            left_out: Vec::new(),
            incoming: AtomicU64::new(0),
            new_files: AtomicU64::new(0),
            new_bytes: AtomicU64::new(0),
        })
    }

    /// Names the backup.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// A place for a file that is made only to be copied.
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.repository.incoming().join(name)
    }

    /// Notes what the backup will not have, for people.
    pub fn leave_out(&mut self, what: String) {
        self.left_out.push(what);
    }

    /// Copies files, of which those that are in the folder already are only named.
    pub fn take(&mut self, items: &[Item], show: &(dyn Fn(Progress) + Sync)) -> Result<()> {
        let bytes = items.iter().map(|item| item.bytes).sum();
        let counter = Counter::new(items.len(), bytes, show);
        let stored = for_each(items, |item| self.take_one(item, &counter))?;
        let hashes = stored.iter().flatten().map(|file| &file.hash);
        self.repository.contents().settle(hashes)?;
        let broken: HashSet<&str> = items
            .iter()
            .zip(&stored)
            .filter(|(item, stored)| item.need == Need::WithFolder && stored.is_none())
            .map(|(item, _)| folder_of(&item.path))
            .collect();
        let stored = stored.into_iter().flatten();
        let whole = stored.filter(|file| !broken.contains(folder_of(&file.path)));
        self.files.extend(whole.map(|file| (file.path.clone(), file)));
        Ok(())
    }

    /// Ends the backup: from here on it can be restored.
    pub fn finish(self, ended_at: Timestamp) -> Result<BackupManifest> {
        let manifest = BackupManifest {
            format: FORMAT,
            id: self.id.clone(),
            about: self.about,
            ended_at,
            new_files: self.new_files.into_inner(),
            new_bytes: self.new_bytes.into_inner(),
            left_out: self.left_out,
            files: self.files.into_values().collect(),
        };
        crash::point("backup.finish.before");
        write_whole(&self.repository.manifest_path(&self.id), &manifest.to_text())?;
        crash::point("backup.finish.after");
        let journal = self.repository.journal_path(&self.id);
        for path in self.superseded.iter().chain([&journal]) {
            fs::remove_file(path).map_err(BackupError::io(path))?;
        }
        empty(&self.repository.incoming())?;
        Ok(manifest)
    }

    /// `None` if the file is gone and nobody needs it.
    fn take_one(&self, item: &Item, counter: &Counter<'_>) -> Result<Option<StoredFile>> {
        let taken = match Self::modified(item) {
            Ok(modified) => match self.known_content(item, modified) {
                Some(hash) => {
                    counter.add_bytes(item.bytes);
                    Ok((Content { bytes: item.bytes, hash }, modified))
                }
                None => self.copy(item, counter).map(|content| (content, modified)),
            },
            Err(error) => Err(error),
        };
        counter.add_file();
        let (content, modified) = match taken {
            Ok(taken) => taken,
            Err(Gone::Source) if item.need == Need::Required => {
                return Err(BackupError::SourceGone { path: item.path.clone() });
            }
            Err(Gone::Source) => return Ok(None),
            Err(Gone::Not(error)) => return Err(error),
        };
        let path = item.path.clone();
        let file = StoredFile { path, bytes: content.bytes, hash: content.hash, modified };
        self.note(&file)?;
        crash::point("backup.file.after");
        Ok(Some(file))
    }

    /// When a file that never changes was made.
    fn modified(item: &Item) -> Result<Option<u64>, Gone> {
        let found = fs::metadata(&item.from).map_err(|error| Gone::of(error, &item.from))?;
        if item.nature != Nature::Sealed {
            return Ok(None);
        }
        let since = found.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        Ok(since.and_then(|since| u64::try_from(since.as_nanos()).ok()))
    }

    /// The content of a file that an earlier backup has, if it is still there.
    fn known_content(&self, item: &Item, modified: Option<u64>) -> Option<ContentHash> {
        let known = self.known.get(&item.path)?;
        let is_same = modified.is_some() && known.modified == modified && known.bytes == item.bytes;
        let object = fs::metadata(self.repository.object(&known.hash)).ok()?;
        (is_same && object.len() == known.bytes).then_some(known.hash)
    }

    fn copy(&self, item: &Item, counter: &Counter<'_>) -> Result<Content, Gone> {
        let source = File::open(&item.from).map_err(|error| Gone::of(error, &item.from))?;
        let number = self.incoming.fetch_add(1, Ordering::Relaxed).to_string();
        let contents = self.repository.contents();
        let each = |count| counter.add_bytes(count);
        let received = contents.receive(source, &number, item.bytes, &each)?;
        let content = received.content;
        if content.bytes < item.bytes {
            return Err(Gone::Source);
        }
        if contents.keep(&received)? == Kept::New {
            self.new_files.fetch_add(1, Ordering::Relaxed);
            self.new_bytes.fetch_add(content.bytes, Ordering::Relaxed);
        }
        Ok(content)
    }

    /// What was copied is known to the next backup if this one does not come to its end.
    fn note(&self, file: &StoredFile) -> Result<()> {
        let mut line = serde_json::to_string(file).expect("a file is texts and numbers");
        line.push('\n');
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal
            .write_all(line.as_bytes())
            .map_err(BackupError::io(&self.repository.journal_path(&self.id)))
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Why a file was not copied.
enum Gone {
    /// It is not there any more.
    Source,
    /// Something else.
    Not(BackupError),
}

impl Gone {
    fn of(error: io::Error, path: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Source,
            _ => Self::Not(BackupError::io(path)(error)),
        }
    }
}

impl From<BackupError> for Gone {
    fn from(error: BackupError) -> Self {
        Self::Not(error)
    }
}

/// The environment and the moment: `prod-20261122T021503Z`.
fn free_id(repository: &Repository, about: &About) -> String {
    let moment = about.began_at.to_string();
    let seconds = moment.split('.').next().unwrap_or_default().trim_end_matches('Z');
    let seconds: String = seconds.chars().filter(|letter| !"-:".contains(*letter)).collect();
    let base = format!("{}-{seconds}Z", about.environment);
    let is_free = |id: &String| {
        !repository.manifest_path(id).exists() && !repository.journal_path(id).exists()
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone()).chain(numbered).find(is_free).unwrap_or(base)
}

fn empty(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BackupError::io(folder)(error));
        }
        _ => {}
    }
    make_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verified, restore, verify};

    struct Place {
        folder: tempfile::TempDir,
        repository: Repository,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let repository = Repository::open_or_make(&folder.path().join("backups")).unwrap();
            Self { folder, repository }
        }

        fn item(&self, path: &str, text: &str, nature: Nature) -> Item {
            let from = self.folder.path().join("environment").join(path);
            fs::create_dir_all(from.parent().unwrap()).unwrap();
            if fs::read_to_string(&from).ok().as_deref() != Some(text) {
                fs::write(&from, text).unwrap();
            }
            let bytes = text.len() as u64;
            Item { path: path.to_owned(), from, bytes, nature, need: Need::Required }
        }

        fn begin(&self, at: i64) -> Taking {
            let about = About {
                project: "shop".to_owned(),
                environment: "dev".to_owned(),
                release: "0".to_owned(),
                began_at: Timestamp::from_micros(at),
            };
            Taking::begin(&self.repository, about).unwrap()
        }

        fn back_up(&self, at: i64, items: &[Item]) -> BackupManifest {
            let mut taking = self.begin(at);
            taking.take(items, &|_| ()).unwrap();
            taking.finish(Timestamp::from_micros(at + 1)).unwrap()
        }

        fn verify(&self) -> Verified {
            verify(&self.repository, None, &|_| ()).unwrap()
        }
    }

    #[test]
    fn what_is_there_is_not_copied_again() {
        let place = Place::new();
        let items = [
            place.item("lake/a", "one", Nature::Sealed),
            place.item("topics/t", "grows", Nature::Changing),
        ];
        assert_eq!(place.back_up(1, &items).new_bytes, 8);
        let items = [items[0].clone(), place.item("topics/t", "grows and grows", Nature::Changing)];
        let second = place.back_up(2_000_000, &items);
        assert_eq!((second.new_bytes, second.bytes()), (15, 18));
        assert_eq!(place.repository.list().unwrap()[0].id, second.id);

        let pruned = place.repository.prune(1).unwrap();
        assert_eq!((pruned.backups.len(), pruned.bytes), (1, 5));
        assert!(place.verify().damages.is_empty());
    }

    #[test]
    fn a_backup_goes_on_where_another_was_killed() {
        let place = Place::new();
        let items = [place.item("lake/a", "one", Nature::Sealed)];
        let mut killed = place.begin(1);
        killed.take(&items, &|_| ()).unwrap();
        let busy = Taking::begin(&place.repository, killed.about.clone()).unwrap_err();
        assert!(matches!(busy, BackupError::Busy { .. }));
        drop(killed);
        assert_eq!(place.repository.list().unwrap()[0].state, "unfinished");
        assert!(matches!(place.repository.find(None), Err(BackupError::Nothing { .. })));
        assert_eq!(place.back_up(2, &items).new_files, 0);
        assert_eq!(place.repository.list().unwrap().len(), 1);
    }

    #[test]
    fn damage_is_found_and_mended_by_the_next_backup() {
        let place = Place::new();
        let items = [place.item("models/m", "model", Nature::Sealed)];
        let manifest = place.back_up(1, &items);
        let object = place.repository.object(&manifest.files[0].hash);
        fs::write(&object, "MODEL").unwrap();
        assert_eq!(place.verify().damages[0].path, "models/m");
        let target = place.folder.path().join("restored");
        let error = restore(&place.repository, &manifest, &target, &|_| ()).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
        assert!(!place.verify().damages.is_empty(), "it stays missing");
        assert_eq!(place.back_up(2, &items).new_files, 1);
        assert!(place.verify().damages.is_empty());
        restore(&place.repository, &manifest, &target, &|_| ()).unwrap();
        assert_eq!(fs::read_to_string(target.join("models/m")).unwrap(), "model");
    }

    #[test]
    fn a_file_that_went_is_missed_only_if_it_is_needed() {
        let place = Place::new();
        let mut item = place.item("raw/a", "one", Nature::Sealed);
        fs::remove_file(&item.from).unwrap();
        let mut taking = place.begin(1);
        let error = taking.take(std::slice::from_ref(&item), &|_| ()).unwrap_err();
        assert!(matches!(error, BackupError::SourceGone { .. }));
        item.need = Need::WithFolder;
        let beside = place.item("raw/b", "two", Nature::Sealed);
        taking.take(&[item, beside], &|_| ()).unwrap();
        assert!(taking.finish(Timestamp::from_micros(2)).unwrap().files.is_empty());
    }

    #[test]
    fn a_folder_with_other_files_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
        let error = Repository::open_or_make(folder.path()).unwrap_err();
        assert!(matches!(error, BackupError::InTheWay { .. }));
        let error = Repository::open(folder.path()).unwrap_err();
        assert!(matches!(error, BackupError::NotABackup { .. }));
    }
}
