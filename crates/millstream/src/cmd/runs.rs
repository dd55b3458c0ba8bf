//! `millstream runs list|show|logs|rerun|approve|reject|cancel`

mod answer;
mod logs;
mod rerun;

use std::time::{Duration, Instant};

use millstream_core::flow::Answer;
use millstream_core::step::CheckOutcome;
use millstream_ledger::{Ledger, RunDetail, RunState, RunSummary, StepDetail, StepState};

use crate::cli::{Global, OutputFormat, RunsVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{
    Column, counted, duration, moment, print_json, print_line, print_rows, size, table, thousands,
};
use crate::wire::open_ledger;

/// How often a run that was asked to stop is looked at.
const CANCEL_POLL: Duration = Duration::from_millis(100);
/// How long a run that was asked to stop is waited for.
const CANCEL_WAIT_MAX: Duration = Duration::from_mins(1);

/// Shows past and present runs, runs their steps again, stops them.
pub async fn run(global: &Global, verb: &RunsVerb) -> Outcome {
    match verb {
        RunsVerb::List { limit } => list(global, &open_ledger(global).await?.runs(*limit)?),
        RunsVerb::Show { run } => {
            show(global, &found(&open_ledger(global).await?, run.as_deref())?)
        }
        RunsVerb::Logs(args) => logs::run(global, args).await,
        RunsVerb::Rerun(args) => rerun::run(global, args).await,
        RunsVerb::Approve(args) => answer::run(global, args, Answer::Approve).await,
        RunsVerb::Reject(args) => answer::run(global, args, Answer::Reject).await,
        RunsVerb::Cancel { run } => cancel(&open_ledger(global).await?, run).await,
    }
}

/// The run that some digits name; the newest if there are none.
fn found(ledger: &Ledger, digits: Option<&str>) -> Result<RunDetail, Failure> {
    let id = match digits {
        Some(digits) => ledger.find_run(digits)?,
        None => ledger.runs(1)?.first().map(|run| run.run),
    };
    let detail = id.map(|id| ledger.run(id)).transpose()?.flatten();
    let asked = digits.unwrap_or("yet");
    detail.ok_or_else(|| Failure::Usage(format!("there is no run {asked}")))
}

/// Asks the run's process to stop it, and waits until it has.
async fn cancel(ledger: &Ledger, digits: &str) -> Outcome {
    let run = found(ledger, Some(digits))?.summary.run;
    ledger.ask_to_cancel(run).await?;
    let asked = Instant::now();
    loop {
        let state = found(ledger, Some(&run.to_string()))?.summary.state;
        if state != RunState::Running {
            return print_line(&format!("run {} {}", run.short(), word(&state)));
        }
        if asked.elapsed() > CANCEL_WAIT_MAX {
            return print_line(&format!(
                "run {} was asked to stop and is still at work",
                run.short()
            ));
        }
        tokio::time::sleep(CANCEL_POLL).await;
    }
}

fn list(global: &Global, runs: &[RunSummary]) -> Outcome {
    let columns = [
        Column::Text("run"),
        Column::Text("state"),
        Column::Text("started"),
        Column::Number("took"),
        Column::Number("published"),
        Column::Number("current"),
        Column::Number("failed"),
        Column::Text("command"),
    ];
    print_rows(global.output, "runs", runs, &columns, |run| {
        let count = |states: &[StepState]| -> String {
            states.iter().filter_map(|state| run.counts.get(state)).sum::<u64>().to_string()
        };
        vec![
            run.run.short(),
            word(&run.state),
            moment(run.started_at),
            run.ended_at.map_or_else(String::new, |ended| took(run.started_at, ended)),
            count(&[StepState::Succeeded]),
            count(&[StepState::UpToDate]),
            count(&[StepState::Failed, StepState::Refused, StepState::TimedOut]),
            run.command.clone(),
        ]
    })
}

fn show(global: &Global, run: &RunDetail) -> Outcome {
    if global.output == OutputFormat::Json {
        return print_json("run", run);
    }
    let summary = &run.summary;
    print_line(&format!(
        "run {} {}, started {} by {}\n",
        summary.run,
        word(&summary.state),
        moment(summary.started_at),
        summary.holder,
    ))?;
    let columns = [
        Column::Text("step"),
        Column::Text("asset"),
        Column::Text("state"),
        Column::Number("took"),
        Column::Number("rows"),
        Column::Number("bytes"),
        Column::Number("quarantined"),
        Column::Number("attempts"),
        Column::Text("reason"),
    ];
    let rows: Vec<Vec<String>> = run.steps.iter().map(step_row).collect();
    print_line(&table(&columns, &rows))?;
    run.steps.iter().try_for_each(remarks)
}

fn step_row(step: &StepDetail) -> Vec<String> {
    let stats = step.attempts.last().map(|attempt| attempt.stats).unwrap_or_default();
    let took = match (step.started_at, step.ended_at) {
        (Some(started), Some(ended)) => took(started, ended),
        _ => String::new(),
    };
    vec![
        step.kind.word().to_owned(),
        step.asset.name.clone(),
        word(&step.state),
        took,
        thousands(stats.rows_out),
        size(stats.bytes_out),
        thousands(stats.rows_quarantined),
        step.attempts.len().to_string(),
        step.reason.clone(),
    ]
}

/// Notes, errors, and checks that did not pass.
fn remarks(step: &StepDetail) -> Outcome {
    let asset = &step.asset.name;
    if let Some(asked) = &step.approval {
        print_line(&format!("\n{asset}: {}", answer::described(asked)))?;
    }
    for attempt in &step.attempts {
        // What items have given is in the result of the step, and in JSON.
        if let Some(result) = attempt.result.as_ref().filter(|_| attempt.partition.is_none()) {
            print_line(&format!("\n{asset}: result {result}"))?;
        }
        if let Some(note) = &attempt.note {
            print_line(&format!("\n{asset}: {note}"))?;
        }
        if let Some(error) = &attempt.error {
            let part = attempt.partition.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
            print_line(&format!("\n{asset}{part}: error[{}]: {}", error.code, error.message))?;
            if let Some(hint) = &error.hint {
                print_line(&format!("  hint: {hint}"))?;
            }
        }
        for check in attempt.checks.iter().filter(|check| check.outcome != CheckOutcome::Pass) {
            let outcome = word(&check.outcome);
            print_line(&format!(
                "  {outcome} {} ({})",
                check.name,
                counted(check.failures, "row")
            ))?;
        }
    }
    Ok(())
}

fn took(from: millstream_core::clock::Timestamp, to: millstream_core::clock::Timestamp) -> String {
    duration(to.micros_since(from).unsigned_abs() / 1000)
}

/// The word that JSON has for a state.
fn word(state: &impl serde::Serialize) -> String {
    serde_json::to_value(state).map(|value| crate::output::plain(&value)).unwrap_or_default()
}
