//! Plan, execute and recover: brings assets up to date through the protocol of DESIGN 2.
//!
//! Not here: what any step does. A step is a `dyn Step`; this crate knows none by name.
//!
//! Reading order is the order of the modules below.

pub mod api;
mod approval;
pub mod attempt;
pub mod backfill;
mod cancel;
pub mod conductor;
mod directed;
mod driver;
mod error;
pub mod execute;
pub mod logs;
mod mapped;
pub mod memo;
mod open_run;
pub mod partitions;
pub mod plan;
pub mod recover;
pub mod report;
mod rerun;
mod rerun_partitions;
pub mod schedule;
pub mod scheduler;
mod slots;
#[cfg(test)]
mod testing;
mod turn;
pub mod webhook;

pub use conductor::{Conductor, Started};
pub use directed::DirectedRun;
pub use error::{EXPLANATIONS, RunError};
pub use execute::{Executor, Pace, RunRequest};
pub use logs::{LogEntry, LogPage, LogQuery, Logs, Start};
pub use memo::MemoInputs;
pub use open_run::{Begun, OpenRun};
pub use plan::{Decision, Due, Plan, PlanEntry, Reason, plan};
pub use recover::{OtherSteps, Recovered, Steps, recover};
pub use report::{Progress, RunReport, StepOutcome, StepReport};
pub use rerun::{RerunScope, RerunSteps};
pub use rerun_partitions::RerunBeside;
pub use scheduler::{FoundFresh, Scheduler, SchedulerConfig};
pub use webhook::Webhooks;
