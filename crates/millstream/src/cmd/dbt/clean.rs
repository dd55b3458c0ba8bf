//! `dbt clean`: removes the folders of `clean-targets`.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use millstream_core::error::Plain;
use millstream_dbt::parse::project_settings;

use super::Context;
use crate::exit::{Failure, Outcome};

/// What may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What is inside of the project.
    Project,
    /// What `clean-targets` names, wherever it is.
    Anywhere,
}

/// Removes them. Folders with sources of the project stay; if there is one, or one outside of the
/// reach, nothing is removed.
pub fn run(context: &Context<'_>, reach: Reach) -> Outcome {
    let root = &context.place.root;
    let settings = project_settings(root);
    let mut targets = settings.clean_targets;
    if targets.is_empty() {
        targets.push("target".to_owned());
    }
    let paths: Vec<PathBuf> = targets.iter().map(|target| plain(&root.join(target))).collect();
    let outside = |path: &&PathBuf| !path.starts_with(plain(root)) || **path == plain(root);
    if reach == Reach::Project {
        let outside = listed(paths.iter().filter(outside));
        refuse("dbt will not clean the following directories outside the project", &outside)?;
    }
    let sources: Vec<PathBuf> =
        settings.source_paths.iter().map(|path| plain(&root.join(path))).collect();
    let kept =
        listed(paths.iter().filter(|path| sources.iter().any(|kept| kept.starts_with(path))));
    refuse("dbt will not clean the following source paths", &kept)?;
    for path in paths {
        match fs::remove_dir_all(&path) {
            Ok(()) => context.log.say(&format!("Cleaned {}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                let message = format!("{} cannot be removed: {error}", path.display());
                return Err(Plain::external("dbt.clean", message).into());
            }
        }
    }
    context.log.say("Finished cleaning all paths.");
    Ok(())
}

fn refuse(message: &str, paths: &[String]) -> Result<(), Failure> {
    if paths.is_empty() {
        return Ok(());
    }
    Err(Plain::user("dbt.clean", format!("{message}: {}", paths.join(", ")))
        .with_hint("name folders below the project that dbt makes in `clean-targets`")
        .into())
}

fn listed<'p>(paths: impl Iterator<Item = &'p PathBuf>) -> Vec<String> {
    paths.map(|path| path.display().to_string()).collect()
}

/// A path without `.` and `..`, links left as they are.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}
