//! Runs: the list, and one in full.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::trace::TraceId;
use millstream_ledger::{ListedRun, RunFilter, RunState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Refusal, word};
use super::moment::{Moment, millis_between, parse};
use super::page::{PAGE_ITEMS_MAX, Page, limit};
use super::schedules::Fire;
use super::steps::{Step, Steps};
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
    /// The id of its trace, where traces are collected.
    trace: String,
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
            trace: TraceId::of(head.run, head.trace_parent).to_string(),
            counts: counts.iter().map(|(state, count)| (word(state), *count)).collect(),
        }
    }
}
