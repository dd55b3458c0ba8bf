//! What the files of a project say, as plain data: the project reads them, the rooms act on them.
//!
//! Every field's comment is its reference text and goes into the JSON Schema for editors.

pub mod command;
pub mod deployment;
pub mod execution;
pub mod function;
pub mod source;
pub mod training;

pub use command::{ApproveSpec, CommandSpec, ForEachSpec, LimitsSpec, VariableSpec, bytes_of};
pub use deployment::{BatchScoring, DeploymentSpec, RecordSpec};
pub use execution::{ExecutionSpec, RetriesSpec};
pub use function::{FunctionSpec, FunctionTrigger};
pub use source::{ColumnSpec, Columns, ContractMode, Keys, SourceSpec, StreamSpec, SyncMode};
pub use training::{SplitSpec, TrainingInputs, TrainingSpec};
