//! The plan: for every selected asset, whether its step will run, and why. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::error::Result;
use millstream_core::flow::{Before, Expression, Results, Rule, Turn};
use millstream_core::hash::ContentHash;
use millstream_core::partition::Partitions;
use millstream_core::step::{Edge, Input, Previous, Refresh, StepKind, StepSpec};
use millstream_ledger::{AssetVersion, BeforeStep, Ledger, Memo};
use serde::Serialize;

use crate::mapped;
use crate::memo::{MemoInputs, counts, memo};
use crate::partitions::{self, Asked, Change, Changing, Divided, PartitionPlan, World};

/// What would run, in order.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Content hash over all decisions.
    pub hash: ContentHash,
    /// One entry for each selected step, upstream first.
    pub entries: Vec<PlanEntry>,
}

impl Plan {
    /// Whether nothing would run.
    pub fn is_up_to_date(&self) -> bool {
        !self.entries.iter().any(|entry| entry.decision.is_run())
    }
}

/// The decision on one step.
#[derive(Debug, Clone, Serialize)]
pub struct PlanEntry {
    /// The asset that the step is named after.
    pub asset: AssetKey,
    /// The kind of step.
    pub kind: StepKind,
    /// Whether it runs.
    pub decision: Decision,
    /// Its present version, 0 before the first.
    pub version: u64,
    /// What is due of it, if it is divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partitions: Option<PartitionPlan>,
}

/// Whether a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "action", content = "reason")]
pub enum Decision {
    /// Its memo key equals that of the current version.
    UpToDate,
    /// It runs.
    Run(Reason),
    /// It does not, though it is due: its condition is false, or its rule is not met.
    Skip(String),
}

impl Decision {
    /// Whether it runs.
    pub fn is_run(&self) -> bool {
        matches!(self, Self::Run(_))
    }

    /// Whether it may make other rows.
    pub fn makes_rows(&self) -> bool {
        self.is_run() && *self != Self::Run(Reason::Description)
    }
}

/// Which of the selected steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Those whose memo key has changed.
    WhenChanged,
    /// All: somebody asked for these very steps.
    Always,
}

/// Why a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Reason {
    /// The asset has no version yet.
    First,
    /// Asked for by `--full-refresh`.
    FullRefresh,
    /// Somebody asked for this very step.
    Asked,
    /// Its definition in the project changed.
    Definition,
    /// What is said of it changed; its rows stay.
    Description,
    /// What it reads outside the graph changed.
    Outside,
    /// Not all items of its list are done.
    Items,
    /// The source cannot tell cheaply whether it changed.
    Unknown,
    /// An input has a newer version.
    Input {
        /// The input.
        asset: AssetKey,
        /// Version that was read.
        from: u64,
        /// Version that there is now.
        to: u64,
    },
    /// Partitions of it are due.
    Partitions {
        /// How many.
        count: usize,
        /// Which, and why, for people.
        which: String,
    },
    /// A step before it runs.
    Upstream {
        /// The input that will change.
        asset: AssetKey,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First => f.write_str("no version yet"),
            Self::FullRefresh => f.write_str("full refresh"),
            Self::Asked => f.write_str("asked for"),
            Self::Definition => f.write_str("definition changed"),
            Self::Description => f.write_str("description changed"),
            Self::Outside => f.write_str("source changed"),
            Self::Items => f.write_str("items are not done"),
            Self::Unknown => f.write_str("source cannot tell whether it changed"),
            Self::Input { asset, from, to } => {
                write!(f, "{} is at {to}, was {from}", asset.name)
            }
            Self::Partitions { which, .. } => f.write_str(which),
            Self::Upstream { asset } => write!(f, "{} will change", asset.name),
        }
    }
}

/// What a source said when it was asked what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// The step reads assets only.
    Inside,
    /// The fingerprint of what is outside.
    Print(ContentHash),
    /// It reads from outside but cannot tell.
    Unknown,
}

impl Probe {
    /// From the answer of [`millstream_core::step::Step::probe`].
    pub fn of(kind: StepKind, answer: Option<ContentHash>) -> Self {
        match (kind, answer) {
            (_, Some(print)) => Self::Print(print),
            (StepKind::Sync, None) => Self::Unknown,
            (_, None) => Self::Inside,
        }
    }

    /// The fingerprint, if there is one.
    pub fn print(self) -> Option<ContentHash> {
        match self {
            Self::Print(print) => Some(print),
            Self::Inside | Self::Unknown => None,
        }
    }
}

