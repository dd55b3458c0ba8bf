//! The last effect of every application in a topic, and the snapshot that spares reading the
//! whole log for it.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use millstream_core::ContentHash;
use millstream_core::effect::EffectId;
use serde::{Deserialize, Serialize};

use super::files;

/// What is kept of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LastEffect {
    pub(super) sequence: u64,
    /// The end offset after the effect.
    pub(super) end: u64,
    /// Records that the application wrote in all, modulo 2^31: the base sequence of its next
    /// batch, as Kafka's producers count.
    pub(super) next_base_sequence: i32,
}

/// The last effects by application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Effects(BTreeMap<String, LastEffect>);

impl Effects {
    pub(super) fn last(&self, application: &str) -> Option<LastEffect> {
        self.0.get(application).copied()
    }

    /// Notes an effect of so many records that ends at an offset.
    pub(super) fn note(&mut self, effect: &EffectId, end: u64, records: u64) {
        let before = self.last(&effect.application).map_or(0, |last| last.next_base_sequence);
        let next_base_sequence = advance(before, records);
        let last = LastEffect { sequence: effect.sequence, end, next_base_sequence };
        self.0.insert(effect.application.clone(), last);
    }
}

/// A base sequence after so many records; it wraps as Kafka's does.
pub(super) fn advance(base_sequence: i32, records: u64) -> i32 {
    ((base_sequence as u64 + records) & i32::MAX as u64) as i32
}

/// How far the log was durable and verified, and the effects up to there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// Base offset of the segment.
    pub(super) segment: u64,
    /// Bytes of the segment that are verified.
    pub(super) position: u64,
    /// Offset after the last verified record.
    pub(super) end: u64,
    /// Effects up to there.
    pub(super) effects: Effects,
}

impl Snapshot {
    /// The snapshot of a folder, unless it is missing or harmed: it only saves time.
    pub(super) fn load(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(files::snapshot_path(folder)).ok()?;
        let (hash, body) = text.split_once('\n')?;
        let intact = ContentHash::of(body.as_bytes()).to_string() == hash;
        if intact { serde_json::from_str(body).ok() } else { None }
    }

    /// Takes the place of the last snapshot.
    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let body = serde_json::to_string(self)?;
        let text = format!("{}\n{body}", ContentHash::of(body.as_bytes()));
        files::write_whole(&files::snapshot_path(folder), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmed_snapshot_is_no_snapshot() {
        let folder = tempfile::tempdir().unwrap();
        let mut effects = Effects::default();
        let effect = EffectId { application: "a".to_owned(), sequence: 3 };
        effects.note(&effect, 10, 10);
        let snapshot = Snapshot { segment: 0, position: 99, end: 10, effects };
        snapshot.save(folder.path()).unwrap();
        assert_eq!(Snapshot::load(folder.path()), Some(snapshot));
        let path = files::snapshot_path(folder.path());
        let harmed = fs::read_to_string(&path).unwrap().replace("99", "98");
        fs::write(&path, harmed).unwrap();
        assert_eq!(Snapshot::load(folder.path()), None);
    }

    #[test]
    fn a_base_sequence_wraps_as_kafkas_does() {
        assert_eq!(advance(i32::MAX, 1), 0);
        assert_eq!(advance(i32::MAX - 1, 5), 3);
        assert_eq!(advance(7, 3), 10);
    }
}
