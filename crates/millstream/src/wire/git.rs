//! The state of the project's git folder, for the manifests of model versions and for releases.

use std::path::Path;
use std::process::Command;

use millstream_ledger::{GitChanges, ReleaseOrigin};
use millstream_model::{GitState, TreeState};

/// What git says of a folder; nothing where there is no git.
pub(super) fn state(root: &Path) -> GitState {
    let Some(commit) = commit(root) else { return GitState::default() };
    let tree = match git(root, &["status", "--porcelain", "--untracked-files=no", "."]) {
        Some(changes) if changes.trim().is_empty() => TreeState::Clean,
        Some(_) => TreeState::Dirty,
        None => TreeState::Unknown,
    };
    GitState { commit: Some(commit), tree }
}

/// What git says of a folder all of whose files are released, also those that it does not know.
pub(super) fn origin(root: &Path) -> ReleaseOrigin {
    let Some(commit) = commit(root) else { return ReleaseOrigin::default() };
    let branch = git(root, &["symbolic-ref", "--short", "--quiet", "HEAD"]);
    let changes = match git(root, &["status", "--porcelain", "."]) {
        Some(changes) if changes.trim().is_empty() => GitChanges::Clean,
        Some(_) => GitChanges::Dirty,
        None => GitChanges::Unknown,
    };
    let branch = branch.map(|name| name.trim().to_owned());
    ReleaseOrigin { commit: Some(commit), branch, changes }
}

/// The state that the files of a release come from.
pub(super) fn state_of(origin: &ReleaseOrigin) -> GitState {
    let tree = match origin.changes {
        GitChanges::Clean => TreeState::Clean,
        GitChanges::Dirty => TreeState::Dirty,
        GitChanges::Unknown => TreeState::Unknown,
    };
    GitState { commit: origin.commit.clone(), tree }
}

fn commit(root: &Path) -> Option<String> {
    git(root, &["rev-parse", "HEAD"]).map(|commit| commit.trim().to_owned())
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
