//! Points at which the crash tests end the process as `kill -9` would.
//!
//! Without the feature `crash-points` a point is nothing at all. With it, a process whose
//! environment has `MILLSTREAM_CRASH_AT=NAME` or `NAME=N` ends at the first (or N-th) time it
//! reaches the point of that name. With `MILLSTREAM_STOP_AT` it stops there, as `kill -STOP` does,
//! until somebody lets it go on.

/// Ends or stops the process here if the tests asked for it.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::atomic::AtomicU64;
    static ENDS: AtomicU64 = AtomicU64::new(0);
    static STOPS: AtomicU64 = AtomicU64::new(0);
    if is_reached("MILLSTREAM_STOP_AT", name, &STOPS) {
        signal("-STOP");
    }
    if is_reached("MILLSTREAM_CRASH_AT", name, &ENDS) {
        signal("-9");
        std::process::abort();
    }
}

/// Whether this is the point, and the time, that a variable names.
#[cfg(feature = "crash-points")]
#[allow(clippy::disallowed_methods, reason = "crash tests steer the process by its environment")]
fn is_reached(variable: &str, name: &str, times: &std::sync::atomic::AtomicU64) -> bool {
    let Ok(wanted) = std::env::var(variable) else { return false };
    let (wanted, count) = match wanted.rsplit_once('=') {
        Some((name, count)) => (name.to_owned(), count.parse().unwrap_or(1)),
        None => (wanted, 1),
    };
    wanted == name && times.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == count
}

#[cfg(feature = "crash-points")]
fn signal(signal: &str) {
    let own = std::process::id().to_string();
    // Where there is no `kill` there are no crash tests.
    let _ = std::process::Command::new("kill").args([signal, &own]).status();
}

/// Nothing: the feature `crash-points` is off.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}
