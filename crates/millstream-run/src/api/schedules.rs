//! Schedules: how they stand, what they did and will do, and holding them back.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use millstream_core::clock::Timestamp;
use millstream_guard::{Object, Principal};
use millstream_ledger::{Fire as LedgerFire, Pause, ScheduleRecord};
use millstream_project::schedule::{LineKind, PreviewLine, Schedule, preview as foresee};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::{StartedRun, trace_parent};
use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{Page, limit, limit_within};
use super::versions::Part;
use super::{Answer, Api};
use crate::execute::RunRequest;
use crate::scheduler::Scheduler;

/// Days of a preview, unless the request says otherwise.
const PREVIEW_DAYS: usize = 30;
/// The most days of a preview.
const PREVIEW_DAYS_MAX: usize = 3660;
/// Lines of a preview, unless the request says otherwise.
const PREVIEW_LINES: usize = 100;
/// The most lines of a preview.
const PREVIEW_LINES_MAX: usize = 1000;

/// A schedule in a list.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ScheduleView {
    schedule: String,
    description: Option<String>,
    /// `on` or `paused`.
    state: String,
    /// Why somebody paused or resumed it.
    note: Option<String>,
    /// What starts it, in words.
    trigger: String,
    select: Vec<String>,
    /// How many steps it runs.
    steps: usize,
    /// The next time that the clock starts it.
    next: Option<Moment>,
    last: Option<Fire>,
}

/// A schedule in full.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ScheduleDetail {
    #[serde(flatten)]
    schedule: ScheduleView,
    file: String,
    /// The assets after which its steps are named.
    assets: Vec<String>,
    /// Its condition as it is now, in words.
    why: String,
    /// What it would start now, and why.
    starts: Vec<String>,
}

/// What became of a fire, or of several that were skipped together.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Fire {
    schedule: String,
    /// Names it; null when fires were skipped.
    fire: Option<String>,
    at: Moment,
    /// `waiting`, `started`, `up_to_date` or `skipped`.
    state: String,
    reason: String,
    run: Option<String>,
    run_state: Option<String>,
}

/// How far a preview reaches.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Reach {
    #[schemars(range(min = 1, max = 3660))]
    days: Option<usize>,
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<usize>,
}

/// What a schedule will do.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PreviewView {
    schedule: String,
    zone: String,
    fires: Vec<Foreseen>,
    /// The same in words.
    text: String,
}

/// A line of a preview.
#[derive(Debug, Serialize, JsonSchema)]
struct Foreseen {
    at: Moment,
    /// As clocks of the zone show it.
    local: String,
    /// `fire`, `possible`, `omitted`, or `clock` for a change of the zone's clock.
    kind: String,
    note: Option<String>,
}

/// Why somebody does it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Because {
    #[serde(default)]
    pub(super) reason: String,
}

