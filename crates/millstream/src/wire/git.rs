//! The state of the project's git folder, for the manifests of model versions.

use std::path::Path;
use std::process::Command;

use millstream_model::{GitState, TreeState};

/// What git says of a folder; nothing where there is no git.
pub(super) fn state(root: &Path) -> GitState {
    let Some(commit) = git(root, &["rev-parse", "HEAD"]) else { return GitState::default() };
    let tree = match git(root, &["status", "--porcelain", "--untracked-files=no", "."]) {
        Some(changes) if changes.trim().is_empty() => TreeState::Clean,
        Some(_) => TreeState::Dirty,
        None => TreeState::Unknown,
    };
    GitState { commit: Some(commit.trim().to_owned()), tree }
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
