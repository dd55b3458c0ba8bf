//! What an operator sees first.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::State;
use millstream_core::clock::Timestamp;
use millstream_ledger::{RunFilter, RunState};
use schemars::JsonSchema;
use serde::Serialize;

use super::board::{Asset, AssetState};
use super::error::word;
use super::moment::Moment;
use super::releases::ReleaseView;
use super::runs::Run;
use super::schedules::{is_paused, next_fire};
use super::{Answer, Api};

/// The most items of each list.
const ITEMS_MAX: usize = 20;
/// The time over which runs are counted.
const DAY: Duration = Duration::from_hours(24);

/// What is late, failing and running.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Overview {
    at: Moment,
    /// The number of the latest event that is in it.
    sequence: u64,
    assets: AssetCounts,
    runs: RunCounts,
    schedules: ScheduleCounts,
    late: Vec<Asset>,
    failing: Vec<Asset>,
    running: Vec<Run>,
    /// Releases that wait for approvals.
    proposed: Vec<ReleaseView>,
    /// The next fires of schedules.
    next: Vec<NextFire>,
}

/// How many assets stand how.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct AssetCounts {
    total: u64,
    current: u64,
    never_made: u64,
    late: u64,
    failing: u64,
    blocked: u64,
}

/// How many runs are going, and how those of the last day ended.
#[derive(Debug, Serialize, JsonSchema)]
struct RunCounts {
    running: u64,
    /// By state.
    day: BTreeMap<String, u64>,
}

/// How many schedules there are.
#[derive(Debug, Serialize, JsonSchema)]
struct ScheduleCounts {
    total: u64,
    paused: u64,
}

/// When a schedule fires next.
#[derive(Debug, Serialize, JsonSchema)]
struct NextFire {
    schedule: String,
    at: Moment,
}

/// What is late, failing and running, with counts of everything.
pub(super) async fn overview(State(api): State<Api>) -> Answer<Overview> {
    api.reading(|api| {
        let now = api.config.clock.now();
        let board = api.board()?;
        let (mut assets, mut late, mut failing) = (AssetCounts::default(), Vec::new(), Vec::new());
        for fact in &api.facts().assets {
            let state = board.state(fact, now);
            assets.add(state);
            let list = match state {
                AssetState::Late => &mut late,
                AssetState::Failing => &mut failing,
                _ => continue,
            };
            if list.len() < ITEMS_MAX {
                list.push(api.asset(fact, &board));
            }
        }
        let going = RunFilter { state: Some(RunState::Running), ..RunFilter::default() };
        let running = api.ledger().list_runs(&going, ITEMS_MAX)?;
        let (schedules, next) = schedules(api, now)?;
        Ok(Overview {
            at: Moment(now),
            sequence: board.sequence,
            assets,
            runs: runs(api, now)?,
            schedules,
            late,
            failing,
            running: running.into_iter().map(Run::from).collect(),
            proposed: api.proposed_releases(ITEMS_MAX)?,
            next,
        })
    })
    .await
}

impl AssetCounts {
    fn add(&mut self, state: AssetState) {
        self.total += 1;
        let count = match state {
            AssetState::Current => &mut self.current,
            AssetState::NeverMade => &mut self.never_made,
            AssetState::Late => &mut self.late,
            AssetState::Failing => &mut self.failing,
            AssetState::Blocked => &mut self.blocked,
        };
        *count += 1;
    }
}

fn runs(api: &Api, now: Timestamp) -> millstream_ledger::Result<RunCounts> {
    let day = i64::try_from(DAY.as_micros()).unwrap_or(i64::MAX);
    let counts = api.ledger().count_runs(Timestamp::from_micros(now.as_micros() - day))?;
    let ends = [RunState::Succeeded, RunState::Failed, RunState::Cancelled, RunState::Interrupted];
    let of = |state: &RunState| counts.get(state).copied().unwrap_or(0);
    Ok(RunCounts {
        running: of(&RunState::Running),
        day: ends.iter().map(|state| (word(state), of(state))).collect(),
    })
}

fn schedules(
    api: &Api,
    now: Timestamp,
) -> millstream_ledger::Result<(ScheduleCounts, Vec<NextFire>)> {
    let (records, all) = (api.ledger().schedules()?, &api.project().schedules);
    let mut next = Vec::new();
    let mut paused = 0;
    for schedule in all {
        if is_paused(schedule, &records) {
            paused += 1;
        } else if let Some(at) = next_fire(schedule, now) {
            next.push(NextFire { schedule: schedule.name.clone(), at: Moment(at) });
        }
    }
    next.sort_by_key(|fire| fire.at);
    next.truncate(ITEMS_MAX);
    Ok((ScheduleCounts { total: all.len() as u64, paused }, next))
}
