//! Identifiers that sort by the time they were made (UUID version 7, RFC 9562).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::Timestamp;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id of this moment.
            #[allow(clippy::new_without_default, reason = "a default that differs each time misleads")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// When it was made, to the millisecond.
            pub fn made_at(&self) -> Timestamp {
                let millis = (self.0.as_u128() >> 80) as i64;
                Timestamp::from_micros(millis * 1000)
            }

            /// The last eight digits, for people.
            pub fn short(&self) -> String {
                let text = self.0.simple().to_string();
                text[24..].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id!(
    /// One execution of a selection of the asset graph.
    RunId
);
uuid_id!(
    /// One backfill.
    BackfillId
);
uuid_id!(
    /// One try of one step. Names the step's staging and, for a sync, its `_load_id`.
    AttemptId
);
uuid_id!(
    /// One event, as a real-time prediction.
    EventId
);
