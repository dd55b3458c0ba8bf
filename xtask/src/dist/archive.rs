//! The archive for a Linux machine: unpack, and put the program on the path.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};

use super::Program;
use crate::shell::root;

const PROGRAM_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;

/// What lies beside the program: its path in the repository, and its name in the archive.
const BESIDE: [(&str, &str); 5] = [
    ("LICENSE", "LICENSE"),
    ("README.md", "README.md"),
    ("packaging/Containerfile", "Containerfile"),
    ("packaging/systemd/millstream.service", "systemd/millstream.service"),
    ("packaging/systemd/millstream.sysusers", "systemd/millstream.sysusers"),
];

pub(super) fn write(program: &Program, folder: &Path) -> Result<PathBuf> {
    let target = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    let name = format!("millstream-{}-{target}", program.version);
    let path = folder.join(format!("{name}.tar.gz"));
    // A header without a name or a time, so that the same files give the same archive.
    let packed = GzBuilder::new().write(File::create(&path)?, Compression::default());
    let mut archive = tar::Builder::new(packed);
    add(&mut archive, &program.path, &format!("{name}/millstream"), PROGRAM_MODE)?;
    for (from, to) in BESIDE {
        add(&mut archive, &root().join(from), &format!("{name}/{to}"), FILE_MODE)?;
    }
    archive.into_inner()?.finish()?;
    Ok(path)
}

fn add<W: Write>(archive: &mut tar::Builder<W>, from: &Path, to: &str, mode: u32) -> Result<()> {
    let content = std::fs::read(from).with_context(|| format!("read {}", from.display()))?;
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_cksum();
    archive.append_data(&mut header, to, content.as_slice())?;
    Ok(())
}
