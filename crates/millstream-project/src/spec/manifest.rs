//! `millstream.yml`

use std::collections::BTreeMap;
use std::path::PathBuf;

use millstream_core::spec::{ExecutionSpec, VariableSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// `millstream.yml`: the project's name and its environments.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// Name of the project: letters, digits and `_`.
    pub(crate) name: String,
    /// What the project is for, for people.
    #[serde(default)]
    #[expect(dead_code, reason = "for people who read the file")]
    pub(crate) description: Option<String>,
    /// Environments by name. `dev` is always there and embedded; others name real back ends.
    #[serde(default)]
    pub(crate) environments: BTreeMap<String, EnvironmentSpec>,
    /// Where people reach the server, as `https://data.example.com`: notifications link there.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// Where traces of runs go: a collector that takes OTLP/HTTP.
    #[serde(default)]
    pub(crate) traces: Option<TracesSpec>,
    /// Variables for `var('name')`.
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
    /// Slots of pools by name: what steps take while they run, in all processes together.
    #[serde(default)]
    pub(crate) pools: BTreeMap<String, u32>,
    /// How steps are executed that do not say otherwise.
    #[serde(default)]
    pub(crate) execution: ExecutionSpec,
    /// The longest that a run may take, as `12h`; it is stopped then. No limit when left out.
    #[serde(default)]
    pub(crate) run_timeout: Option<String>,
}

impl Manifest {
    /// A manifest that says nothing but a name.
    pub(crate) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            environments: BTreeMap::new(),
            url: None,
            traces: None,
            vars: Map::new(),
            pools: BTreeMap::new(),
            execution: ExecutionSpec::default(),
            run_timeout: None,
        }
    }
}

/// Where traces of runs go.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TracesSpec {
    /// Address of the collector, as `https://otel.example.com`; `/v1/traces` comes behind it.
    pub(crate) endpoint: String,
    /// Headers of requests: texts, or `{env: NAME}` and `{file: PATH}`.
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, VariableSpec>,
}

/// An environment: where a project runs and keeps what it makes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentSpec {
    /// URL of the lake's root, as `s3://bucket/path`. A folder of the project when left out.
    #[serde(default)]
    pub(crate) lake: Option<String>,
    /// The operational database. A SQLite file of the project when left out.
    #[serde(default)]
    pub(crate) operational: Option<OperationalSpec>,
    /// Where people reach its server, if that is not said of the project.
    #[serde(default)]
    pub(crate) url: Option<String>,
    /// Steps that run at the same time. The number of processors when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) threads: Option<usize>,
    /// Memory that queries may use before they spill to disk, as `2GiB`.
    #[serde(default)]
    pub(crate) memory_limit: Option<String>,
    /// Slots of pools that stand above those of the project.
    #[serde(default)]
    pub(crate) pools: BTreeMap<String, u32>,
    /// Variables that stand above those of the project.
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
    /// By which files it runs, and who has to agree to them.
    #[serde(default)]
    pub(crate) releases: ReleasesSpec,
}

/// Releases of an environment: what `millstream deploy` makes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleasesSpec {
    /// Whether nothing runs before there is a release. So it is where approvals are asked for.
    #[serde(default)]
    pub(crate) required: bool,
    /// How many others than whoever proposes a release have to agree to it.
    #[serde(default)]
    #[schemars(range(max = 100))]
    pub(crate) approvals: u32,
    /// Files and folders of the project that no release has, as `notebooks`.
    #[serde(default)]
    pub(crate) exclude: Vec<PathBuf>,
    /// How many releases that were current once are kept to go back to. 20 when left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) keep: Option<u32>,
}

/// The operational database: a PostgreSQL URL, or the path of a SQLite file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OperationalSpec {
    /// Where the PostgreSQL URL is found: `{env: NAME}` or `{file: PATH}`.
    #[serde(default)]
    pub(crate) url: Option<SecretSpec>,
    /// Path of a SQLite file, relative to the project.
    #[serde(default)]
    pub(crate) path: Option<PathBuf>,
}

/// Where a secret is found.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretSpec {
    /// An environment variable.
    #[serde(default)]
    pub(crate) env: Option<String>,
    /// A file whose trimmed content is the secret.
    #[serde(default)]
    pub(crate) file: Option<PathBuf>,
}
