//! A file that is to be copied.

use std::path::PathBuf;

/// A file of an environment as a copy of it has to have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it lies in the environment, with `/` between folders: `lake/main/orders/part-1`.
    pub path: String,
    /// The file.
    pub from: PathBuf,
    /// How many of its bytes belong to the copy, from the first on.
    pub bytes: u64,
    /// What may happen to the file while it is copied.
    pub nature: Nature,
    /// Whether the copy is whole without it.
    pub need: Need,
}

/// What may happen to a file while it is copied, and until the next copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Nothing: it never changes once it is there. Known again by path, size and time.
    Sealed,
    /// It grows at its end, or is replaced now and then.
    Changing,
}

/// Whether a copy is whole without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No: that it is gone is an error.
    Required,
    /// Yes: somebody cleans up beside us.
    Optional,
    /// Yes, but then the others in its folder are worth nothing.
    WithFolder,
}
