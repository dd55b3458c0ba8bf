//! Starting, stopping and repeating runs.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use millstream_core::asset::AssetKey;
use millstream_core::step::Refresh;
use millstream_core::trace::TraceParent;
use millstream_guard::{Object, Principal};
use millstream_ledger::RunDetail;
use millstream_project::Graph;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Refusal};
use super::plans::PlanView;
use super::{Api, actor};
use crate::conductor::Started;
use crate::execute::RunRequest;
use crate::partitions::partitions_again;
use crate::plan::Due;
use crate::rerun::{RerunScope, RerunSteps};
use crate::rerun_partitions::RerunBeside;

/// What is to run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartAsked {
    /// dbt's selectors; everything without.
    #[serde(default)]
    select: Vec<String>,
    /// What of that is left out.
    #[serde(default)]
    exclude: Vec<String>,
    /// Whether steps start over.
    #[serde(default)]
    full_refresh: bool,
}

/// What came of starting a run.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StartedRun {
    /// Null if there was nothing to do.
    run: Option<String>,
    up_to_date: bool,
}

/// A run that was asked to stop.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Cancelling {
    run: String,
    /// `running`: it stops as soon as its steps are settled.
    state: String,
    asked: bool,
}

/// Which steps of a past run are to run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the request")]
pub(super) struct RerunAsked {
    #[serde(default)]
    steps: RerunSteps,
    /// And all before them.
    #[serde(default)]
    upstream: bool,
    /// And all behind them.
    #[serde(default)]
    downstream: bool,
    /// And the earlier partitions of the same assets, of those that were ever tried.
    #[serde(default)]
    past: bool,
    /// And the later ones.
    #[serde(default)]
    future: bool,
    /// Only says what would run.
    #[serde(default)]
    dry_run: bool,
}

/// What came of a rerun.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rerun {
    dry_run: bool,
    /// The new run.
    run: Option<String>,
    /// What would run.
    plan: Option<PlanView>,
}

type Done<T> = Result<(StatusCode, Json<T>), Refusal>;

/// Starts a run of a selection, and does not wait for it.
pub(super) async fn start(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Json(Object(asked)): Json<Object<StartAsked>>,
) -> Done<StartedRun> {
    let refresh = if asked.full_refresh { Refresh::Full } else { Refresh::Incremental };
    let request = api.request("run", &asked.select, &asked.exclude, refresh)?;
    let request = RunRequest { trace_parent: trace_parent(&headers), ..request };
    api.start(request, &principal).await
}

/// Asks a run to stop.
pub(super) async fn cancel(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(run): Path<String>,
) -> Done<Cancelling> {
    let id = api.run(&run)?;
    if api.ledger().run_head(id)?.is_none() {
        return Err(ApiError::no_such("run", run).into());
    }
    if !api.ledger_of(&principal).ask_to_cancel(id).await? {
        return Err(ApiError::RunEnded(id.short()).into());
    }
    let answer = Cancelling { run: id.to_string(), state: "running".to_owned(), asked: true };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// Runs steps of a past run again, whether or not anything has changed since.
pub(super) async fn rerun(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(run): Path<String>,
    headers: HeaderMap,
    Json(Object(asked)): Json<Object<RerunAsked>>,
) -> Done<Rerun> {
    let id = api.run(&run)?;
    let past = api.ledger().run(id)?.ok_or_else(|| ApiError::no_such("run", run))?;
    let scope = asked.scope();
    let selected = selected(&api.project().graph, &past, scope);
    if selected.is_empty() {
        return Err(ApiError::NothingToRerun(id.short()).into());
    }
    let cause = format!("rerun of {}", id.short());
    let beside = RerunBeside { past: asked.past, future: asked.future };
    let executor = api.config.conductor.executor();
    let partitions = partitions_again(executor, &past, &selected, scope, beside)?;
    let request = RunRequest {
        due: Due::Always,
        partitions,
        trace_parent: trace_parent(&headers),
        ..RunRequest::new(cause, selected)
    };
    if asked.dry_run {
        let plan = api.config.conductor.executor().plan(&request).await?;
        let answer = Rerun { dry_run: true, run: None, plan: Some(PlanView::from(plan)) };
        return Ok((StatusCode::OK, Json(answer)));
    }
    let (status, Json(started)) = api.start(request, &principal).await?;
    Ok((status, Json(Rerun { dry_run: false, run: started.run, plan: None })))
}

/// To what a run belongs that a request starts, as its header says (W3C Trace Context). One that
/// cannot be read counts as none, as the standard wants it.
pub(super) fn trace_parent(headers: &HeaderMap) -> Option<TraceParent> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

impl Api {
    /// Starts a run in the name of whoever asks for it.
    pub(super) async fn start(
        &self,
        request: RunRequest,
        principal: &Principal,
    ) -> Done<StartedRun> {
        let request = RunRequest { by: Some(actor(principal)), ..request };
        Ok(match self.config.conductor.start(&request).await? {
            Started::Run(run, _) => {
                let answer = StartedRun { run: Some(run.to_string()), up_to_date: false };
                (StatusCode::ACCEPTED, Json(answer))
            }
            Started::UpToDate => (StatusCode::OK, Json(StartedRun { run: None, up_to_date: true })),
        })
    }
}

impl RerunAsked {
    fn scope(&self) -> RerunScope {
        let &Self { steps, upstream, downstream, .. } = self;
        RerunScope { steps, upstream, downstream }
    }
}

/// The steps to run again, as far as there still are such.
fn selected(graph: &Graph, past: &RunDetail, scope: RerunScope) -> BTreeSet<AssetKey> {
    let past = past.steps.iter().map(|step| (&step.asset, step.state));
    let mut selected = scope.selected(graph, past);
    selected.retain(|asset| graph.node(asset).is_some());
    selected
}
