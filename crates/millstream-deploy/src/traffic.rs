//! What was asked of a deployment since the process began, and how long the latest answers took.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The latest answers whose times are kept.
const TIMES_MAX: usize = 1024;

/// Counts of one deployment.
#[derive(Debug, Default)]
pub(crate) struct TrafficLog(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    requests: u64,
    failures: u64,
    rows: u64,
    /// In microseconds; the oldest is overwritten.
    times: Vec<u64>,
}

/// What was asked of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrafficSeen {
    /// Requests that were scored, or failed while they were.
    pub requests: u64,
    /// Those that failed.
    pub failures: u64,
    /// Rows that were scored.
    pub rows: u64,
    /// How long the latest took, in microseconds, the shortest first.
    pub times: Vec<u64>,
}

impl TrafficLog {
    /// Counts a request that was answered.
    pub(crate) fn answered(&self, rows: usize, micros: u64) {
        let mut log = self.lock();
        let place = usize::try_from(log.requests).unwrap_or(0) % TIMES_MAX;
        if place < log.times.len() {
            log.times[place] = micros;
        } else {
            log.times.push(micros);
        }
        log.requests += 1;
        log.rows += rows as u64;
    }

    /// Counts a request that failed.
    pub(crate) fn failed(&self) {
        let mut log = self.lock();
        log.requests += 1;
        log.failures += 1;
    }

    /// What there was so far.
    pub(crate) fn seen(&self) -> TrafficSeen {
        let log = self.lock();
        let mut times = log.times.clone();
        times.sort_unstable();
        let Log { requests, failures, rows, .. } = *log;
        TrafficSeen { requests, failures, rows, times }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrafficSeen {
    /// The time that this share of the latest answers did not exceed, in microseconds.
    pub fn percentile(&self, hundredths: usize) -> Option<u64> {
        let rank = (self.times.len() * hundredths).div_ceil(100);
        self.times.get(rank.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_times_are_kept_and_all_requests_counted() {
        let log = TrafficLog::default();
        for micros in 0..3000 {
            log.answered(2, micros);
        }
        log.failed();
        let seen = log.seen();
        assert_eq!((seen.requests, seen.failures, seen.rows), (3001, 1, 6000));
        assert_eq!(seen.times.len(), TIMES_MAX);
        assert_eq!(seen.percentile(100), Some(2999));
        assert_eq!(TrafficSeen::default().percentile(50), None);
    }
}