/// What the ledger knows, as far as it decides what runs.
#[derive(Debug, Default)]
pub struct Known {
    /// The current versions of all assets.
    pub versions: BTreeMap<AssetKey, AssetVersion>,
    /// What the last attempt of every step saw. A step may have one without a version: a sync that
    /// found no table yet, a function without events.
    pub memos: BTreeMap<AssetKey, Memo>,
    /// The assets of which readers are to be told something else than is published.
    pub redescribed: BTreeSet<AssetKey>,
    /// How assets are divided, of those that are.
    pub divisions: BTreeMap<AssetKey, Partitions>,
    /// What is known of the partitions of the steps that are divided.
    pub divided: BTreeMap<AssetKey, Divided>,
    /// When all that was so.
    pub now: Timestamp,
}

impl Known {
    /// Reads it.
    pub fn read(ledger: &Ledger) -> Result<Self> {
        let (versions, memos) = (ledger.all_current()?, ledger.memos()?);
        Ok(Self { versions, memos, ..Self::default() })
    }

    /// What steps have given that are now current.
    pub fn results<'a>(&self, of: impl IntoIterator<Item = &'a AssetKey>) -> Results {
        let result = |asset: &AssetKey| {
            let result = self.versions.get(asset)?.receipt.result()?.clone();
            Some((asset.clone(), result))
        };
        of.into_iter().filter_map(result).collect()
    }

    /// Reads what decides about one step, and what it left the last time.
    pub fn of_step(ledger: &Ledger, spec: &StepSpec) -> Result<(Self, Previous)> {
        let inputs = spec.inputs.iter().map(|input| &input.asset);
        let BeforeStep { versions, memo, previous } = ledger.before_step(inputs, spec.asset())?;
        let memos = memo.map(|memo| (spec.asset().clone(), memo)).into_iter().collect();
        Ok((Self { versions, memos, ..Self::default() }, previous))
    }
}

/// Decides for every step, which must come upstream first.
pub fn plan(
    specs: &[&StepSpec],
    known: &Known,
    probes: &BTreeMap<AssetKey, Probe>,
    refresh: Refresh,
    due: Due,
    asked: &Asked,
) -> Plan {
    let mut changing: BTreeSet<&AssetKey> = BTreeSet::new();
    let mut parts = Changing::new();
    let nothing = Divided::default();
    let mut stands = Stands::new();
    let mut entries = Vec::with_capacity(specs.len());
    for spec in specs {
        let probe = probes.get(spec.asset()).copied().unwrap_or(Probe::Inside);
        let partitions = spec.partitions.as_ref().map(|partitions| {
            let asked = asked.get(spec.asset()).map(Vec::as_slice);
            let divided = known.divided.get(spec.asset()).unwrap_or(&nothing);
            let Known { versions, divisions, now, .. } = known;
            let world = World { versions, divisions, divided, now: *now };
            partitions::decide(spec, partitions, world, refresh, &parts, asked)
        });
        let decision = match (&partitions, due) {
            (Some(partitions), _) => of_partitions(partitions),
            (None, Due::WhenChanged) => decide(spec, known, probe, refresh, &changing),
            (None, Due::Always) => Decision::Run(Reason::Asked),
        };
        let decision = flows(spec, decision, &stands, known);
        let stand = match &decision {
            Decision::UpToDate => Before::Succeeded,
            Decision::Run(_) => Before::Open,
            Decision::Skip(_) => Before::Skipped,
        };
        stands.extend(spec.outputs.iter().map(|output| (output, stand)));
        if decision.makes_rows() {
            changing.extend(&spec.outputs);
            let change = partitions.as_ref().map_or(Some(Change::Whole), PartitionPlan::change);
            parts.extend(spec.outputs.iter().cloned().zip(change.into_iter().cycle()));
        }
        entries.push(PlanEntry {
            asset: spec.asset().clone(),
            kind: spec.kind,
            decision,
            version: known.versions.get(spec.asset()).map_or(0, |version| version.version),
            partitions,
        });
    }
    let hash =
        ContentHash::of_parts(specs.iter().zip(&entries).map(|(spec, entry)| {
            format!("{} {} {:?}", spec.asset(), spec.definition, entry.decision)
        }));
    Plan { hash, entries }
}

/// How the steps that were decided stand, by what they write.
type Stands<'a> = BTreeMap<&'a AssetKey, Before>;

