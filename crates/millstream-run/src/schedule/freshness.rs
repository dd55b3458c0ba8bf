//! Ages that assets may have, turned into deadlines for all that is before them.
//!
//! An asset is as fresh as the moment at which the run began that last brought it and everything
//! before it up to date. By that moment plus its `fresh_within` the next such run must have ended;
//! each step before it must have ended as much earlier as the steps behind it take.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::schedule::Period;
use millstream_project::{Depth, Graph};
use serde::Serialize;

/// How long a step without history is thought to take, in microseconds: a minute.
const UNKNOWN_MICROS: i64 = 60_000_000;
/// The attempts that count for what is typical.
const ATTEMPTS: usize = 20;
/// The margin added to what steps take, as a part of it: a quarter.
const MARGIN: i64 = 4;

/// What the ledger knows of steps, by the asset that each is named after.
#[derive(Debug, Clone, Default)]
pub struct StepHistory {
    /// How long it typically takes, in microseconds; see [`typical`].
    pub takes: BTreeMap<AssetKey, i64>,
    /// When the run began in which it last succeeded or was up to date.
    pub as_of: BTreeMap<AssetKey, Timestamp>,
}

/// By when a step must be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The asset that the step is named after.
    pub asset: AssetKey,
    /// By when it must have started.
    pub start_by: Timestamp,
    /// By when it must have ended.
    pub end_by: Timestamp,
    /// The asset whose `fresh_within` asks for it.
    pub target: AssetKey,
}

/// A target that cannot be kept, however early everything starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Infeasible {
    /// The asset.
    pub target: AssetKey,
    /// How old it may become.
    pub fresh_within: Period,
    /// How long the steps on its longest way take, in microseconds.
    pub takes: i64,
    /// That way, from its first step.
    pub way: Vec<AssetKey>,
}

/// All deadlines of a project, the most urgent first, and the targets that cannot be kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Pace {
    /// One for each step that a target asks for: its order is the priority of the steps.
    pub deadlines: Vec<Deadline>,
    /// Targets that cannot be kept.
    pub infeasible: Vec<Infeasible>,
}

/// A run that a target asks for now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FreshnessRun {
    /// The asset whose `fresh_within` asks for it.
    pub target: AssetKey,
    /// What runs, by the assets that steps are named after.
    pub assets: BTreeSet<AssetKey>,
    /// By when those of them must have started that a target asks for.
    pub start_by: BTreeMap<AssetKey, Timestamp>,
    /// By when it must have ended.
    pub end_by: Timestamp,
    /// Why, for people.
    pub cause: String,
}

/// How long a step typically takes: of its last attempts, newest first, what nine of ten did not
/// exceed.
pub fn typical(newest_first: &[i64]) -> Option<i64> {
    let mut recent: Vec<i64> = newest_first.iter().take(ATTEMPTS).copied().collect();
    recent.sort_unstable();
    let rank = (recent.len() * 9).div_ceil(10);
    recent.get(rank.checked_sub(1)?).copied()
}

/// Propagates all targets upstream. What was never made is due now.
pub fn deadlines(graph: &Graph, history: &StepHistory, now: Timestamp) -> Pace {
    let nodes = graph.nodes();
    let as_of = freshness_of(graph, history);
    let mut pace = Pace::default();
    let mut found: Vec<Option<Deadline>> = vec![None; nodes.len()];
    // Steps come after all that they wait for, so that from behind every step is settled when those
    // behind it are.
    for position in (0..nodes.len()).rev() {
        let node = &nodes[position];
        if let Some(period) = node.fresh_within {
            let fresh_until = as_of[position].map_or(now, |at| later(at, period.micros()));
            let target = node.asset();
            sooner(&mut found[position], graph, history, position, fresh_until, target);
            pace.infeasible.extend(infeasible(graph, history, position, period));
        }
        let Some(own) = found[position].clone() else { continue };
        for &before in graph.waits_for(position) {
            sooner(&mut found[before], graph, history, before, own.start_by, &own.target);
        }
    }
    pace.deadlines = found.into_iter().flatten().collect();
    pace.deadlines.sort_by(|a, b| (a.start_by, &a.asset).cmp(&(b.start_by, &b.asset)));
    pace
}

