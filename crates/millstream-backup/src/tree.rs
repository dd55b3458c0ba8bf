//! Trees: the files of a folder as they were at one moment, kept by their contents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use millstream_core::{ContentHash, crash};
use serde::{Deserialize, Serialize};

use crate::contents::Contents;
use crate::error::{BackupError, Result};
use crate::names::{make_folder, sync_folder, sync_holders};
use crate::work::for_each;

/// The largest list of files that is read.
const LIST_BYTES_MAX: u64 = 64 << 20;

/// The files of a folder, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    files: Vec<TreeFile>,
}

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// Where it lies, with `/` between folders.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, which is the name of its content.
    pub hash: ContentHash,
    /// Whether it can be run.
    pub mode: FileMode,
}

/// Whether a file can be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// It is read.
    Plain,
    /// It may be run.
    Executable,
}

/// What happened to a file between two trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its path.
    pub path: String,
    /// What.
    pub change: FileChanged,
}

/// What can happen to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChanged {
    /// Only the later tree has it.
    Added,
    /// Only the earlier tree has it.
    Removed,
    /// Both have it, otherwise.
    Changed,
}

impl FileChanged {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl Tree {
    /// The tree of no files.
    pub fn empty() -> Self {
        Self { files: Vec::new() }
    }

    /// Keeps files of a folder, and the list of them; durable when this returns.
    pub fn take(contents: &Contents, folder: &Path, paths: &[PathBuf]) -> Result<Self> {
        let number = AtomicU64::new(0);
        let name = || {
            let number = number.fetch_add(1, Ordering::Relaxed);
            format!("{}-{number}", std::process::id())
        };
        let mut files = for_each(paths, |path| take_file(contents, folder, path, &name()))?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let tree = Self { files };
        crash::point("release.tree.before");
        let list = contents.receive(Cursor::new(tree.text()), &name(), u64::MAX, &|_| ())?;
        contents.keep(&list)?;
        contents.settle(tree.files.iter().map(|file| &file.hash).chain([&list.content.hash]))?;
        Ok(tree)
    }

    /// Whether the list of a tree is kept.
    pub fn is_kept(contents: &Contents, hash: &ContentHash) -> bool {
        contents.path(hash).is_file()
    }

    /// The tree whose list has this hash.
    pub fn read(contents: &Contents, hash: &ContentHash) -> Result<Self> {
        let path = contents.path(hash);
        let damaged = || BackupError::damaged(&hash.short(), "its list of files is not whole");
        let size = fs::metadata(&path).map_err(|_| damaged())?.len();
        if size > LIST_BYTES_MAX {
            return Err(damaged());
        }
        let text = fs::read(&path).map_err(BackupError::io(&path))?;
        if ContentHash::of(&text) != *hash {
            return Err(damaged());
        }
        serde_json::from_slice(&text).map_err(|_| damaged())
    }

    /// The hash of the list of its files: equal trees have the same.
    pub fn hash(&self) -> ContentHash {
        ContentHash::of(self.text().as_bytes())
    }

    /// Its files, in the order of their paths.
    pub fn files(&self) -> &[TreeFile] {
        &self.files
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What is different in a later tree, in the order of the paths.
    pub fn changes_to(&self, later: &Self) -> Vec<FileChange> {
        let by_path = |tree: &'_ Self| -> BTreeMap<String, (ContentHash, FileMode)> {
            tree.files.iter().map(|file| (file.path.clone(), (file.hash, file.mode))).collect()
        };
        let (before, after) = (by_path(self), by_path(later));
        let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let change = |path: &String| match (before.get(path), after.get(path)) {
            (None, Some(_)) => Some(FileChanged::Added),
            (Some(_), None) => Some(FileChanged::Removed),
            (Some(before), Some(after)) if before != after => Some(FileChanged::Changed),
            _ => None,
        };
        let changed =
            |path: &String| Some(FileChange { path: path.clone(), change: change(path)? });
        paths.into_iter().filter_map(changed).collect()
    }

    /// Writes its files below a folder that is there whole or not at all: an earlier one is left as
    /// it is. The files are for reading only.
    pub fn check_out(&self, contents: &Contents, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let mut name = folder.as_os_str().to_owned();
        name.push(format!(".writing-{}", std::process::id()));
        let beside = PathBuf::from(name);
        remove(&beside)?;
        let targets: Result<Vec<(&TreeFile, PathBuf)>> =
            self.files.iter().map(|file| Ok((file, target(&beside, &file.path)?))).collect();
        let targets = targets?;
        make_folder(&beside)?;
        let holders: BTreeSet<&Path> =
            targets.iter().filter_map(|(_, target)| target.parent()).collect();
        holders.into_iter().try_for_each(make_folder)?;
        for_each(&targets, |(file, target)| {
            contents.put(&file.hash, target, &file.path, &|_| ())?;
            protect(target, file.mode)
        })?;
        sync_holders(targets.iter().map(|(_, target)| target))?;
        crash::point("release.check_out.before");
        match fs::rename(&beside, folder) {
            // Another process was faster.
            Err(_) if folder.is_dir() => remove(&beside)?,
            renamed => renamed.map_err(BackupError::io(folder))?,
        }
        folder.parent().map_or(Ok(()), sync_folder).map_err(BackupError::io(folder))
    }

