//! Schedules that would start each other for ever.

use std::collections::BTreeSet;

use millstream_core::AssetKey;
use millstream_files::{Report, shown};

use super::declared::{Condition, Schedule};
use super::spec::ScheduleSpec;
use crate::declared::Declared;
use crate::project::Project;

/// Reports each cycle once, at the first of its schedules.
pub(super) fn check(
    project: &Project,
    schedules: &[(Schedule, Declared<ScheduleSpec>)],
    report: &mut Report,
) {
    let makes: Vec<BTreeSet<&AssetKey>> =
        schedules.iter().map(|(schedule, _)| made_by(project, schedule)).collect();
    let awaits: Vec<BTreeSet<AssetKey>> =
        schedules.iter().map(|(schedule, _)| started_by(&schedule.condition)).collect();
    let starts = |from: usize| -> Vec<usize> {
        let starts = |to: &usize| awaits[*to].iter().any(|asset| makes[from].contains(asset));
        (0..schedules.len()).filter(starts).collect()
    };
    let mut told: BTreeSet<usize> = BTreeSet::new();
    for first in 0..schedules.len() {
        if told.contains(&first) {
            continue;
        }
        let Some(cycle) = way_back(first, &starts) else { continue };
        let names: Vec<&str> =
            cycle.iter().chain([&first]).map(|&at| schedules[at].0.name.as_str()).collect();
        let others: Vec<String> = cycle[1..]
            .iter()
            .map(|&at| {
                format!("`{}` in {}", schedules[at].0.name, shown(&schedules[at].1.place(&[])))
            })
            .collect();
        let message = format!("schedules start each other for ever: {}", names.join(" -> "));
        let hint = match others.as_slice() {
            [] => "it runs what it waits for: take that out of `select`".to_owned(),
            others => format!("take one trigger out; see {}", others.join(", ")),
        };
        report.error("schedule.cycle", schedules[first].1.place(&[]), message, hint);
        told.extend(cycle);
    }
}

/// What the steps of a schedule write.
fn made_by<'a>(project: &'a Project, schedule: &Schedule) -> BTreeSet<&'a AssetKey> {
    let nodes = project.graph.nodes().iter();
    nodes
        .filter(|node| schedule.assets.contains(node.asset()))
        .flat_map(|node| &node.outputs)
        .collect()
}

/// The assets of which a new version alone can start a schedule. Where something from outside must
/// happen as well, as a time, nothing goes on for ever.
fn started_by(condition: &Condition) -> BTreeSet<AssetKey> {
    match condition {
        Condition::Asset(asset) | Condition::NewerThan { asset, .. } => [asset.clone()].into(),
        Condition::Topic(topic) => [AssetKey::topic(topic)].into(),
        Condition::AnyOf(parts) => parts.iter().flat_map(started_by).collect(),
        Condition::AllOf(parts) => {
            let parts: Vec<_> = parts.iter().map(started_by).collect();
            let is_bounded = parts.iter().any(BTreeSet::is_empty);
            if is_bounded { BTreeSet::new() } else { parts.into_iter().flatten().collect() }
        }
        Condition::Manual | Condition::Time(_) | Condition::Webhook { .. } | Condition::File(_) => {
            BTreeSet::new()
        }
    }
}

/// The shortest way from a schedule to itself, with itself at the beginning.
fn way_back(first: usize, starts: &impl Fn(usize) -> Vec<usize>) -> Option<Vec<usize>> {
    let mut ways = std::collections::VecDeque::from([vec![first]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in starts(*way.last()?) {
            if next == first {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back(way.iter().copied().chain([next]).collect());
            }
        }
    }
    None
}
