//! Pages of runs and of their steps, for lists that are long.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_core::step::StepKind;
use millstream_core::trace::TraceParent;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params, params_from_iter};
use serde_json::Value;

use crate::columns::{At, Count, Json, Text, Word};
use crate::error::Result;
use crate::holder::Holder;
use crate::journal::attempts;
use crate::ledger::Ledger;
use crate::records::{AttemptDetail, RunState, StepState};

/// Which runs are meant.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// In this state.
    pub state: Option<RunState>,
    /// With a step of this asset.
    pub asset: Option<AssetKey>,
    /// Started by this schedule.
    pub schedule: Option<String>,
    /// Begun at this moment or later.
    pub since: Option<Timestamp>,
    /// Begun before this moment.
    pub until: Option<Timestamp>,
    /// Begun before this run.
    pub before: Option<RunId>,
}

/// A run without its steps.
#[derive(Debug, Clone, PartialEq)]
pub struct RunHead {
    /// Its id.
    pub run: RunId,
    /// The command, for people.
    pub command: String,
    /// The selector that was given.
    pub selection: Option<String>,
    /// Who asked for it.
    pub by: Option<String>,
    /// The schedule that started it.
    pub schedule: Option<String>,
    /// How it stands.
    pub state: RunState,
    /// The process that runs or ran it.
    pub holder: Holder,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// When somebody asked to stop it.
    pub cancel_asked_at: Option<Timestamp>,
    /// What it belongs to where traces are collected, if to anything.
    pub trace_parent: Option<TraceParent>,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRun {
    /// The run.
    pub head: RunHead,
    /// How many of its steps are in which state.
    pub counts: BTreeMap<StepState, u64>,
}

/// A run in a grid.
#[derive(Debug, Clone, PartialEq)]
pub struct GridRun {
    /// The run.
    pub head: RunHead,
    /// Its steps.
    pub steps: Vec<(AssetKey, StepState)>,
}

/// A step of a run without its attempts.
#[derive(Debug, Clone, PartialEq)]
pub struct StepHead {
    /// The asset after which it is named.
    pub asset: AssetKey,
    /// The kind of work.
    pub kind: StepKind,
    /// What it writes.
    pub outputs: Vec<AssetKey>,
    /// How it stands.
    pub state: StepState,
    /// Why it ran, or did not.
    pub reason: String,
}

impl Ledger {
    /// Runs, the newest first.
    pub fn list_runs(&self, filter: &RunFilter, limit: usize) -> Result<Vec<ListedRun>> {
        self.read(|connection| {
            let heads = heads(connection, filter, limit)?;
            heads
                .into_iter()
                .map(|head| Ok(ListedRun { counts: counts(connection, head.run)?, head }))
                .collect()
        })
    }

    /// Runs with the state of each step, the newest first.
    pub fn grid(&self, filter: &RunFilter, limit: usize) -> Result<Vec<GridRun>> {
        self.read(|connection| {
            let heads = heads(connection, filter, limit)?;
            heads
                .into_iter()
                .map(|head| Ok(GridRun { steps: states(connection, head.run)?, head }))
                .collect()
        })
    }

    /// A run, and the plan with which it began.
    pub fn run_head(&self, run: RunId) -> Result<Option<(ListedRun, Value)>> {
        self.read(|connection| {
            let found = connection
                .prepare_cached(&format!("SELECT {HEAD}, r.plan FROM runs r WHERE r.run = ?1"))?
                .query_row([Text(run)], |row| Ok((head(row)?, row.get::<_, Json<Value>>(11)?.0)))
                .optional()?;
            let Some((head, plan)) = found else { return Ok(None) };
            Ok(Some((ListedRun { counts: counts(connection, run)?, head }, plan)))
        })
    }

