//! A line of a log, as it stands in the file.

use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::log::{Level, Origin, Said};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A line of the log of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When it was said.
    #[serde(with = "rfc3339")]
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The asset after which the step is named.
    pub asset: AssetKey,
    /// The number of the attempt in the step; 0 of a step that was not attempted.
    pub attempt: u32,
    /// Who said it.
    pub from: Origin,
    /// The line.
    pub text: String,
    /// The numbers and names in it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
}

impl LogEntry {
    /// A line of an attempt.
    pub(super) fn of(at: Timestamp, asset: &AssetKey, attempt: u32, said: Said) -> Self {
        let Said { level, from, text, fields } = said;
        Self { at, level, asset: asset.clone(), attempt, from, text, fields }
    }
}

/// Moments as people read them.
mod rfc3339 {
    use millstream_core::clock::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let moment: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Timestamp::from_micros(moment.as_microsecond()))
    }
}
