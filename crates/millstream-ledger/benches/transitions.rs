//! Durable transitions per second: steps that are claimed, intended and committed, many at a time,
//! each transition as durable as those of commands and trainings are.
//!
//! `cargo xtask bench server-transitions` runs it.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use millstream_core::clock::Clock;
use millstream_core::id::{AttemptId, RunId};
use millstream_core::step::{Receipt, Staged, StepKind, Target};
use millstream_core::{AssetKey, ContentHash};
use millstream_ledger::{ClaimOutcome, ClaimRequest, Holder, Ledger, Memo, RunCause, RunState};
use serde_json::json;

/// Steps of each run.
const STEPS: usize = 2000;
/// How many of them are on their way at the same time.
const AT_A_TIME: [usize; 4] = [1, 16, 64, 256];
/// Runs of each, of which the median counts.
const RUNS: usize = 3;
/// The transitions of a step.
const TRANSITIONS: usize = 3;
const LEASE: Duration = Duration::from_secs(15);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[expect(clippy::print_stdout, reason = "a bench says what it measured")]
fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for at_a_time in AT_A_TIME {
        let mut rates = Vec::new();
        for _ in 0..RUNS {
            rates.push(runtime.block_on(rate(at_a_time))?);
        }
        rates.sort_by(f64::total_cmp);
        let median = rates[RUNS / 2];
        println!("{at_a_time:4} steps at a time: {median:.0} durable transitions per second");
    }
    Ok(())
}

/// Transitions per second of a run in a ledger of its own.
async fn rate(at_a_time: usize) -> Outcome<f64> {
    let folder = tempfile::tempdir()?;
    let ledger = Ledger::open(&folder.path().join("ledger.db"), "dev", Clock::System).await?;
    let run = ledger.begin_run(cause()).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let mut workers: tokio::task::JoinSet<Outcome<()>> = tokio::task::JoinSet::new();
    for _ in 0..at_a_time {
        let (ledger, next) = (ledger.clone(), Arc::clone(&next));
        workers.spawn(async move {
            loop {
                let step = next.fetch_add(1, Ordering::Relaxed);
                if step >= STEPS {
                    return Ok(());
                }
                go_through(&ledger, run, step).await?;
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    let took = begun.elapsed();
    ledger.end_run(run, RunState::Succeeded).await?;
    Ok((STEPS * TRANSITIONS) as f64 / took.as_secs_f64())
}

/// One step, from its claim to its commit.
async fn go_through(ledger: &Ledger, run: RunId, step: usize) -> Outcome<()> {
    let asset: AssetKey = format!("table:main.task_{step}").parse()?;
    let request = request(run, &asset);
    let attempt = request.attempt;
    match ledger.claim(request).await? {
        ClaimOutcome::Claimed(_) => {}
        outcome => return Err(format!("{asset} cannot begin: {outcome:?}").into()),
    }
    let target = Target { asset: asset.clone(), payload: json!({"files": ["part-0.parquet"]}) };
    let staged = Staged { targets: vec![target], ..Staged::default() };
    ledger.intend(attempt, &staged).await?;
    let receipt = Receipt { version: 1, detail: json!({"log": 0}) };
    ledger.commit(attempt, vec![(asset, receipt)]).await?;
    Ok(())
}

fn request(run: RunId, asset: &AssetKey) -> ClaimRequest {
    let hash = ContentHash::of(asset.to_string().as_bytes());
    ClaimRequest {
        run,
        attempt: AttemptId::new(),
        number: 1,
        kind: StepKind::Model,
        outputs: vec![asset.clone()],
        holder: Holder::current("bench"),
        target_sequences: BTreeMap::new(),
        memo: Memo { key: hash, definition: hash, basis: hash, inputs: Vec::new(), probe: None },
        reason: "first version".to_owned(),
        lease: LEASE,
        shares: Vec::new(),
        priority: 0,
        due_at: None,
        partition: None,
    }
}

fn cause() -> RunCause {
    RunCause {
        command: "bench".to_owned(),
        selection: None,
        plan: json!({"steps": []}),
        fire: None,
        by: None,
        trace_parent: None,
    }
}
