//! `sources.json`: how fresh sources are.

use std::collections::HashMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::meta::{Artifact, Metadata, Moment, Plain};
use super::results::{Status, Timing};
use crate::manifest::UniqueId;

/// What `source freshness` found.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FreshnessResults {
    /// The command.
    pub metadata: Metadata,
    /// The sources.
    pub results: Vec<FreshnessResult>,
    /// Seconds that it took.
    pub elapsed_time: f64,
}

/// How fresh a source is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct FreshnessResult {
    /// The source.
    pub unique_id: UniqueId,
    /// `pass`, `warn`, `error`, or `runtime error` if it could not be asked.
    pub status: Status,
    /// Why it could not be asked.
    pub error: Option<Value>,
    /// When its last row came.
    pub max_loaded_at: Option<Moment>,
    /// When it was asked.
    pub snapshotted_at: Option<Moment>,
    /// Seconds between both.
    pub max_loaded_at_time_ago_in_s: f64,
    /// How old it may be: `warn_after`, `error_after`, `filter`.
    pub criteria: Value,
    /// What the warehouse said.
    pub adapter_response: Map<String, Value>,
    /// Its steps.
    pub timing: Vec<Timing>,
    /// The thread that asked.
    pub thread_id: String,
    /// Seconds that it took.
    pub execution_time: f64,
}

impl FreshnessResults {
    /// From the text of a `sources.json`.
    pub fn read(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json)
    }

    /// The sources that have newer rows than they had.
    pub fn fresher_than<'r>(&'r self, previous: &Self) -> impl Iterator<Item = &'r str> {
        let before: HashMap<&str, Option<Moment>> = previous
            .results
            .iter()
            .map(|result| (result.unique_id.as_str(), result.max_loaded_at))
            .collect();
        let fresher = self.results.iter().filter(move |result| {
            match (result.max_loaded_at, before.get(result.unique_id.as_str())) {
                (Some(now), Some(Some(before))) => now > *before,
                (Some(_), None) => true,
                _ => false,
            }
        });
        fresher.map(|result| result.unique_id.as_str()).collect::<Vec<_>>().into_iter()
    }
}

impl Serialize for FreshnessResults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("metadata", &Plain(&self.metadata, Artifact::Sources))?;
        map.serialize_entry("results", &self.results)?;
        map.serialize_entry("elapsed_time", &self.elapsed_time)?;
        map.end()
    }
}

/// As Python's `isoformat` writes a moment of UTC: `2026-11-21T08:30:00+00:00`.
fn iso(moment: Moment) -> String {
    let micros = moment.0.as_micros();
    let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_default();
    let fraction = match micros.rem_euclid(1_000_000) {
        0 => String::new(),
        micros => format!(".{micros:06}"),
    };
    format!("{}{fraction}+00:00", at.strftime("%Y-%m-%dT%H:%M:%S"))
}

impl Serialize for FreshnessResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("unique_id", &self.unique_id)?;
        if self.status == Status::RuntimeError {
            map.serialize_entry("error", &self.error)?;
            map.serialize_entry("status", &self.status)?;
            return map.end();
        }
        map.serialize_entry("max_loaded_at", &self.max_loaded_at.map(iso))?;
        map.serialize_entry("snapshotted_at", &self.snapshotted_at.map(iso))?;
        map.serialize_entry("max_loaded_at_time_ago_in_s", &self.max_loaded_at_time_ago_in_s)?;
        map.serialize_entry("status", &self.status)?;
        map.serialize_entry("criteria", &self.criteria)?;
        map.serialize_entry("adapter_response", &self.adapter_response)?;
        map.serialize_entry("timing", &self.timing)?;
        map.serialize_entry("thread_id", &self.thread_id)?;
        map.serialize_entry("execution_time", &self.execution_time)?;
        map.end()
    }
}
