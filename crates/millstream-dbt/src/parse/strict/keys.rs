//! What dbt 2 knows: the keys of every map of a project's files.

/// What may stand in a map.
#[derive(Debug)]
pub(super) struct Shape {
    /// Keys whose values may be anything, with blanks between them.
    pub(super) keys: &'static [&'static str],
    /// Keys whose values have a shape, too.
    pub(super) inner: &'static [(&'static str, Inner)],
}

/// What stands behind a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Inner {
    /// One map.
    Map(&'static Shape),
    /// A list of maps.
    List(&'static Shape),
    /// A list of generic tests.
    Tests,
}

impl Shape {
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + Clone {
        let plain = self.keys.iter().flat_map(|words| words.split_whitespace());
        plain.chain(self.inner.iter().map(|(key, _)| *key))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.names().any(|known| known == key)
    }

    pub(super) fn inner(&self, key: &str) -> Option<Inner> {
        self.inner.iter().find(|(known, _)| *known == key).map(|(_, inner)| *inner)
    }
}

const fn flat(keys: &'static [&'static str]) -> Shape {
    Shape { keys, inner: &[] }
}

/// Settings of warehouses, which every node may have.
const WAREHOUSES: &str = "adapter_properties as_columnstore auto_liquid_cluster auto_refresh \
     automatic_clustering backup base_location_root base_location_subpath batch_id bind \
     buckets catalog catalog_name category change_tracking cluster_by clustered_by \
     compression compute copy_grants copy_tags data_retention_time_in_days \
     databricks_compute databricks_tags dataproc_cluster_name dist enable_list_inference \
     enable_refresh external_volume file_format grant_access_to hours_to_expiration \
     iceberg_version immutable_where include_full_name_in_path \
     incremental_apply_config_changes indexes initialize intermediate_format jar_file_uri \
     job_execution_timeout_seconds kms_key_name labels labels_from_meta \
     liquid_clustered_by location_root matched_condition max_data_extension_time_in_days \
     max_staleness merge_with_schema_evolution not_matched_by_source_action \
     not_matched_by_source_condition not_matched_condition notebook_template_id \
     partition_by partition_expiration_days partitions primary_key query_tag \
     refresh_interval_minutes refresh_mode refresh_warehouse require_partition_filter \
     reservation resource_tags row_access_policy schedule scheduler secure \
     skip_matched_step skip_not_matched_step snowflake_initialization_warehouse \
     snowflake_warehouse sort sort_type source_alias storage_serialization_policy \
     storage_uri table_tag table_type target_alias target_file_size target_lag \
     tblproperties timeout tmp_relation_type transient use_safer_relation_operations \
     use_uniform view_update_via_alter";
/// Settings of all resources.
const COMMON: &str = "enabled meta tags static_analysis description";
/// Settings of what becomes a relation.
const RELATION: &str = "alias database schema group docs grants quoting event_time full_refresh materialized \
     persist_docs pre_hook post_hook pre-hook post-hook";
const OF_MODEL: &str = "access additional_libs batch_size begin classifiers cluster_id column_types \
     concurrent_batches contract create_notebook external_access_integrations freshness \
     http_path imports incremental_predicates incremental_strategy index_url \
     job_cluster_config latest_version_pointer location lookback merge_exclude_columns \
     merge_update_columns on_configuration_change on_error on_schema_change packages \
     predicates python_job_config python_version secrets sql_header state \
     submission_method sync table_format unique_key use_anonymous_sproc \
     user_folder_for_python";
const OF_SNAPSHOT: &str = "check_cols dbt_valid_to_current hard_deletes invalidate_hard_deletes quote_columns \
     snapshot_meta_column_names strategy sync target_database target_schema unique_key \
     updated_at";
const OF_TEST: &str = "alias database schema group quoting full_refresh materialized error_if fail_calc \
     limit severity sql_header store_failures store_failures_as warn_if where";
const OF_SOURCE: &str = "event_time external_location formatter freshness loaded_at_field loaded_at_query \
     quoting schema_origin sync";

