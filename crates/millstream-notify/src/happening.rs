//! What happened, as far as people may want to know.

use std::collections::BTreeSet;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::id::RunId;
use millstream_project::notification::Event;

use crate::incident::{Cause, Trouble};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// A step did not succeed, and is not tried again.
    StepFailed {
        /// Its asset.
        asset: AssetKey,
        /// `StepFailed` or `CheckFailed`.
        event: Event,
        /// Whether its run has ended.
        run_is_over: bool,
        at: Timestamp,
        run: RunId,
        what: Trouble,
    },
    /// A step succeeded, or had nothing to do.
    StepSucceeded { asset: AssetKey },
    /// What the checks and the gate of a new version found.
    Judged { asset: AssetKey, at: Timestamp, run: RunId, doubts: Vec<Doubt> },
    /// A run did not succeed, for no reason of a step.
    RunFailed { origin: String, at: Timestamp, run: RunId, what: Trouble },
    /// A run succeeded.
    RunSucceeded { origin: String },
    /// These assets are too old now, and no others.
    LateNow(Vec<LateAsset>),
    /// A schedule left out runs.
    Skipped { schedule: String, at: Timestamp, mark: String, reason: String },
    /// A schedule did what it was to do.
    Fired { schedule: String },
    /// Somebody is asked.
    Asked { cause: Cause, event: Event, at: Timestamp, mark: String, what: Trouble },
    /// Nobody is asked that any more.
    Answered { cause: Cause, how: String },
}

/// Something that a new version was published with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// A check of severity `warn` found something.
    Check { name: String, what: Trouble },
    /// The gate was not passed.
    Gate { what: Trouble },
}

/// An asset that is older than its `fresh_within`, and not because another one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateAsset {
    /// The asset.
    pub asset: AssetKey,
    /// Until when it was fresh enough.
    pub fresh_until: Timestamp,
    /// What is late because it is.
    pub behind: BTreeSet<AssetKey>,
}
