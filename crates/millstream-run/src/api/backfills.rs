//! Backfills: started, shown, held back, resumed and stopped.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use millstream_core::id::BackfillId;
use millstream_core::step::Refresh;
use millstream_guard::{Object, Principal};
use millstream_ledger::{Backfill, BackfillPace, BackfillPart, NewBackfill, PartState};
use millstream_project::Selection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::actions::trace_parent;
use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{PAGE_ITEMS_MAX, Page, limit};
use super::versions::Part;
use super::{Answer, Api, actor};
use crate::backfill::{self, Asker, Choice, Direction, HISTORY, Preview, parts_of, preview};

/// Partitions of a backfill that are shown with it.
const PARTS_SHOWN_MAX: usize = 1000;
/// The most steps at the same time.
const PARALLEL_MAX: usize = 256;

/// What is to be made. One of `from` and `to`, `partitions`, and `which`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BackfillAsked {
    /// dbt's selectors.
    select: Vec<String>,
    /// What of that is left out.
    #[serde(default)]
    exclude: Vec<String>,
    /// From the partition of this time on.
    from: Option<String>,
    /// Up to and with the partition of this time.
    to: Option<String>,
    /// These partitions.
    #[serde(default)]
    partitions: Vec<String>,
    /// Those that were never made, whose last attempt failed, or all.
    which: Option<Which>,
    /// The newest partitions first.
    #[serde(default)]
    newest_first: bool,
    /// Take the columns that the models have now.
    #[serde(default)]
    full_refresh: bool,
    /// Steps at the same time.
    #[schemars(range(min = 1, max = 256))]
    parallel: Option<usize>,
    /// Only says what would be made.
    #[serde(default)]
    dry_run: bool,
}

/// Which partitions are meant.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Which {
    Missing,
    Failed,
    All,
}

/// A backfill.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BackfillView {
    backfill: String,
    /// Its last digits, for people.
    short: String,
    /// What was asked for, as written.
    selection: String,
    /// `running`, `paused`, `succeeded`, `failed`, `cancelled` or `interrupted`.
    state: String,
    by: Option<String>,
    parallel: usize,
    created_at: Moment,
    ended_at: Option<Moment>,
    /// Its partitions by state.
    counts: BTreeMap<String, u64>,
}

/// A backfill with its first 1000 partitions.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BackfillDetail {
    #[serde(flatten)]
    backfill: BackfillView,
    partitions: Vec<PartView>,
}

/// Which partitions of a backfill are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PartsAsked {
    state: Option<PartWord>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// How a partition of a backfill stands.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum PartWord {
    Pending,
    Running,
    Done,
    Failed,
    Cancelled,
}

/// A partition of a backfill.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PartView {
    asset: String,
    partition: String,
    /// `pending`, `running`, `done`, `failed` or `cancelled`.
    state: String,
    run: Option<String>,
    error: Option<String>,
}

/// What came of asking for a backfill.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StartedBackfill {
    dry_run: bool,
    /// Null of a dry run.
    backfill: Option<String>,
    /// Partitions that are made.
    partitions: usize,
    /// How long that takes, if all were made before.
    expected_ms: Option<u64>,
    /// How many rows that writes, if all were made before.
    expected_rows: Option<u64>,
    assets: Vec<ExpectedAsset>,
}

/// What is made of an asset.
#[derive(Debug, Serialize, JsonSchema)]
struct ExpectedAsset {
    asset: String,
    partitions: usize,
    first: String,
    last: String,
    ms_each: Option<u64>,
    rows_each: Option<u64>,
}

/// Backfills, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<BackfillView>> {
    api.reading(move |api| {
        let found = api.ledger().backfills(PAGE_ITEMS_MAX)?;
        let page = Page::within(found, limit(part.limit)?, part.cursor.as_deref())?;
        Ok(page.map(BackfillView::from))
    })
    .await
}

/// One backfill with its partitions.
pub(super) async fn one(
    State(api): State<Api>,
    Path(backfill): Path<String>,
) -> Answer<BackfillDetail> {
    api.reading(move |api| {
        let id = api.backfill_id(&backfill)?;
        let parts = api.ledger().backfill_parts(id, None, PARTS_SHOWN_MAX)?;
        let under_way = api.ledger().parts_under_way(id)?;
        let partitions = parts.into_iter().map(|part| as_now(part, &under_way)).collect();
        Ok(BackfillDetail { backfill: api.backfill(id)?, partitions })
    })
    .await
}