    fn text(&self) -> String {
        serde_json::to_string(self).expect("a tree has only texts and numbers")
    }
}

fn take_file(contents: &Contents, folder: &Path, path: &Path, name: &str) -> Result<TreeFile> {
    let from = folder.join(path);
    let shown = path.to_str().ok_or_else(|| BackupError::NotText { path: path.to_owned() })?;
    let file = File::open(&from).map_err(BackupError::io(&from))?;
    let mode = mode_of(&file).map_err(BackupError::io(&from))?;
    let received = contents.receive(file, name, u64::MAX, &|_| ())?;
    contents.keep(&received)?;
    let path = shown.replace(std::path::MAIN_SEPARATOR, "/");
    Ok(TreeFile { path, bytes: received.content.bytes, hash: received.content.hash, mode })
}

/// A path of a list never leaves the folder.
pub(crate) fn target(folder: &Path, path: &str) -> Result<PathBuf> {
    let relative = Path::new(path);
    let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if path.is_empty() || !is_inside {
        return Err(BackupError::damaged(path, "the path leaves the folder"));
    }
    Ok(folder.join(relative))
}

#[cfg(unix)]
fn mode_of(file: &File) -> std::io::Result<FileMode> {
    use std::os::unix::fs::PermissionsExt;
    let is_executable = file.metadata()?.permissions().mode() & 0o111 != 0;
    Ok(if is_executable { FileMode::Executable } else { FileMode::Plain })
}

#[cfg(not(unix))]
fn mode_of(_file: &File) -> std::io::Result<FileMode> {
    Ok(FileMode::Plain)
}

#[cfg(unix)]
fn protect(path: &Path, mode: FileMode) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let bits = match mode {
        FileMode::Plain => 0o444,
        FileMode::Executable => 0o555,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).map_err(BackupError::io(path))
}

#[cfg(not(unix))]
fn protect(_path: &Path, _mode: FileMode) -> Result<()> {
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(BackupError::io(folder)(error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place {
        folder: tempfile::TempDir,
        contents: Contents,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let contents = Contents::open_or_make(&folder.path().join("releases")).unwrap();
            Self { folder, contents }
        }

        fn take(&self, files: &[(&str, &str)]) -> Tree {
            let root = self.folder.path().join("project");
            for (path, text) in files {
                let file = root.join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(file, text).unwrap();
            }
            let paths: Vec<PathBuf> = files.iter().map(|(path, _)| PathBuf::from(path)).collect();
            Tree::take(&self.contents, &root, &paths).unwrap()
        }

        fn check_out(&self, tree: &Tree) -> Result<PathBuf> {
            let folder = self.folder.path().join("trees").join(tree.hash().short());
            tree.check_out(&self.contents, &folder).map(|()| folder)
        }
    }

    #[test]
    fn a_tree_comes_back_as_it_was() {
        let place = Place::new();
        let tree = place.take(&[("models/orders.sql", "select 1"), ("a.yml", ""), ("b.yml", "")]);
        assert_eq!(Tree::read(&place.contents, &tree.hash()).unwrap(), tree);
        assert_eq!(tree.bytes(), 8);
        let folder = place.check_out(&tree).unwrap();
        assert_eq!(fs::read_to_string(folder.join("models/orders.sql")).unwrap(), "select 1");
        assert_eq!(place.check_out(&tree).unwrap(), folder, "it is there already");
        assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(place.contents.incoming()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_could_be_run_still_can() {
        use std::os::unix::fs::PermissionsExt;
        let place = Place::new();
        let plain = place.take(&[("run.sh", "exit 0")]);
        let script = place.folder.path().join("project/run.sh");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let tree = place.take(&[("run.sh", "exit 0")]);
        assert_ne!(plain.hash(), tree.hash());
        let folder = place.check_out(&tree).unwrap();
        let mode = folder.join("run.sh").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o555);
    }

    #[test]
    fn changes_are_told_by_path() {
        let place = Place::new();
        let before = place.take(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let after = place.take(&[("a", "1"), ("b", "other"), ("d", "4")]);
        let change = |path: &str, change| FileChange { path: path.to_owned(), change };
        assert_eq!(
            before.changes_to(&after),
            [
                change("b", FileChanged::Changed),
                change("c", FileChanged::Removed),
                change("d", FileChanged::Added),
            ]
        );
        assert_eq!(before.changes_to(&before), []);
    }

    #[test]
    fn a_damaged_content_is_told_and_mended_by_taking_it_again() {
        let place = Place::new();
        let tree = place.take(&[("a", "one")]);
        fs::write(place.contents.path(&tree.files()[0].hash), "two").unwrap();
        let error = place.check_out(&tree).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
        assert_eq!(place.take(&[("a", "one")]), tree);
        place.check_out(&tree).unwrap();
        fs::write(place.contents.path(&tree.hash()), "{}").unwrap();
        assert!(Tree::read(&place.contents, &tree.hash()).is_err());
    }

    #[test]
    fn what_no_tree_needs_is_removed() {
        let place = Place::new();
        let (old, new) = (place.take(&[("a", "one"), ("b", "both")]), place.take(&[("a", "two")]));
        let needed = new.files().iter().map(|file| file.hash).chain([new.hash()]).collect();
        let removed = place.contents.keep_only(&needed).unwrap();
        assert_eq!(removed.files, 3, "a list and two files");
        assert!(Tree::is_kept(&place.contents, &new.hash()));
        assert!(!Tree::is_kept(&place.contents, &old.hash()));
        place.check_out(&new).unwrap();
    }

    #[test]
    fn a_path_stays_in_its_folder() {
        let folder = Path::new("/environment");
        assert_eq!(target(folder, "lake/a").unwrap(), Path::new("/environment/lake/a"));
        for path in ["", "../a", "/etc/passwd", "lake/../../a"] {
            assert!(target(folder, path).is_err(), "of {path}");
        }
    }
}
