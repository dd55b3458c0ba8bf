//! What all rooms of Millstream share: names, ids, errors, the clock, batches and the contracts
//! through which rooms reach each other without knowing each other.
//!
//! Not here: I/O, implementations, settings of any room.
//!
//! Reading order is the order of the modules below.

pub mod asset;
pub mod batch;
pub mod catalog;
pub mod change;
pub mod clock;
pub mod comments;
pub mod crash;
pub mod diagnostic;
pub mod effect;
pub mod error;
pub mod execution;
pub mod explain;
pub mod flow;
pub mod hash;
pub mod id;
pub mod kind;
pub mod limits;
pub mod lineage;
pub mod log;
pub mod model;
pub mod name;
pub mod operational;
pub mod partition;
pub mod printed;
pub mod program;
pub mod scalar;
pub mod secret;
pub mod slot;
pub mod spec;
pub mod sql;
pub mod step;
pub mod table;
pub mod text;
pub mod topic;
pub mod trace;
pub mod warehouse;

pub use asset::{AssetKey, AssetKind};
pub use error::{Coded, Error, Fault, Result, Retry};
pub use hash::ContentHash;
pub use name::Relation;
