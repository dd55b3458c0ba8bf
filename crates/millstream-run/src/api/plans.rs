//! What would run, and why.

use axum::Json;
use axum::extract::{Query, State};
use millstream_core::step::Refresh;
use millstream_project::Selection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::Refusal;
use super::{Answer, Api};
use crate::execute::RunRequest;
use crate::partitions::PartitionPlan;
use crate::plan::{Decision, Plan, PlanEntry};

/// What a run would be asked for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Wanted {
    /// dbt's selectors, with blanks between; everything without.
    #[serde(default)]
    select: String,
    /// What of that is left out.
    #[serde(default)]
    exclude: String,
    #[serde(default)]
    full_refresh: bool,
}

/// What would run, upstream first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanView {
    hash: String,
    would_run: usize,
    entries: Vec<PlannedStep>,
}

/// What is decided on a step.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedStep {
    asset: String,
    kind: String,
    /// Its present version; 0 before the first.
    version: u64,
    /// `run`, `up_to_date` or `skip`.
    action: String,
    /// For people.
    reason: String,
    /// What is due of it, if it is divided.
    partitions: Option<PlannedPartitions>,
    /// `why` is `first`, `full_refresh`, `asked`, `definition`, `outside`, `unknown`, `input` or
    /// `upstream`; the last two name an `asset`. Null for what does not run.
    why: Option<Value>,
}

/// The partitions that would be made.
#[derive(Debug, Serialize, JsonSchema)]
struct PlannedPartitions {
    due: usize,
    first: Option<String>,
    last: Option<String>,
    /// All that there are.
    total: usize,
    /// Those that an older definition made and that stay as they are.
    older: usize,
}

/// What would run, and why. Asks the sources.
pub(super) async fn plan(State(api): State<Api>, Query(wanted): Query<Wanted>) -> Answer<PlanView> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (select, exclude) = (words(&wanted.select), words(&wanted.exclude));
    let refresh = if wanted.full_refresh { Refresh::Full } else { Refresh::Incremental };
    let request = api.request("plan", &select, &exclude, refresh)?;
    Ok(Json(PlanView::from(api.config.conductor.executor().plan(&request).await?)))
}

impl Api {
    /// What a selection asks for.
    pub(super) fn request(
        &self,
        cause: &str,
        select: &[String],
        exclude: &[String],
        refresh: Refresh,
    ) -> Result<RunRequest, Refusal> {
        let selection = Selection { select, exclude, state: None };
        let selected = self.project().select(&selection).map_err(millstream_core::Error::from)?;
        let selection = (!select.is_empty()).then(|| select.join(" "));
        Ok(RunRequest { selection, refresh, ..RunRequest::new(cause, selected) })
    }
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        let is_due = |entry: &&PlanEntry| entry.decision.is_run();
        Self {
            hash: plan.hash.to_string(),
            would_run: plan.entries.iter().filter(is_due).count(),
            entries: plan.entries.into_iter().map(PlannedStep::from).collect(),
        }
    }
}

impl From<PlanEntry> for PlannedStep {
    fn from(entry: PlanEntry) -> Self {
        let (action, reason, why) = match &entry.decision {
            Decision::UpToDate => ("up_to_date", "up to date".to_owned(), None),
            Decision::Skip(reason) => ("skip", reason.clone(), None),
            Decision::Run(reason) => ("run", reason.to_string(), serde_json::to_value(reason).ok()),
        };
        Self {
            asset: entry.asset.to_string(),
            kind: entry.kind.word().to_owned(),
            version: entry.version,
            action: action.to_owned(),
            reason,
            partitions: entry.partitions.map(PlannedPartitions::from),
            why,
        }
    }
}

impl From<PartitionPlan> for PlannedPartitions {
    fn from(plan: PartitionPlan) -> Self {
        let names = || plan.due.iter().map(|due| &due.partition);
        Self {
            due: plan.due.len(),
            first: names().min().map(ToString::to_string),
            last: names().max().map(ToString::to_string),
            total: plan.total,
            older: plan.older,
        }
    }
}
