//! Until when an attempt binds others, by two clocks.
//!
//! The clock of a machine may be set an hour forward or back while processes work. What has passed
//! since the machine began cannot, and all processes of the machine agree on it: it decides about
//! leases of this machine. Of others only the clock is known.

use std::time::Duration;

use millstream_core::clock::{Clock, Timestamp};

use crate::holder::Holder;

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// By the clock.
    pub(crate) now: Timestamp,
    /// Microseconds since the machine began; `None` where that is not known.
    pub(crate) uptime: Option<i64>,
}

/// The end of a lease, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeaseEnd {
    pub(crate) until: Timestamp,
    pub(crate) uptime: Option<i64>,
}

impl Moment {
    pub(crate) fn of(clock: &Clock) -> Self {
        Self { now: clock.now(), uptime: clock.uptime_micros() }
    }

    /// The end of a lease that begins now.
    pub(crate) fn after(self, lease: Duration) -> LeaseEnd {
        let micros = i64::try_from(lease.as_micros()).unwrap_or(i64::MAX);
        LeaseEnd {
            until: Timestamp::from_micros(self.now.as_micros().saturating_add(micros)),
            uptime: self.uptime.map(|uptime| uptime.saturating_add(micros)),
        }
    }
}

impl LeaseEnd {
    /// An end of which only the clock is known.
    pub(crate) fn by_clock(until: Timestamp) -> Self {
        Self { until, uptime: None }
    }

    /// Whether it has come for whoever holds the lease.
    pub(crate) fn has_come(self, holder: &Holder, at: Moment) -> bool {
        match (self.uptime, at.uptime) {
            (Some(end), Some(now)) if holder.is_of_this_start() => end <= now,
            _ => self.until <= at.now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(now: i64, uptime: i64) -> Moment {
        Moment { now: Timestamp::from_micros(now), uptime: Some(uptime) }
    }

    #[test]
    fn a_clock_that_is_set_ends_no_lease_of_this_machine() {
        let end = moment(1_000, 50).after(Duration::from_micros(15));
        let own = Holder::current("test");
        for now in [0, 1_000, 1_000_000] {
            assert!(!end.has_come(&own, moment(now, 64)), "at {now}");
            assert!(end.has_come(&own, moment(now, 65)), "at {now}");
        }
    }

    #[test]
    fn of_another_machine_only_the_clock_is_known() {
        let end = moment(1_000, 50).after(Duration::from_micros(15));
        let other = Holder { started: "other-start ns 1".to_owned(), ..Holder::current("test") };
        assert!(!end.has_come(&other, moment(1_014, 1_000)));
        assert!(end.has_come(&other, moment(1_015, 51)));
        let own = Holder::current("test");
        assert!(LeaseEnd::by_clock(end.until).has_come(&own, moment(1_015, 51)));
    }
}
