//! Runs by steps, one letter for each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use axum::extract::{Query, State};
use millstream_core::asset::AssetKey;
use millstream_ledger::{GridRun, RunHead, StepState};
use millstream_project::Node;
use schemars::JsonSchema;
use serde::Serialize;

use super::error::word;
use super::moment::{Moment, millis_between};
use super::page::{Page, limit_within};
use super::runs::RunsAsked;
use super::{Answer, Api};

/// Runs of a grid, unless the request says otherwise.
const RUNS: usize = 50;
/// The most runs of a grid.
const RUNS_MAX: usize = 200;
/// A step that is not in the run.
const ABSENT: char = ' ';

/// Runs by steps.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Grid {
    /// The newest first.
    runs: Vec<GridHead>,
    /// The assets after which the steps are named, in the order of the graph.
    steps: Vec<String>,
    /// For each run one letter for each step.
    cells: Vec<String>,
    /// What the letters mean.
    legend: BTreeMap<char, String>,
    next_cursor: Option<String>,
}

/// A run of a grid.
#[derive(Debug, Serialize, JsonSchema)]
struct GridHead {
    run: String,
    short: String,
    state: String,
    command: String,
    schedule: Option<String>,
    started_at: Moment,
    took_ms: Option<u64>,
}

/// Runs by steps: what happened to what, and since when. Takes the filters of the list of runs.
pub(super) async fn grid(State(api): State<Api>, Query(asked): Query<RunsAsked>) -> Answer<Grid> {
    api.reading(move |api| {
        let limit = limit_within("limit", asked.limit, RUNS, RUNS_MAX)?;
        let found = api.ledger().grid(&asked.filter()?, limit + 1)?;
        let page = Page::of(found, limit, |run| run.head.run.to_string());
        let steps = steps(api, page.items());
        let places: HashMap<&AssetKey, usize> =
            steps.iter().enumerate().map(|(place, asset)| (asset, place)).collect();
        let cells = page.items().iter().map(|run| cells(run, &places)).collect();
        let (runs, next_cursor) = page.into_parts();
        Ok(Grid {
            runs: runs.into_iter().map(|run| GridHead::from(run.head)).collect(),
            steps: steps.iter().map(ToString::to_string).collect(),
            cells,
            legend: legend(),
            next_cursor,
        })
    })
    .await
}

/// All steps of some runs: in the order of the graph, those that it has no more at the end.
fn steps(api: &Api, runs: &[GridRun]) -> Vec<AssetKey> {
    let mut found: BTreeSet<&AssetKey> =
        runs.iter().flat_map(|run| run.steps.iter().map(|(asset, _)| asset)).collect();
    let nodes = api.project().graph.nodes().iter().map(Node::asset);
    let mut steps: Vec<AssetKey> = nodes.filter(|asset| found.remove(asset)).cloned().collect();
    steps.extend(found.into_iter().cloned());
    steps
}

fn cells(run: &GridRun, places: &HashMap<&AssetKey, usize>) -> String {
    let mut cells = vec![ABSENT; places.len()];
    for (asset, state) in &run.steps {
        if let Some(cell) = places.get(asset).and_then(|&place| cells.get_mut(place)) {
            *cell = letter(*state);
        }
    }
    cells.into_iter().collect()
}

const STATES: [StepState; 10] = [
    StepState::Waiting,
    StepState::Running,
    StepState::Succeeded,
    StepState::Failed,
    StepState::Refused,
    StepState::Cancelled,
    StepState::TimedOut,
    StepState::UpToDate,
    StepState::Upstream,
    StepState::Skipped,
];

fn letter(state: StepState) -> char {
    match state {
        StepState::Waiting => 'q',
        StepState::Running => 'r',
        StepState::Succeeded => 's',
        StepState::Failed => 'f',
        StepState::Refused => 'x',
        StepState::Cancelled => 'c',
        StepState::TimedOut => 't',
        StepState::UpToDate => '-',
        StepState::Upstream => 'w',
        StepState::Skipped => 'k',
    }
}

fn legend() -> BTreeMap<char, String> {
    let states = STATES.into_iter().map(|state| (letter(state), word(&state)));
    states.chain([(ABSENT, "not in the run".to_owned())]).collect()
}

impl From<RunHead> for GridHead {
    fn from(head: RunHead) -> Self {
        Self {
            run: head.run.to_string(),
            short: head.run.short(),
            state: word(&head.state),
            command: head.command,
            schedule: head.schedule,
            started_at: Moment(head.started_at),
            took_ms: head.ended_at.map(|ended| millis_between(head.started_at, ended)),
        }
    }
}
