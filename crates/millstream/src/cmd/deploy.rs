//! `millstream deploy`

use std::path::Path;

use millstream_core::error::{Plain, Result as CoreResult};
use millstream_ledger::{Ledger, NewRelease, Release};
use millstream_project::{Branch, Project};
use serde_json::json;

use super::release::decide::{Decided, Proposal, decide};
use crate::cli::{DeployArgs, Global, OutputFormat};
use crate::exit::Outcome;
use crate::output::{print_json, print_line, print_note};
use crate::wire::{ReleaseFiles, Releases, folder_project, open_current, origin, user};

/// Makes the files of the project those by which the environment runs.
pub async fn run(global: &Global, args: &DeployArgs) -> Outcome {
    let folder = folder_project(global)?;
    let name = &folder.environment.name;
    expect_releasable(&folder.home, name)?;
    let (ledger, current) = open_current(&folder.home, name).await?;
    let releases = Releases::of(global, &folder.home);
    let hold = releases.files().hold()?;
    let tree = releases.files().take(&folder)?;
    if current.as_ref().is_some_and(|current| current.tree == tree.hash()) {
        return nothing_to_deploy(global, &folder, current.as_ref());
    }
    // What is released is read as it will be, so that it cannot lack a file.
    let project = releases.project(&tree.hash())?;
    // Whoever takes that out of the files needs it once more.
    let asked = current.as_ref().map_or(0, |current| current.approvals_asked);
    let approvals_asked = project.environment.releases.approvals;
    let new = NewRelease {
        tree: tree.hash(),
        files: tree.files().len() as u64,
        bytes: tree.bytes(),
        message: args.message.clone(),
        git: origin(&folder),
        base: current.as_ref().map(|current| current.release),
        restores: None,
        approvals_needed: asked.max(approvals_asked),
        approvals_asked,
        by: user(),
    };
    let keep = project.environment.releases.keep;
    let proposal = Proposal { releases: &releases, current: current.as_ref(), new, project };
    let decided = if args.dry_run { Decided::DryRun } else { Decided::of(args.consent) };
    Box::pin(decide(global, proposal, decided)).await?;
    drop(hold);
    if decided != Decided::DryRun {
        retire(releases.files(), &ledger, keep).await;
    }
    Ok(())
}

/// Gives up the files of old releases. What was released is, whatever becomes of those.
async fn retire(files: &ReleaseFiles, ledger: &Ledger, keep: u32) {
    match files.retire(ledger, keep).await {
        Ok(retired) if retired.releases.is_empty() => {}
        Ok(retired) => {
            let numbers: Vec<String> = retired.releases.iter().map(u64::to_string).collect();
            let numbers = numbers.join(", ");
            print_note(&format!("the files of old releases are kept no more: {numbers}"));
        }
        Err(error) => {
            print_note(&format!("the files of old releases are still there: {}", error.chain()));
        }
    }
}

/// Where files of the folder are tried, nothing is released.
pub(super) fn expect_releasable(home: &Path, name: &str) -> CoreResult<()> {
    let (message, hint) = if Branch::read(home, name).is_some() {
        let message = format!("`{name}` is a branch, which runs by the files of the folder");
        (message, "deploy to the environment that it is a branch of")
    } else if name == "dev" {
        let message = "`dev` runs by the files of the folder".to_owned();
        (message, "name another environment, as `millstream deploy --env prod`")
    } else {
        return Ok(());
    };
    Err(Plain::user("release.environment", message).with_hint(hint).into())
}

fn nothing_to_deploy(global: &Global, project: &Project, current: Option<&Release>) -> Outcome {
    if global.output == OutputFormat::Json {
        return print_json("deploy", &json!({"changed": false, "release": current}));
    }
    let number = current.map_or(0, |current| current.release);
    let name = &project.environment.name;
    print_line(&format!("nothing to deploy: `{name}` has these files by release {number}"))
}
