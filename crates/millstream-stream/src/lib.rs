//! Topics, functions and the operational database: the way back of the loop.
//!
//! A prediction becomes a record of a topic ([`log`]), a function hands batches of records to SQL
//! ([`function`]), and the rows arrive in a table of the operational database exactly once
//! ([`operational`]).
//!
//! Not here: who makes events (the room of deployments) and who runs a step (the room of runs).

mod explain;
pub mod function;
pub mod log;
pub mod operational;

pub use explain::EXPLANATIONS;
pub use function::{FunctionError, FunctionParts, FunctionStep};
pub use log::{EmbeddedTopic, LogError, SegmentExtent, TopicMark, TopicScan, Topics};
pub use operational::{OperationalError, OperationalLocation};
