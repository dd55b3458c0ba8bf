//! How a step is executed: what it shares with others, how urgent it is, when it is tried again.
//!
//! None of it decides what the step makes, so that none of it is part of its definition.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Fault, Retry};

/// The code of an attempt that took too long.
pub const TIMED_OUT: &str = "run.timed_out";

/// How a step is executed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Execution {
    /// What it must have of things that there are only so many of, all at once.
    pub shares: Vec<Share>,
    /// Among steps that wait, those of higher priority begin first.
    pub priority: i32,
    /// When a failed attempt is made again.
    pub retries: Retries,
}

/// Something of which attempts can only have so much at the same time, in all processes together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// A pool of slots.
    Pool(String),
    /// What one attempt has at a time.
    Mutex(String),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(name) => write!(f, "pool `{name}`"),
            Self::Mutex(name) => write!(f, "mutex `{name}`"),
        }
    }
}

/// What a step must have of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The resource.
    pub resource: Resource,
    /// How many slots of it.
    pub slots: u32,
    /// How many there are.
    pub limit: u32,
}

/// When a failed attempt is made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Retries {
    /// How often, after the first attempt.
    pub times: u32,
    /// The pause before the first of them; it doubles each time.
    pub backoff: Duration,
    /// The longest pause.
    pub backoff_max: Duration,
    /// After which errors.
    pub on: BTreeSet<ErrorClass>,
}

impl Default for Retries {
    fn default() -> Self {
        Self {
            times: 3,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_mins(1),
            on: [ErrorClass::External, ErrorClass::Timeout].into(),
        }
    }
}

impl Retries {
    /// No second attempt.
    pub fn none() -> Self {
        Self { times: 0, ..Self::default() }
    }

    /// The pause before the attempt that follows this one; none if there is none. Errors of the
    /// user are never tried again: the same input gives the same error.
    ///
    /// `jitter`, from 0 to 1, shortens the pause to between its half and its whole, so that what
    /// failed together does not come back together.
    pub fn next(&self, error: &Error, number: u32, jitter: f64) -> Option<Duration> {
        let class = ErrorClass::of(error)?;
        if number > self.times || !self.allows(class) {
            return None;
        }
        let factor = 2_u32.saturating_pow(number.saturating_sub(1));
        let pause = self.backoff.saturating_mul(factor).min(self.backoff_max);
        Some(pause.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0))
    }

    /// What went wrong with Millstream's own part, as a lost lease, is always tried again.
    fn allows(&self, class: ErrorClass) -> bool {
        class == ErrorClass::Internal || self.on.contains(&class)
    }
}

/// What kind of thing went wrong, of what may go well another time.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// A system outside Millstream did not do its part.
    External,
    /// The attempt took longer than its time-out.
    Timeout,
    /// Millstream itself was interrupted.
    #[serde(skip)]
    Internal,
}

impl ErrorClass {
    /// The class of an error; none if trying again cannot help.
    pub fn of(error: &Error) -> Option<Self> {
        match (error.retry(), error.fault()) {
            (Retry::Never, _) | (_, Fault::User) => None,
            _ if error.code() == TIMED_OUT => Some(Self::Timeout),
            (Retry::Backoff, Fault::External) => Some(Self::External),
            (Retry::Backoff, Fault::Internal) => Some(Self::Internal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Plain;

    fn timed_out() -> Error {
        Plain::external(TIMED_OUT, "too long").into()
    }

    fn unreachable() -> Error {
        Plain::external("sync.unreachable", "no answer").into()
    }

    #[test]
    fn errors_of_the_user_are_never_tried_again() {
        let again = Plain { retry: Retry::Backoff, ..Plain::user("model.sql", "no such column") };
        assert_eq!(Retries::default().next(&again.into(), 1, 1.0), None);
    }

    #[test]
    fn only_the_classes_that_were_named_are_tried_again() {
        let retries = Retries { on: [ErrorClass::Timeout].into(), ..Retries::default() };
        assert!(retries.next(&timed_out(), 1, 1.0).is_some());
        assert_eq!(retries.next(&unreachable(), 1, 1.0), None);
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end_after_so_many() {
        let retries = Retries {
            times: 4,
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(3),
            ..Retries::default()
        };
        let pauses: Vec<_> = (1..=5).map(|n| retries.next(&unreachable(), n, 1.0)).collect();
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(pauses, [seconds(1), seconds(2), seconds(3), seconds(3), None]);
    }

    #[test]
    fn no_number_of_attempts_makes_a_pause_leave_its_bounds() {
        let retries = Retries { times: u32::MAX, ..Retries::default() };
        for number in [1, 2, 31, 32, 33, 1000, u32::MAX] {
            for jitter in [-1.0, 0.0, 0.3, 1.0, 7.0] {
                let pause =
                    retries.next(&unreachable(), number, jitter).expect("it is tried again");
                assert!(pause >= retries.backoff / 2 && pause <= retries.backoff_max);
            }
        }
    }
}
