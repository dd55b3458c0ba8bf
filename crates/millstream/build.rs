//! Embeds the examples of the repository, for `millstream init --example`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let examples = manifest.join("../../examples").canonicalize()?;
    println!("cargo::rerun-if-changed={}", examples.display());
    let mut text = String::from("pub(super) const FILES: &[(&str, &str, &[u8])] = &[\n");
    let mut names: Vec<PathBuf> =
        fs::read_dir(&examples)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    names.sort();
    for folder in names.iter().filter(|path| path.is_dir()) {
        let mut files = Vec::new();
        collect(folder, &mut files)?;
        files.sort();
        for file in files {
            let name = folder.file_name().expect("it was listed").to_string_lossy();
            let path = file.strip_prefix(folder).expect("it lies inside").display().to_string();
            let file = file.display().to_string();
            writeln!(text, "    ({name:?}, {path:?}, include_bytes!({file:?})),")
                .expect("a string takes everything");
        }
    }
    text.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("examples.rs"), text)
}

/// Files of an example, without what running it left.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name == ".millstream" || name == ".gitignore") {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push(path);
        }
    }
    Ok(())
}
