//! The embedded log: topics as folders of segments in Kafka's own on-disk format.
//!
//! ```text
//! <root>/<topic>-0/00000000000000000000.log      record batches (format version 2)
//!                  00000000000000000000.index    sparse index, written from time to time
//!                  effects.snapshot              last effect of every application, and how far
//!                                                the log was verified
//!                  .lock                         held by the process that appends
//! ```
//!
//! A record is acknowledged after `fdatasync`; all appends that wait share one. Several processes
//! append to the same topic: each holds the lock while it appends, and first reads what the others
//! wrote. Readers see only what is durable.
//!
//! Not here: retention. A topic keeps all its records.
//!
//! Reading order: `record`, `batch`, `segment`, `state`, `recovery`, `append`, `topic`, `topics`.

mod append;
mod batch;
mod bytes;
mod effects;
mod error;
mod extent;
mod files;
mod index;
mod record;
mod recovery;
mod scan;
mod segment;
mod state;
mod topic;
mod topics;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod crash_tests;

pub use error::LogError;
pub use extent::{SegmentExtent, TopicMark};
pub(crate) use files::{create_directory, sync_directory};
pub use scan::TopicScan;
pub use topic::EmbeddedTopic;
pub use topics::Topics;
