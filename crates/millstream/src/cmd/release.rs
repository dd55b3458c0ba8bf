//! `millstream release list|show|diff|approve|reject|rollback|leave`

pub(super) mod decide;
mod leave;
mod text;

use std::path::PathBuf;

use millstream_ledger::{Ledger, LedgerError, NewRelease, Release, ReleaseState};
use serde_json::json;

use self::decide::{Change, Decided, Proposal, agree, confirm, decide};
use self::text::{ReleaseText, change_text};
use super::deploy::expect_releasable;
use super::tell::tell_now;
use crate::cli::{ConsentArgs, Global, OutputFormat, ReleaseVerb};
use crate::exit::{Failure, Outcome};
use crate::output::{Column, moment, print_json, print_line, print_rows};
use crate::wire::{Releases, environment_place, open_current, user};

/// Shows releases, and decides about them.
pub async fn run(global: &Global, verb: &ReleaseVerb) -> Outcome {
    let (home, name) = environment_place(global)?;
    let (ledger, current) = open_current(&home, &name).await?;
    let place = Place { global, home, name, ledger, current };
    match verb {
        ReleaseVerb::List { limit } => list(global, &place.ledger.releases(None, *limit)?),
        ReleaseVerb::Show { release } => place.show(*release).await,
        ReleaseVerb::Diff { from, to } => place.diff(*from, *to),
        ReleaseVerb::Approve { release, consent } => place.approve(*release, *consent).await,
        ReleaseVerb::Reject { release, reason } => {
            let rejected = place.ledger.reject_release(*release, user(), reason).await?;
            place.told(&rejected).await
        }
        ReleaseVerb::Rollback { release, message, consent, dry_run } => {
            let decided = if *dry_run { Decided::DryRun } else { Decided::of(*consent) };
            Box::pin(place.roll_back(*release, message.clone(), decided)).await
        }
        ReleaseVerb::Leave { reason, consent, dry_run } => {
            let decided = if *dry_run { Decided::DryRun } else { Decided::of(*consent) };
            place.leave(reason.clone(), decided).await
        }
    }
}

/// The environment whose releases are meant.
struct Place<'g> {
    global: &'g Global,
    home: PathBuf,
    name: String,
    ledger: Ledger,
    current: Option<Release>,
}

impl Place<'_> {
    async fn show(&self, number: u64) -> Outcome {
        let release = self.release(number)?;
        let before = release.base.map(|base| self.release(base)).transpose()?;
        let releases = self.releases();
        if self.global.output != OutputFormat::Json {
            print_line(&ReleaseText(&release).to_string())?;
        }
        let project = releases.project(&release.tree)?;
        let tree = before.as_ref().map(|before| &before.tree);
        let change = releases.change(tree, &release.tree, &project)?;
        // What is due is known of what may become the current one.
        let change = match release.state {
            ReleaseState::Proposed => Change::with_due(change, project).await,
            _ => Change::without_due(change),
        };
        if self.global.output == OutputFormat::Json {
            let mut shown = json!(release);
            shown["change"] = json!(change);
            return print_json("release", &shown);
        }
        print_line(&change_text(&change))
    }

    fn diff(&self, from: u64, to: u64) -> Outcome {
        let (from, to) = (self.release(from)?, self.release(to)?);
        let releases = self.releases();
        let project = releases.project(&to.tree)?;
        let change = Change::without_due(releases.change(Some(&from.tree), &to.tree, &project)?);
        if self.global.output == OutputFormat::Json {
            return print_json(
                "diff",
                &json!({"from": from.release, "to": to.release, "change": change}),
            );
        }
        print_line(&change_text(&change))
    }

    async fn approve(&self, number: u64, consent: ConsentArgs) -> Outcome {
        let release = self.release(number)?;
        let by = user();
        if release.state != ReleaseState::Proposed {
            return Err(
                LedgerError::ReleaseDecided { release: number, state: release.state }.into()
            );
        }
        if release.by == by.name {
            return Err(LedgerError::OwnRelease { release: number, by: by.name }.into());
        }
        let releases = self.releases();
        let project = releases.project(&release.tree)?;
        let before = self.current.as_ref().map(|current| &current.tree);
        let change = releases.change(before, &release.tree, &project)?;
        let change = Change::with_due(change, project).await;
        if self.global.output != OutputFormat::Json {
            print_line(&ReleaseText(&release).to_string())?;
            print_line(&change_text(&change))?;
        }
        if !agree(self.global, Decided::of(consent), &format!("Approve release {number}?"))? {
            return Ok(());
        }
        let release = self.ledger.approve_release(number, by).await?;
        self.told(&release).await
    }

    async fn roll_back(&self, number: u64, message: Option<String>, decided: Decided) -> Outcome {
        expect_releasable(&self.home, &self.name)?;
        let earlier = self.release(number)?;
        let current = self.current.as_ref();
        if matches!(
            earlier.state,
            ReleaseState::Current
                | ReleaseState::Proposed
                | ReleaseState::Rejected
                | ReleaseState::Outdated
        ) {
            let state = earlier.state;
            return Err(LedgerError::ReleaseDecided { release: number, state }.into());
        }
        if earlier.removed_at.is_some() {
            return Err(LedgerError::ReleaseRemoved { release: number }.into());
        }
        let releases = self.releases();
        let project = releases.project(&earlier.tree)?;
        let asked = current.map_or(0, |current| current.approvals_asked);
        let new = NewRelease {
            tree: earlier.tree,
            files: earlier.files,
            bytes: earlier.bytes,
            message,
            git: earlier.git.clone(),
            base: current.map(|current| current.release),
            restores: Some(number),
            approvals_needed: asked.max(earlier.approvals_asked),
            approvals_asked: earlier.approvals_asked,
            by: user(),
        };
        let proposal = Proposal { releases: &releases, current, new, project };
        Box::pin(decide(self.global, proposal, decided)).await
    }

    /// Says how a release stands now, also to those who were asked.
    async fn told(&self, release: &Release) -> Outcome {
        confirm(self.global, &self.name, release)?;
        tell_now(self.global, &self.ledger).await;
        Ok(())
    }

    fn release(&self, number: u64) -> Result<Release, Failure> {
        let found = self.ledger.release(number)?;
        Ok(found.ok_or(LedgerError::UnknownRelease { release: number })?)
    }

    fn releases(&self) -> Releases {
        Releases::of(self.global, &self.home)
    }
}

fn list(global: &Global, releases: &[Release]) -> Outcome {
    let columns = [
        Column::Number("release"),
        Column::Text("state"),
        Column::Text("proposed at"),
        Column::Text("by"),
        Column::Text("approvals"),
        Column::Text("commit"),
        Column::Text("files"),
        Column::Text("message"),
    ];
    print_rows(global.output, "releases", releases, &columns, |release| {
        vec![
            release.release.to_string(),
            release.state.word().to_owned(),
            moment(release.proposed_at),
            release.by.clone(),
            text::approvals(release),
            text::commit(release),
            text::files(release),
            text::about(release),
        ]
    })
}