/// The partitions of a backfill, in the order in which they are made.
pub(super) async fn partitions(
    State(api): State<Api>,
    Path(backfill): Path<String>,
    Query(asked): Query<PartsAsked>,
) -> Answer<Page<PartView>> {
    api.reading(move |api| {
        let (id, limit) = (api.backfill_id(&backfill)?, limit(asked.limit)?);
        let bad = |_| ApiError::bad("cursor", "it is none that this list gave");
        let after = asked.cursor.as_deref().map(str::parse).transpose().map_err(bad)?;
        let state = asked.state.map(PartState::from);
        let found = api.ledger().backfill_parts_after(id, after, state, limit + 1)?;
        let page = Page::of(found, limit, |part| part.position.to_string());
        let under_way = api.ledger().parts_under_way(id)?;
        Ok(page.map(|part| as_now(part, &under_way)))
    })
    .await
}

/// Starts a backfill, and does not wait for it.
pub(super) async fn start(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Json(Object(asked)): Json<Object<BackfillAsked>>,
) -> Result<(StatusCode, Json<StartedBackfill>), Refusal> {
    let executor = api.config.conductor.executor();
    let choice = asked.choice()?;
    let selection = Selection { select: &asked.select, exclude: &asked.exclude, state: None };
    let selected = api.project().select(&selection).map_err(millstream_core::Error::from)?;
    let direction =
        if asked.newest_first { Direction::NewestFirst } else { Direction::OldestFirst };
    let parts = parts_of(executor, &selected, &choice, direction)?;
    let parallel = asked.parallel.unwrap_or_else(|| executor.parallel_steps());
    if !(1..=PARALLEL_MAX).contains(&parallel) {
        let problem = format!("it is a number from 1 to {PARALLEL_MAX}");
        return Err(ApiError::bad("parallel", problem).into());
    }
    let preview = preview(&parts, parallel, |asset| {
        api.ledger().partition_history(asset, HISTORY).unwrap_or_default()
    });
    if asked.dry_run {
        return Ok((StatusCode::OK, Json(StartedBackfill::of(preview, None))));
    }
    let refresh = if asked.full_refresh { Refresh::Full } else { Refresh::Incremental };
    let new = NewBackfill {
        selection: asked.described(),
        pace: BackfillPace { parallel, refresh },
        parts,
        by: Some(actor(&principal)),
    };
    api.config.conductor.expect_room()?;
    let id = api.ledger().add_backfill(new).await?;
    api.config.conductor.fill(id, asker(&principal, &headers));
    Ok((StatusCode::ACCEPTED, Json(StartedBackfill::of(preview, Some(id)))))
}

/// Holds a backfill back.
pub(super) async fn pause(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(backfill): Path<String>,
) -> Answer<BackfillView> {
    let id = api.backfill_id(&backfill)?;
    api.ledger_of(&principal).pause_backfill(id).await?;
    Ok(Json(api.backfill(id)?))
}

/// Goes on with a backfill in this server.
pub(super) async fn resume(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(backfill): Path<String>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<BackfillView>), Refusal> {
    let id = api.backfill_id(&backfill)?;
    api.config.conductor.expect_room()?;
    api.ledger_of(&principal).take_backfill(id).await?;
    api.config.conductor.fill(id, asker(&principal, &headers));
    Ok((StatusCode::ACCEPTED, Json(api.backfill(id)?)))
}

/// Stops a backfill for good.
pub(super) async fn cancel(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(backfill): Path<String>,
) -> Answer<BackfillView> {
    let id = api.backfill_id(&backfill)?;
    let ledger = api.ledger_of(&principal);
    let executor = api.config.conductor.executor().clone().with_ledger(ledger);
    backfill::cancel(&executor, id).await?;
    Ok(Json(api.backfill(id)?))
}

/// For whom the server makes it.
fn asker(principal: &Principal, headers: &HeaderMap) -> Asker {
    Asker { by: Some(actor(principal)), trace_parent: trace_parent(headers) }
}