pub(super) const MODEL_CONFIG: Shape = flat(&[COMMON, RELATION, OF_MODEL, WAREHOUSES]);
pub(super) const SEED_CONFIG: Shape =
    flat(&[COMMON, RELATION, "column_types delimiter quote_columns", WAREHOUSES]);
pub(super) const SNAPSHOT_CONFIG: Shape = flat(&[COMMON, RELATION, OF_SNAPSHOT, WAREHOUSES]);
pub(super) const TEST_CONFIG: Shape = flat(&[COMMON, OF_TEST, WAREHOUSES]);
pub(super) const SOURCE_CONFIG: Shape = flat(&[COMMON, OF_SOURCE, WAREHOUSES]);
pub(super) const UNIT_TEST_CONFIG: Shape = flat(&[COMMON, WAREHOUSES]);
pub(super) const ANALYSIS_CONFIG: Shape = flat(&[COMMON, "docs group"]);
pub(super) const EXPOSURE_CONFIG: Shape = flat(&["enabled meta tags"]);
pub(super) const METRIC_CONFIG: Shape = flat(&["enabled group meta tags"]);
pub(super) const SAVED_QUERY_CONFIG: Shape =
    flat(&["cache enabled export_as group meta schema tags"]);
pub(super) const FUNCTION_CONFIG: Shape = flat(&[
    COMMON,
    RELATION,
    "access entry_point on_configuration_change packages runtime_version \
             snowflake type volatility",
    WAREHOUSES,
]);
const ONLY_META: Shape = flat(&["meta"]);

const COLUMN: Shape = Shape {
    keys: &["name description data_type quote granularity dimension entity classifiers \
             column_mask databricks_tags policy_tags"],
    inner: &[
        ("config", Inner::Map(&flat(&["meta tags databricks_tags policy_tags"]))),
        ("constraints", Inner::List(&flat(&[CONSTRAINT]))),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
    ],
};
const CONSTRAINT: &str = "type name expression to to_columns warn_unenforced warn_unsupported";
const VERSION_COLUMN: Shape =
    Shape { keys: &[COLUMN.keys[0], "include exclude"], inner: COLUMN.inner };

const NODE: &str = "name description static_analysis_off_reason";
const MODEL: Shape = Shape {
    keys: &[
        NODE,
        "agg_time_dimension deprecation_date derived_semantics identifier \
             latest_version metrics primary_entity semantic_model time_spine",
    ],
    inner: &[
        ("config", Inner::Map(&MODEL_CONFIG)),
        ("columns", Inner::List(&COLUMN)),
        ("constraints", Inner::List(&flat(&[CONSTRAINT, "columns"]))),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
        ("versions", Inner::List(&VERSION)),
    ],
};
/// A version may say more: its keys are left to the model.
const VERSION: Shape = Shape {
    keys: &["v access defined_in deprecation_date description"],
    inner: &[
        ("config", Inner::Map(&MODEL_CONFIG)),
        ("columns", Inner::List(&VERSION_COLUMN)),
        ("constraints", Inner::List(&flat(&[CONSTRAINT, "columns"]))),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
    ],
};
const SEED: Shape = Shape {
    keys: &[NODE],
    inner: &[
        ("config", Inner::Map(&SEED_CONFIG)),
        ("columns", Inner::List(&COLUMN)),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
    ],
};
const SNAPSHOT: Shape = Shape {
    keys: &[NODE, "relation"],
    inner: &[
        ("config", Inner::Map(&SNAPSHOT_CONFIG)),
        ("columns", Inner::List(&COLUMN)),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
    ],
};
const SOURCE: Shape = Shape {
    keys: &["name description database schema catalog loader quoting"],
    inner: &[("config", Inner::Map(&SOURCE_CONFIG)), ("tables", Inner::List(&TABLE))],
};
const TABLE: Shape = Shape {
    keys: &["name description external identifier loader quoting"],
    inner: &[
        ("config", Inner::Map(&SOURCE_CONFIG)),
        ("columns", Inner::List(&COLUMN)),
        ("tests", Inner::Tests),
        ("data_tests", Inner::Tests),
    ],
};
const EXPOSURE: Shape = Shape {
    keys: &["name description depends_on label maturity owner type url"],
    inner: &[("config", Inner::Map(&EXPOSURE_CONFIG))],
};
const MACRO: Shape = Shape {
    keys: &["name description docs meta"],
    inner: &[
        ("config", Inner::Map(&flat(&["docs meta"]))),
        ("arguments", Inner::List(&flat(&["name type description"]))),
    ],
};
const UNIT_TEST: Shape = Shape {
    keys: &[NODE, "model overrides versions"],
    inner: &[
        ("config", Inner::Map(&UNIT_TEST_CONFIG)),
        ("given", Inner::List(&flat(&["input rows format fixture"]))),
        ("expect", Inner::Map(&flat(&["rows format fixture"]))),
    ],
};

