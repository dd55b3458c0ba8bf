//! What a project is read from: its settings, and the texts of its files, which are not read before
//! somebody needs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::diagnostic::Severity;
use millstream_files::Report;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::captures::{Captures, ReadVars, Watch, are_same};
use super::files::{self, Text, hex};
use super::options::{ParseOptions, Parsed, ParsedProject, Strictness};
use super::search::{self, FileKind, FileRef};
use super::{Header, glance, header, profile, strict};
use crate::target::Target;

/// Files of a project that are read beside those of its folders.
const BESIDE: &[&str] =
    &["dbt_project.yml", "packages.yml", "dependencies.yml", "selectors.yml", "vars.yml"];

/// A project whose settings were read and whose files were found, and nothing else yet.
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
    files: Vec<FileRef>,
    /// How the files looked before they were read.
    glance: Option<String>,
}

/// What tells two states of a project apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Of all files, settings and flags.
    pub(super) all: String,
    /// The same with the sizes and times of files in place of what is in them.
    pub(super) glance: Option<String>,
    /// Variables of the process that were read.
    pub(super) read: ReadVars,
}

impl Found {
    /// The folders of packages.
    fn packages(&self) -> Vec<PathBuf> {
        self.header.projects.iter().skip(1).map(|project| project.shown.clone()).collect()
    }
}

impl Inputs {
    /// Reads the settings of the project in a folder, and finds its files, those of all its packages
    /// included.
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
            let glance = glance::of(&files, &header.projects, options.clock.now());
            Found { header, files, glance }
        });
        Self { root, options, watch, report, found }
    }

    /// Where the project runs; nothing if its settings cannot be read, which `parse` reports.
    pub fn target(&self) -> Option<&Arc<Target>> {
        Some(&self.found.as_ref()?.header.target)
    }

    /// The fingerprint of a state in which nothing has changed since another was taken. Files are
    /// read only if their sizes or times are not what they were.
    pub fn unchanged(&self, known: &Fingerprint) -> Option<Fingerprint> {
        let found = self.found.as_ref()?;
        if !self.report.is_empty() || !are_same(&known.read, &self.options.env_var) {
            return None;
        }
        let glance = self.glance(found);
        if glance.is_none() || glance != known.glance {
            let mut report = Report::default();
            let texts = self.texts(found, &mut report);
            if !report.is_empty() || self.all(found, &texts) != known.all {
                return None;
            }
        }
        Some(Fingerprint { glance, ..known.clone() })
    }

    /// Makes a project of the texts. What texts say of themselves is taken from the file
    /// `captures`, as far as it is known, and kept there.
    pub fn parse(self, captures: Option<&Path>) -> Parsed {
        let is_strict = self.options.strictness == Strictness::Strict;
        let packages = self.found.as_ref().map(Found::packages).unwrap_or_default();
        let mut report = Report::default();
        let project = self.project(captures, &mut report);
        let mut diagnostics = report.finish();
        if is_strict {
            strict::refuse_keys_said_twice(&mut diagnostics, &packages);
        }
        let is_refused = diagnostics.iter().any(|one| one.severity == Severity::Error);
        Parsed { project: project.filter(|_| !is_refused), diagnostics }
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
        let mut problems = Report::default();
        let texts = self.texts(&found, &mut problems);
        self.report.append(problems);
        let (all, glance) = (self.all(&found, &texts), self.glance(&found));
        let seen = self.seen(&found, &texts);
        let env_var = &self.options.env_var;
        let known = captures.map(|file| Captures::load(file, &seen, env_var)).unwrap_or_default();
        let header = found.header;
        let project = super::project_of(header, texts, &self.options, &known, &mut self.report);
        let mut read = self.watch.read();
        if let Some(file) = captures {
            known.store(file, seen, read.clone());
        }
        read.extend(known.read().clone());
        // What was said once has to be said again.
        let is_repeatable = self.report.is_empty() && !known.has_volatile();
        let fingerprint = is_repeatable.then_some(Fingerprint { all, glance, read });
        report.append(self.report);
        project.map(|project| ParsedProject { fingerprint, ..project })
    }

    fn texts(&self, found: &Found, report: &mut Report) -> Vec<Text> {
        files::texts(&found.files, &found.header.projects, self.options.threads, report)
    }

    /// A digest of all that a text sees which is rendered while the project is read.
    fn seen(&self, found: &Found, texts: &[Text]) -> String {
        let mut digest = self.settings(&found.header);
        for text in texts.iter().filter(|text| text.found.kind == FileKind::Macros) {
            digest.update(format!("{} {}\n", text.shown.display(), text.digest));
        }
        hex(&digest.finalize())
    }

    /// A digest of all that a text sees but macros of the project.
    fn settings(&self, header: &Header) -> Sha256 {
        let mut digest = Sha256::new();
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
        digest
    }

    /// A digest of all that the project is read from.
    fn all(&self, found: &Found, texts: &[Text]) -> String {
        let mut digest = self.beside(&found.header);
        for Text { found, shown, digest: of_text, .. } in texts {
            digest.update(format!("{:?} {} {of_text}\n", found.kind, shown.display()));
        }
        hex(&digest.finalize())
    }

    /// The same with the sizes and times of files.
    fn glance(&self, found: &Found) -> Option<String> {
        let mut digest = self.beside(&found.header);
        digest.update(found.glance.as_ref()?);
        Some(hex(&digest.finalize()))
    }

    /// A digest of all that the project is read from but the texts of files.
    fn beside(&self, header: &Header) -> Sha256 {
        let mut digest = self.settings(header);
        let invocation = &self.options.invocation;
        digest.update(format!("{} {}", invocation.which, json!(invocation.args)));
        for project in &header.projects {
            for name in BESIDE {
                digest.update(fs::read(project.root.join(name)).unwrap_or_default());
                digest.update([0]);
            }
        }
        digest.update(self.root.to_string_lossy().as_bytes());
        digest
    }
}

/// What tells this program from one that reads projects in another way.
fn program() -> String {
    let meta = std::env::current_exe().and_then(fs::metadata).ok();
    let built = meta.map(|meta| (meta.len(), meta.modified().ok()));
    format!("{} {} {built:?}", env!("CARGO_PKG_VERSION"), crate::DBT_VERSION)
}
