//! `state:modified` and its kin: this project against the manifest of another run.

mod compare;
mod contract;
mod macros;
mod previous;

use super::error::{SelectError, listed};
use super::evaluate::Evaluation;
use super::{Bits, Entry};

pub(crate) use compare::Comparison;
pub use previous::{PreviousManifest, PreviousNode, ReadError};

/// The words that may follow `state:`.
const CHECKS: &[&str] = &[
    "new",
    "old",
    "modified",
    "unmodified",
    "modified.body",
    "modified.configs",
    "modified.persisted_descriptions",
    "modified.relation",
    "modified.macros",
    "modified.contract",
];

/// The entries for which a check against the previous manifest is true.
pub(crate) fn search(evaluation: &Evaluation<'_, '_>, check: &str) -> Result<Bits, SelectError> {
    let previous = evaluation.given.manifest;
    let previous = previous
        .ok_or(SelectError::NoState("Got a state selector method, but no comparison manifest"))?;
    if !CHECKS.contains(&check) {
        return Err(SelectError::Value(format!(
            "Got an invalid selector \"{check}\", expected one of \"{}\"",
            listed(CHECKS)
        )));
    }
    let graph = evaluation.graph;
    let comparison = Comparison::new(graph.manifest(), previous);
    if matches!(check, "modified" | "unmodified" | "modified.contract") {
        let mut broken = contract::broken(graph.manifest(), previous)?;
        evaluation.warnings.borrow_mut().append(&mut broken);
    }
    let was_there = |entry: Entry<'_>| previous.contains(entry.id().as_str());
    Ok(graph.filter(|entry| match check {
        "new" => !was_there(entry),
        "old" => was_there(entry),
        "modified" => comparison.is_modified(entry),
        "unmodified" => !comparison.is_modified(entry),
        other => comparison.differs_in(entry, other.trim_start_matches("modified.")),
    }))
}
