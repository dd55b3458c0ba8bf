//! The files of a project that a command is made of, and those that it makes.

use std::fs;
use std::path::{Path, PathBuf};

use millstream_core::hash::ContentHash;
use millstream_core::spec::CommandSpec;

use crate::error::CommandError;

/// The fingerprint of the files that decide what a command does: those of the project that its
/// arguments name, and those that it declares.
pub(crate) fn fingerprint(root: &Path, spec: &CommandSpec) -> Result<ContentHash, CommandError> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for argument in spec.run.iter().flatten() {
        if let Some(path) = inside(root, argument).filter(|path| path.is_file()) {
            parts.extend([argument.clone().into_bytes(), read(&path, argument)?]);
        }
    }
    for file in &spec.files {
        parts.extend([file.clone().into_bytes(), read(&root.join(file), file)?]);
    }
    Ok(ContentHash::of_parts(parts))
}

/// The first of the declared outputs that is not there.
pub(crate) fn missing<'a>(folders: &[&Path], spec: &'a CommandSpec) -> Option<&'a str> {
    let is_there = |file: &str| folders.iter().any(|folder| folder.join(file).exists());
    spec.outputs.iter().map(String::as_str).find(|file| !is_there(file))
}

fn inside(root: &Path, argument: &str) -> Option<PathBuf> {
    let path = root.join(argument).canonicalize().ok()?;
    path.starts_with(root).then_some(path)
}

fn read(path: &Path, shown: &str) -> Result<Vec<u8>, CommandError> {
    fs::read(path).map_err(|error| CommandError::Unreadable {
        file: shown.to_owned(),
        problem: error.to_string(),
    })
}
