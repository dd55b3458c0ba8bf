//! A C file of `tests/disk`, compiled, to be put between a program and the C library.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A compiled library, removed at the end.
#[derive(Debug)]
pub(crate) struct Preload {
    folder: TempDir,
}

impl Preload {
    /// Compiles it with the compiler that SQLite needs as well.
    pub(crate) fn compiled(file: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("millstream-preload-").tempdir();
        let library = Self { folder: folder.expect("a folder") };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("disk").join(file);
        let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
        let status = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
            .args([&library.path(), &source])
            .arg("-ldl")
            .status();
        assert!(status.expect("there is a C compiler").success(), "{file} does not compile");
        library
    }

    /// The library.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("library.so")
    }

    /// A folder for what it is told, and for what it tells.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}
