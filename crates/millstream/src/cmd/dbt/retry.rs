//! `dbt retry`: runs what failed or was skipped in the last run.

use std::fs;

use millstream_core::error::Plain;
use millstream_dbt::artifacts::{RunResults, Status};
use millstream_dbt::context::Resumed;
use millstream_dbt::manifest::UniqueId;
use serde_json::Value;

use super::Context;
use super::execute::{self, Executing, Wanted};
use crate::exit::{Failure, Outcome};

/// Runs it by the same command.
pub async fn run(context: &Context<'_>) -> Outcome {
    let folder = match &context.cli.common.state {
        Some(folder) => context.place.root.join(folder),
        None => context.place.target_path.clone(),
    };
    let last = last_run(&folder.join("run_results.json"))?;
    let word = last.args.get("which").and_then(Value::as_str).unwrap_or_default();
    let Some(what) = Executing::of_word(word) else {
        let message = format!("the last command was `{word}`, which cannot be retried");
        return Err(Plain::user("dbt.retry", message).into());
    };
    let ids: Vec<UniqueId> = last.to_retry().map(|result| result.unique_id.clone()).collect();
    if ids.is_empty() {
        context.log.say("Nothing to retry: the last run succeeded.");
        return Ok(());
    }
    let place = context.place.for_command(word);
    let wanted = Wanted::Ids(&ids, resumed(&last));
    execute::run(&Context { place: &place, ..*context }, wanted, what).await
}

/// When the last run began, and the batches and overloads that it did not make.
fn resumed(last: &RunResults) -> Resumed {
    let partial = last.results.iter().filter(|result| result.status == Status::PartialSuccess);
    let batches = partial
        .clone()
        .filter_map(|result| Some((result.unique_id.clone(), result.batch_results.clone()?)));
    let overloads = partial
        .filter_map(|result| Some((result.unique_id.clone(), result.overload_results.clone()?)));
    let started = last.metadata.invocation_started_at.0.as_micros();
    Resumed {
        started_at_micros: Some(started).filter(|micros| *micros > 0),
        batches: batches.collect(),
        overloads: overloads.collect(),
    }
}

fn last_run(path: &std::path::Path) -> Result<RunResults, Failure> {
    let unread = |reason: String| {
        Plain::user("dbt.retry", format!("{}: {reason}", path.display()))
            .with_hint("run a command first, or name the folder of its artifacts with --state")
    };
    let bytes = fs::read(path).map_err(|error| unread(error.to_string()))?;
    Ok(RunResults::read(&bytes).map_err(|error| unread(error.to_string()))?)
}
