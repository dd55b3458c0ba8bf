//! Progress of a run: redrawn lines on a terminal, plain lines elsewhere; always on stderr.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use millstream_core::asset::AssetKey;
use millstream_core::step::CheckOutcome;
use millstream_project::Project;
use millstream_run::{Progress, StepOutcome, StepReport};

use crate::output::{counted, duration, has_terminal, print_note, size, thousands};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(100);

/// Shows progress as it comes.
#[derive(Debug)]
pub struct ProgressView {
    /// The files that declare the steps, for errors.
    files: BTreeMap<AssetKey, PathBuf>,
    bars: Option<MultiProgress>,
    running: BTreeMap<AssetKey, ProgressBar>,
}

impl ProgressView {
    /// For stderr as it is, with the files that declare the steps.
    pub fn new(project: &Project) -> Self {
        let files = project.models.iter();
        let files = files.map(|model| (AssetKey::table(&model.relation), model.file.clone()));
        let bars = has_terminal().then(MultiProgress::new);
        Self { files: files.collect(), bars, running: BTreeMap::new() }
    }

    /// Shows one piece of progress.
    pub fn show(&mut self, progress: Progress) {
        match progress {
            Progress::Started { asset, kind, reason } => {
                self.start(asset.clone(), format!("{:<9} {} ({reason})", kind.word(), asset.name));
            }
            Progress::Waiting { asset, on } | Progress::Asking { asset, whom: on } => {
                self.line(&format!("waiting   {}: {on}", asset.name));
            }
            Progress::Retrying { asset, error, pause } => {
                let pause = duration(pause.as_millis() as u64);
                self.line(&format!(
                    "again     {} in {pause}: {} [{}]",
                    asset.name, error.message, error.code
                ));
            }
            Progress::Finished(report) => self.finish(&report),
        }
    }

    fn start(&mut self, asset: AssetKey, text: String) {
        let Some(bars) = &self.bars else { return };
        let style = ProgressStyle::with_template("{spinner} {msg}");
        let bar = bars.add(ProgressBar::new_spinner().with_message(text));
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        self.running.insert(asset, bar);
    }

    fn finish(&mut self, report: &StepReport) {
        if let Some(bar) = self.running.remove(&report.asset) {
            bar.finish_and_clear();
        }
        if report.outcome == StepOutcome::UpToDate {
            return;
        }
        self.line(&step_line(report));
        for check in report.checks.iter().filter(|check| check.outcome != CheckOutcome::Pass) {
            let word = if check.outcome == CheckOutcome::Fail { "FAIL" } else { "warn" };
            let said = check.message.as_deref().map(|m| format!(": {m}")).unwrap_or_default();
            let rows = if check.failures > 0 {
                format!(" ({})", counted(check.failures, "row"))
            } else {
                String::new()
            };
            self.line(&format!("          {word} {}{rows}{said}", check.name));
        }
        if let Some(error) = &report.error {
            self.line(&format!("          error[{}]: {}", error.code, error.message));
            if let Some(file) = self.files.get(&report.asset) {
                self.line(&format!("            --> {}", file.display()));
            }
            if let Some(hint) = &error.hint {
                self.line(&format!("          hint: {hint}"));
            }
        }
    }

    fn line(&self, text: &str) {
        match &self.bars {
            // A terminal that went away is no reason to end a run.
            Some(bars) => drop(bars.println(text)),
            None => print_note(text),
        }
    }
}

fn step_line(report: &StepReport) -> String {
    let mut text = format!(
        "{:<9} {:<9} {} in {}",
        outcome_word(report.outcome),
        report.kind.word(),
        report.asset.name,
        duration(report.millis),
    );
    if matches!(report.outcome, StepOutcome::Waits | StepOutcome::Skipped) {
        return format!(
            "{:<9} {:<9} {}: {}",
            outcome_word(report.outcome),
            report.kind.word(),
            report.asset.name,
            report.reason
        );
    }
    let stats = &report.stats;
    if stats.rows_out > 0 {
        let rows = counted(stats.rows_out, "row");
        text.push_str(&format!(", {rows}, {}", size(stats.bytes_out)));
    }
    if stats.rows_quarantined > 0 {
        text.push_str(&format!(", {} in quarantine", thousands(stats.rows_quarantined)));
    }
    if let Some(note) = &report.note {
        text.push_str(", ");
        text.push_str(note);
    }
    text
}

/// The word for an outcome.
pub fn outcome_word(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Published => "done",
        StepOutcome::Unchanged => "unchanged",
        StepOutcome::UpToDate => "current",
        StepOutcome::Refused => "REFUSED",
        StepOutcome::Failed => "FAILED",
        StepOutcome::Waits => "waits",
        StepOutcome::Skipped => "skipped",
        StepOutcome::Cancelled => "cancelled",
    }
}
