//! Reads the files of a project and its packages, each once, on several threads: first their texts,
//! which say whether anything has changed, then what the texts mean.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use millstream_files::yaml::{self, Document};
use millstream_files::{Report, Source, read_source, whole};
use millstream_jinja::{Error, Program, Syntax};
use sha2::{Digest, Sha256};

use super::parallel;
use super::project::Project;
use super::search::{FileKind, FileRef};
use crate::manifest::Checksum;

/// The largest seed whose content is hashed.
const SEED_BYTES_MAX: u64 = 1 << 20;

/// A file with its text.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) found: FileRef,
    /// Its name in messages.
    pub(super) shown: PathBuf,
    /// Of its content as it is.
    pub(super) digest: String,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Text(String),
    /// Rows that are not read here.
    Rows(Checksum),
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct File {
    pub(super) found: FileRef,
    /// Its name in messages.
    pub(super) shown: PathBuf,
    /// Of its content as it is.
    pub(super) digest: String,
    pub(super) content: Content,
}

/// What is in a file.
#[derive(Debug)]
pub(super) enum Content {
    /// SQL with Jinja.
    Template(Template),
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
}

impl File {
    /// A text of this file as a program.
    pub(super) fn program(&self, text: &str) -> Result<Arc<Program>, Error> {
        Program::parse(&self.shown.to_string_lossy(), text, &Syntax::dbt())
    }
}

/// The texts of files. What cannot be read is reported.
pub(super) fn texts(
    found: &[FileRef],
    projects: &[Project],
    threads: usize,
    report: &mut Report,
) -> Vec<Text> {
    let read = parallel::map(found, threads, |found| {
        let mut report = Report::default();
        let text = text_of(found, &projects[found.project], &mut report);
        (Vec::from_iter(text), report)
    });
    parallel::collect(read, report)
}

/// What texts mean. What means nothing is reported.
pub(super) fn parse(texts: &[Text], threads: usize, report: &mut Report) -> Vec<File> {
    let read = parallel::map(texts, threads, |text| {
        let mut report = Report::default();
        (Vec::from_iter(file_of(text, &mut report)), report)
    });
    parallel::collect(read, report)
}

fn text_of(found: &FileRef, project: &Project, report: &mut Report) -> Option<Text> {
    let full = project.root.join(&found.original);
    let shown = project.shown.join(&found.original);
    let (digest, body) = if found.kind == FileKind::Seed {
        let (digest, checksum) = rows(&full, found, &shown, report)?;
        (digest, Body::Rows(checksum))
    } else {
        let text = read_source(&full, &shown, report)?.text;
        (hex(&Sha256::digest(&text)), Body::Text(text))
    };
    Some(Text { found: found.clone(), shown, digest, body })
}

fn file_of(text: &Text, report: &mut Report) -> Option<File> {
    let content = match (&text.body, text.found.kind) {
        (Body::Rows(checksum), _) => Content::Rows(checksum.clone()),
        (Body::Text(body), FileKind::Properties) => {
            let source = Source { path: text.shown.clone(), text: body.clone() };
            Content::Properties(yaml::parse_dbt(&source, report)?, checksum(body))
        }
        (Body::Text(body), FileKind::Docs | FileKind::Fixture) => plain(body),
        (Body::Text(body), FileKind::Model | FileKind::Function)
            if text.found.original.extension().is_some_and(|end| end != "sql") =>
        {
            plain(body)
        }
        (Body::Text(body), _) => template(body),
    };
    let (found, shown, digest) = (text.found.clone(), text.shown.clone(), text.digest.clone());
    Some(File { found, shown, digest, content })
}

fn plain(text: &str) -> Content {
    let text = text.trim();
    Content::Text { text: Arc::from(text), checksum: checksum(text) }
}

fn template(text: &str) -> Content {
    let start = text.trim_start();
    let before = &text[..text.len() - start.len()];
    let raw = start.trim_end();
    Content::Template(Template {
        raw: Arc::from(raw),
        checksum: checksum(raw),
        lines_before: before.matches('\n').count(),
    })
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

/// The digest of rows, and what dbt calls their checksum. Of many rows both are short cuts.
fn rows(
    full: &Path,
    found: &FileRef,
    shown: &Path,
    report: &mut Report,
) -> Option<(String, Checksum)> {
    let meta = fs::metadata(full).ok();
    let size = meta.as_ref().map(fs::Metadata::len).unwrap_or_default();
    if size > SEED_BYTES_MAX {
        let path = found.original.to_string_lossy().into_owned();
        let changed = meta.and_then(|meta| meta.modified().ok()?.duration_since(UNIX_EPOCH).ok());
        let digest = format!("{size} {changed:?}");
        return Some((digest, Checksum { name: "path".to_owned(), checksum: path }));
    }
    match fs::read(full) {
        Ok(bytes) => {
            let checksum = hex(&Sha256::digest(without_returns(bytes.trim_ascii())));
            let digest = hex(&Sha256::digest(&bytes));
            Some((digest, Checksum { name: "sha256".to_owned(), checksum }))
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
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
