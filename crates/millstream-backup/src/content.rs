//! Bytes from here to there, with their hash.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use millstream_core::ContentHash;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 1 << 20;

/// What was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) bytes: u64,
    pub(crate) hash: ContentHash,
}

/// Reads to the end, or so many bytes; each piece goes to `to` and is told to `each`.
pub(crate) fn pass(
    from: impl Read,
    to: &mut impl Write,
    limit: u64,
    each: &(dyn Fn(u64) + Sync),
) -> io::Result<Content> {
    let mut from = from.take(limit);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut hasher = blake3::Hasher::new();
    let mut bytes = 0;
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        to.write_all(&buffer[..count])?;
        bytes += count as u64;
        each(count as u64);
    }
    Ok(Content { bytes, hash: ContentHash::from_bytes(*hasher.finalize().as_bytes()) })
}

/// The hash of a file.
pub(crate) fn of_file(path: &Path, each: &(dyn Fn(u64) + Sync)) -> io::Result<Content> {
    pass(File::open(path)?, &mut io::sink(), u64::MAX, each)
}
