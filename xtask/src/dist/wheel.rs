//! A wheel that carries the program and the package `millstream`, as the binary distribution
//! format of the Python packaging authority lays it out (PEP 427, PEP 600 for the tag of the platform).

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Program;
use crate::shell::root;

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// Whether what is in the wheel is compressed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Packing {
    /// To be sent over a network.
    Small,
    /// To be installed here, by a test.
    Fast,
}

pub(super) fn write(program: &Program, folder: &Path, packing: Packing) -> Result<PathBuf> {
    let content =
        std::fs::read(&program.path).with_context(|| format!("read {}", program.path.display()))?;
    let tag = format!("py3-none-{}", platform(&content));
    let version = &program.version;
    let path = folder.join(format!("millstream-{version}-{tag}.whl"));
    let mut wheel = Wheel::create(&path, packing)?;
    for (name, text) in package()? {
        wheel.add(&format!("millstream/{name}"), &text, FILE_MODE)?;
    }
    let scripts = format!("millstream-{version}.data/scripts");
    wheel.add(&format!("{scripts}/millstream"), &content, PROGRAM_MODE)?;
    let info = format!("millstream-{version}.dist-info");
    wheel.add(&format!("{info}/METADATA"), metadata(version)?.as_bytes(), FILE_MODE)?;
    wheel.add(&format!("{info}/WHEEL"), about(&tag).as_bytes(), FILE_MODE)?;
    wheel.add(
        &format!("{info}/licenses/LICENSE"),
        &std::fs::read(root().join("LICENSE"))?,
        FILE_MODE,
    )?;
    wheel.finish(&format!("{info}/RECORD"))?;
    Ok(path)
}

/// A wheel that is being written, and the record of what is in it.
struct Wheel {
    zip: ZipWriter<File>,
    method: CompressionMethod,
    record: String,
}

impl Wheel {
    fn create(path: &Path, packing: Packing) -> Result<Self> {
        let method = match packing {
            Packing::Small => CompressionMethod::Deflated,
            Packing::Fast => CompressionMethod::Stored,
        };
        Ok(Self { zip: ZipWriter::new(File::create(path)?), method, record: String::new() })
    }

    fn add(&mut self, name: &str, content: &[u8], mode: u32) -> Result<()> {
        let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
        let line = [name, ",sha256=", &digest, ",", &content.len().to_string(), "\n"];
        self.record.extend(line);
        self.put(name, content, mode)
    }

    fn finish(mut self, record: &str) -> Result<()> {
        let text = format!("{}{record},,\n", self.record);
        self.put(record, text.as_bytes(), FILE_MODE)?;
        self.zip.finish()?;
        Ok(())
    }

    fn put(&mut self, name: &str, content: &[u8], mode: u32) -> Result<()> {
        // Without a time of its own the first moment that a zip can name is written.
        let options = SimpleFileOptions::default()
            .compression_method(self.method)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(mode);
        self.zip.start_file(name, options)?;
        self.zip.write_all(content)?;
        Ok(())
    }
}

/// The files of the package, by name.
fn package() -> Result<Vec<(String, Vec<u8>)>> {
    let folder = root().join("packaging/python/millstream");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).context("read the package")? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, std::fs::read(&path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn about(tag: &str) -> String {
    format!("Wheel-Version: 1.0\nGenerator: millstream-xtask\nRoot-Is-Purelib: false\nTag: {tag}\n")
}

fn metadata(version: &str) -> Result<String> {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    Ok(format!(
        "Metadata-Version: 2.4\n\
         Name: millstream\n\
         Version: {version}\n\
         Summary: One binary and one git folder for the whole modern data stack for machine learning\n\
         License-Expression: Apache-2.0\n\
         License-File: LICENSE\n\
         Requires-Python: >=3.10\n\
         Provides-Extra: arrow\n\
         Requires-Dist: pyarrow>=15; extra == \"arrow\"\n\
         Provides-Extra: pandas\n\
         Requires-Dist: pyarrow>=15; extra == \"pandas\"\n\
         Requires-Dist: pandas>=2; extra == \"pandas\"\n\
         Description-Content-Type: text/markdown\n\n{readme}"
    ))
}

/// The tag of the platforms on which the program runs: on Linux, those whose C library is at
/// least as new as the newest symbol that the program asks for.
fn platform(program: &[u8]) -> String {
    let arch = std::env::consts::ARCH;
    match (std::env::consts::OS, needed_glibc(program)) {
        ("macos", _) => format!("macosx_11_0_{}", if arch == "aarch64" { "arm64" } else { arch }),
        (_, Some(minor)) => format!("manylinux_2_{minor}_{arch}"),
        (os, None) => format!("{os}_{arch}"),
    }
}

/// The newest minor version of glibc 2 among the names of versions in a program.
fn needed_glibc(program: &[u8]) -> Option<u32> {
    const NAME: &[u8] = b"GLIBC_2.";
    let minors = memchr::memmem::find_iter(program, NAME).filter_map(|place| {
        let rest = &program[place + NAME.len()..];
        let digits: Vec<u8> = rest.iter().copied().take_while(u8::is_ascii_digit).collect();
        String::from_utf8(digits).ok()?.parse().ok()
    });
    minors.max()
}

#[cfg(test)]
mod tests {
    use super::needed_glibc;

    #[test]
    fn the_newest_symbol_decides() {
        assert_eq!(needed_glibc(b"\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_2.2.5\0"), Some(34));
        assert_eq!(needed_glibc(b"static"), None);
    }
}
