//! `millstream runs rerun`

use std::collections::BTreeSet;

use millstream_core::asset::AssetKey;
use millstream_ledger::{RunDetail, StepState};
use millstream_project::{Depth, Graph};
use millstream_run::{Due, RunRequest};

use super::found;
use crate::cli::{Global, RerunArgs};
use crate::cmd::{plan, run as run_verb};
use crate::exit::Outcome;
use crate::output::print_line;
use crate::wire::Opened;

/// Runs steps of a past run again, whether or not anything has changed since.
pub(super) async fn run(global: &Global, args: &RerunArgs) -> Outcome {
    let opened = Opened::open(global, "runs rerun").await?;
    let past = found(&opened.ledger, args.run.as_deref())?;
    let selected = selected(&opened.project.graph, &past, args);
    let name = past.summary.run.short();
    if selected.is_empty() {
        return print_line(&format!("every step of run {name} succeeded; --all runs them again"));
    }
    let cause = format!("rerun of {name}");
    let request = RunRequest { due: Due::Always, ..RunRequest::new(cause, selected) };
    let executor = opened.executor(args.threads).await?;
    if args.dry_run {
        return plan::show(global, &opened, &executor.plan(&request).await?);
    }
    run_verb::execute(global, &opened, &executor, &request).await
}

/// The steps to run again: those of the past run that are meant, and what the flags add to them.
fn selected(graph: &Graph, past: &RunDetail, args: &RerunArgs) -> BTreeSet<AssetKey> {
    let meant = past.steps.iter().filter(|step| args.all || !is_done(step.state));
    let mut selected: BTreeSet<AssetKey> = meant.map(|step| step.asset.clone()).collect();
    for asset in selected.clone() {
        if args.upstream {
            selected.extend(graph.upstream(&asset, Depth::All));
        }
        if args.downstream {
            selected.extend(graph.downstream(&asset, Depth::All));
        }
    }
    selected
}

fn is_done(state: StepState) -> bool {
    matches!(state, StepState::Succeeded | StepState::UpToDate)
}
