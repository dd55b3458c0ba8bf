//! The only source of time. Tests fix it; nothing else in the product reads the system's clock.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

/// A moment in UTC, in microseconds since 1970, as tables store it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970-01-01T00:00:00Z.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Microseconds from `earlier` to this moment; negative if it is later.
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => moment.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

/// Tells the time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that tests set.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at this moment until a test moves it.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.as_micros())))
    }

    /// Microseconds since the machine began, which no change of its clock touches and all its
    /// processes agree on; `None` where the system does not tell.
    pub fn uptime_micros(&self) -> Option<i64> {
        match self {
            Self::Fixed(micros) => Some(micros.load(Ordering::Relaxed)),
            Self::System => boot_time_micros(),
        }
    }

    /// Now.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::Fixed(micros) => Timestamp(micros.load(Ordering::Relaxed)),
            Self::System => Timestamp(jiff::Timestamp::now().as_microsecond()),
        }
    }
}

/// What Linux tells in `/proc/uptime` (`proc_uptime(5)`). The file is opened once: it is read anew
/// each time from its beginning.
fn boot_time_micros() -> Option<i64> {
    static UPTIME: OnceLock<Option<File>> = OnceLock::new();
    let file = UPTIME.get_or_init(|| File::open("/proc/uptime").ok()).as_ref()?;
    let mut text = [0; 64];
    let size = file.read_at(&mut text, 0).ok()?;
    let seconds = std::str::from_utf8(&text[..size]).ok()?.split_whitespace().next()?;
    Some((seconds.parse::<f64>().ok()? * 1e6) as i64)
}
