//! Releases and what they change, in words.

use std::fmt;

use millstream_core::AssetKey;
use millstream_ledger::{GitChanges, Release};
use millstream_project::{AssetChange, Changed};

use super::decide::{Change, Due};
use crate::output::{Column, moment, size, table, thousands};

/// The most names that a line lists.
const NAMES_MAX: usize = 5;
/// The most lines of one kind.
const LINES_MAX: usize = 200;

/// A release in some lines.
pub(super) struct ReleaseText<'a>(pub(super) &'a Release);

impl fmt::Display for ReleaseText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let release = self.0;
        let Release { release: number, by, files, bytes, .. } = release;
        let about = about(release);
        let about = if about.is_empty() { about } else { format!(": {about}") };
        writeln!(f, "release {number}, {}{about}", release.state.word())?;
        writeln!(f, "  proposed by {by} at {}", moment(release.proposed_at))?;
        for approval in &release.approvals {
            writeln!(f, "  approved by {} at {}", approval.by, moment(approval.at))?;
        }
        let missing = (release.approvals_needed as usize).saturating_sub(release.approvals.len());
        if missing > 0 {
            writeln!(f, "  approvals that are missing: {missing}")?;
        }
        if let Some(at) = release.current_at {
            writeln!(f, "  current since {}", moment(at))?;
        }
        if let Some(at) = release.ended_at {
            writeln!(f, "  ended at {}", moment(at))?;
        }
        if let Some(reason) = &release.reason {
            writeln!(f, "  because {reason}")?;
        }
        let commit = commit(release);
        if !commit.is_empty() {
            writeln!(f, "  from {commit}")?;
        }
        let named = self::files(release);
        writeln!(f, "  {} files, {}, {named}", thousands(*files), size(*bytes))
    }
}

/// `1 of 2`, or nothing where nobody has to agree.
pub(super) fn approvals(release: &Release) -> String {
    match release.approvals_needed {
        0 => String::new(),
        needed => format!("{} of {needed}", release.approvals.len()),
    }
}

/// What names its files, while they are kept.
pub(super) fn files(release: &Release) -> String {
    match release.removed_at {
        None => release.tree.short(),
        Some(_) => "kept no more".to_owned(),
    }
}

/// `1f2e3d4 of main, with changes`
pub(super) fn commit(release: &Release) -> String {
    let git = &release.git;
    let Some(commit) = git.commit.as_deref() else { return String::new() };
    let mut text = commit.get(..7).unwrap_or(commit).to_owned();
    if let Some(branch) = &git.branch {
        text.push_str(&format!(" of {branch}"));
    }
    if git.changes == GitChanges::Dirty {
        text.push_str(", with changes");
    }
    text
}

/// What it is for.
pub(super) fn about(release: &Release) -> String {
    let message = release.message.as_deref().unwrap_or_default();
    match (release.restores, message) {
        (Some(earlier), "") => format!("back to release {earlier}"),
        (Some(earlier), message) => format!("back to release {earlier}: {message}"),
        (None, message) => message.to_owned(),
    }
}

/// What is different, in tables.
pub(super) fn change_text(change: &Change) -> String {
    let project = &change.change.project;
    let mut parts = Vec::new();
    let files = change.change.files.iter();
    let files: Vec<Vec<String>> =
        files.map(|file| vec![file.change.word().to_owned(), file.path.clone()]).collect();
    parts.push(listed(&[Column::Text("change"), Column::Text("file")], files, "no file differs"));
    let assets: Vec<Vec<String>> = project.assets.iter().map(asset_row).collect();
    let columns = [
        Column::Text("change"),
        Column::Text("step"),
        Column::Text("asset"),
        Column::Text("means"),
        Column::Text("behind it"),
    ];
    parts.push(listed(&columns, assets, "no asset differs"));
    let named = [
        ("schedule", &project.schedules),
        ("deployment", &project.deployments),
        ("notifications", &project.notifications),
    ];
    let mut others = Vec::new();
    for (kind, changes) in named {
        others.extend(
            changes
                .iter()
                .map(|it| vec![it.change.word().to_owned(), kind.to_owned(), it.name.clone()]),
        );
    }
    if !others.is_empty() {
        let columns = [Column::Text("change"), Column::Text("kind"), Column::Text("name")];
        parts.push(listed(&columns, others, ""));
    }
    match &change.due {
        Due::Unasked => {}
        Due::Known { assets, steps } if assets.is_empty() => {
            parts.push(format!("none of {steps} steps will be due"));
        }
        Due::Known { assets, steps } => {
            let names: Vec<AssetKey> = assets.iter().map(|due| due.asset.clone()).collect();
            parts.push(format!("{} of {steps} steps will be due: {}", names.len(), some(&names)));
        }
        Due::Unknown { problem } => parts.push(format!("what will be due is not known: {problem}")),
    }
    parts.join("\n\n")
}

fn listed(columns: &[Column], mut rows: Vec<Vec<String>>, none: &str) -> String {
    if rows.is_empty() {
        return none.to_owned();
    }
    let more = rows.len().saturating_sub(LINES_MAX);
    rows.truncate(LINES_MAX);
    let text = table(columns, &rows);
    if more == 0 { text } else { format!("{text}\nand {} more", thousands(more as u64)) }
}

fn asset_row(change: &AssetChange) -> Vec<String> {
    let word = match change.change {
        Changed::Changed => format!("changed {}", change.of.join(", ")),
        other => other.word().to_owned(),
    };
    let means = match (change.change, change.means) {
        (Changed::Added, _) => "",
        (_, Some(means)) => means.word(),
        (_, None) => "unknown",
    };
    vec![
        word,
        change.kind.word().to_owned(),
        change.asset.name.clone(),
        means.to_owned(),
        some(&change.downstream),
    ]
}

fn some(assets: &[AssetKey]) -> String {
    let names: Vec<&str> = assets.iter().take(NAMES_MAX).map(|asset| asset.name.as_str()).collect();
    match assets.len().saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
