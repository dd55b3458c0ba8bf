//! Collects every problem of a project, so that all are shown at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use millstream_core::diagnostic::{Diagnostic, Place, Severity};

/// The most names that a hint lists when nothing is similar.
const HINT_NAMES_MAX: usize = 30;

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Adds a problem that keeps the project from running.
    pub fn error(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(Severity::Error, code, place.into(), message.into(), hint.into());
    }

    /// Adds a problem that the project runs with.
    pub fn warning(
        &mut self,
        code: &'static str,
        place: impl Into<Option<Place>>,
        message: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) {
        self.add(Severity::Warning, code, place.into(), message.into(), hint.into());
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        place: Option<Place>,
        message: String,
        hint: Option<String>,
    ) {
        self.diagnostics.push(Diagnostic { severity, code, message, place, hint });
    }

    /// Takes over the problems of another report.
    pub fn append(&mut self, other: Self) {
        self.diagnostics.extend(other.diagnostics);
    }

    /// Whether something keeps the project from running.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many problems there are.
    pub fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// How many problems keep the project from running.
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.severity == Severity::Error).count()
    }

    /// Takes out problems that follow from others: what a file that cannot be read would have
    /// declared is not there, but nobody has to act on that.
    pub fn drop_consequences(&mut self) {
        let unread = self.diagnostics.iter().any(|d| {
            matches!(d.code, "yaml.syntax" | "project.file_unreadable")
                && d.place.as_ref().is_some_and(|place| place.file.starts_with("sources"))
        });
        if unread {
            let follows = |d: &Diagnostic| {
                d.code == "source.unknown"
                    || (d.code == "dbt.reference_unknown" && d.message.contains(" a source named "))
            };
            self.diagnostics.retain(|d| !follows(d));
        }
    }

    /// All problems in the order of their places, each once.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics
            .sort_by(|a, b| (&a.place, a.code, &a.message).cmp(&(&b.place, b.code, &b.message)));
        let mut seen = BTreeSet::new();
        self.diagnostics.retain(|d| seen.insert((d.code, d.place.clone(), d.message.clone())));
        self.diagnostics
    }
}

/// A line and a column in a file, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Mark {
    /// Where a file begins.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The mark of a byte offset in a text.
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }

    /// This mark in a file.
    pub fn within(self, file: &Path) -> Place {
        Place { file: file.to_owned(), line: Some(self.line), column: Some(self.column) }
    }
}

/// The place that means a whole file or folder.
pub fn whole(file: impl Into<PathBuf>) -> Place {
    Place { file: file.into(), line: None, column: None }
}

/// `file:line:column`, for messages that name a second place.
pub fn shown(place: &Place) -> String {
    let mut text = place.file.display().to_string();
    for number in [place.line, place.column].into_iter().flatten() {
        text.push(':');
        text.push_str(&number.to_string());
    }
    text
}

/// The candidate that was probably meant.
pub fn closest<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let written = written.to_lowercase();
    let farthest = (written.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| {
            let lower = candidate.to_lowercase();
            (strsim::damerau_levenshtein(&written, &lower), candidate)
        })
        .filter(|(distance, _)| *distance <= farthest)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean ...?`, or the list of what there is.
pub fn meant<'a>(
    written: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
    otherwise: &str,
) -> Option<String> {
    if let Some(candidate) = closest(written, candidates.clone()) {
        return Some(format!("did you mean `{candidate}`?"));
    }
    let mut names: Vec<&str> = candidates.into_iter().collect();
    if names.is_empty() {
        return (!otherwise.is_empty()).then(|| otherwise.to_owned());
    }
    names.sort_unstable();
    names.dedup();
    let more = match names.len().saturating_sub(HINT_NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(HINT_NAMES_MAX);
    Some(format!("known: {}{more}", names.join(", ")))
}
