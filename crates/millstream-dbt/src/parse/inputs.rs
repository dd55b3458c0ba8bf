//! What a project is read from: its settings, and the texts of its files.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_files::Report;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::captures::{Captures, ReadVars, Watch, are_same};
use super::files::{self, Text, hex};
use super::options::{ParseOptions, Parsed, ParsedProject};
use super::search::{self, FileKind};
use super::{Header, header, profile};

/// Files of a project that are read beside those of its folders.
const BESIDE: &[&str] =
    &["dbt_project.yml", "packages.yml", "dependencies.yml", "selectors.yml", "vars.yml"];

/// A project whose texts were read, and nothing else yet.
#[derive(Debug)]
pub struct Inputs {
    root: PathBuf,
    options: ParseOptions,
    watch: Watch,
    report: Report,
    found: Option<Found>,
}

#[derive(Debug)]
struct Found {
    header: Header,
    texts: Vec<Text>,
}

/// What tells two states of a project apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of all files, settings and flags.
    pub(super) all: String,
    /// Variables of the process that were read.
    pub(super) read: ReadVars,
}

impl Inputs {
    /// Reads the texts of the project in a folder, all its packages included.
    pub fn read(root: &Path, options: &ParseOptions) -> Self {
        let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
        let watch = Watch::default();
        let options = ParseOptions { env_var: watch.env_var(&options.env_var), ..options.clone() };
        let mut report = Report::default();
        let header = header(&root, &options, &mut report);
        // What settings and the profile read has become a part of them; some of it is secret.
        watch.clear();
        let found = header.map(|header| {
            let files = search::find(&header.projects);
            let texts = files::texts(&files, &header.projects, options.threads, &mut report);
            Found { header, texts }
        });
        Self { root, options, watch, report, found }
    }

    /// Whether nothing has changed since a fingerprint was taken.
    pub fn are(&self, known: &Fingerprint) -> bool {
        let all = self.found.as_ref().map(|found| self.all(found));
        self.report.is_empty()
            && all.as_ref() == Some(&known.all)
            && are_same(&known.read, &self.options.env_var)
    }

    /// Makes a project of the texts. What texts say of themselves is taken from the file
    /// `captures`, as far as it is known, and kept there.
    pub fn parse(self, captures: Option<&Path>) -> Parsed {
        let mut report = Report::default();
        let project = self.project(captures, &mut report);
        let project = project.filter(|_| !report.has_errors());
        Parsed { project, diagnostics: report.finish() }
    }

    /// The same; what is wrong is reported, and left out of the manifest.
    pub(super) fn project(
        mut self,
        captures: Option<&Path>,
        report: &mut Report,
    ) -> Option<ParsedProject> {
        let Some(found) = self.found.take() else {
            report.append(self.report);
            return None;
        };
        let (all, seen) = (self.all(&found), self.seen(&found));
        let env_var = &self.options.env_var;
        let known = captures.map(|file| Captures::load(file, &seen, env_var)).unwrap_or_default();
        let Found { header, texts } = found;
        let project = super::project_of(header, texts, &self.options, &known, &mut self.report);
        let mut read = self.watch.read();
        if let Some(file) = captures {
            known.store(file, seen, read.clone());
        }
        read.extend(known.read().clone());
        // What was said once has to be said again.
        let is_repeatable = self.report.is_empty() && !known.has_volatile();
        let fingerprint = is_repeatable.then_some(Fingerprint { all, read });
        report.append(self.report);
        project.map(|project| ParsedProject { fingerprint, ..project })
    }

    /// A digest of all that a text sees which is rendered while the project is read.
    fn seen(&self, found: &Found) -> String {
        let mut digest = Sha256::new();
        let Found { header, texts } = found;
        digest.update(program());
        digest.update(format!("{:?}", header.projects));
        digest.update(json!(profile::shown(&header.target)).to_string());
        digest.update(json!(self.options.vars).to_string());
        digest.update(format!("{:?} {:?}", self.options.adapters, self.options.strictness));
        digest.update(format!("{:?}", self.options.invocation.warnings));
        if let Some(host) = &self.options.host {
            digest.update(format!("{} {:?}", host.name, host.tables));
        }
        for builtin in &self.options.builtin {
            digest.update(builtin.text);
        }
        for text in texts.iter().filter(|text| text.found.kind == FileKind::Macros) {
            digest.update(format!("{} {}\n", text.shown.display(), text.digest));
        }
        hex(&digest.finalize())
    }

    /// A digest of all that the project is read from.
    fn all(&self, found: &Found) -> String {
        let mut digest = Sha256::new();
        digest.update(self.seen(found));
        let invocation = &self.options.invocation;
        digest.update(format!("{} {}", invocation.which, json!(invocation.args)));
        for project in &found.header.projects {
            for name in BESIDE {
                digest.update(fs::read(project.root.join(name)).unwrap_or_default());
                digest.update([0]);
            }
        }
        for Text { found, shown, digest: of_text, .. } in &found.texts {
            digest.update(format!("{:?} {} {of_text}\n", found.kind, shown.display()));
        }
        digest.update(self.root.to_string_lossy().as_bytes());
        hex(&digest.finalize())
    }
}

/// What tells this program from one that reads projects in another way.
fn program() -> String {
    let meta = std::env::current_exe().and_then(fs::metadata).ok();
    let built = meta.map(|meta| (meta.len(), meta.modified().ok()));
    format!("{} {} {built:?}", env!("CARGO_PKG_VERSION"), crate::DBT_VERSION)
}
