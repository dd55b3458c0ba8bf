//! The asset graph: steps, what they read and write, and the order in which they run.

mod build;
mod order;
mod select;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use millstream_core::flow::Flow;
use millstream_core::partition::Partitions;
use millstream_core::step::{Input, StepKind};
use millstream_core::{AssetKey, ContentHash};
use millstream_dbt::manifest::UniqueId;
use serde::Serialize;

use crate::execution::Executed;
use crate::schedule::Period;

pub(crate) use build::{Parts, build};
pub(crate) use select::names_of;
pub use select::{SelectError, Selection};

/// A step of the project.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// Its id: that of dbt's manifest, or `training.shop.tagger` and the like.
    pub id: UniqueId,
    /// The kind of work.
    pub kind: StepKind,
    /// The name of what declares it: `orders`, `shop.customers`, `tagger`.
    pub name: String,
    /// What it writes, in this order; it is named after the first.
    pub outputs: Vec<AssetKey>,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// What else must be made before it in the same run, because its checks read it. A new version
    /// of these makes nothing due.
    pub after: Vec<AssetKey>,
    /// Tags.
    pub tags: BTreeSet<String>,
    /// The file that declares it, relative to the project's root.
    pub file: PathBuf,
    /// `view`, `table`, `incremental` or `snapshot` of a SQL model, `seed` of a seed.
    pub materialized: Option<String>,
    /// Hash of what the project says that decides what the step makes.
    pub definition: ContentHash,
    /// Hash of the checks that its publication waits for.
    pub checks_definition: ContentHash,
    /// How old what it makes may become.
    pub fresh_within: Option<Period>,
    /// How it is executed.
    pub executed: Executed,
    /// How it is divided, if each of its partitions is made on its own.
    pub partitions: Option<Partitions>,
    /// Whether, and how often, it runs.
    pub flow: Flow,
}

impl Node {
    /// The asset that the step is named after.
    pub fn asset(&self) -> &AssetKey {
        &self.outputs[0]
    }
}

/// How far a selection reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// So many steps.
    Steps(usize),
    /// To the end.
    All,
}

/// The steps of a project in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    makers: HashMap<AssetKey, Vec<usize>>,
    before: Vec<Vec<usize>>,
    behind: Vec<Vec<usize>>,
}

impl Graph {
    /// The steps. Each comes after all that it waits for.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The step that makes an asset; the first, if several add to a topic.
    pub fn node(&self, asset: &AssetKey) -> Option<&Node> {
        self.makers.get(asset).and_then(|makers| makers.first()).map(|&index| &self.nodes[index])
    }

    /// All steps that make an asset: one, but for topics.
    pub fn makers(&self, asset: &AssetKey) -> impl Iterator<Item = &Node> {
        self.makers.get(asset).into_iter().flatten().map(|&index| &self.nodes[index])
    }

    /// The steps, by their position in [`Graph::nodes`], that must have ended before the step at
    /// this position runs. Feedback that would make a cycle is not among them.
    pub fn waits_for(&self, position: usize) -> &[usize] {
        self.before.get(position).map_or(&[], Vec::as_slice)
    }

    /// The steps that wait for the step at this position.
    pub fn is_awaited_by(&self, position: usize) -> &[usize] {
        self.behind.get(position).map_or(&[], Vec::as_slice)
    }

    /// The steps before the one that makes an asset, by the asset they are named after.
    pub fn upstream(&self, asset: &AssetKey, depth: Depth) -> BTreeSet<AssetKey> {
        self.assets(&reach(self.positions(asset), &self.before, depth))
    }

    /// The steps behind the one that makes an asset, by the asset they are named after.
    pub fn downstream(&self, asset: &AssetKey, depth: Depth) -> BTreeSet<AssetKey> {
        self.assets(&reach(self.positions(asset), &self.behind, depth))
    }

    fn positions(&self, asset: &AssetKey) -> BTreeSet<usize> {
        self.makers.get(asset).into_iter().flatten().copied().collect()
    }

    fn assets(&self, positions: &BTreeSet<usize>) -> BTreeSet<AssetKey> {
        positions.iter().map(|&position| self.nodes[position].asset().clone()).collect()
    }
}

/// What some steps lead to, themselves left out.
fn reach(from: BTreeSet<usize>, next: &[Vec<usize>], depth: Depth) -> BTreeSet<usize> {
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    let mut edge = from;
    let mut steps = 0;
    while !edge.is_empty() && depth != Depth::Steps(steps) {
        edge = edge
            .iter()
            .flat_map(|&position| &next[position])
            .copied()
            .filter(|position| !reached.contains(position))
            .collect();
        reached.extend(&edge);
        steps += 1;
    }
    reached
}