/// The decision on a step with its rule and its condition, as far as they can be known before
/// anything has run.
fn flows(spec: &StepSpec, decision: Decision, stands: &Stands<'_>, known: &Known) -> Decision {
    let before: Vec<(&AssetKey, Before)> = spec
        .inputs
        .iter()
        .filter_map(|input| Some((&input.asset, *stands.get(&input.asset)?)))
        .collect();
    let states: Vec<Before> = before.iter().map(|(_, state)| *state).collect();
    let rule = spec.flow.rule;
    if rule.turn(&states) == Turn::Skip {
        return Decision::Skip(unmet(rule, before));
    }
    // What has not failed may fail.
    if matches!(rule, Rule::OneFailed | Rule::AllFailed) && states.contains(&Before::Open) {
        return Decision::Skip(format!("runs only if {}", rule.asks()));
    }
    let Some(when) = spec.flow.when.as_ref().filter(|_| decision.is_run()) else { return decision };
    let is_open = |asset: &AssetKey| stands.get(asset) == Some(&Before::Open);
    if when.reads().iter().any(is_open) {
        return decision;
    }
    match when.is_true(&known.results(when.reads())) {
        Ok(false) => Decision::Skip(is_false(when)),
        // What is wrong with it is an error of the step.
        Ok(true) | Err(_) => decision,
    }
}

/// Why a step is skipped whose condition is false.
pub(crate) fn is_false(when: &Expression) -> String {
    format!("`{}` is false", when.text())
}

/// Why a step is skipped whose rule is not met.
pub(crate) fn unmet<'a>(
    rule: Rule,
    before: impl IntoIterator<Item = (&'a AssetKey, Before)>,
) -> String {
    let mut before = before.into_iter();
    match before.find(|(_, state)| *state == Before::Skipped) {
        Some((asset, _)) if matches!(rule, Rule::AllSuccess | Rule::NoneSkipped) => {
            format!("{asset} was skipped")
        }
        _ => format!("runs only if {}", rule.asks()),
    }
}

/// The decision on a step whose partitions are decided.
fn of_partitions(partitions: &PartitionPlan) -> Decision {
    match (partitions.due.len(), &partitions.undecided) {
        (0, None) => Decision::UpToDate,
        (0, Some(asset)) => Decision::Run(Reason::Upstream { asset: asset.clone() }),
        (count, _) => Decision::Run(Reason::Partitions { count, which: partitions.described() }),
    }
}

/// Decides for one step. `changing` has the outputs of steps before it that will run.
pub fn decide(
    spec: &StepSpec,
    known: &Known,
    probe: Probe,
    refresh: Refresh,
    changing: &BTreeSet<&AssetKey>,
) -> Decision {
    let Some(last) = known.memos.get(spec.asset()) else { return Decision::Run(Reason::First) };
    if refresh == Refresh::Full {
        return Decision::Run(Reason::FullRefresh);
    }
    let follows = |input: &&Input| input.edge != Edge::After && changing.contains(&input.asset);
    if let Some(input) = spec.inputs.iter().find(follows) {
        return Decision::Run(Reason::Upstream { asset: input.asset.clone() });
    }
    if probe == Probe::Unknown {
        return Decision::Run(Reason::Unknown);
    }
    let inputs = MemoInputs {
        current: &known.versions,
        probe: probe.print(),
        items: mapped::print(spec, known),
    };
    let now = memo(spec, &inputs);
    if now.key == last.key {
        return if known.redescribed.contains(spec.asset()) {
            Decision::Run(Reason::Description)
        } else {
            Decision::UpToDate
        };
    }
    if now.definition != last.definition {
        return Decision::Run(Reason::Definition);
    }
    let otherwise = match spec.flow.for_each {
        Some(_) => Reason::Items,
        None => Reason::Outside,
    };
    Decision::Run(changed_input(spec, &now, last).unwrap_or(otherwise))
}

/// The first input whose version is another one than the last attempt read.
fn changed_input(spec: &StepSpec, now: &Memo, last: &Memo) -> Option<Reason> {
    let counted = spec.inputs.iter().filter(|input| counts(input));
    for asset in counted.map(|input| &input.asset) {
        let version_in = |memo: &Memo| {
            memo.inputs.iter().find(|read| read.asset == *asset).map_or(0, |read| read.version)
        };
        let (from, to) = (version_in(last), version_in(now));
        if from != to {
            return Some(Reason::Input { asset: asset.clone(), from, to });
        }
    }
    None
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
