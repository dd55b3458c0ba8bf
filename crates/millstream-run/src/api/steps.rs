//! The steps of a run and their attempts, as a list and over time.

use std::collections::HashMap;

use axum::extract::{Path, Query, State};
use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::{CheckResult, InputVersion, StepStats};
use millstream_ledger::{ApprovalRecord, AttemptDetail, StepHead, StepState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::approvals::ApprovalView;
use super::error::{ApiError, Problem, Refusal, word};
use super::moment::{Moment, millis_between};
use super::page::{Page, limit};
use super::{Answer, Api};

/// A step of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Step {
    asset: String,
    kind: String,
    outputs: Vec<String>,
    /// `planned`, or how it stands: `waiting`, `running`, `succeeded`, `failed`, `refused`, `cancelled`,
    /// `timed_out`, `up_to_date`, `upstream` or `skipped`.
    state: String,
    /// Why it runs or does not, for people.
    reason: String,
    /// The same as the planner said.
    why: Option<Value>,
    /// The assets before it in the graph.
    waits_for: Vec<String>,
    started_at: Option<Moment>,
    ended_at: Option<Moment>,
    took_ms: Option<u64>,
    attempts: Vec<Attempt>,
    /// What it asks of a person, if it does.
    approval: Option<ApprovalView>,
}

/// An attempt of a step.
#[derive(Debug, Serialize, JsonSchema)]
struct Attempt {
    attempt: String,
    number: u32,
    state: String,
    reason: String,
    holder: String,
    claimed_at: Moment,
    /// When it was clear what would be published.
    intended_at: Option<Moment>,
    ended_at: Option<Moment>,
    took_ms: Option<u64>,
    stats: Stats,
    checks: Vec<Check>,
    note: Option<String>,
    error: Option<Problem>,
    published: Vec<AssetAt>,
    /// The item of a list that it worked on, or the partition that it made.
    partition: Option<String>,
    /// What it has given to the steps behind it.
    result: Option<Value>,
}

/// Counts of an attempt.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Stats {
    rows_in: u64,
    rows_out: u64,
    pub(super) rows_quarantined: u64,
    bytes_out: u64,
}

/// How a check went.
#[derive(Debug, Serialize, JsonSchema)]
struct Check {
    name: String,
    /// `pass`, `warn` or `fail`.
    outcome: String,
    failures: u64,
    message: Option<String>,
}

/// A version of an asset.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AssetAt {
    asset: String,
    version: u64,
}

/// Which steps of a run are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StepsAsked {
    /// As in the steps.
    state: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A run over time.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Gantt {
    run: String,
    started_at: Moment,
    ended_at: Option<Moment>,
    now: Moment,
    bars: Vec<Bar>,
}

/// An attempt over time, in milliseconds since the run began.
#[derive(Debug, Serialize, JsonSchema)]
struct Bar {
    asset: String,
    kind: String,
    attempt: u32,
    state: String,
    from_ms: u64,
    intended_ms: Option<u64>,
    /// Null while it is at work.
    to_ms: Option<u64>,
}

/// The steps of a run, in the order of the plan.
pub(super) async fn steps(
    State(api): State<Api>,
    Path(run): Path<String>,
    Query(asked): Query<StepsAsked>,
) -> Answer<Page<Step>> {
    api.reading(move |api| {
        let (limit, id) = (limit(asked.limit)?, api.run(&run)?);
        let found = api.ledger().run_head(id)?;
        let (_, plan) = found.ok_or_else(|| ApiError::no_such("run", run))?;
        let steps = Steps::of(api, id, &plan)?;
        steps.page(api, asked.state.as_deref(), limit, asked.cursor.as_deref())
    })
    .await
}

/// When each attempt of a run worked.
pub(super) async fn gantt(State(api): State<Api>, Path(run): Path<String>) -> Answer<Gantt> {
    api.reading(move |api| {
        let id = api.run(&run)?;
        let found = api.ledger().run_head(id)?;
        let (listed, _) = found.ok_or_else(|| ApiError::no_such("run", run))?;
        let heads = api.ledger().step_heads(id)?;
        let assets: Vec<AssetKey> = heads.iter().map(|head| head.asset.clone()).collect();
        let attempts = api.ledger().attempts_of(id, &assets)?;
        let began = listed.head.started_at;
        let bars = heads.iter().zip(attempts);
        let bars =
            bars.flat_map(|(head, all)| all.into_iter().map(move |it| Bar::of(head, &it, began)));
        Ok(Gantt {
            run: id.to_string(),
            started_at: Moment(began),
            ended_at: listed.head.ended_at.map(Moment),
            now: Moment(api.config.clock.now()),
            bars: bars.collect(),
        })
    })
    .await
}

/// The steps of a run: those that are recorded, and those of its plan that have not begun.
pub(super) struct Steps {
    run: RunId,
    heads: Vec<(StepHead, Option<Value>, bool)>,
}

