//! What is different in another version of a project, and what that means for those who read its
//! assets. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use millstream_core::AssetKey;
use millstream_core::step::{Refresh, StepKind};
use millstream_dbt::select::{SqlChange, compare_sql};
use serde::Serialize;

use crate::graph::{Depth, Graph, Node};
use crate::project::{Project, SqlModel};

/// What is different in another version of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ProjectChange {
    /// Steps, by the asset they are named after: those that are gone, then the others in the order
    /// in which they run.
    pub assets: Vec<AssetChange>,
    /// Schedules, by name.
    pub schedules: Vec<NamedChange>,
    /// Deployments, by name.
    pub deployments: Vec<NamedChange>,
    /// Channels and rules of notifications, by name.
    pub notifications: Vec<NamedChange>,
}

/// What is different of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssetChange {
    /// The asset that it is named after.
    pub asset: AssetKey,
    /// The kind of step.
    pub kind: StepKind,
    /// What happened to it.
    pub change: Changed,
    /// What of it: `definition`, `checks`, `freshness`, `execution`, `partitions`; nothing of one
    /// that is new or gone.
    pub of: Vec<&'static str>,
    /// What that means for those who read the asset; `None` if nobody can tell.
    pub means: Option<Meaning>,
    /// What is behind it.
    pub downstream: Vec<AssetKey>,
}

/// What is different of something that has a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedChange {
    /// Its name.
    pub name: String,
    /// What happened to it.
    pub change: Changed,
}

/// What can happen to a thing of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Only the earlier version has it.
    Removed,
    /// Only the later version has it.
    Added,
    /// Both have it, otherwise.
    Changed,
}

impl Changed {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Changed => "changed",
        }
    }
}

/// What a change means for those who read the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Nothing.
    None,
    /// There is more than before, and nothing else is different.
    Additive,
    /// Rows or columns that were there may be different, or gone.
    Breaking,
}

impl Meaning {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Additive => "additive",
            Self::Breaking => "breaking",
        }
    }
}

impl ProjectChange {
    /// Whether nothing is different.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// What is different in a later version of a project; all of it is new if there is no earlier one.
pub fn compare(before: Option<&Project>, after: &Project) -> ProjectChange {
    let none = Graph::default();
    let graph = before.map_or(&none, |project| &project.graph);
    let removed = graph.nodes().iter().filter(|node| after.graph.node(node.asset()).is_none());
    let removed = removed.map(|node| AssetChange {
        asset: node.asset().clone(),
        kind: node.kind,
        change: Changed::Removed,
        of: Vec::new(),
        means: Some(Meaning::Breaking),
        downstream: behind(graph, node),
    });
    let others = after.graph.nodes().iter().filter_map(|node| {
        let earlier = graph.makers(node.asset()).find(|earlier| earlier.name == node.name);
        let (change, of, means) = match (before, earlier) {
            (Some(before), Some(earlier)) => {
                let of = differences(earlier, node);
                let means = if of.contains(&"definition") {
                    meaning(before, after, node.asset())
                } else {
                    Some(Meaning::None)
                };
                (Changed::Changed, of, means)
            }
            _ => (Changed::Added, Vec::new(), Some(Meaning::Additive)),
        };
        let is_same = change == Changed::Changed && of.is_empty();
        (!is_same).then(|| AssetChange {
            asset: node.asset().clone(),
            kind: node.kind,
            change,
            of,
            means,
            downstream: behind(&after.graph, node),
        })
    });
    ProjectChange {
        assets: removed.chain(others).collect(),
        schedules: named(before, after, |project| {
            let schedules = project.schedules.iter();
            schedules.map(|schedule| (schedule.name.clone(), shown(schedule))).collect()
        }),
        deployments: named(before, after, |project| {
            let deployments = project.deployments.iter();
            deployments.map(|it| (it.spec.name.clone(), shown(it))).collect()
        }),
        notifications: named(before, after, |project| {
            let notifications = &project.notifications;
            let channels = notifications.channels.iter();
            let rules = notifications.rules.iter();
            channels
                .map(|(name, channel)| (format!("channel {name}"), shown(channel)))
                .chain(rules.map(|rule| (format!("rule {}", rule.name), shown(rule))))
                .collect()
        }),
    }
}

/// What differs between two versions of a step.
fn differences(before: &Node, after: &Node) -> Vec<&'static str> {
    let compared = [
        ("definition", before.definition == after.definition && before.kind == after.kind),
        ("checks", before.checks_definition == after.checks_definition),
        ("freshness", shown(&before.fresh_within) == shown(&after.fresh_within)),
        ("execution", before.executed == after.executed),
        ("partitions", shown(&before.partitions) == shown(&after.partitions)),
    ];
    compared.into_iter().filter(|(_, is_same)| !is_same).map(|(what, _)| what).collect()
}

/// What another definition means for those who read the asset, as far as that is told by the SQL of
/// both.
fn meaning(before: &Project, after: &Project, asset: &AssetKey) -> Option<Meaning> {
    let relation = asset.relation()?;
    let is_it = |model: &&SqlModel| model.relation == relation;
    let old = before.models.iter().find(is_it)?;
    let new = after.models.iter().find(is_it)?;
    let change = compare_sql(old.sql(Refresh::Full)?, new.sql(Refresh::Full)?);
    Some(match change {
        SqlChange::None => Meaning::None,
        SqlChange::Additive => Meaning::Additive,
        SqlChange::Breaking => Meaning::Breaking,
    })
}

fn behind(graph: &Graph, node: &Node) -> Vec<AssetKey> {
    graph.downstream(node.asset(), Depth::All).into_iter().collect()
}

/// What differs of things that have names.
fn named(
    before: Option<&Project>,
    after: &Project,
    of: impl Fn(&Project) -> BTreeMap<String, String>,
) -> Vec<NamedChange> {
    let (before, after) = (before.map(&of).unwrap_or_default(), of(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| match (before.get(name), after.get(name)) {
        (None, Some(_)) => Some(Changed::Added),
        (Some(_), None) => Some(Changed::Removed),
        (before, after) if before != after => Some(Changed::Changed),
        _ => None,
    };
    let found = |name: &String| Some(NamedChange { name: name.clone(), change: change(name)? });
    names.into_iter().filter_map(found).collect()
}

/// Everything that a value has, to be compared: what has no equality of its own shows all of it.
fn shown(value: &impl Debug) -> String {
    format!("{value:?}")
}
