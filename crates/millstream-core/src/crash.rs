//! Points at which the crash tests end the process as `kill -9` would.
//!
//! Without the feature `crash-points` a point is nothing at all. With it, a process whose
//! environment has `MILLSTREAM_CRASH_AT=NAME` or `NAME=N` ends at the first (or N-th) time it
//! reaches the point of that name.

/// Ends the process here if the tests asked for it.
#[cfg(feature = "crash-points")]
#[allow(clippy::disallowed_methods, reason = "crash tests steer the process by its environment")]
pub fn point(name: &str) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static REACHED: AtomicU64 = AtomicU64::new(0);
    let Ok(wanted) = std::env::var("MILLSTREAM_CRASH_AT") else { return };
    let (wanted, count) = match wanted.rsplit_once('=') {
        Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
        None => (wanted, 1),
    };
    if wanted == name && REACHED.fetch_add(1, Ordering::SeqCst) + 1 == count {
        let _ = std::process::Command::new("kill")
            .args(["-9", &std::process::id().to_string()])
            .status();
        std::process::abort();
    }
}

/// Nothing: the feature `crash-points` is off.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}
