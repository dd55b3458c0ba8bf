//! What the log of a step says of its way, as people are told it.

use millstream_core::log::{Level, Said};
use millstream_core::step::{CheckOutcome, CheckResult, StepStats};
use millstream_ledger::StepError;

use crate::report::{Progress, StepOutcome, StepReport};

/// The lines of a piece of progress.
pub(crate) fn told(progress: &Progress) -> Vec<Said> {
    match progress {
        Progress::Started { kind, reason, .. } => {
            let text = format!("{} begins: {reason}", kind.word());
            vec![Said::new(Level::Info, text).with("reason", reason.as_str())]
        }
        Progress::Waiting { on, .. } | Progress::Asking { whom: on, .. } => {
            vec![Said::new(Level::Info, format!("waits: {on}"))]
        }
        Progress::Retrying { error, pause, .. } => {
            let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
            let again = format!("tries again in {:.1} s", pause.as_secs_f64());
            vec![
                failed(Level::Warn, error),
                Said::new(Level::Info, again).with("pause_ms", pause_ms),
            ]
        }
        Progress::Finished(report) => ended(report),
    }
}

fn ended(report: &StepReport) -> Vec<Said> {
    let mut lines: Vec<Said> = report.checks.iter().map(checked).collect();
    lines.extend(report.note.as_deref().map(|note| Said::new(Level::Info, note)));
    let (version, reason) = (report.version, &report.reason);
    lines.push(match report.outcome {
        StepOutcome::Published => {
            let text = format!("published version {version}{}", counts(&report.stats));
            with_counts(Said::new(Level::Info, text), &report.stats).with("version", version)
        }
        StepOutcome::Unchanged => Said::new(Level::Info, "nothing has changed"),
        StepOutcome::UpToDate => Said::new(Level::Debug, "is up to date"),
        StepOutcome::Refused | StepOutcome::Failed => match &report.error {
            Some(error) => failed(Level::Error, error),
            None if report.outcome == StepOutcome::Failed => Said::new(Level::Error, "failed"),
            None => {
                Said::new(Level::Error, format!("refused by its checks; version {version} stays"))
            }
        },
        StepOutcome::Skipped => Said::new(Level::Info, format!("skipped: {reason}")),
        StepOutcome::Waits => Said::new(Level::Warn, format!("did not run: {reason}")),
        StepOutcome::Cancelled => Said::new(Level::Warn, "was stopped, and published nothing"),
    });
    lines
}

fn checked(check: &CheckResult) -> Said {
    let (level, verdict) = match check.outcome {
        CheckOutcome::Pass => (Level::Debug, "passes"),
        CheckOutcome::Warn => (Level::Warn, "warns"),
        CheckOutcome::Fail => (Level::Error, "fails"),
    };
    let mut text = format!("check {} {verdict}", check.name);
    if check.failures > 0 {
        text = format!("{text} ({} rows)", check.failures);
    }
    if let Some(message) = &check.message {
        text = format!("{text}: {message}");
    }
    Said::new(level, text).with("check", check.name.as_str()).with("failures", check.failures)
}

fn failed(level: Level, error: &StepError) -> Said {
    let mut text = format!("error[{}]: {}", error.code, error.message);
    if let Some(hint) = &error.hint {
        text = format!("{text}\nhint: {hint}");
    }
    Said::new(level, text).with("code", error.code.as_str())
}

/// The counts that the step has. Not all steps count all.
fn counts(stats: &StepStats) -> String {
    let all = [
        (stats.rows_in, "rows read"),
        (stats.rows_out, "rows written"),
        (stats.rows_quarantined, "rows in quarantine"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = some.map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) }
}

fn with_counts(said: Said, stats: &StepStats) -> Said {
    said.with("rows_in", stats.rows_in)
        .with("rows_out", stats.rows_out)
        .with("rows_quarantined", stats.rows_quarantined)
        .with("bytes_out", stats.bytes_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_counted_is_told() {
        assert_eq!(counts(&StepStats::default()), "");
        let stats = StepStats { rows_in: 3, rows_out: 2, rows_quarantined: 1, bytes_out: 9 };
        assert_eq!(counts(&stats), ": 3 rows read, 2 rows written, 1 rows in quarantine");
    }
}
