//! `execution:` of everything that declares a step.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::execution::ErrorClass;

/// How a step is executed. None of it changes what the step makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecutionSpec {
    /// Pool of `millstream.yml` whose slots the step takes while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Slots of the pool that it takes. The default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub slots: Option<u32>,
    /// Steps that name the same mutex never run at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutex: Option<String>,
    /// Among steps that wait, those of higher priority begin first. The default is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The longest that one attempt may take, as `30m`. The default is `6h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<String>,
    /// When a failed attempt is made again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<RetriesSpec>,
}

/// When a failed attempt is made again. What is wrong with the project or its data is never tried
/// again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetriesSpec {
    /// How often. The default is 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub times: Option<u32>,
    /// The pause before the first, as `10s`; it doubles each time. Half a second when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<String>,
    /// The longest pause. The default is `1m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_backoff: Option<String>,
    /// After which errors: `external`, `timeout`. Both when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Vec<ErrorClass>>,
}

impl ExecutionSpec {
    /// This, and of the other what this does not say.
    #[must_use]
    pub fn or(self, other: &Self) -> Self {
        let other = other.clone();
        Self {
            // The slots are those of the pool that is named beside them.
            slots: if self.pool.is_some() { self.slots } else { self.slots.or(other.slots) },
            pool: self.pool.or(other.pool),
            mutex: self.mutex.or(other.mutex),
            priority: self.priority.or(other.priority),
            timeout: self.timeout.or(other.timeout),
            retries: match (self.retries, other.retries) {
                (Some(own), Some(other)) => Some(own.or(other)),
                (own, other) => own.or(other),
            },
        }
    }
}

impl RetriesSpec {
    fn or(self, other: Self) -> Self {
        Self {
            times: self.times.or(other.times),
            backoff: self.backoff.or(other.backoff),
            max_backoff: self.max_backoff.or(other.max_backoff),
            on: self.on.or(other.on),
        }
    }
}
