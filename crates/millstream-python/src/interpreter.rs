//! Which Python runs the models of a project.

use std::path::{Path, PathBuf};

/// Where a project keeps its virtual environment.
const ENVIRONMENT: &str = ".venv/bin/python";
/// The one that the path finds.
const USUAL: &str = "python3";

/// The interpreter: the one that is named, else that of the virtual environment in the project's
/// folder, else the usual one.
pub fn interpreter(named: Option<PathBuf>, project: &Path) -> PathBuf {
    let own = project.join(ENVIRONMENT);
    match named {
        Some(named) if !named.as_os_str().is_empty() => placed(named),
        _ if own.exists() => placed(own),
        _ => PathBuf::from(USUAL),
    }
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
        assert_eq!(interpreter(None, root), Path::new("python3"));
        std::fs::create_dir_all(root.join(".venv/bin")).unwrap();
        std::fs::write(root.join(".venv/bin/python"), "").unwrap();
        assert_eq!(interpreter(None, root), root.join(".venv/bin/python"));
        assert_eq!(interpreter(Some(PathBuf::new()), root), root.join(".venv/bin/python"));
        assert_eq!(interpreter(Some("/opt/python".into()), root), Path::new("/opt/python"));
        assert_eq!(interpreter(Some("python3.9".into()), root), Path::new("python3.9"));
        assert!(interpreter(Some("bin/python".into()), root).is_absolute());
    }
}
