//! Shows what a release changes, asks, and records it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use millstream_core::AssetKey;
use millstream_core::crash;
use millstream_core::error::Plain;
use millstream_ledger::{NewRelease, Release, ReleaseState};
use millstream_project::Project;
use millstream_run::{Decision, Reason};
use serde::Serialize;
use serde_json::json;

use super::text::change_text;
use crate::cli::{ConsentArgs, Global, OutputFormat};
use crate::cmd::tell::tell_now;
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line};
use crate::wire::{ReleaseChange, Releases, as_error, open_current, plan_by};

/// A release that is wanted.
pub(in crate::cmd) struct Proposal<'a> {
    pub(in crate::cmd) releases: &'a Releases,
    pub(in crate::cmd) current: Option<&'a Release>,
    pub(in crate::cmd) new: NewRelease,
    /// What its files say.
    pub(in crate::cmd) project: Project,
}

/// Who decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cmd) enum Decided {
    /// Nobody: it is only shown.
    DryRun,
    /// Whoever sits at the terminal.
    Asked,
    /// Whoever wrote the command line.
    Already,
}

impl Decided {
    pub(in crate::cmd) fn of(consent: ConsentArgs) -> Self {
        if consent.yes { Self::Already } else { Self::Asked }
    }
}

/// What a release changes, and what is to be made then.
#[derive(Debug, Serialize)]
pub(super) struct Change {
    #[serde(flatten)]
    pub(super) change: ReleaseChange,
    pub(super) due: Due,
}

/// What will be due.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub(super) enum Due {
    /// Nobody wants to know.
    Unasked,
    /// These of so many steps.
    Known { assets: Vec<DueAsset>, steps: usize },
    /// It cannot be told.
    Unknown { problem: String },
}

/// A step that will be due.
#[derive(Debug, Serialize)]
pub(super) struct DueAsset {
    pub(super) asset: AssetKey,
    reason: Reason,
}

impl Change {
    pub(super) fn without_due(change: ReleaseChange) -> Self {
        Self { change, due: Due::Unasked }
    }

    /// Asks the environment what it would make by the project. That a source does not answer is no
    /// reason to refuse a release.
    pub(super) async fn with_due(change: ReleaseChange, project: Project) -> Self {
        let due = match due(project).await {
            Ok(due) => due,
            Err(failure) => Due::Unknown { problem: as_error(failure).chain() },
        };
        Self { change, due }
    }
}

async fn due(project: Project) -> Result<Due, Failure> {
    let plan = plan_by(project).await?;
    let steps = plan.entries.len();
    let due = plan.entries.into_iter().filter_map(|entry| match entry.decision {
        Decision::Run(reason) => Some(DueAsset { asset: entry.asset, reason }),
        Decision::UpToDate | Decision::Skip(_) => None,
    });
    Ok(Due::Known { assets: due.collect(), steps })
}

/// Shows what a release changes, and records it if that is wanted.
pub(in crate::cmd) async fn decide(
    global: &Global,
    proposal: Proposal<'_>,
    decided: Decided,
) -> Outcome {
    let Proposal { releases, current, new, project } = proposal;
    let before = current.map(|current| &current.tree);
    let change = releases.change(before, &new.tree, &project)?;
    let name = project.environment.name.clone();
    let (ledger, _) = open_current(&project.home, &name).await?;
    let change = Change::with_due(change, project).await;
    if global.output != OutputFormat::Json {
        print_line(&change_text(&change))?;
    }
    if decided == Decided::DryRun {
        return match global.output {
            OutputFormat::Json => print_json(
                "deploy",
                &json!({"changed": true, "dry_run": true, "release": null, "change": change}),
            ),
            _ => print_line("\na dry run: nothing was released"),
        };
    }
    let question = match new.approvals_needed {
        0 => format!("Let `{name}` run by these files?"),
        needed => format!("Propose these files for `{name}`? Approvals that they need: {needed}."),
    };
    if !agree(global, decided, &question)? {
        return Ok(());
    }
    crash::point("release.record.before");
    let release = ledger.add_release(new).await?;
    crash::point("release.record.after");
    match global.output {
        OutputFormat::Json => print_json(
            "deploy",
            &json!({"changed": true, "dry_run": false, "release": release, "change": change}),
        )?,
        _ => confirm(global, &name, &release)?,
    }
    tell_now(global, &ledger).await;
    Ok(())
}

/// Asks whoever sits at the terminal. Fails with `release.unconfirmed` where nobody does.
pub(super) fn agree(global: &Global, decided: Decided, question: &str) -> Result<bool, Failure> {
    if decided == Decided::Already {
        return Ok(true);
    }
    let is_seen = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if !is_seen || global.output == OutputFormat::Json {
        let message = "nobody can be asked here, and nothing was changed";
        let hint = "say `--yes`; `--dry-run` only shows what would change";
        return Err(Plain::user("release.unconfirmed", message).with_hint(hint).into());
    }
    let mut stderr = std::io::stderr().lock();
    let asked = write!(stderr, "\n{question} [y/N] ").and_then(|()| stderr.flush());
    asked.map_err(|error| Failure::of_write(&error))?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::of_write(&error))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Says how a release stands now.
pub(super) fn confirm(global: &Global, environment: &str, release: &Release) -> Outcome {
    if global.output == OutputFormat::Json {
        return print_json("release", release);
    }
    let number = release.release;
    print_line(&match release.state {
        ReleaseState::Current => format!(
            "release {number}: `{environment}` runs by these files from now on; servers follow, and \
             runs that are going end as they began"
        ),
        ReleaseState::Proposed => {
            let missing =
                (release.approvals_needed as usize).saturating_sub(release.approvals.len());
            format!(
                "release {number} is proposed; approvals that are missing: {missing}; \
                 next: millstream release approve {number} --env {environment}"
            )
        }
        state => format!("release {number} is {}", state.word()),
    })
}
