//! What starts now, and why: functions from values to values. Whoever calls them reads the clock and
//! the ledger before, and writes the new state down after, in the transaction that makes the runs.
//!
//! Reading order: `state` is what is remembered; `due` decides over times that were missed;
//! `evaluate` explains a condition; `decide` puts them together for one schedule; `freshness` turns
//! ages that assets may have into deadlines, and `late` says which are too old. `simulate` lets schedules act in virtual time, and
//! `verdict` says whether they did what a test wants.

mod decide;
mod due;
mod evaluate;
mod freshness;
mod late;
mod simulate;
mod state;
mod verdict;

#[cfg(test)]
mod tests;

pub use decide::{Decision, How, QUEUE_MAX, Situation, Start, decide};
pub use due::{Count, Due, DueFire, ON_TIME_MICROS, Skipped, Timing, WhySkipped, due};
pub use evaluate::{Explained, evaluate};
pub use freshness::{
    Deadline, FreshnessRun, Infeasible, Pace, StepHistory, deadlines, due_for_freshness,
    freshness_of, typical,
};
pub use late::{Late, late};
pub use simulate::{SIMULATED_RUNS_MAX, Simulated, SimulatedRun, SimulatedSkip, simulate};
pub use state::{Observed, ScheduleState, Seen, VersionAt};
pub use verdict::{Difference, DifferenceKind, Verdict, judge};