impl Steps {
    pub(super) fn of(api: &Api, run: RunId, plan: &Value) -> Result<Self, Refusal> {
        let recorded = api.ledger().step_heads(run)?;
        let mut recorded: HashMap<AssetKey, StepHead> =
            recorded.into_iter().map(|head| (head.asset.clone(), head)).collect();
        let mut heads = Vec::new();
        for entry in plan["entries"].as_array().into_iter().flatten() {
            let Some(asset) = entry["asset"].as_str().and_then(|key| key.parse().ok()) else {
                continue;
            };
            let why = Some(entry["decision"]["reason"].clone()).filter(Value::is_object);
            let (head, is_recorded) = match recorded.remove(&asset) {
                Some(head) => (head, true),
                None => match planned(api, asset, entry) {
                    Some(head) => (head, false),
                    None => continue,
                },
            };
            heads.push((head, why, is_recorded));
        }
        heads.extend(recorded.into_values().map(|head| (head, None, true)));
        Ok(Self { run, heads })
    }

    pub(super) fn page(
        mut self,
        api: &Api,
        state: Option<&str>,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page<Step>, Refusal> {
        self.heads
            .retain(|(head, _, recorded)| state.is_none_or(|it| it == shown(head, *recorded)));
        let page = Page::within(self.heads, limit, cursor)?;
        let assets: Vec<AssetKey> =
            page.items().iter().map(|(head, ..)| head.asset.clone()).collect();
        let mut attempts = api.ledger().attempts_of(self.run, &assets)?.into_iter();
        let asked = api.ledger().approvals_of(self.run)?;
        let mut asked: HashMap<AssetKey, ApprovalRecord> =
            asked.into_iter().map(|asked| (asked.asset.clone(), asked)).collect();
        Ok(page.map(|(head, why, is_recorded)| {
            let state = shown(&head, is_recorded);
            let approval = asked.remove(&head.asset).map(ApprovalView::from);
            let step = Step::of(api, head, state, why, attempts.next().unwrap_or_default());
            Step { approval, ..step }
        }))
    }
}

/// The word for how a step stands.
fn shown(head: &StepHead, is_recorded: bool) -> String {
    if is_recorded { word(&head.state) } else { "planned".to_owned() }
}

/// A step of the plan that has not begun.
fn planned(api: &Api, asset: AssetKey, entry: &Value) -> Option<StepHead> {
    let kind = serde_json::from_value(entry["kind"].clone()).ok()?;
    let node = api.project().graph.node(&asset);
    let outputs = node.map_or_else(|| vec![asset.clone()], |node| node.outputs.clone());
    Some(StepHead { asset, kind, outputs, state: StepState::Running, reason: String::new() })
}

impl Step {
    fn of(
        api: &Api,
        head: StepHead,
        state: String,
        why: Option<Value>,
        attempts: Vec<AttemptDetail>,
    ) -> Self {
        let node = api.project().graph.node(&head.asset);
        let started = attempts.first().map(|attempt| attempt.claimed_at);
        let ended = attempts.last().and_then(|attempt| attempt.ended_at);
        Self {
            asset: head.asset.to_string(),
            kind: head.kind.word().to_owned(),
            outputs: head.outputs.iter().map(ToString::to_string).collect(),
            state,
            reason: head.reason,
            why,
            waits_for: node
                .map(|node| node.inputs.iter().map(|input| input.asset.to_string()).collect())
                .unwrap_or_default(),
            started_at: started.map(Moment),
            ended_at: ended.map(Moment),
            took_ms: started.zip(ended).map(|(from, to)| millis_between(from, to)),
            attempts: attempts.into_iter().map(Attempt::from).collect(),
            approval: None,
        }
    }
}

impl From<AttemptDetail> for Attempt {
    fn from(attempt: AttemptDetail) -> Self {
        let took = attempt.ended_at.map(|ended| millis_between(attempt.claimed_at, ended));
        Self {
            attempt: attempt.attempt.to_string(),
            number: attempt.number,
            state: word(&attempt.state),
            reason: attempt.reason,
            holder: attempt.holder.to_string(),
            claimed_at: Moment(attempt.claimed_at),
            intended_at: attempt.intended_at.map(Moment),
            ended_at: attempt.ended_at.map(Moment),
            took_ms: took,
            stats: attempt.stats.into(),
            checks: attempt.checks.into_iter().map(Check::from).collect(),
            note: attempt.note,
            error: attempt.error.map(Problem::from),
            published: attempt.published.into_iter().map(AssetAt::from).collect(),
            partition: attempt.partition.map(|partition| partition.to_string()),
            result: attempt.result,
        }
    }
}

impl From<StepStats> for Stats {
    fn from(stats: StepStats) -> Self {
        let StepStats { rows_in, rows_out, rows_quarantined, bytes_out } = stats;
        Self { rows_in, rows_out, rows_quarantined, bytes_out }
    }
}

impl From<CheckResult> for Check {
    fn from(check: CheckResult) -> Self {
        let CheckResult { name, outcome, failures, message } = check;
        Self { name, outcome: word(&outcome), failures, message }
    }
}

impl From<InputVersion> for AssetAt {
    fn from(input: InputVersion) -> Self {
        Self { asset: input.asset.to_string(), version: input.version }
    }
}

impl Bar {
    fn of(head: &StepHead, attempt: &AttemptDetail, began: Timestamp) -> Self {
        Self {
            asset: head.asset.to_string(),
            kind: head.kind.word().to_owned(),
            attempt: attempt.number,
            state: word(&attempt.state),
            from_ms: millis_between(began, attempt.claimed_at),
            intended_ms: attempt.intended_at.map(|at| millis_between(began, at)),
            to_ms: attempt.ended_at.map(|at| millis_between(began, at)),
        }
    }
}
