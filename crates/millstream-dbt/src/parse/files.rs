//! Finds and reads the files of a project and its packages, each once, on several threads.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_files::yaml::{self, Document};
use millstream_files::{Report, Source, read_source, whole};
use millstream_jinja::{Error, Program, Syntax};
use sha2::{Digest, Sha256};

use super::parallel;
use super::project::Project;
use crate::manifest::Checksum;

/// The deepest folder that is looked into.
const FOLDER_DEPTH_MAX: usize = 32;
/// The largest seed whose content is hashed.
const SEED_BYTES_MAX: u64 = 1 << 20;

/// What a file is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Macros,
    Model,
    Snapshots,
    Analysis,
    SingularTest,
    Seed,
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

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) found: FileRef,
    /// Its name in messages.
    pub(super) shown: PathBuf,
    pub(super) content: Content,
}

/// What is in a file.
#[derive(Debug)]
pub(super) enum Content {
    /// SQL with Jinja.
    Template(Box<Template>),
    /// A file of properties.
    Properties(Document, Checksum),
    /// Text that is not read here: Python, docs, fixtures.
    Text { text: Arc<str>, checksum: Checksum },
    /// Rows that are not read here.
    Rows(Checksum),
}

/// SQL with Jinja.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) raw: Arc<str>,
    pub(super) checksum: Checksum,
    /// Line ends that stand before the text.
    pub(super) lines_before: usize,
    pub(super) program: Result<Arc<Program>, Error>,
}

/// The files of all projects, in the order of their names. What cannot be read is reported.
pub(super) fn read(projects: &[Project], threads: usize, report: &mut Report) -> Vec<File> {
    let mut found = Vec::new();
    for (index, project) in projects.iter().enumerate() {
        Search { index, project, found: &mut found }.all();
    }
    let read = parallel::map(&found, threads, |found| {
        let mut report = Report::default();
        let file = read_file(found, &projects[found.project], &mut report);
        (file, report)
    });
    let mut files = Vec::with_capacity(read.len());
    for (file, problems) in read {
        files.extend(file);
        report.append(problems);
    }
    files
}

struct Search<'a> {
    index: usize,
    project: &'a Project,
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

fn read_file(found: &FileRef, project: &Project, report: &mut Report) -> Option<File> {
    let full = project.root.join(&found.original);
    let shown = project.shown.join(&found.original);
    let content = match found.kind {
        FileKind::Seed => Content::Rows(seed_checksum(&full, found, &shown, report)?),
        FileKind::Properties => {
            let source = read_source(&full, &shown, report)?;
            Content::Properties(yaml::parse_dbt(&source, report)?, checksum(&source.text))
        }
        FileKind::Docs | FileKind::Fixture => text(&read_source(&full, &shown, report)?),
        FileKind::Model if found.original.extension().is_some_and(|end| end == "py") => {
            text(&read_source(&full, &shown, report)?)
        }
        _ => template(&read_source(&full, &shown, report)?),
    };
    Some(File { found: found.clone(), shown, content })
}

fn text(source: &Source) -> Content {
    let text = source.text.trim();
    Content::Text { text: Arc::from(text), checksum: checksum(text) }
}

fn template(source: &Source) -> Content {
    let start = source.text.trim_start();
    let before = &source.text[..source.text.len() - start.len()];
    let raw = start.trim_end();
    let name = source.path.to_string_lossy();
    Content::Template(Box::new(Template {
        raw: Arc::from(raw),
        checksum: checksum(raw),
        lines_before: before.matches('\n').count(),
        program: Program::parse(&name, raw, &Syntax::dbt()),
    }))
}

/// Of the words of a text: blanks and line ends do not count.
pub(super) fn checksum(text: &str) -> Checksum {
    let mut hasher = Sha256::new();
    for (index, word) in text.split_whitespace().enumerate() {
        if index > 0 {
            hasher.update(b" ");
        }
        hasher.update(word.as_bytes());
    }
    Checksum { name: "sha256".to_owned(), checksum: hex(&hasher.finalize()) }
}

fn seed_checksum(
    full: &Path,
    found: &FileRef,
    shown: &Path,
    report: &mut Report,
) -> Option<Checksum> {
    let size = fs::metadata(full).map(|meta| meta.len()).unwrap_or_default();
    if size > SEED_BYTES_MAX {
        let path = found.original.to_string_lossy().into_owned();
        return Some(Checksum { name: "path".to_owned(), checksum: path });
    }
    match fs::read(full) {
        Ok(bytes) => {
            let checksum = hex(&Sha256::digest(without_returns(bytes.trim_ascii())));
            Some(Checksum { name: "sha256".to_owned(), checksum })
        }
        Err(error) => {
            let message = format!("cannot be read: {error}");
            report.error("project.file_unreadable", whole(shown), message, None);
            None
        }
    }
}

/// The same on every system, however it ends lines.
fn without_returns(bytes: &[u8]) -> Cow<'_, [u8]> {
    if !bytes.contains(&b'\r') {
        return Cow::Borrowed(bytes);
    }
    let mut plain = Vec::with_capacity(bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'\r' if bytes.get(index + 1) == Some(&b'\n') => {}
            b'\r' => plain.push(b'\n'),
            other => plain.push(*other),
        }
    }
    Cow::Owned(plain)
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
