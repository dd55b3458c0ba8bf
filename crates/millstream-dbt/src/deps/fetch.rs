//! Brings packages here, with programs that every machine has.

use std::fs;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use millstream_core::error::{Plain, Result};

/// A folder for what is brought here, which is gone in the end.
#[derive(Debug)]
pub(super) struct Downloads {
    folder: PathBuf,
    next: AtomicUsize,
}

impl Downloads {
    pub(super) fn new() -> Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("millstream-deps-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        Ok(Self { folder, next: AtomicUsize::new(0) })
    }

    /// A folder that is not there yet.
    fn place(&self) -> PathBuf {
        self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Checks a revision of a repository out; gives the folder and the commit.
    pub(super) fn git(
        &self,
        url: &str,
        revision: &str,
        subdirectory: Option<&str>,
    ) -> Result<(PathBuf, String)> {
        if url.starts_with('-') || revision.starts_with('-') {
            let message = format!("`{url}` at `{revision}` is no address of a package");
            return Err(Plain::user("dbt.package_invalid", message).into());
        }
        let folder = self.place();
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let git = |words: &[&str]| run(Command::new("git").arg("-C").arg(&folder).args(words));
        git(&["init", "--quiet"])?;
        let direct = git(&["fetch", "--quiet", "--depth", "1", "--", url, revision])
            .and_then(|_| git(&["checkout", "--quiet", "FETCH_HEAD"]));
        if direct.is_err() {
            // A part of a commit's name is known only to those who have all commits.
            let all = "+refs/heads/*:refs/remotes/origin/*";
            git(&["fetch", "--quiet", "--tags", "--", url, all])?;
            git(&["checkout", "--quiet", "--detach", revision])
                .map_err(|_| no_revision(revision))?;
        }
        let commit = git(&["rev-parse", "HEAD"])?.trim().to_owned();
        let inside = match subdirectory {
            Some(below) => folder.join(inner(below)?),
            None => folder,
        };
        Ok((inside, commit))
    }

    /// Brings an archive here; gives the folder that is in it.
    pub(super) fn tarball(&self, url: &str) -> Result<PathBuf> {
        let folder = self.place();
        fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        let archive = self.place();
        run(Command::new("curl")
            .args(["--fail", "--silent", "--show-error", "--location"])
            .arg("--output")
            .arg(&archive)
            .arg("--url")
            .arg(url))?;
        run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&folder))?;
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let inside: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        match inside.as_slice() {
            [only] if only.is_dir() => Ok(only.clone()),
            _ => {
                let message = format!("the archive {url} is not one folder with a package in it");
                Err(Plain::user("dbt.package_invalid", message).into())
            }
        }
    }
}

impl Drop for Downloads {
    fn drop(&mut self) {
        // What stays is in the folder for what is temporary.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The text at an address.
pub(super) fn text(url: &str) -> Result<String> {
    let words = ["--fail", "--silent", "--show-error", "--location", "--max-time", "60"];
    run(Command::new("curl").args(words).arg("--url").arg(url))
}

fn no_revision(revision: &str) -> Plain {
    let message = format!("the repository of a package has no revision `{revision}`");
    let hint = "`revision` is a branch, a tag or a commit of it";
    Plain::external("dbt.package_fetch", message).with_hint(hint)
}

/// A path that stays below where it begins.
fn inner(below: &str) -> Result<&Path> {
    let path = Path::new(below);
    if path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Ok(path);
    }
    let message = format!("the subdirectory `{below}` leads out of the repository");
    Err(Plain::user("dbt.package_invalid", message).into())
}

fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let command = command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").stdin(Stdio::null());
    let output = command.output().map_err(|error| {
        let hint = format!("install the program `{name}`");
        Plain::external("dbt.package_fetch", format!("`{name}` cannot be run: {error}"))
            .with_hint(hint)
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let message = format!("a package cannot be had; `{name}` says: {}", said.trim());
    let hint = "see whether the address is right and can be reached from here";
    Err(Plain::external("dbt.package_fetch", message).with_hint(hint).into())
}

/// A file or folder that cannot be written.
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Plain {
    Plain::external("dbt.package_install", format!("{} cannot be written: {error}", path.display()))
}