    /// The steps of a run, in the order in which they were first recorded.
    pub fn step_heads(&self, run: RunId) -> Result<Vec<StepHead>> {
        self.read(|connection| {
            let steps = connection
                .prepare_cached(
                    "SELECT asset, kind, outputs, state, reason FROM steps WHERE run = ?1
                     ORDER BY rowid",
                )?
                .query_map([Text(run)], |row| {
                    Ok(StepHead {
                        asset: row.get::<_, Text<_>>(0)?.0,
                        kind: row.get::<_, Word<_>>(1)?.0,
                        outputs: row.get::<_, Json<_>>(2)?.0,
                        state: row.get::<_, Word<_>>(3)?.0,
                        reason: row.get(4)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            Ok(steps)
        })
    }

    /// The attempts of some steps of a run, in the order of the assets.
    pub fn attempts_of(&self, run: RunId, assets: &[AssetKey]) -> Result<Vec<Vec<AttemptDetail>>> {
        self.read(|connection| {
            assets.iter().map(|asset| attempts(connection, run, asset)).collect()
        })
    }

    /// How many runs began since a moment, by their state.
    pub fn count_runs(&self, since: Timestamp) -> Result<BTreeMap<RunState, u64>> {
        self.read(|connection| {
            // State by state, so that the index alone answers.
            let mut count = connection
                .prepare_cached("SELECT count(*) FROM runs WHERE state = ?1 AND run >= ?2")?;
            let mut counts = BTreeMap::new();
            for state in RunState::ALL {
                let found: Count =
                    count.query_row(params![Word(state), first_of(since)], |row| row.get(0))?;
                counts.insert(state, found.0);
            }
            Ok(counts)
        })
    }
}

const HEAD: &str = "r.run, r.command, r.selection, r.by, r.state, r.holder, r.started_at,
     r.ended_at, r.cancel_asked_at, (SELECT f.schedule FROM fires f WHERE f.run = r.run LIMIT 1),
     r.trace_parent";

/// The smallest id of a run that begins at a moment: ids start with their milliseconds.
fn first_of(moment: Timestamp) -> String {
    format!("{:012x}", moment.as_millis().max(0))
}

/// A state that so few runs are in is the filter by which they are found, whatever else is asked.
const FEW_RUNS: u64 = 10_000;

/// The filter by which runs are found, the newest first; the others are then looked at run by run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lead {
    Run,
    Asset,
    Schedule,
}

impl Lead {
    fn of(connection: &Connection, filter: &RunFilter) -> Result<Self> {
        let lead = match (&filter.asset, &filter.schedule) {
            (Some(_), _) => Self::Asset,
            (None, Some(_)) => Self::Schedule,
            (None, None) => return Ok(Self::Run),
        };
        match filter.state {
            Some(state) if is_rare(connection, state)? => Ok(Self::Run),
            _ => Ok(lead),
        }
    }

    /// The tables, and the id of the run in the one that is read in its order.
    fn tables(self) -> (&'static str, &'static str) {
        match self {
            Self::Run => ("runs r", "r.run"),
            Self::Asset => ("steps s CROSS JOIN runs r ON r.run = s.run", "s.run"),
            Self::Schedule => ("fires g CROSS JOIN runs r ON r.run = g.run", "g.run"),
        }
    }
}

fn is_rare(connection: &Connection, state: RunState) -> Result<bool> {
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM runs WHERE state = ?1 LIMIT ?2 + 1)",
    )?;
    let found: Count = count.query_row(params![Word(state), Count(FEW_RUNS)], |row| row.get(0))?;
    Ok(found.0 <= FEW_RUNS)
}

fn heads(connection: &Connection, filter: &RunFilter, limit: usize) -> Result<Vec<RunHead>> {
    let RunFilter { state, asset, schedule, since, until, before } = filter;
    let mut values: Vec<Box<dyn ToSql>> = Vec::new();
    let mut conditions: Vec<String> = Vec::new();
    let mut demand = |condition: &str, value: Box<dyn ToSql>| {
        values.push(value);
        conditions.push(condition.replace('?', &format!("?{}", values.len())));
    };
    let lead = Lead::of(connection, filter)?;
    let (from, key) = lead.tables();
    if let Some(asset) = asset {
        let condition = match lead {
            Lead::Asset => "s.asset = ?",
            _ => "EXISTS (SELECT 1 FROM steps s WHERE s.run = r.run AND s.asset = ?)",
        };
        demand(condition, Box::new(Text(asset.clone())));
    }
    if let Some(schedule) = schedule {
        let condition = match lead {
            Lead::Schedule => "g.schedule = ?",
            _ => "EXISTS (SELECT 1 FROM fires g WHERE g.run = r.run AND g.schedule = ?)",
        };
        demand(condition, Box::new(schedule.clone()));
    }
    if let Some(state) = state {
        demand("r.state = ?", Box::new(Word(*state)));
    }
    if let Some(since) = since {
        demand(&format!("{key} >= ?"), Box::new(first_of(*since)));
    }
    if let Some(until) = until {
        demand(&format!("{key} < ?"), Box::new(first_of(*until)));
    }
    if let Some(before) = before {
        demand(&format!("{key} < ?"), Box::new(Text(*before)));
    }
    demand("? > 0", Box::new(Count(limit as u64)));
    let (conditions, last) = (conditions.join(" AND "), values.len());
    let runs = connection
        .prepare_cached(&format!(
            "SELECT {HEAD} FROM {from} WHERE {conditions} ORDER BY {key} DESC LIMIT ?{last}"
        ))?
        .query_map(params_from_iter(values), head)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(runs)
}

fn head(row: &Row<'_>) -> rusqlite::Result<RunHead> {
    let holder: Holder = row.get::<_, Json<_>>(5)?.0;
    let mut state: RunState = row.get::<_, Word<_>>(4)?.0;
    if state == RunState::Running && holder.is_dead() {
        state = RunState::Interrupted;
    }
    Ok(RunHead {
        run: row.get::<_, Text<_>>(0)?.0,
        command: row.get(1)?,
        selection: row.get(2)?,
        by: row.get(3)?,
        state,
        holder,
        started_at: row.get::<_, At>(6)?.0,
        ended_at: row.get::<_, Option<At>>(7)?.map(|at| at.0),
        cancel_asked_at: row.get::<_, Option<At>>(8)?.map(|at| at.0),
        schedule: row.get(9)?,
        trace_parent: row.get::<_, Option<Text<_>>>(10)?.map(|parent| parent.0),
    })
}

fn counts(connection: &Connection, run: RunId) -> Result<BTreeMap<StepState, u64>> {
    let counts = connection
        .prepare_cached("SELECT state, count(*) FROM steps WHERE run = ?1 GROUP BY state")?
        .query_map(params![Text(run)], |row| {
            Ok((row.get::<_, Word<StepState>>(0)?.0, row.get::<_, Count>(1)?.0))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(counts)
}

fn states(connection: &Connection, run: RunId) -> Result<Vec<(AssetKey, StepState)>> {
    let states = connection
        .prepare_cached("SELECT asset, state FROM steps WHERE run = ?1")?
        .query_map([Text(run)], |row| {
            Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Word<_>>(1)?.0))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(states)
}
