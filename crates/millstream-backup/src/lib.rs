//! Files by their content, verified, and put back: backups of environments, and trees, which are the
//! files of releases.
//!
//! ```text
//! <folder>/millstream-backup          the format
//!          objects/ab/cdef...         every content once, named by its BLAKE3 hash
//!          backups/<id>               what a backup is made of; written last
//!          backups/<id>.unfinished    what has been copied so far
//!          .lock                      held by the process that adds or removes
//! ```
//!
//! A content that is there is never copied again, so that every backup after the first takes what
//! is new, and a backup that was killed goes on where it was.
//!
//! Not here: which files belong to an environment, and in which order they have to be looked at.
//! The binary knows the rooms and says so.
//!
//! Reading order: `contents`; then `item`, `manifest`, `repository`, `take`, `verify`, `restore`,
//! `database`, and `link`, which makes a copy on the same disk without its bytes; `tree`.

mod content;
mod contents;
mod database;
mod error;
mod explain;
mod item;
mod link;
mod manifest;
mod names;
mod repository;
mod restore;
mod take;
mod tree;
mod verify;
mod work;

pub use contents::{Contents, Removed};
pub use database::{FrozenDatabase, HeldDatabase};
pub use error::{BackupError, Result};
pub use explain::EXPLANATIONS;
pub use item::{Item, Nature, Need};
pub use link::{Linked, link};
pub use manifest::{About, BackupManifest, BackupSummary, StoredFile};
pub use names::sync_folder;
pub use repository::{Pruned, Repository};
pub use restore::{Restored, restore};
pub use take::Taking;
pub use tree::{FileChange, FileChanged, FileMode, Tree, TreeFile};
pub use verify::{Damage, Verified, verify};
pub use work::Progress;
