//! `millstream runs rerun`

use std::collections::BTreeSet;

use millstream_core::asset::AssetKey;
use millstream_ledger::RunDetail;
use millstream_project::Graph;
use millstream_run::partitions::partitions_again;
use millstream_run::{Due, RerunBeside, RerunScope, RerunSteps, RunRequest};

use super::found;
use crate::cli::{Global, RerunArgs};
use crate::cmd::{plan, run as run_verb};
use crate::exit::Outcome;
use crate::output::print_line;
use crate::wire::Opened;

/// Runs steps of a past run again, whether or not anything has changed since.
pub(super) async fn run(global: &Global, args: &RerunArgs) -> Outcome {
    let opened = Opened::to_run(global, "runs rerun").await?;
    let past = found(&opened.ledger, args.run.as_deref())?;
    let selected = selected(&opened.project.graph, &past, args);
    let name = past.summary.run.short();
    if selected.is_empty() {
        return print_line(&format!("every step of run {name} succeeded; --all runs them again"));
    }
    let cause = format!("rerun of {name}");
    let executor = opened.executor(args.threads).await?;
    let beside = RerunBeside { past: args.past, future: args.future };
    let partitions = partitions_again(&executor, &past, &selected, scope(args), beside)?;
    let request = RunRequest { due: Due::Always, partitions, ..RunRequest::new(cause, selected) };
    if args.dry_run {
        return plan::show(global, &opened, &executor.plan(&request).await?);
    }
    run_verb::execute(global, &opened, &executor, &request).await
}

fn selected(graph: &Graph, past: &RunDetail, args: &RerunArgs) -> BTreeSet<AssetKey> {
    scope(args).selected(graph, past.steps.iter().map(|step| (&step.asset, step.state)))
}

fn scope(args: &RerunArgs) -> RerunScope {
    let steps = if args.all { RerunSteps::All } else { RerunSteps::Failed };
    RerunScope { steps, upstream: args.upstream, downstream: args.downstream }
}
