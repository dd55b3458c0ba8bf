//! The one key that each of our own YAML files has.

use millstream_core::spec::{CommandSpec, DeploymentSpec, FunctionSpec, SourceSpec, TrainingSpec};
use schemars::JsonSchema;
use serde::Deserialize;

/// `sources/*.yml`: where records come from and how each stream is synced.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct SourcesFile {
    /// Sources.
    sources: Vec<SourceSpec>,
}

/// `training/*.yml`: what is learned from what, by which trainer, and the gate before promotion.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct TrainingsFile {
    /// Trainings.
    trainings: Vec<TrainingSpec>,
}

/// `steps/*.yml`: what runs as a process of its own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct StepsFile {
    /// Steps.
    steps: Vec<CommandSpec>,
}

/// `deployments/*.yml`: what is served, how, and where its predictions are recorded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct DeploymentsFile {
    /// Deployments.
    deployments: Vec<DeploymentSpec>,
}

/// `functions/*.yml`: what handles an event.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "its items are read one by one; the whole is only the schema")]
pub(crate) struct FunctionsFile {
    /// Functions.
    functions: Vec<FunctionSpec>,
}
