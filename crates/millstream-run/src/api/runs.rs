//! Runs: the list, and one in full with its steps and their attempts.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Path, Query, State};
use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::{CheckResult, InputVersion, StepStats};
use millstream_ledger::{AttemptDetail, ListedRun, RunFilter, RunState, StepHead, StepState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ApiError, Problem, Refusal, word};
use super::moment::{Moment, millis_between, parse};
use super::page::{PAGE_ITEMS_MAX, Page, limit};
use super::schedules::Fire;
use super::{Answer, Api, asset_key};

/// Which runs are meant.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct RunsAsked {
    pub(super) state: Option<RunWord>,
    /// With a step of this asset.
    asset: Option<String>,
    /// Started by this schedule.
    pub(super) schedule: Option<String>,
    /// Begun at this moment or later.
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
    /// Begun before this moment.
    #[schemars(extend("format" = "date-time"))]
    until: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RunWord {
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Interrupted,
}

/// A run in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Run {
    pub(super) run: String,
    /// Its last digits, for people.
    pub(super) short: String,
    /// `running`, `succeeded`, `failed`, `cancelled` or `interrupted`.
    pub(super) state: String,
    pub(super) command: String,
    selection: Option<String>,
    /// The schedule that started it.
    pub(super) schedule: Option<String>,
    /// Who asked for it.
    by: Option<String>,
    /// The process that runs or ran it.
    holder: String,
    pub(super) started_at: Moment,
    ended_at: Option<Moment>,
    pub(super) took_ms: Option<u64>,
    cancel_asked: bool,
    /// Steps by state.
    counts: BTreeMap<String, u64>,
}

/// A run in full.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RunInFull {
    #[serde(flatten)]
    run: Run,
    /// Hash of the plan with which it began.
    plan: Option<String>,
    /// What a schedule started it for.
    fire: Option<Fire>,
    /// The first 500 steps.
    steps: Vec<Step>,
    /// Give it as `cursor` of `/runs/{run}/steps`.
    steps_next_cursor: Option<String>,
}

/// A step of a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Step {
    asset: String,
    kind: String,
    outputs: Vec<String>,
    /// `planned`, or how it stands: `running`, `succeeded`, `failed`, `refused`, `cancelled`,
    /// `timed_out`, `up_to_date` or `upstream`.
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

/// Runs, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    Query(asked): Query<RunsAsked>,
) -> Answer<Page<Run>> {
    api.reading(move |api| {
        let (limit, filter) = (limit(asked.limit)?, asked.filter()?);
        let found = api.ledger().list_runs(&filter, limit + 1)?;
        let page = Page::of(found, limit, |listed| listed.head.run.to_string());
        Ok(page.map(Run::from))
    })
    .await
}

/// One run with its steps, in the order of the plan.
pub(super) async fn one(State(api): State<Api>, Path(run): Path<String>) -> Answer<RunInFull> {
    api.reading(move |api| {
        let id = api.run(&run)?;
        let found = api.ledger().run_head(id)?;
        let (listed, plan) = found.ok_or_else(|| ApiError::no_such("run", run))?;
        let steps = Steps::of(api, id, &plan)?.page(api, None, PAGE_ITEMS_MAX, None)?;
        let (steps, steps_next_cursor) = steps.into_parts();
        Ok(RunInFull {
            run: Run::from(listed),
            plan: plan["hash"].as_str().map(str::to_owned),
            fire: api.ledger().fire_of(id)?.map(Fire::from),
            steps,
            steps_next_cursor,
        })
    })
    .await
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

impl RunsAsked {
    /// What is asked for, in the words of the ledger.
    pub(super) fn filter(&self) -> Result<RunFilter, Refusal> {
        let moment = |name, text: &Option<String>| -> Result<Option<Timestamp>, ApiError> {
            let Some(text) = text else { return Ok(None) };
            let bad = || ApiError::bad(name, "it is no moment such as 2026-11-21T22:30:00Z");
            parse(text).map(Some).ok_or_else(bad)
        };
        let before = self.cursor.as_deref().map(str::parse::<RunId>).transpose();
        Ok(RunFilter {
            state: self.state.map(RunState::from),
            asset: self.asset.as_deref().map(asset_key).transpose()?,
            schedule: self.schedule.clone(),
            since: moment("since", &self.since)?,
            until: moment("until", &self.until)?,
            before: before.map_err(|_| ApiError::bad("cursor", "it is none of a list of runs"))?,
        })
    }
}

impl Api {
    /// The run of a path.
    pub(super) fn run(&self, digits: &str) -> Result<RunId, Refusal> {
        // A whole id needs no search.
        if let Ok(run) = digits.parse() {
            return Ok(run);
        }
        let found = self.ledger().find_run(digits)?;
        Ok(found.ok_or_else(|| ApiError::no_such("run", digits))?)
    }
}

impl From<RunWord> for RunState {
    fn from(word: RunWord) -> Self {
        match word {
            RunWord::Running => Self::Running,
            RunWord::Succeeded => Self::Succeeded,
            RunWord::Failed => Self::Failed,
            RunWord::Cancelled => Self::Cancelled,
            RunWord::Interrupted => Self::Interrupted,
        }
    }
}

impl From<ListedRun> for Run {
    fn from(ListedRun { head, counts }: ListedRun) -> Self {
        Self {
            run: head.run.to_string(),
            short: head.run.short(),
            state: word(&head.state),
            command: head.command,
            selection: head.selection,
            schedule: head.schedule,
            by: head.by,
            holder: head.holder.to_string(),
            started_at: Moment(head.started_at),
            ended_at: head.ended_at.map(Moment),
            took_ms: head.ended_at.map(|ended| millis_between(head.started_at, ended)),
            cancel_asked: head.cancel_asked_at.is_some(),
            counts: counts.iter().map(|(state, count)| (word(state), *count)).collect(),
        }
    }
}

/// The steps of a run: those that are recorded, and those of its plan that have not begun.
struct Steps {
    run: RunId,
    heads: Vec<(StepHead, Option<Value>, bool)>,
}

impl Steps {
    fn of(api: &Api, run: RunId, plan: &Value) -> Result<Self, Refusal> {
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

    fn page(
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
        Ok(page.map(|(head, why, is_recorded)| {
            let state = shown(&head, is_recorded);
            Step::of(api, head, state, why, attempts.next().unwrap_or_default())
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
