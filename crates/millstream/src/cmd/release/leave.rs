//! `millstream release leave`: back to the files of the project's folder.

use millstream_core::error::Plain;
use millstream_ledger::LedgerError;
use millstream_project::{Project, Unreleased};
use serde_json::json;

use super::Place;
use super::decide::{Change, Decided, agree};
use super::text::change_text;
use crate::cli::OutputFormat;
use crate::cmd::tell::tell_now;
use crate::exit::{Failure, Outcome};
use crate::output::{print_json, print_line};
use crate::wire::folder_project;

impl Place<'_> {
    /// Shows what the files of the folder change, and lets the environment run by them if that is
    /// wanted.
    pub(super) async fn leave(&self, reason: Option<String>, decided: Decided) -> Outcome {
        let Some(current) = &self.current else { return self.nothing_to_leave() };
        let (number, approvals) = (current.release, current.approvals_asked);
        if approvals > 0 {
            return Err(LedgerError::LeaveUnapproved { release: number, approvals }.into());
        }
        // What is wrong with the folder is told before anything runs by it.
        let project = folder_project(self.global)?;
        self.expect_leavable(&project)?;
        let releases = self.releases();
        let _hold = releases.files().hold()?;
        let tree = releases.files().take(&project)?;
        let change = releases.change(Some(&current.tree), &tree.hash(), &project)?;
        let change = Change::with_due(change, project).await;
        if self.global.output != OutputFormat::Json {
            print_line(&change_text(&change))?;
        }
        if decided == Decided::DryRun {
            return match self.global.output {
                OutputFormat::Json => print_json(
                    "leave",
                    &json!({"changed": true, "dry_run": true, "release": current, "change": change}),
                ),
                _ => print_line("\na dry run: nothing was left"),
            };
        }
        let question = format!("Let `{}` run by the files of the folder?", self.name);
        if !agree(self.global, decided, &question)? {
            return Ok(());
        }
        let left = self.ledger.leave_release(number, crate::wire::user(), reason).await?;
        match self.global.output {
            OutputFormat::Json => print_json(
                "leave",
                &json!({"changed": true, "dry_run": false, "release": left, "change": change}),
            )?,
            _ => print_line(&format!(
                "release {number} is left: `{}` runs by the files of the folder from now on; servers \
                 follow, and runs that are going end as they began",
                self.name
            ))?,
        }
        tell_now(self.global, &self.ledger).await;
        Ok(())
    }

    fn nothing_to_leave(&self) -> Outcome {
        if self.global.output == OutputFormat::Json {
            return print_json("leave", &json!({"changed": false, "release": null}));
        }
        print_line(&format!("nothing to leave: `{}` runs by the files of the folder", self.name))
    }

    /// Where nothing runs without a release, leaving one would only stop everything.
    fn expect_leavable(&self, project: &Project) -> Result<(), Failure> {
        if project.environment.releases.unreleased == Unreleased::Runs {
            return Ok(());
        }
        let message = format!("`{}` runs by releases only, says millstream.yml", self.name);
        let hint = "take `required` and `approvals` out of its `releases:` first";
        Err(Plain::user("release.required", message).with_hint(hint).into())
    }
}
