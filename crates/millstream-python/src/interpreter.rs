//! Which Python runs what a project has in Python.

use std::path::{Path, PathBuf};

use crate::error::PythonError;
use crate::locked::LockedEnvironment;

/// Where a project keeps its virtual environment.
const ENVIRONMENT: &str = ".venv/bin/python";
/// The one that the path finds.
const USUAL: &str = "python3";

/// Which Python runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interpreter {
    /// One that is there, or that the path finds.
    Found(PathBuf),
    /// That of an environment which uv makes when it is first needed.
    Locked(LockedEnvironment),
}

impl Interpreter {
    /// Its path, once it can be started. Blocks while its environment is made.
    pub(crate) fn ready(&self) -> Result<PathBuf, PythonError> {
        match self {
            Self::Found(path) => Ok(path.clone()),
            Self::Locked(environment) => environment.made().map(|made| made.interpreter),
        }
    }
}

/// The interpreter of a project: the one that is named, else that of the environment that the
/// `uv.lock` of its files describes, else that of the virtual environment where it is at home, else
/// the usual one.
pub fn interpreter(named: Option<PathBuf>, files: &Path, home: &Path) -> Interpreter {
    if let Some(named) = named.filter(|named| !named.as_os_str().is_empty()) {
        return Interpreter::Found(placed(named));
    }
    if let Some(environment) = LockedEnvironment::of(files, home) {
        return Interpreter::Locked(environment);
    }
    let own = home.join(ENVIRONMENT);
    let found = if own.exists() { placed(own) } else { PathBuf::from(USUAL) };
    Interpreter::Found(found)
}

/// A path that means the same from everywhere. Links stay: they are what makes an interpreter that
/// of a virtual environment. A name alone is looked for in the path.
fn placed(path: PathBuf) -> PathBuf {
    if path.components().count() == 1 {
        return path;
    }
    std::path::absolute(&path).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let found = |path: &Path| Interpreter::Found(path.to_owned());
        assert_eq!(interpreter(None, root, root), found(Path::new("python3")));
        std::fs::create_dir_all(root.join(".venv/bin")).unwrap();
        std::fs::write(root.join(".venv/bin/python"), "").unwrap();
        let own = found(&root.join(".venv/bin/python"));
        assert_eq!(interpreter(None, root, root), own);
        assert_eq!(interpreter(Some(PathBuf::new()), root, root), own);
        let named = |name: &str| interpreter(Some(name.into()), root, root);
        assert_eq!(named("/opt/python"), found(Path::new("/opt/python")));
        assert_eq!(named("python3.9"), found(Path::new("python3.9")));
        let Interpreter::Found(relative) = named("bin/python") else { panic!("it is named") };
        assert!(relative.is_absolute());
        std::fs::write(root.join("uv.lock"), "version = 1").unwrap();
        assert_eq!(interpreter(None, root, root), own, "a lock without its project is nothing");
        std::fs::write(root.join("pyproject.toml"), "[project]").unwrap();
        assert!(matches!(interpreter(None, root, root), Interpreter::Locked(_)));
        assert_eq!(named("/opt/python"), found(Path::new("/opt/python")));
    }
}
