//! Backfills: partitions that are made again, or for the first time, because somebody asks for it.

mod choose;
mod drive;
mod error;
mod parts;
mod preview;

pub use choose::{Choice, Chosen, Direction, choose};
pub use drive::{Asker, cancel, drive};
pub use error::BackfillError;
pub use parts::{HISTORY, parts_of};
pub use preview::{AssetPreview, Preview, preview};