/// The runs that targets ask for now, the most urgent first: those of which a step must have
/// started. A run takes everything before its target along.
///
/// Runs that are going, and those that have just failed, are not known here: who calls this leaves
/// out targets that have such a run.
pub fn due_for_freshness(
    graph: &Graph,
    history: &StepHistory,
    now: Timestamp,
) -> Vec<FreshnessRun> {
    let pace = deadlines(graph, history, now);
    let mut runs: Vec<FreshnessRun> = Vec::new();
    for deadline in pace.deadlines.iter().filter(|deadline| deadline.start_by <= now) {
        let target = &deadline.target;
        if runs.iter().any(|run| run.target == *target) {
            continue;
        }
        let mut assets = graph.upstream(target, Depth::All);
        assets.insert(target.clone());
        let own = pace.deadlines.iter().find(|other| other.asset == *target).unwrap_or(deadline);
        let period = graph.node(target).and_then(|node| node.fresh_within);
        let within = period.map_or_else(String::new, |period| format!(" ({period})"));
        let cause = format!(
            "{} must be fresh{within} until {}, and {} had to start by {}",
            target.name, own.end_by, deadline.asset.name, deadline.start_by
        );
        let wanted = pace.deadlines.iter().filter(|deadline| assets.contains(&deadline.asset));
        let start_by = wanted.map(|it| (it.asset.clone(), it.start_by)).collect();
        let target = target.clone();
        runs.push(FreshnessRun { target, assets, start_by, end_by: own.end_by, cause });
    }
    runs
}

/// How fresh each step is, by its position in the graph: as the least fresh of itself and all
/// before it.
pub fn freshness_of(graph: &Graph, history: &StepHistory) -> Vec<Option<Timestamp>> {
    let mut all: Vec<Option<Timestamp>> = Vec::with_capacity(graph.nodes().len());
    for (position, node) in graph.nodes().iter().enumerate() {
        let own = history.as_of.get(node.asset()).copied();
        let before = graph.waits_for(position).iter().map(|&before| all[before]);
        let least = before.chain([own]).reduce(|a, b| Some(a?.min(b?)));
        all.push(least.flatten());
    }
    all
}

/// Gives a step a deadline, if it has none that is sooner.
fn sooner(
    deadline: &mut Option<Deadline>,
    graph: &Graph,
    history: &StepHistory,
    position: usize,
    end_by: Timestamp,
    target: &AssetKey,
) {
    if deadline.as_ref().is_some_and(|known| known.end_by <= end_by) {
        return;
    }
    let asset = graph.nodes()[position].asset().clone();
    let takes = with_margin(takes(history, &asset));
    *deadline =
        Some(Deadline { asset, start_by: later(end_by, -takes), end_by, target: target.clone() });
}

/// The target with its longest way, if that takes longer than the target allows.
fn infeasible(
    graph: &Graph,
    history: &StepHistory,
    position: usize,
    period: Period,
) -> Option<Infeasible> {
    let mut longest: BTreeMap<usize, (i64, Option<usize>)> = BTreeMap::new();
    let target = graph.nodes()[position].asset();
    let upstream = graph.upstream(target, Depth::All);
    for (at, node) in graph.nodes().iter().enumerate().take(position + 1) {
        if at != position && !upstream.contains(node.asset()) {
            continue;
        }
        let before = graph.waits_for(at).iter().filter_map(|it| Some((longest.get(it)?.0, *it)));
        let before = before.max();
        let takes = takes(history, node.asset()) + before.map_or(0, |(takes, _)| takes);
        longest.insert(at, (takes, before.map(|(_, before)| before)));
    }
    let takes = longest.get(&position)?.0;
    if takes <= period.micros() {
        return None;
    }
    let mut way = Vec::new();
    let mut at = Some(position);
    while let Some(position) = at {
        way.push(graph.nodes()[position].asset().clone());
        at = longest.get(&position)?.1;
    }
    way.reverse();
    Some(Infeasible { target: target.clone(), fresh_within: period, takes, way })
}

fn takes(history: &StepHistory, asset: &AssetKey) -> i64 {
    history.takes.get(asset).copied().unwrap_or(UNKNOWN_MICROS)
}

fn with_margin(micros: i64) -> i64 {
    micros.saturating_add(micros / MARGIN)
}

fn later(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.as_micros().saturating_add(micros))
}