impl BackfillAsked {
    fn choice(&self) -> Result<Choice, ApiError> {
        let range = self.from.is_some() || self.to.is_some();
        match (range, self.partitions.as_slice(), self.which) {
            (true, [], None) => Ok(Choice::Range { from: self.from.clone(), to: self.to.clone() }),
            (false, [_, ..], None) => Ok(Choice::Named(self.partitions.clone())),
            (false, [], Some(Which::Missing)) => Ok(Choice::Missing),
            (false, [], Some(Which::Failed)) => Ok(Choice::Failed),
            (false, [], Some(Which::All)) => Ok(Choice::All),
            _ => Err(ApiError::bad("which", "give `from` and `to`, or `partitions`, or `which`")),
        }
    }
}

impl BackfillAsked {
    /// What was asked for, as the command line has it.
    fn described(&self) -> String {
        let mut words = self.select.clone();
        words.extend(self.exclude.iter().map(|text| format!("--exclude {text}")));
        words.extend(self.from.iter().map(|text| format!("--from {text}")));
        words.extend(self.to.iter().map(|text| format!("--to {text}")));
        words.extend(self.partitions.iter().map(|text| format!("--partition {text}")));
        words.extend(self.which.map(|which| {
            let flag = match which {
                Which::Missing => "--missing",
                Which::Failed => "--failed",
                Which::All => "--all",
            };
            flag.to_owned()
        }));
        words.extend(self.newest_first.then(|| "--newest-first".to_owned()));
        words.extend(self.full_refresh.then(|| "--full-refresh".to_owned()));
        words.join(" ")
    }
}

impl From<PartWord> for PartState {
    fn from(word: PartWord) -> Self {
        match word {
            PartWord::Pending => Self::Pending,
            PartWord::Running => Self::Running,
            PartWord::Done => Self::Done,
            PartWord::Failed => Self::Failed,
            PartWord::Cancelled => Self::Cancelled,
        }
    }
}

impl StartedBackfill {
    fn of(preview: Preview, id: Option<BackfillId>) -> Self {
        let assets = preview.assets.into_iter().map(|asset| ExpectedAsset {
            asset: asset.asset.to_string(),
            partitions: asset.partitions,
            first: asset.first.to_string(),
            last: asset.last.to_string(),
            ms_each: asset.millis_each,
            rows_each: asset.rows_each,
        });
        Self {
            dry_run: id.is_none(),
            backfill: id.map(|id| id.to_string()),
            partitions: preview.partitions,
            expected_ms: preview.millis,
            expected_rows: preview.rows,
            assets: assets.collect(),
        }
    }
}

impl Api {
    fn backfill_id(&self, digits: &str) -> Result<BackfillId, Refusal> {
        let found = self.ledger().find_backfill(digits)?;
        Ok(found.ok_or_else(|| ApiError::no_such("backfill", digits))?)
    }

    fn backfill(&self, id: BackfillId) -> Result<BackfillView, Refusal> {
        let found = self.ledger().backfill(id)?;
        let mut found = found.ok_or_else(|| ApiError::no_such("backfill", id.to_string()))?;
        for (state, _) in self.ledger().parts_under_way(id)?.into_values() {
            if let Some(running) = found.counts.get_mut(&PartState::Running) {
                *running = running.saturating_sub(1);
            }
            *found.counts.entry(state).or_default() += 1;
        }
        found.counts.retain(|_, count| *count > 0);
        Ok(BackfillView::from(found))
    }
}

/// A partition with what its run has done so far.
fn as_now(
    mut part: BackfillPart,
    under_way: &BTreeMap<u64, (PartState, Option<String>)>,
) -> PartView {
    if let Some((state, error)) = under_way.get(&part.position) {
        part.state = *state;
        part.error.clone_from(error);
    }
    PartView::from(part)
}

impl From<Backfill> for BackfillView {
    fn from(backfill: Backfill) -> Self {
        let of_state = |(state, count): (PartState, u64)| (word(&state), count);
        Self {
            backfill: backfill.backfill.to_string(),
            short: backfill.backfill.short(),
            selection: backfill.selection,
            state: backfill.state.word().to_owned(),
            by: backfill.by,
            parallel: backfill.pace.parallel,
            created_at: Moment(backfill.created_at),
            ended_at: backfill.ended_at.map(Moment),
            counts: backfill.counts.into_iter().map(of_state).collect(),
        }
    }
}

impl From<BackfillPart> for PartView {
    fn from(part: BackfillPart) -> Self {
        Self {
            asset: part.asset.to_string(),
            partition: part.partition.to_string(),
            state: word(&part.state),
            run: part.run.map(|run| run.to_string()),
            error: part.error,
        }
    }
}
