//! What every artifact says of the command that wrote it.

use std::collections::BTreeMap;
use std::fmt;

use millstream_core::clock::Timestamp;
use serde::de::Error as _;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind of artifact, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Artifact {
    Manifest,
    RunResults,
    Sources,
    Catalog,
}

impl Artifact {
    /// The address of its schema.
    pub fn schema(self) -> &'static str {
        match self {
            Self::Manifest => "https://schemas.getdbt.com/dbt/manifest/v12.json",
            Self::RunResults => "https://schemas.getdbt.com/dbt/run-results/v6.json",
            Self::Sources => "https://schemas.getdbt.com/dbt/sources/v3.json",
            Self::Catalog => "https://schemas.getdbt.com/dbt/catalog/v1.json",
        }
    }
}

/// The command that writes an artifact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// When it is written.
    pub generated_at: Moment,
    /// The command's id.
    pub invocation_id: String,
    /// When the command began.
    pub invocation_started_at: Moment,
    /// What the environment says in variables that begin with `DBT_ENV_CUSTOM_ENV_`.
    pub env: BTreeMap<String, String>,
}

impl Metadata {
    /// The variables that artifacts repeat, without what they begin with.
    pub fn env_of(variables: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
        let named = |(name, value): (String, String)| {
            Some((name.strip_prefix("DBT_ENV_CUSTOM_ENV_")?.to_owned(), value))
        };
        variables.filter_map(named).collect()
    }

    pub(super) fn entries<M: SerializeMap>(
        &self,
        map: &mut M,
        artifact: Artifact,
    ) -> Result<(), M::Error> {
        map.serialize_entry("dbt_schema_version", artifact.schema())?;
        map.serialize_entry("dbt_version", crate::DBT_VERSION)?;
        map.serialize_entry("generated_at", &self.generated_at)?;
        map.serialize_entry("invocation_id", &self.invocation_id)?;
        map.serialize_entry("invocation_started_at", &self.invocation_started_at)?;
        map.serialize_entry("env", &self.env)
    }
}

/// The metadata of an artifact that adds nothing to it.
pub(super) struct Plain<'a>(pub(super) &'a Metadata, pub(super) Artifact);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.0.entries(&mut map, self.1)?;
        map.end()
    }
}

/// A moment, as artifacts write it: `2026-11-21T08:28:49.768047Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Default for Moment {
    fn default() -> Self {
        Self(Timestamp::from_micros(0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0.as_micros()) {
            Ok(moment) => write!(f, "{moment:.6}"),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let zoned = text.parse::<jiff::Timestamp>();
        // Older releases of dbt leave the zone out and mean UTC.
        let moment = zoned.or_else(|_| format!("{text}Z").parse::<jiff::Timestamp>());
        let moment = moment.map_err(|_| D::Error::custom(format!("`{text}` is no moment")))?;
        Ok(Self(Timestamp::from_micros(moment.as_microsecond())))
    }
}
