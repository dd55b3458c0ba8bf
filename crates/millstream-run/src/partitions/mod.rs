//! Assets whose partitions are each made on their own: which are due, and how they are made.

mod decide;
mod drive;
mod look;

pub use decide::{
    Asked, Change, Changing, DuePartition, PartReason, PartitionPlan, World, decide, memo_of,
};
pub use drive::PartitionReport;
pub(crate) use drive::{DecidedPart, Part};
pub use look::{Divided, divisions, look, partitions_again};