/// All schedules, by name.
pub(super) async fn list(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<ScheduleView>> {
    api.reading(move |api| {
        let records = api.ledger().schedules()?;
        let mut all: Vec<&Schedule> = api.project().schedules.iter().collect();
        all.sort_by_key(|schedule| &schedule.name);
        let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
        page.try_map(|schedule| api.schedule_view(schedule, &records))
    })
    .await
}

/// One schedule, and what it would start now.
pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Answer<ScheduleDetail> {
    let schedule = api.schedule(&name)?;
    let config = api.config.scheduler.clone();
    let scheduler = Scheduler::new(api.ledger().clone(), api.config.conductor.clone(), config);
    let decision = scheduler.explain(&name).await?;
    let records = api.ledger().schedules()?;
    let (why, starts) = match decision {
        Some(decision) => {
            let starts = decision.starts.into_iter().map(|start| start.cause).collect();
            (decision.why.to_string().trim_end().to_owned(), starts)
        }
        None => (String::new(), Vec::new()),
    };
    Ok(Json(ScheduleDetail {
        schedule: api.schedule_view(schedule, &records)?,
        file: schedule.file.display().to_string(),
        assets: schedule.assets.iter().map(ToString::to_string).collect(),
        why,
        starts,
    }))
}

/// What became of a schedule's fires, the latest first.
pub(super) async fn history(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(part): Query<Part>,
) -> Answer<Page<Fire>> {
    api.reading(move |api| {
        let (limit, schedule) = (limit(part.limit)?, api.schedule(&name)?);
        let bad = |_| ApiError::bad("cursor", "it is none of a history");
        let before = part.cursor.as_deref().map(str::parse).transpose().map_err(bad)?;
        let found = api.ledger().fires_before(&schedule.name, before, limit + 1)?;
        let page = Page::of(found, limit, |(position, _)| position.to_string());
        Ok(page.map(|(_, fire)| Fire::from(fire)))
    })
    .await
}

/// What a schedule will do.
pub(super) async fn preview(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(reach): Query<Reach>,
) -> Answer<PreviewView> {
    api.reading(move |api| {
        let schedule = api.schedule(&name)?;
        let days = limit_within("days", reach.days, PREVIEW_DAYS, PREVIEW_DAYS_MAX)?;
        let most = limit_within("limit", reach.limit, PREVIEW_LINES, PREVIEW_LINES_MAX)?;
        let now = api.config.clock.now();
        let reach = Duration::from_hours(24) * u32::try_from(days).unwrap_or(u32::MAX);
        let reach = i64::try_from(reach.as_micros()).unwrap_or(i64::MAX);
        let to = Timestamp::from_micros(now.as_micros().saturating_add(reach));
        let preview = foresee(schedule, now, to, most);
        Ok(PreviewView {
            text: preview.to_string(),
            schedule: preview.schedule,
            zone: preview.zone,
            fires: preview.lines.into_iter().map(Foreseen::from).collect(),
        })
    })
    .await
}

/// Holds a schedule back.
pub(super) async fn pause(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    Json(Object(because)): Json<Object<Because>>,
) -> Answer<ScheduleView> {
    api.hold(&principal, &name, Pause::Paused, &because).await
}

/// Lets a schedule go on.
pub(super) async fn resume(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    Json(Object(because)): Json<Object<Because>>,
) -> Answer<ScheduleView> {
    api.hold(&principal, &name, Pause::Running, &because).await
}

/// Runs what a schedule runs, now; its times are not touched.
pub(super) async fn run(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(Object(_)): Json<Object<Because>>,
) -> Result<(StatusCode, Json<StartedRun>), Refusal> {
    let schedule = api.schedule(&name)?;
    let cause = format!("schedule {name} by hand");
    let request = RunRequest {
        selection: Some(schedule.select.join(" ")),
        trace_parent: trace_parent(&headers),
        ..RunRequest::new(cause, schedule.assets.clone())
    };
    api.start(request, &principal).await
}

impl Api {
    fn schedule(&self, name: &str) -> Result<&Schedule, ApiError> {
        let found = self.project().schedules.iter().find(|schedule| schedule.name == name);
        found.ok_or_else(|| ApiError::no_such("schedule", name))
    }

    async fn hold(
        &self,
        principal: &Principal,
        name: &str,
        pause: Pause,
        because: &Because,
    ) -> Answer<ScheduleView> {
        let schedule = self.schedule(name)?;
        self.ledger_of(principal).pause_schedule(name, pause, &because.reason).await?;
        Ok(Json(self.schedule_view(schedule, &self.ledger().schedules()?)?))
    }

    fn schedule_view(
        &self,
        schedule: &Schedule,
        records: &BTreeMap<String, ScheduleRecord>,
    ) -> Result<ScheduleView, Refusal> {
        let paused = is_paused(schedule, records);
        let next = next_fire(schedule, self.config.clock.now()).filter(|_| !paused);
        let last = self.ledger().fires(&schedule.name, 1)?.into_iter().next();
        let note = records.get(&schedule.name).and_then(|record| record.note.clone());
        Ok(ScheduleView {
            schedule: schedule.name.clone(),
            description: schedule.description.clone(),
            state: if paused { "paused" } else { "on" }.to_owned(),
            note: note.filter(|note| !note.is_empty()),
            trigger: schedule.condition.to_string(),
            select: schedule.select.clone(),
            steps: schedule.assets.len(),
            next: next.map(Moment),
            last: last.map(Fire::from),
        })
    }
}

/// Whether a schedule is held back: what people said counts before what its file says.
pub(super) fn is_paused(schedule: &Schedule, records: &BTreeMap<String, ScheduleRecord>) -> bool {
    let said = records.get(&schedule.name).and_then(|record| record.paused);
    said.unwrap_or(schedule.paused)
}

/// The next time that the clock starts a schedule.
pub(super) fn next_fire(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let tables = schedule.condition.timetables().into_iter();
    tables.filter_map(|table| Some(table.fires_after(now).next()?.at)).min()
}

impl From<LedgerFire> for Fire {
    fn from(fire: LedgerFire) -> Self {
        Self {
            schedule: fire.schedule,
            fire: fire.fire,
            at: Moment(fire.at),
            state: word(&fire.state),
            reason: fire.reason,
            run: fire.run.map(|run| run.to_string()),
            run_state: fire.run_state.map(|state| word(&state)),
        }
    }
}

impl From<PreviewLine> for Foreseen {
    fn from(line: PreviewLine) -> Self {
        let kind: LineKind = line.kind;
        Self { at: Moment(line.at), local: line.local, kind: word(&kind), note: line.note }
    }
}
