//! `dbt_project.yml`

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// `dbt_project.yml`: where dbt's files are and how models are configured by folder.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "dbt's keys that have no effect here are known, not refused")]
pub(crate) struct DbtProject {
    /// Name of the project; the first part of `ref('project', 'model')`.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Version of the project. Has no effect.
    #[serde(default)]
    version: Value,
    /// Version of the file's format. Has no effect.
    #[serde(default)]
    config_version: Value,
    /// Versions of dbt that the project was written for. Has no effect.
    #[serde(default)]
    require_dbt_version: Value,
    /// Profile of dbt. Has no effect: environments are in `millstream.yml`.
    #[serde(default)]
    profile: Value,
    /// Folders of models. The default is `models`.
    #[serde(default)]
    pub(crate) model_paths: Option<Vec<String>>,
    /// Folders of macros. The default is `macros`.
    #[serde(default)]
    pub(crate) macro_paths: Option<Vec<String>>,
    /// Folders of tests. The default is `tests`.
    #[serde(default)]
    pub(crate) test_paths: Option<Vec<String>>,
    /// Folders of seeds. The default is `seeds`.
    #[serde(default)]
    pub(crate) seed_paths: Option<Vec<String>>,
    /// Folders of snapshots.
    #[serde(default)]
    snapshot_paths: Value,
    /// Folders of analyses. Has no effect.
    #[serde(default)]
    analysis_paths: Value,
    /// Folders of assets of dbt's documentation. Has no effect.
    #[serde(default)]
    asset_paths: Value,
    /// Folders of documentation. Has no effect.
    #[serde(default)]
    docs_paths: Value,
    /// Folder of dbt's results. Has no effect.
    #[serde(default)]
    target_path: Value,
    /// Folder of dbt's logs. Has no effect.
    #[serde(default)]
    log_path: Value,
    /// Folder of dbt's packages. The default is `dbt_packages`.
    #[serde(default)]
    pub(crate) packages_install_path: Option<String>,
    /// Folders that `dbt clean` removes. Has no effect.
    #[serde(default)]
    clean_targets: Value,
    /// Flags of dbt. Has no effect.
    #[serde(default)]
    flags: Value,
    /// Comment that dbt adds to queries. Has no effect.
    #[serde(default)]
    query_comment: Value,
    /// Quoting of names. Has no effect: names are always quoted.
    #[serde(default)]
    quoting: Value,
    /// Where macros of packages are looked up.
    #[serde(default)]
    pub(crate) dispatch: Vec<DispatchRule>,
    /// SQL to run before a run.
    #[serde(default)]
    pub(crate) on_run_start: Value,
    /// SQL to run after a run.
    #[serde(default)]
    pub(crate) on_run_end: Value,
    /// Configuration of models by project and folder: `{shop: {staging: {+materialized: view}}}`.
    #[serde(default)]
    models: Map<String, Value>,
    /// Configuration of seeds by project and folder, as of models.
    #[serde(default)]
    seeds: Value,
    /// Configuration of snapshots.
    #[serde(default)]
    snapshots: Value,
    /// Configuration of sources. Has no effect.
    #[serde(default)]
    sources: Value,
    /// Configuration of tests. Has no effect.
    #[serde(default)]
    tests: Value,
    /// Configuration of tests. Has no effect.
    #[serde(default)]
    data_tests: Value,
    /// Configuration of exposures. Has no effect.
    #[serde(default)]
    exposures: Value,
    /// Settings of dbt Cloud. Has no effect.
    #[serde(default, rename = "dbt-cloud")]
    dbt_cloud: Value,
    /// Whether other projects may read private models. Has no effect.
    #[serde(default)]
    restrict_access: Value,
    /// Folders of functions that models call.
    #[serde(default)]
    function_paths: Value,
    /// Configuration of semantic models. Has no effect.
    #[serde(default)]
    semantic_models: Value,
    /// Configuration of saved queries. Has no effect.
    #[serde(default)]
    saved_queries: Value,
    /// Configuration of metrics. Has no effect.
    #[serde(default)]
    metrics: Value,
    /// Configuration of unit tests. Has no effect.
    #[serde(default)]
    unit_tests: Value,
    /// Configuration of functions that models call.
    #[serde(default)]
    functions: Value,
    /// Where models of other projects are found. Has no effect.
    #[serde(default)]
    defer_env_id: Value,
    /// Variables for `var('name')`, also by project.
    #[serde(default)]
    pub(crate) vars: Map<String, Value>,
}

/// In which namespaces macros of one are looked up.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only the schema of it is used")]
pub(crate) struct DispatchRule {
    /// The namespace that macros ask for.
    pub(crate) macro_namespace: String,
    /// The namespaces, first one first.
    pub(crate) search_order: Vec<String>,
}
