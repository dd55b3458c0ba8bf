//! `dbt source freshness`: how old sources are.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use millstream_dbt::artifacts::{FreshnessResult, FreshnessResults, Status, write_json};
use millstream_dbt::manifest::UniqueId;
use millstream_dbt::run::{FreshnessJob, has_failed, lines};
use millstream_dbt::select::{Blanks, Entry, Graph};

use super::Context;
use super::cli::Selection;
use super::execute::{Opened, threads};
use super::{artifacts, selection};
use crate::exit::{Failure, Outcome};

/// Asks the selected sources, and writes what they said.
pub async fn run(context: &Context<'_>, wanted: &Selection, output: Option<&Path>) -> Outcome {
    let opened = Opened::open(context).await?;
    let done = ask(context, &opened, wanted, output).await;
    opened.warehouse.end(done.is_ok()).await?;
    let results = done?;
    if results.is_empty() {
        context.log.warn("Nothing to do. No selected source has a freshness.");
        return Ok(());
    }
    let stale = results.iter().filter(|result| result.status != Status::Pass);
    for result in stale {
        let what = match &result.error {
            Some(error) => error.as_str().unwrap_or_default().to_owned(),
            None => format!("is {:.0} s old", result.max_loaded_at_time_ago_in_s),
        };
        context.log.warn(&format!("{}: {what}", result.unique_id));
    }
    context.log.say("Done.");
    if has_failed(&results) { Err(Failure::Status(super::HANDLED)) } else { Ok(()) }
}

async fn ask(
    context: &Context<'_>,
    opened: &Opened,
    wanted: &Selection,
    output: Option<&Path>,
) -> Result<Vec<FreshnessResult>, Failure> {
    let begun = Instant::now();
    let session = Arc::clone(&opened.session);
    context.log.say(&format!("Found {}", artifacts::found(&session.manifest)));
    let sources = sources(context, &session.manifest, wanted)?;
    let threads = threads(context, &session);
    let (log, width) =
        (context.log.clone(), context.cli.common.printer_width.unwrap_or(lines::WIDTH));
    let job = move || {
        FreshnessJob { session, sources, threads, width, say: &|text: &str| log.say(text) }.run()
    };
    let results = super::aside(job).await?.map_err(|error| Failure::of_write(&error))?;
    let report = FreshnessResults {
        metadata: artifacts::metadata(context),
        results,
        elapsed_time: begun.elapsed().as_secs_f64(),
    };
    let default = context.place.target_path.join("sources.json");
    let file = output.map_or(default, |file| context.place.root.join(file));
    artifacts::file(&file, |out| write_json(out, &report))?;
    Ok(report.results)
}

/// The selected sources that have a freshness.
fn sources(
    context: &Context<'_>,
    manifest: &millstream_dbt::Manifest,
    wanted: &Selection,
) -> Result<Vec<UniqueId>, Failure> {
    let graph = Graph::new(manifest);
    let selected = selection::selected(context, &graph, wanted, &["source"], Blanks::Skip)?;
    let mut sources: Vec<UniqueId> = selected
        .iter()
        .filter_map(|position| match graph.entry(position) {
            Entry::Source(source) if has_freshness(source) => Some(source.unique_id.clone()),
            _ => None,
        })
        .collect();
    sources.sort_unstable();
    Ok(sources)
}

/// Whether a source says how old it may be, and by what that is known.
fn has_freshness(source: &millstream_dbt::manifest::SourceTable) -> bool {
    let rule = source.freshness.as_ref();
    rule.is_some_and(|rule| rule.warn_after.is_some() || rule.error_after.is_some())
}
