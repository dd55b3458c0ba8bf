//! Workflows that give each pull request an environment of its own.

use std::path::{Path, PathBuf};

use crate::cli::CiSystem;

/// A workflow, and where the system looks for it.
#[derive(Debug)]
pub(super) struct Workflow {
    /// The file.
    pub(super) path: PathBuf,
    /// Its text.
    pub(super) text: String,
}

impl Workflow {
    /// The workflow of the project in a folder, which need not be the top of its repository.
    pub(super) fn of(system: CiSystem, folder: &Path) -> Self {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let top = folder.ancestors().find(|folder| folder.join(".git").exists());
        let top = top.unwrap_or(&folder);
        let below = folder.strip_prefix(top).unwrap_or(Path::new("")).display().to_string();
        let below = if below.is_empty() { ".".to_owned() } else { below };
        let (path, template) = match system {
            CiSystem::Github => (".github/workflows/millstream.yml", include_str!("github.yml")),
        };
        Self { path: top.join(path), text: template.replace("FOLDER", &below) }
    }
}
