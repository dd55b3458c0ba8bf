//! What `tests/disk/disk.c` notes.

use std::path::PathBuf;

/// Numbers at the start of a note.
const HEAD_NUMBERS: usize = 8;
/// Bytes of them.
const HEAD_BYTES: usize = HEAD_NUMBERS * size_of::<u64>();

/// The inode that the machine gave a file or folder. It may be given again after a removal.
pub(super) type Inode = u64;

/// An operation that changed the disk, or made changes durable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of the system calls")]
pub enum Operation {
    /// Bytes were written.
    Write { inode: Inode, at: u64, data: Vec<u8> },
    /// A file was cut or grown.
    Length { inode: Inode, length: u64 },
    /// A file or folder was synced.
    Sync { inode: Inode },
    /// A file or folder was to be synced, and the system said that it could not.
    FailedSync { inode: Inode },
    /// A file was made.
    NewFile { inode: Inode, folder: Inode, name: String },
    /// A folder was made.
    NewFolder { inode: Inode, folder: Inode, name: String },
    /// A file got one more name.
    Link { inode: Inode, folder: Inode, name: String },
    /// A name was removed.
    Unlink { folder: Inode, name: String },
    /// A name was moved, onto another perhaps.
    Rename { inode: Inode, folder: Inode, name: String, to_folder: Inode, to_name: String },
}

/// An operation, and the length of the journal once it was noted.
#[derive(Debug, Clone)]
pub struct Noted {
    /// What happened.
    pub operation: Operation,
    /// Where its note ends.
    pub end: u64,
}

/// The notes of one process.
#[derive(Debug, Clone)]
pub struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Its length now: all that has returned in the process is noted before it.
    pub fn length(&self) -> u64 {
        std::fs::metadata(&self.path).expect("the process opened its journal").len()
    }

    /// The operations in their order. A note that a kill broke off is left out.
    pub fn operations(&self) -> Vec<Noted> {
        let bytes = std::fs::read(&self.path).expect("the process opened its journal");
        let mut rest = &bytes[..];
        let mut all = Vec::new();
        while let Some(operation) = next(&mut rest) {
            all.push(Noted { operation, end: (bytes.len() - rest.len()) as u64 });
        }
        all
    }
}

/// Takes one note from the front.
fn next(bytes: &mut &[u8]) -> Option<Operation> {
    let (head, mut rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let mut numbers = [0; HEAD_NUMBERS];
    for (number, text) in numbers.iter_mut().zip(head.chunks_exact(size_of::<u64>())) {
        *number = u64::from_ne_bytes(text.try_into().expect("chunks are exact"));
    }
    let [kind, inode, folder, to_folder, at, name_bytes, to_name_bytes, data_bytes] = numbers;
    let name = take(&mut rest, name_bytes)?;
    let to_name = take(&mut rest, to_name_bytes)?;
    let data = take(&mut rest, data_bytes)?;
    *bytes = rest;
    let name = text(name);
    // The numbers are those of `enum kind` in `disk.c`.
    Some(match kind {
        1 => Operation::Write { inode, at, data: data.to_vec() },
        2 => Operation::Length { inode, length: at },
        3 => Operation::Sync { inode },
        4 => Operation::NewFile { inode, folder, name },
        5 => Operation::NewFolder { inode, folder, name },
        6 => Operation::Link { inode, folder, name },
        7 => Operation::Unlink { folder, name },
        8 => Operation::Rename { inode, folder, name, to_folder, to_name: text(to_name) },
        9 => Operation::FailedSync { inode },
        other => panic!("disk.c notes nothing of kind {other}"),
    })
}

fn take<'a>(bytes: &mut &'a [u8], count: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(count).ok()?)?;
    *bytes = rest;
    Some(taken)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the product names its files in UTF-8")
}
