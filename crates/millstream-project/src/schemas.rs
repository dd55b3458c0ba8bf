//! JSON Schemas of all file kinds, for editors.

use schemars::{JsonSchema, schema_for};
use serde_json::Value;

use crate::spec::lists::{DeploymentsFile, FunctionsFile, SourcesFile, TrainingsFile};
use crate::spec::properties::PropertiesFile;
use crate::spec::{DbtProject, Manifest};

/// One schema for each kind of file, by the name under which it is written: `millstream` for
/// `millstream.yml`, `sources` for `sources/*.yml`, and so on. Settings of connectors and trainers
/// are open in them.
pub fn json_schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("millstream", schema::<Manifest>()),
        ("sources", schema::<SourcesFile>()),
        ("training", schema::<TrainingsFile>()),
        ("deployments", schema::<DeploymentsFile>()),
        ("functions", schema::<FunctionsFile>()),
        ("dbt_project", schema::<DbtProject>()),
        ("properties", schema::<PropertiesFile>()),
    ]
}

fn schema<T: JsonSchema>() -> Value {
    schema_for!(T).to_value()
}
