//! Reads the files of a project, and nothing outside its root.

use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use millstream_core::limits::PROJECT_FILE_BYTES_MAX;

use crate::report::{Mark, Report, whole};

/// The deepest folder that is looked into.
const FOLDER_DEPTH_MAX: usize = 32;
/// The most files of one project.
const FILES_MAX: usize = 100_000;

/// A text file of the project.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path relative to the project's root.
    pub path: PathBuf,
    /// Its content, without a byte order mark.
    pub text: String,
}

/// The project's folder.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    canonical: PathBuf,
    visited: HashSet<PathBuf>,
    files: usize,
}

impl Folder {
    /// Opens the folder; reports and gives nothing if it cannot be read.
    pub fn open(root: &Path, report: &mut Report) -> Option<Self> {
        match fs::canonicalize(root) {
            Ok(canonical) if canonical.is_dir() => {
                Some(Self { root: root.to_owned(), canonical, visited: HashSet::new(), files: 0 })
            }
            Ok(_) => {
                let message = format!("`{}` is not a folder", root.display());
                report.error("project.not_found", None, message, None);
                None
            }
            Err(error) => {
                let message =
                    format!("cannot open the project folder `{}`: {error}", root.display());
                report.error("project.not_found", None, message, None);
                None
            }
        }
    }

    /// The absolute path of the root, links resolved.
    pub fn canonical(&self) -> &Path {
        &self.canonical
    }

    /// Whether the root has a file or folder of this name.
    pub fn has(&self, path: &str) -> bool {
        self.root.join(path).exists()
    }

    /// Reads a file; `None` if it does not exist or cannot be read, which is then reported.
    pub fn read(&mut self, path: &Path, report: &mut Report) -> Option<Source> {
        let full = self.root.join(path);
        if fs::symlink_metadata(&full).is_err() {
            return None;
        }
        if !self.stays_inside(path, report) {
            return None;
        }
        read_source(&full, path, report)
    }

    /// All files below a folder, sorted, that have one of these extensions.
    pub fn list(
        &mut self,
        folder: &Path,
        extensions: &[&str],
        report: &mut Report,
    ) -> Vec<PathBuf> {
        let mut found = self.list_all(folder, report);
        found.retain(|path| {
            path.extension()
                .and_then(|extension| extension.to_str())
                .is_some_and(|extension| extensions.contains(&extension))
        });
        found.sort();
        found
    }

    /// All files of the project, sorted, but those that are skipped and what is hidden. A link that
    /// leads out of the root is reported.
    pub fn list_but(&mut self, skip: &dyn Fn(&Path) -> bool, report: &mut Report) -> Vec<PathBuf> {
        let mut found = Vec::new();
        self.visited.clear();
        self.walk(Path::new(""), 0, skip, &mut found, report);
        found.retain(|path| self.stays_inside(path, report));
        found.sort();
        found
    }

    fn list_all(&mut self, folder: &Path, report: &mut Report) -> Vec<PathBuf> {
        let leaves = folder.components().any(|part| !matches!(part, Component::Normal(_)));
        if leaves {
            refuse(folder, report);
            return Vec::new();
        }
        let mut found = Vec::new();
        self.visited.clear();
        if self.root.join(folder).exists() {
            self.walk(folder, 0, &|_| false, &mut found, report);
        }
        found
    }

    /// Reports a folder that lies outside of the root, and links in it that lead there.
    pub fn guard(&mut self, folder: &Path, report: &mut Report) {
        for path in self.list_all(folder, report) {
            let is_link = fs::symlink_metadata(self.root.join(&path))
                .is_ok_and(|meta| meta.file_type().is_symlink());
            if is_link {
                self.stays_inside(&path, report);
            }
        }
    }

    /// Reads all files below a folder that have one of these extensions.
    pub fn read_all(
        &mut self,
        folder: &Path,
        extensions: &[&str],
        report: &mut Report,
    ) -> Vec<Source> {
        let paths = self.list(folder, extensions, report);
        paths.iter().filter_map(|path| self.read(path, report)).collect()
    }

    fn walk(
        &mut self,
        folder: &Path,
        depth: usize,
        skip: &dyn Fn(&Path) -> bool,
        found: &mut Vec<PathBuf>,
        report: &mut Report,
    ) {
        if !self.stays_inside(folder, report) || !self.first_visit(folder) {
            return;
        }
        if depth > FOLDER_DEPTH_MAX || self.files > FILES_MAX {
            let message = format!(
                "more than {FOLDER_DEPTH_MAX} nested folders or {FILES_MAX} files in a project"
            );
            report.error("project.file_unreadable", whole(folder), message, None);
            return;
        }
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot read the folder: {error}");
                report.error("project.file_unreadable", whole(folder), message, None);
                return;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let path = folder.join(&name);
            if skip(&path) {
                continue;
            }
            if self.root.join(&path).is_dir() {
                self.walk(&path, depth + 1, skip, found, report);
            } else {
                self.files += 1;
                found.push(path);
            }
        }
    }

    /// A folder that links reach twice is read once.
    fn first_visit(&mut self, folder: &Path) -> bool {
        match fs::canonicalize(self.root.join(folder)) {
            Ok(canonical) => self.visited.insert(canonical),
            Err(_) => false,
        }
    }

    fn stays_inside(&self, path: &Path, report: &mut Report) -> bool {
        match fs::canonicalize(self.root.join(path)) {
            Ok(canonical) if canonical.starts_with(&self.canonical) => true,
            Ok(_) => {
                refuse(path, report);
                false
            }
            Err(error) => {
                let message = format!("cannot be opened: {error}");
                report.error("project.file_unreadable", whole(path), message, None);
                false
            }
        }
    }
}

/// Reads a file under the name that problems call it; one that cannot be read is reported.
pub fn read_source(full: &Path, name: &Path, report: &mut Report) -> Option<Source> {
    match read_text(full) {
        Ok(text) => Some(Source { path: name.to_owned(), text }),
        Err(problem) => {
            let place = match problem.mark {
                Some(mark) => mark.within(name),
                None => whole(name),
            };
            report.error("project.file_unreadable", place, problem.message, problem.hint);
            None
        }
    }
}

fn refuse(path: &Path, report: &mut Report) {
    report.error(
        "project.path_escapes",
        whole(path),
        format!("`{}` leads out of the project's folder", path.display()),
        "copy what the project needs into its folder; links and `..` may not leave it".to_owned(),
    );
}

struct Unreadable {
    message: String,
    mark: Option<Mark>,
    hint: Option<String>,
}

fn read_text(path: &Path) -> Result<String, Unreadable> {
    let plain = |message: String| Unreadable { message, mark: None, hint: None };
    let meta = fs::metadata(path).map_err(|error| plain(format!("cannot be read: {error}")))?;
    if !meta.is_file() {
        return Err(plain("is not a file".to_owned()));
    }
    if meta.len() > PROJECT_FILE_BYTES_MAX {
        return Err(plain(format!(
            "has {} bytes; a file of a project has at most {PROJECT_FILE_BYTES_MAX}",
            meta.len()
        )));
    }
    let bytes = fs::read(path).map_err(|error| plain(format!("cannot be read: {error}")))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        }),
        Err(error) => {
            let valid = error.utf8_error().valid_up_to();
            let start = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            Err(Unreadable {
                message: "is not UTF-8 text".to_owned(),
                mark: Some(Mark::of_offset(&start, valid)),
                hint: Some("save the file with the encoding UTF-8".to_owned()),
            })
        }
    }
}
