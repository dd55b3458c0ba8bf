//! The summary behind a command.

use millstream_dbt::Manifest;
use millstream_dbt::artifacts::{RunResult, Status};
use millstream_dbt::run::{JobEnd, lines};

use super::log::Log;

/// Says how a command ended, each failure with its reason.
pub fn summarize(log: &Log, manifest: &Manifest, end: &JobEnd) {
    log.say("");
    log.say(&finished(manifest, end));
    let of = |wanted: &[Status]| -> Vec<&RunResult> {
        end.results.iter().filter(|result| wanted.contains(&result.status)).collect()
    };
    let failed = of(&[Status::Error, Status::Fail, Status::RuntimeError]);
    let warned = of(&[Status::Warn]);
    let partial = of(&[Status::PartialSuccess]);
    log.say("");
    if failed.is_empty() && warned.is_empty() && partial.is_empty() {
        log.say("Completed successfully");
    } else {
        let text = format!(
            "Completed with {}, {}, and {}:",
            plural(failed.len(), "error", "errors"),
            plural(partial.len(), "partial success", "partial successes"),
            plural(warned.len(), "warning", "warnings"),
        );
        if failed.is_empty() { log.say(&text) } else { log.error(&text) }
    }
    for result in failed.into_iter().chain(partial) {
        describe(log, manifest, result);
    }
    for result in warned {
        describe(log, manifest, result);
    }
    log.say("");
    log.say(&counts(&end.results));
}

/// Says what failed, and nothing when nothing did.
pub fn failures(log: &Log, manifest: &Manifest, end: &JobEnd) {
    for result in &end.results {
        if matches!(result.status, Status::Error | Status::Fail) {
            describe(log, manifest, result);
        }
    }
}

fn finished(manifest: &Manifest, end: &JobEnd) -> String {
    let mut kinds: Vec<(String, usize)> = Vec::new();
    for result in &end.results {
        let kind = kind(manifest, result);
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds.sort();
    let took = lines::long_duration(end.elapsed);
    format!("Finished running {} in {took}.", lines::counted(&kinds))
}

fn kind(manifest: &Manifest, result: &RunResult) -> String {
    match result.unique_id.resource_type() {
        "model" => {
            let node = manifest.nodes.get(&result.unique_id);
            let materialized = node.map_or("view", |node| node.config.materialized());
            format!("{materialized} model")
        }
        "test" => "data test".to_owned(),
        "unit_test" => "unit test".to_owned(),
        "operation" => "project hook".to_owned(),
        other => other.replace('_', " "),
    }
}

fn describe(log: &Log, manifest: &Manifest, result: &RunResult) {
    let (name, file) = match manifest.nodes.get(&result.unique_id) {
        Some(node) => (node.name.clone(), node.original_file_path.display().to_string()),
        None => match manifest.unit_tests.get(&result.unique_id) {
            Some(test) => (test.name.clone(), test.original_file_path.display().to_string()),
            None => (result.unique_id.to_string(), String::new()),
        },
    };
    let kind = result.unique_id.resource_type();
    let word = match result.status {
        Status::Warn => "Warning",
        _ => "Failure",
    };
    log.say("");
    let head = format!("{word} in {kind} {name} ({file})");
    if result.status == Status::Warn {
        log.warn(&head);
    } else {
        log.error(&head);
    }
    let message = result.message.as_deref().unwrap_or("Status: failed");
    let indented = format!("  {}", message.replace('\n', "\n  "));
    if result.status == Status::Warn {
        log.warn(&indented);
    } else {
        log.event("error", "RunResultError", &indented);
    }
}

/// `Done. PASS=5 WARN=0 ERROR=0 SKIP=0 NO-OP=0 TOTAL=5`
fn counts(results: &[RunResult]) -> String {
    let count = |wanted: &[Status]| results.iter().filter(|r| wanted.contains(&r.status)).count();
    format!(
        "Done. PASS={} WARN={} ERROR={} SKIP={} NO-OP={} TOTAL={}",
        count(&[Status::Pass, Status::Success, Status::Reused]),
        count(&[Status::Warn]),
        count(&[Status::Error, Status::Fail, Status::RuntimeError, Status::PartialSuccess]),
        count(&[Status::Skipped]),
        count(&[Status::NoOp]),
        results.len(),
    )
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
