//! What is remembered of a schedule, and what is known of the world.

use std::collections::BTreeMap;

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_project::schedule::{Condition, TriggerKey};
use serde::{Deserialize, Serialize};

/// How far the clock may go back and still fire nothing twice, in microseconds: a day. Beyond that it
/// was wrong before.
const AHEAD_MICROS_MAX: i64 = 24 * 3600 * 1_000_000;

/// Up to where the triggers of a schedule are handled. Positions of a trigger only grow: a time is
/// its microseconds, an asset its version, a topic its next offset, a request or a file the number
/// of its record in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ScheduleState {
    handled: BTreeMap<TriggerKey, i64>,
}

impl ScheduleState {
    /// The position up to which a trigger is handled; `None` before it was first seen.
    pub fn handled(&self, key: &TriggerKey) -> Option<i64> {
        self.handled.get(key).copied()
    }

    /// Notes that a trigger is handled up to a position. It never goes back.
    pub(super) fn handle(&mut self, key: TriggerKey, position: i64) {
        let handled = self.handled.entry(key).or_insert(position);
        *handled = position.max(*handled);
    }

    /// Begins with triggers that were not there before: what has already happened does not count
    /// for them, and triggers that are gone are forgotten. A clock that was days ahead and is right
    /// again does not silence times until then.
    pub(crate) fn adopt(&mut self, condition: &Condition, observed: &Observed<'_>) {
        let leaves = condition.leaves();
        for leaf in &leaves {
            let begin = match leaf {
                Condition::Time(_) => observed.now.as_micros(),
                // Whether one asset is newer than another is true or not, whenever it became so.
                Condition::NewerThan { .. } => 0,
                leaf => observed.position(leaf).unwrap_or(0),
            };
            let handled = self.handled.entry(leaf.key()).or_insert(begin);
            let is_ahead = handled.saturating_sub(begin) > AHEAD_MICROS_MAX;
            if is_ahead && matches!(leaf, Condition::Time(_)) {
                *handled = begin;
            }
        }
        let keys: Vec<TriggerKey> = leaves.iter().map(|leaf| leaf.key()).collect();
        self.handled.retain(|key, _| keys.contains(key));
    }
}

/// The newest that happened for a trigger from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its position.
    pub position: i64,
    /// When.
    pub at: Timestamp,
    /// What, for people: the name of a file, the sender of a request.
    pub what: String,
}

/// The current version of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionAt {
    /// Its number, from 1.
    pub version: u64,
    /// When it was published.
    pub at: Timestamp,
}

/// What is known of the world.
#[derive(Debug, Clone, Copy)]
pub struct Observed<'a> {
    /// Now.
    pub now: Timestamp,
    /// The newest request, file or message of each trigger.
    pub seen: &'a BTreeMap<TriggerKey, Seen>,
    /// The current versions of assets.
    pub versions: &'a BTreeMap<AssetKey, VersionAt>,
}

impl Observed<'_> {
    /// The position of the newest that happened for a trigger that is no time.
    pub(super) fn position(&self, leaf: &Condition) -> Option<i64> {
        match leaf {
            Condition::Asset(asset) | Condition::NewerThan { asset, .. } => {
                self.versions.get(asset).map(|version| version.version as i64)
            }
            leaf => self.seen.get(&leaf.key()).map(|seen| seen.position),
        }
    }
}
