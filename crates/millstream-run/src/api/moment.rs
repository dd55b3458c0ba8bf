//! How moments are written: RFC 3339 in UTC with milliseconds.

use std::borrow::Cow;

use millstream_core::clock::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A moment, as `2026-11-21T22:30:24.123Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_microsecond(self.0.as_micros()) {
            Ok(moment) => serializer.collect_str(&format_args!("{moment:.3}")),
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

impl JsonSchema for Moment {
    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "examples": ["2026-11-21T22:30:24.123Z"],
        })
    }
}

/// Milliseconds between two moments; none if the later one is earlier.
pub(super) fn millis_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.micros_since(from) / 1000).unwrap_or(0)
}

/// Reads a moment of a request.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp::from_micros(moment.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_milliseconds_and_no_more() {
        for (micros, text) in
            [(0, "1970-01-01T00:00:00.000Z"), (1_234_567, "1970-01-01T00:00:01.234Z")]
        {
            let moment = Moment(Timestamp::from_micros(micros));
            assert_eq!(serde_json::to_value(moment).unwrap(), text);
            let read = parse(text).map(Timestamp::as_millis);
            assert_eq!(read, Some(micros / 1000));
        }
        assert_eq!(parse("yesterday"), None);
    }
}