/// A file of properties. Metrics and semantic models are taken as they are.
pub(super) const PROPERTIES: Shape = Shape {
    keys: &["version anchors functions metrics semantic_models tests"],
    inner: &[
        ("models", Inner::List(&MODEL)),
        ("seeds", Inner::List(&SEED)),
        ("snapshots", Inner::List(&SNAPSHOT)),
        ("sources", Inner::List(&SOURCE)),
        ("exposures", Inner::List(&EXPOSURE)),
        ("macros", Inner::List(&MACRO)),
        ("unit_tests", Inner::List(&UNIT_TEST)),
        (
            "analyses",
            Inner::List(&Shape {
                keys: &[NODE],
                inner: &[
                    ("config", Inner::Map(&ANALYSIS_CONFIG)),
                    ("columns", Inner::List(&COLUMN)),
                ],
            }),
        ),
        (
            "data_tests",
            Inner::List(&Shape {
                keys: &["name description static_analysis_off_reason"],
                inner: &[("config", Inner::Map(&TEST_CONFIG))],
            }),
        ),
        (
            "groups",
            Inner::List(&Shape {
                keys: &["name description owner"],
                inner: &[("config", Inner::Map(&ONLY_META))],
            }),
        ),
        (
            "saved_queries",
            Inner::List(&Shape {
                keys: &["name description label query_params exports"],
                inner: &[("config", Inner::Map(&SAVED_QUERY_CONFIG))],
            }),
        ),
    ],
};

/// `dbt_project.yml`, but for its trees of configuration.
pub(super) const PROJECT: Shape = Shape {
    keys: &["analysis-paths asset-paths clean-targets config-version dbt-cloud dispatch \
             docs-paths flags function-paths log-path macro-paths model-paths name on-run-end \
             on-run-start packages-install-path profile query-comment require-dbt-version \
             restrict-access seed-paths snapshot-paths sync test-paths vars version"],
    inner: &[("quoting", Inner::Map(&flat(&["database schema identifier snowflake_ignore_case"])))],
};

/// The trees of configuration of `dbt_project.yml`.
pub(super) const TREES: &[(&str, &Shape)] = &[
    ("models", &MODEL_CONFIG),
    ("seeds", &SEED_CONFIG),
    ("snapshots", &SNAPSHOT_CONFIG),
    ("tests", &TEST_CONFIG),
    ("data_tests", &TEST_CONFIG),
    ("sources", &SOURCE_CONFIG),
    ("unit_tests", &UNIT_TEST_CONFIG),
    ("analyses", &ANALYSIS_CONFIG),
    ("exposures", &EXPOSURE_CONFIG),
    ("metrics", &METRIC_CONFIG),
    ("semantic-models", &METRIC_CONFIG),
    ("saved-queries", &SAVED_QUERY_CONFIG),
    ("functions", &FUNCTION_CONFIG),
];

/// Files of the root of a project, beside `dbt_project.yml`.
pub(super) const BESIDE: &[(&str, Shape)] = &[
    (
        "selectors.yml",
        Shape {
            keys: &[],
            inner: &[("selectors", Inner::List(&flat(&["name description definition default"])))],
        },
    ),
    ("packages.yml", flat(&["packages projects"])),
    ("dependencies.yml", flat(&["packages projects"])),
];
