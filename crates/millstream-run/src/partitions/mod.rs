//! Assets whose partitions are each made on their own: which are due, and how they are made.

mod decide;
mod drive;
mod look;

pub use decide::{
    Asked, Change, Changing, DuePartition, PartReason, PartitionPlan, World, decide, memo_of,
};
pub(crate) use drive::Part;
pub use drive::PartitionReport;
pub use look::{Divided, divisions, look};
