//! Finds the files of projects.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::ignored::Ignored;
use super::project::Project;

/// The deepest folder that is looked into.
const FOLDER_DEPTH_MAX: usize = 32;

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Macros,
    Model,
    Snapshots,
    Analysis,
    SingularTest,
    Seed,
    Function,
    Docs,
    Properties,
    Fixture,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(super) struct FileRef {
    /// The number of its project.
    pub(super) project: usize,
    pub(super) kind: FileKind,
    /// Below the folder that was searched: `staging/stg_orders.sql`.
    pub(super) path: PathBuf,
    /// Below the root of its project: `models/staging/stg_orders.sql`.
    pub(super) original: PathBuf,
}

/// The files of all projects, in the order of their names.
pub(super) fn find(projects: &[Project]) -> Vec<FileRef> {
    let mut found = Vec::new();
    for (index, project) in projects.iter().enumerate() {
        let ignored = Ignored::of(&project.root);
        Search { index, project, ignored, found: &mut found }.all();
    }
    found
}

struct Search<'a> {
    index: usize,
    project: &'a Project,
    ignored: Ignored,
    found: &'a mut Vec<FileRef>,
}

impl Search<'_> {
    fn all(mut self) {
        let paths = &self.project.paths;
        let below = |folders: &[String], inner: &str| -> Vec<String> {
            folders.iter().map(|folder| format!("{folder}/{inner}")).collect()
        };
        self.search(FileKind::Macros, &paths.macros, &["sql"]);
        self.search(FileKind::Macros, &below(&paths.tests, "generic"), &["sql"]);
        self.search(FileKind::Model, &paths.models, &["sql", "py"]);
        self.search(FileKind::Snapshots, &paths.snapshots, &["sql"]);
        self.search(FileKind::Analysis, &paths.analyses, &["sql"]);
        self.search(FileKind::SingularTest, &paths.tests, &["sql"]);
        self.search(FileKind::Seed, &paths.seeds, &["csv"]);
        self.search(FileKind::Function, &paths.functions, &["sql", "py", "js"]);
        self.search(FileKind::Fixture, &below(&paths.tests, "fixtures"), &["csv", "sql"]);
        let sources: Vec<String> = self.project.sources().into_iter().map(str::to_owned).collect();
        self.search(FileKind::Docs, paths.docs.as_deref().unwrap_or(&sources), &["md"]);
        self.search(FileKind::Properties, &sources, &["yml", "yaml"]);
    }

    fn search(&mut self, kind: FileKind, folders: &[String], extensions: &[&str]) {
        let mut known: HashSet<PathBuf> = HashSet::new();
        for folder in folders {
            let mut files = Vec::new();
            walk(&self.project.root.join(folder), Path::new(""), 0, extensions, &mut files);
            files.retain(|path| !self.ignored.has(&Path::new(folder).join(path)));
            files.sort();
            for path in files {
                let original = Path::new(folder).join(&path);
                if kind == FileKind::SingularTest && is_special(&path) {
                    continue;
                }
                // Folders may lie in each other.
                if folders.len() > 1 && !known.insert(original.clone()) {
                    continue;
                }
                self.found.push(FileRef { project: self.index, kind, path, original });
            }
        }
    }
}

/// Generic tests and fixtures lie in folders of their own below those of tests.
fn is_special(path: &Path) -> bool {
    let first = path.components().next().map(|part| part.as_os_str().to_owned());
    first.is_some_and(|first| first == "generic" || first == "fixtures")
}

fn walk(folder: &Path, below: &Path, depth: usize, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    if depth > FOLDER_DEPTH_MAX {
        return;
    }
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(text) = name.to_str().filter(|name| !name.starts_with(['.', '#', '~'])) else {
            continue;
        };
        let path = below.join(&name);
        let is_folder = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => {
                entry.path().is_dir() && !leads_up(&entry.path(), folder)
            }
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        if is_folder {
            walk(&entry.path(), &path, depth + 1, extensions, found);
        } else if text.rsplit_once('.').is_some_and(|(_, end)| extensions.contains(&end)) {
            found.push(path);
        }
    }
}

/// Whether a link leads to a folder that it lies in itself.
fn leads_up(link: &Path, folder: &Path) -> bool {
    match (fs::canonicalize(link), fs::canonicalize(folder)) {
        (Ok(to), Ok(from)) => from.starts_with(to),
        _ => false,
    }
}
