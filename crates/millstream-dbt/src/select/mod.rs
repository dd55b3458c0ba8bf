//! Finds the nodes that a command is about.
//!
//! A [`Graph`] is made of a manifest. [`select`] reads what stands behind `--select`, `--exclude`
//! and `--selector`, and finds the entries of the graph that are meant. [`Graph::schedule`] puts
//! them in the order in which they run.

mod bits;
mod changes;
mod entry;
mod error;
mod evaluate;
mod glob;
mod graph;
mod list;
mod methods;
mod order;
pub(crate) mod pieces;
mod schedule;
mod spec;
mod state;
#[cfg(test)]
pub(crate) mod tests;
mod tokens;
mod yaml;

use std::collections::BTreeSet;
use std::path::Path;

use crate::artifacts::{FreshnessResults, RunResults};

pub use bits::Bits;
pub use changes::{Change, SqlChange, changes, compare_sql};
pub use entry::Entry;
pub use error::SelectError;
pub use graph::{Beside, Depth, Graph};
pub use list::{ListFormat, list};
pub use order::Cycle;
pub use schedule::Waits;
pub use spec::{Combination, Criterion, How, Indirect, Method, Reach, Spec};
pub use state::{PreviousManifest, PreviousNode, ReadError};
pub use yaml::{Selectors, selectors};

/// What a command is asked to select.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    /// `--select`.
    pub select: &'a [String],
    /// `--exclude`.
    pub exclude: &'a [String],
    /// `--selector`.
    pub selector: Option<&'a str>,
    /// `--indirect-selection`.
    pub indirect: Indirect,
    /// Resource types that the command is about.
    pub types: BTreeSet<&'a str>,
    /// Whether nodes without text are selected.
    pub blanks: Blanks,
}

/// Whether nodes without text are selected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Blanks {
    /// They are not; there is nothing to run.
    #[default]
    Skip,
    /// They are, for lists.
    Keep,
}

/// The resource types of a command, from `--resource-type` and `--exclude-resource-type`. `all` are
/// those that it knows, `default` those that it takes when nothing is said.
pub fn resource_types<'a>(
    include: &'a [String],
    exclude: &'a [String],
    all: &[&'a str],
    default: &[&'a str],
) -> BTreeSet<&'a str> {
    let mut types: BTreeSet<&str> = BTreeSet::new();
    for word in include.iter().map(String::as_str) {
        match word {
            "all" => types.extend(all),
            "default" => types.extend(default),
            word => types.extend(Some(word)),
        }
    }
    if include.is_empty() {
        types.extend(default);
    }
    types.retain(|word| !exclude.iter().any(|excluded| excluded == word));
    types
}

/// What methods such as `state:modified` may ask.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The folder of the project.
    pub root: &'a Path,
    /// The manifest in the folder of `--state`.
    pub manifest: Option<&'a PreviousManifest>,
    /// The results of the run in the folder of `--state`.
    pub results: Option<&'a RunResults>,
    /// The freshness of sources in the folder of `--state`.
    pub sources_before: Option<&'a FreshnessResults>,
    /// The freshness of sources in the project's own target folder.
    pub sources_now: Option<&'a FreshnessResults>,
}

/// What is selected.
#[derive(Debug, Clone)]
pub struct Selected {
    /// The entries.
    pub positions: Bits,
    /// What to tell the user: criteria that match nothing.
    pub warnings: Vec<String>,
}

/// Finds what a request selects. With neither `select` nor `exclude` nor `selector`, the selector
/// that is the default of the project counts, and else everything.
pub fn select(
    graph: &Graph<'_>,
    request: &Request<'_>,
    given: &Given<'_>,
) -> Result<Selected, SelectError> {
    let defined = &graph.manifest().selectors;
    let selectors = selectors(defined, request.indirect)?;
    let is_plain = request.select.is_empty() && request.exclude.is_empty();
    let default = defined.iter().find(|(_, selector)| selector.default && is_plain);
    let name = request.selector.or(default.map(|(name, _)| name.as_str()));
    let spec = match name {
        Some(name) => selectors.get(name).cloned().ok_or_else(|| SelectError::Selector {
            name: name.to_owned(),
            known: selectors.keys().cloned().collect(),
        })?,
        None => Spec::from_texts(request.select, request.exclude, request.indirect)?,
    };
    let wanted = graph.filter(|entry| {
        request.types.contains(entry.resource_type())
            && (request.blanks == Blanks::Keep || !entry.is_empty())
    });
    let evaluation = evaluate::Evaluation::new(graph, given, &selectors, wanted);
    let positions = evaluation.select(&spec)?;
    Ok(Selected { positions, warnings: evaluation.warnings.into_inner() })
}
