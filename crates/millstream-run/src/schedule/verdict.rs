//! Whether schedules did what a test says. Pure.

use std::collections::BTreeSet;
use std::fmt;

use millstream_core::clock::Timestamp;
use millstream_project::schedule::Scenario;
use serde::Serialize;

use super::simulate::{SIMULATED_RUNS_MAX, Simulated};

/// What a test of schedules found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The test.
    pub test: String,
    /// The runs that began as it says.
    pub as_expected: usize,
    /// What is otherwise, in order of time.
    pub differences: Vec<Difference>,
}

/// A start that a test does not name, or one that it names and that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The schedule.
    pub schedule: String,
    /// The moment.
    pub at: Timestamp,
    /// The moment on the clocks of the test.
    pub shown: String,
    /// What is otherwise.
    pub kind: DifferenceKind,
    /// Why it began, or did not, as far as that is known.
    pub reason: Option<String>,
}

/// What is otherwise than a test says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// No run began.
    Missing,
    /// A run began.
    Unexpected,
}

impl Verdict {
    /// Whether all is as the test says.
    pub fn passed(&self) -> bool {
        self.differences.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { schedule, shown, .. } = self;
        match self.kind {
            DifferenceKind::Missing => write!(f, "{schedule} did not start at {shown}")?,
            DifferenceKind::Unexpected => write!(f, "{schedule} started at {shown}")?,
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Compares the runs of the schedules that a test names with what it says of them.
pub fn judge(scenario: &Scenario, simulated: &Simulated) -> Verdict {
    let mut verdict =
        Verdict { test: scenario.name.clone(), as_expected: 0, differences: Vec::new() };
    for (schedule, expected) in &scenario.starts {
        let mut expected: BTreeSet<Timestamp> = expected.iter().copied().collect();
        let difference = |at, kind, reason| Difference {
            schedule: schedule.clone(),
            at,
            shown: scenario.zone.shown(at),
            kind,
            reason,
        };
        for run in simulated.runs.iter().filter(|run| run.schedule == *schedule) {
            if expected.remove(&run.at) {
                verdict.as_expected += 1;
            } else {
                let reason = Some(run.cause.clone());
                verdict.differences.push(difference(run.at, DifferenceKind::Unexpected, reason));
            }
        }
        let missing = expected.into_iter().map(|at| {
            difference(at, DifferenceKind::Missing, why_missing(simulated, schedule, at))
        });
        verdict.differences.extend(missing);
    }
    verdict.differences.sort_by(|a, b| (a.at, &a.schedule).cmp(&(b.at, &b.schedule)));
    verdict
}

fn why_missing(simulated: &Simulated, schedule: &str, at: Timestamp) -> Option<String> {
    let of_moment = simulated
        .skipped
        .iter()
        .find(|it| it.schedule == schedule && (it.skipped.first..=it.skipped.last).contains(&at));
    let cut_off =
        simulated.cut_off.then(|| format!("the test ended after {SIMULATED_RUNS_MAX} runs"));
    of_moment.map(|it| it.skipped.why.to_string()).or(cut_off)
}
