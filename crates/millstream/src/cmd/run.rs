//! `millstream run`

use std::time::Duration;

use millstream_core::Fault;
use millstream_run::{Executor, Progress, RunReport, RunRequest, StepOutcome};
use millstream_trace::Exporter;
use tokio_util::sync::CancellationToken;

use super::tell::{Asking, tell};
use crate::cli::{Global, OutputFormat, RunArgs};
use crate::exit::{Failure, Outcome};
use crate::output::{duration, print_json, print_line, print_note};
use crate::progress::ProgressView;
use crate::wire::{Opened, exporter, notifier, trace_parent};

/// The status after a second Ctrl-C: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;
/// How long a run waits at its end for traces to be taken.
const EXPORT_MAX: Duration = Duration::from_secs(5);

/// Brings the selected assets up to date.
pub async fn run(global: &Global, args: &RunArgs) -> Outcome {
    let opened = Opened::to_run(global, "run").await?;
    let request = opened.request("run", &args.selection)?;
    let executor = opened.executor(args.threads).await?;
    execute(global, &opened, &executor, &request).await
}

/// Runs what is asked for, and shows how it goes and what came of it.
pub async fn execute(
    global: &Global,
    opened: &Opened,
    executor: &Executor,
    request: &RunRequest,
) -> Outcome {
    let notifier = notifier(opened, None);
    notifier.begin().await?;
    let exporter = exporter(opened).await;
    let request = &RunRequest { trace_parent: trace_parent(), ..request.clone() };
    let cancel = CancellationToken::new();
    let signals = tokio::spawn(cancel_on_signal(cancel.clone()));
    let mut view = ProgressView::new(&opened.project);
    let asking = Asking::watch(&notifier);
    let watch = |progress| {
        if matches!(progress, Progress::Asking { .. }) {
            asking.asks();
        }
        view.show(progress);
    };
    let report = executor.run(request, &cancel, watch).await;
    signals.abort();
    asking.end().await;
    tell(&notifier).await;
    export(exporter).await;
    let report = report?;
    if global.output == OutputFormat::Json {
        print_json("run", &report)?;
    } else {
        print_line(&summary(&report))?;
    }
    match status(&report) {
        0 => Ok(()),
        status => Err(Failure::Status(status)),
    }
}

/// Exports what has ended, for a while; what is left is exported by the next run or a server.
pub async fn export(exporter: Option<Exporter>) {
    let Some(exporter) = exporter else { return };
    if let Err(error) = exporter.finish(EXPORT_MAX).await {
        print_note(&format!("traces wait to be exported: {error}"));
    }
}

/// The first Ctrl-C or termination settles what is running; the second one ends the process.
#[allow(clippy::exit, reason = "the user asked twice; recovery settles the rest at the next run")]
pub async fn cancel_on_signal(cancel: CancellationToken) {
    if stop_signal().await.is_err() {
        return;
    }
    cancel.cancel();
    tracing::warn!("stopping; once more to end at once");
    if stop_signal().await.is_ok() {
        std::process::exit(INTERRUPTED);
    }
}

/// Waits for Ctrl-C or a request to terminate.
pub async fn stop_signal() -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

fn summary(report: &RunReport) -> String {
    let took = duration(report.millis);
    let published = report.count(StepOutcome::Published);
    let current = report.count(StepOutcome::UpToDate) + report.count(StepOutcome::Unchanged);
    let Some(run) = report.run else {
        return format!("nothing to do: {current} steps are up to date ({took})");
    };
    let mut text = format!("run {}: {published} published, {current} up to date", run.short());
    for (outcome, word) in [
        (StepOutcome::Skipped, "skipped"),
        (StepOutcome::Refused, "refused"),
        (StepOutcome::Failed, "failed"),
        (StepOutcome::Waits, "waiting"),
        (StepOutcome::Cancelled, "cancelled"),
    ] {
        let count = report.count(outcome);
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text.push_str(&format!(" in {took}"));
    text
}

/// The exit status: that of the gravest fault among the steps.
fn status(report: &RunReport) -> u8 {
    let faults =
        report.steps.iter().filter_map(|step| step.error.as_ref()).map(|error| error.fault);
    let worst = faults.max_by_key(|fault| match fault {
        Fault::User => 0,
        Fault::External => 1,
        Fault::Internal => 2,
    });
    match worst {
        Some(fault) => fault.exit_code(),
        None if report.succeeded() => 0,
        None if report.count(StepOutcome::Cancelled) > 0 => INTERRUPTED as u8,
        None => 1,
    }
}
