//! A disk that loses power, runs full and fails, without privileges: the binary runs with
//! `tests/disk/disk.c` between it and the C library, on Linux.
//!
//! A *recording* is every operation of the binary below the project's folder. Played up to any
//! point into the model of a disk it shows what a power cut may have left there.
//!
//! What the model promises is what POSIX promises, and nothing that file systems add to it:
//!
//! - The content of a file is durable when `fsync` or `fdatasync` of that file has returned. Until
//!   then each of its 4-KiB pages and each change of its length survives or not, in any
//!   combination; its length may survive without its pages, which then are zeros.
//! - A name (made, linked, moved, removed) is durable when `fsync` of its folder has returned,
//!   whether or not the file itself was synced. Until then each change of a name survives or not,
//!   in any combination. A file whose name, or the name of a folder above it, is not durable is
//!   gone with all that was synced in it.
//! - What could not be synced when that was asked for is lost, whatever a later sync says, unless it
//!   is written again.
//! - One page is written whole or not at all, and one rename happens whole or not at all.

mod content;
mod journal;
mod library;
mod model;

pub use journal::{Journal, Noted, Operation};
pub use library::{FaultyDisk, Operations};
pub use model::{Disk, Losses, Survivors};
