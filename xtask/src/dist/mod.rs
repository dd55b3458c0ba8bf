//! `cargo xtask dist`: what users install without a compiler.
//!
//! An archive with the program, its unit and its container file, a wheel of Python that carries the
//! program, and the checksums of both. The same program gives the same bytes.

mod archive;
mod wheel;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

use crate::shell::{cargo, root, run, say, target};
use wheel::Packing;

/// Where everything is put.
const FOLDER: &str = "target/dist-files";

/// A program to be shipped, and what its files are called after.
#[derive(Debug)]
struct Program {
    path: PathBuf,
    version: String,
}

impl Program {
    /// One that is built.
    fn at(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_path_buf(), version: version()? })
    }
}

/// Builds the program unless one is given, and makes everything of it.
pub(crate) fn run_with(given: Option<&str>) -> Result<()> {
    let path = if let Some(path) = given {
        PathBuf::from(path)
    } else {
        run(&mut cargo(&["build", "--release", "--locked", "--package", "millstream"]))?;
        target().join("release/millstream")
    };
    let program = Program::at(&path)?;
    let folder = root().join(FOLDER);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("clear the folder of the last time")?;
    }
    std::fs::create_dir_all(&folder)?;
    let made =
        [archive::write(&program, &folder)?, wheel::write(&program, &folder, Packing::Small)?];
    let sums: Result<Vec<String>> = made.iter().map(|path| sum(path)).collect();
    std::fs::write(folder.join("SHA256SUMS"), sums?.concat())?;
    for path in made {
        say(&path.display().to_string());
    }
    Ok(())
}

/// The wheel alone, for tests.
pub(crate) fn wheel_of(program: &Path) -> Result<PathBuf> {
    let folder = target().join("wheel");
    std::fs::create_dir_all(&folder)?;
    wheel::write(&Program::at(program)?, &folder, Packing::Fast)
}

/// A line of `sha256sum`.
fn sum(path: &Path) -> Result<String> {
    let digest = Sha256::digest(std::fs::read(path)?);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{digest:x}  {name}\n"))
}

/// The version of the workspace.
fn version() -> Result<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml"))?;
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = \""));
    let version = line.and_then(|rest| rest.strip_suffix('"'));
    version.map(str::to_owned).context("Cargo.toml names no version")
}
