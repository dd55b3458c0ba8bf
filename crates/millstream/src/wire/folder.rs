//! The folder of an environment: there after a power cut, and of a format that is known.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use millstream_backup::sync_folder;
use millstream_core::error::{Plain, Result};

use super::place::expect_restored;

/// The file that has the format number.
const FORMAT_FILE: &str = "format";
/// The format of an environment's folder that this version writes.
const FORMAT: u32 = 1;
/// The folders that are made for an environment, and the project's, which gets their names.
const FOLDERS_SYNCED: usize = 3;

/// Whether the folder has its format number. Refuses one of a newer version, and one that was not
/// restored to the end; writes nothing.
pub(super) fn is_prepared(root: &Path) -> Result<bool> {
    match fs::read_to_string(root.join(FORMAT_FILE)) {
        Ok(text) => check_format(root, &text).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            expect_restored(root).map(|()| false)
        }
        Err(error) => Err(unwritable(root, &error)),
    }
}

/// Makes the folder with its format number, unless it is there or refused.
pub(super) fn prepare(root: &Path) -> Result<()> {
    if is_prepared(root)? {
        return Ok(());
    }
    make(root, &root.join(FORMAT_FILE)).map_err(|error| unwritable(root, &error))
}

/// Makes what is missing. Once the file is there, no other process sees to the names of the
/// folders; so they are durable first, also if they were made by a process that was killed.
fn make(root: &Path, file: &Path) -> io::Result<()> {
    fs::create_dir_all(root)?;
    for folder in root.ancestors().take(FOLDERS_SYNCED) {
        sync_folder(folder)?;
    }
    let mut file = File::create(file)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    sync_folder(root)
}

fn check_format(root: &Path, text: &str) -> Result<()> {
    // What was not written yet when the power was cut is empty or zeros.
    let text = text.trim_matches(|letter: char| letter == '\0' || letter.is_whitespace());
    if text.is_empty() || text.parse::<u32>().is_ok_and(|format| format <= FORMAT) {
        return Ok(());
    }
    let message = format!("{} has format {text}; this version knows {FORMAT}", root.display());
    Err(Plain::user("project.newer_format", message)
        .with_hint("use the newer version, or another environment")
        .into())
}

fn unwritable(root: &Path, error: &io::Error) -> millstream_core::Error {
    let message = format!("{} cannot be made or read: {error}", root.display());
    Plain::external("cli.environment_unwritable", message)
        .never_retried()
        .with_hint("see that the disk has room and that you may write there")
        .into()
}
