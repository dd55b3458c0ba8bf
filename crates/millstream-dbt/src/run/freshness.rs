//! How old sources are: `source freshness`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use millstream_core::clock::{Clock, Timestamp};
use serde_json::json;

use super::event_time::moment;
use super::lines;
use super::pool::{Event, Verdict, Width, work_off};
use super::queue::Queue;
use crate::artifacts::{FreshnessResult, Moment, Status, Timing, freshness_dict};
use crate::context::{Failure, Session, SourceAge, Worker};
use crate::manifest::{Freshness, FreshnessPeriod, SourceTable, UniqueId};

/// The first moment that Python knows: what has no row is older than anything.
const NEVER: &str = "0001-01-01 00:00:00";

/// Asks sources how old they are.
pub struct FreshnessJob<'a> {
    /// The project and the command.
    pub session: Arc<Session>,
    /// The sources, each with a freshness.
    pub sources: Vec<UniqueId>,
    /// Sources at the same time.
    pub threads: usize,
    /// How wide lines are.
    pub width: usize,
    /// Takes lines for people.
    pub say: &'a dyn Fn(&str),
}

impl fmt::Debug for FreshnessJob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreshnessJob").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl FreshnessJob<'_> {
    /// Asks all of them.
    ///
    /// # Errors
    /// If threads cannot be started. What cannot be asked is in the results.
    pub fn run(self) -> io::Result<Vec<FreshnessResult>> {
        let total = self.sources.len();
        let width = Width::of(self.threads.clamp(1, total.max(1)));
        let queue = Queue::new(self.sources.iter().map(|id| (id.clone(), Vec::new())).collect());
        let session = &self.session;
        let make = |number: usize| {
            let name = format!("Thread-{number}");
            (Worker::new(Arc::clone(session), &name), name)
        };
        let run =
            |(worker, thread): &(Worker, String), id: &UniqueId, _turn| asked(worker, id, thread);
        let mut results = Vec::with_capacity(total);
        work_off(queue, width, &make, &run, &mut |event| {
            match event {
                Event::Started { id, number } => {
                    let what = format!("freshness of {}", self.name(&id));
                    (self.say)(&lines::started(number, total, &what, self.width));
                }
                Event::Ended { number, result } => {
                    self.say_ended(&result, number, total);
                    results.push(result);
                }
                Event::Skipped { .. } => {}
            }
            Verdict::Go
        })?;
        Ok(results)
    }

    fn name(&self, id: &UniqueId) -> String {
        match self.session.manifest.sources.get(id) {
            Some(source) => format!("{}.{}", source.source_name, source.name),
            None => id.to_string(),
        }
    }

    fn say_ended(&self, result: &FreshnessResult, number: usize, total: usize) {
        let word = match result.status {
            Status::Pass => "PASS",
            Status::Warn => "WARN",
            Status::RuntimeError => "ERROR",
            _ => "ERROR STALE",
        };
        let text = format!("{word} freshness of {}", self.name(&result.unique_id));
        let seconds = result.execution_time;
        (self.say)(&lines::told(number, total, &text, word, seconds, self.width));
    }
}

/// Asks one source.
fn asked(worker: &Worker, id: &UniqueId, thread: &str) -> FreshnessResult {
    let begun = Instant::now();
    let started = Moment(Clock::System.now());
    let source = worker.session().manifest.sources.get(id);
    let answered = source.map(|source| (source, worker.source_age(source)));
    let mut result = match answered {
        Some((source, Ok(age))) => judged(source, &age),
        Some((_, Err(failure))) => refused(&failure),
        None => FreshnessResult { status: Status::RuntimeError, ..FreshnessResult::default() },
    };
    result.unique_id = id.clone();
    thread.clone_into(&mut result.thread_id);
    result.execution_time = begun.elapsed().as_secs_f64();
    let step = |name: &str, from: Moment, to: Moment| Timing {
        name: name.to_owned(),
        started_at: Some(from),
        completed_at: Some(to),
    };
    let ended = Moment(Clock::System.now());
    // There is nothing to compile; readers of the artifact expect both steps.
    result.timing = vec![step("compile", started, started), step("execute", started, ended)];
    result
}

fn refused(failure: &Failure) -> FreshnessResult {
    FreshnessResult {
        status: Status::RuntimeError,
        error: Some(json!(failure.to_string())),
        ..FreshnessResult::default()
    }
}

/// What the age of a source means.
fn judged(source: &SourceTable, age: &SourceAge) -> FreshnessResult {
    let max_loaded_at = micros(age.max_loaded_at.as_deref().unwrap_or(NEVER));
    let snapshotted_at = micros(&age.snapshotted_at);
    let seconds = (snapshotted_at - max_loaded_at) as f64 / 1e6;
    FreshnessResult {
        status: source.freshness.as_ref().map_or(Status::Pass, |rule| status(rule, seconds)),
        max_loaded_at: Some(Moment(Timestamp::from_micros(max_loaded_at))),
        snapshotted_at: Some(Moment(Timestamp::from_micros(snapshotted_at))),
        max_loaded_at_time_ago_in_s: seconds,
        criteria: freshness_dict(source),
        adapter_response: age.adapter_response.clone(),
        ..FreshnessResult::default()
    }
}

fn status(rule: &Freshness, age: f64) -> Status {
    let exceeds = |period: &Option<FreshnessPeriod>| {
        period.as_ref().is_some_and(|period| age > seconds(period))
    };
    if exceeds(&rule.error_after) {
        Status::Error
    } else if exceeds(&rule.warn_after) {
        Status::Warn
    } else {
        Status::Pass
    }
}

fn seconds(period: &FreshnessPeriod) -> f64 {
    let unit = match period.period.as_str() {
        "minute" => 60.0,
        "hour" => 3_600.0,
        _ => 86_400.0,
    };
    period.count as f64 * unit
}

/// Microseconds of a moment as Python writes it; without a zone it is UTC.
fn micros(text: &str) -> i64 {
    let zoned = moment(text).and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC).ok());
    zoned.map_or(0, |at| at.timestamp().as_microsecond())
}

/// Whether any source is too old or could not be asked.
pub fn has_failed(results: &[FreshnessResult]) -> bool {
    results.iter().any(|result| matches!(result.status, Status::Error | Status::RuntimeError))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_limit_counts_first() {
        let after =
            |count, period: &str| Some(FreshnessPeriod { count, period: period.to_owned() });
        let rule =
            Freshness { warn_after: after(10, "hour"), error_after: after(1, "day"), filter: None };
        let ages = [36_000.0, 36_001.0, 86_401.0];
        let statuses = ages.map(|age| status(&rule, age));
        assert_eq!(statuses, [Status::Pass, Status::Warn, Status::Error]);
    }

    #[test]
    fn moments_of_python_are_read() {
        assert_eq!(micros("1970-01-01 01:00:00.5+01:00"), 500_000);
        assert_eq!(micros("1970-01-01 00:00:01"), 1_000_000);
        assert!(micros(NEVER) < -62_000_000_000_000_000);
    }
}
