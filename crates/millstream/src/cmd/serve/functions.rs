//! Functions, run as events come.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use millstream_core::step::StepKind;
use millstream_core::topic::Topic;
use millstream_run::{Executor, RunRequest};
use tokio_util::sync::CancellationToken;

use crate::exit::Failure;
use crate::wire::Opened;

/// How often the topics of functions are looked at.
const FUNCTION_POLL: Duration = Duration::from_millis(200);

/// The topics that functions read.
pub(super) fn topics(opened: &Opened) -> Result<Vec<Arc<dyn Topic>>, Failure> {
    let names: BTreeSet<&str> =
        opened.project.functions.iter().map(|function| function.on.topic.as_str()).collect();
    Ok(opened.topics_named(&names)?)
}

/// Runs the functions whenever one of their topics has grown, until it is retired. What it runs then
/// goes on to its end, unless the process stops.
pub(super) async fn run_functions(
    executor: Executor,
    topics: Vec<Arc<dyn Topic>>,
    retired: CancellationToken,
    stop: CancellationToken,
) {
    let selected: BTreeSet<_> = executor
        .steps()
        .iter()
        .filter(|step| step.spec().kind == StepKind::Function)
        .map(|step| step.spec().asset().clone())
        .collect();
    if selected.is_empty() {
        return;
    }
    let request = RunRequest::new("serve", selected);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    while !retired.is_cancelled() {
        if has_grown(&topics, &mut seen).await {
            let ran = executor.run(&request, &stop, |_| {}).await;
            match ran {
                Ok(report) if report.succeeded() => {}
                Ok(_) => seen.clear(),
                Err(error) => {
                    tracing::warn!(%error, "functions did not run");
                    seen.clear();
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(FUNCTION_POLL) => {}
            () = retired.cancelled() => {}
        }
    }
}

async fn has_grown(topics: &[Arc<dyn Topic>], seen: &mut BTreeMap<String, u64>) -> bool {
    let mut grown = false;
    for topic in topics {
        match topic.end().await {
            Ok(end) => grown |= seen.insert(topic.name().to_owned(), end) != Some(end),
            Err(error) => tracing::warn!(topic = topic.name(), %error, "topic cannot be read"),
        }
    }
    grown
}
