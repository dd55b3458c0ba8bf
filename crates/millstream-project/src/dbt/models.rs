//! Models and snapshots: what is made of the rows of a query.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::clock::Timestamp;
use millstream_core::diagnostic::Place;
use millstream_core::partition::Partitions;
use millstream_core::spec::ExecutionSpec;
use millstream_core::{AssetKey, ContentHash, Relation};
use millstream_dbt::comments_of;
use millstream_dbt::manifest::{Language, Node, NodeKind};
use millstream_dbt::programs::{limits_of, memory_problem};
use millstream_dbt::step::Making;
use millstream_files::{Report, closest, whole};
use serde::Deserialize;

use super::places::Places;
use super::render::Renderer;
use super::{DbtProject, partitions};
use crate::execution;
use crate::names::is_ephemeral;
use crate::project::{ColumnDoc, SqlModel, Text};
use crate::schedule::{PERIODS, Period};
use crate::sql::is_blank;

/// How models can be kept, for hints.
const MATERIALIZATIONS: &[&str] = &["view", "table", "incremental", "ephemeral"];
/// Settings that dbt knows and that a typo is compared with.
const SETTINGS: &[&str] = &[
    "alias",
    "batch_size",
    "begin",
    "cluster_by",
    "column_types",
    "delimiter",
    "enabled",
    "event_time",
    "execution",
    "fresh_within",
    "full_refresh",
    "incremental_predicates",
    "incremental_strategy",
    "limits",
    "lookback",
    "materialized",
    "on_schema_change",
    "partition_by",
    "partitions",
    "quote_columns",
    "schema",
    "strategy",
    "timeout",
    "unique_key",
    "updated_at",
];
/// Settings that dbt fills in itself, or that are near others and meant.
const KNOWN: &[&str] =
    &["tags", "meta", "docs", "group", "access", "grants", "packages", "database"];
/// Settings that have no effect in a run of Millstream.
const UNUSED: &[&str] = &["pre_hook", "post_hook", "sql_header"];

/// The models and snapshots in the order of their names. Problems are reported, and what has them
/// is left out.
pub(super) fn read(
    project: &DbtProject,
    renderer: &Renderer<'_>,
    places: &Places<'_>,
    report: &mut Report,
) -> Vec<SqlModel> {
    let is_made = |kind: &NodeKind| matches!(kind, NodeKind::Model | NodeKind::Snapshot);
    let reader = Reader { project, renderer, places, clocks: partitions::clocks(project) };
    let nodes = project.manifest.nodes_of(is_made);
    let mut models: Vec<SqlModel> = nodes.filter_map(|node| reader.model(node, report)).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    models
}

struct Reader<'a> {
    project: &'a DbtProject,
    renderer: &'a Renderer<'a>,
    places: &'a Places<'a>,
    /// The columns that say when a row happened, by table.
    clocks: BTreeMap<AssetKey, String>,
}

impl Reader<'_> {
    fn model(&self, node: &Arc<Node>, report: &mut Report) -> Option<SqlModel> {
        let file = self.places.file(node);
        self.doubt_settings(node, report);
        if is_ephemeral(node) {
            self.renderer.render(node, report);
            return None;
        }
        let relation = relation(node, self.places, report);
        let making = self.making(node, report);
        let partitions = partitions::read(node, self.now(), self.places, report);
        let rendered = self.renderer.render(node, report)?;
        let partitions = partitions.ok()?;
        if node.language == Language::Sql
            && let Text::Known(text) = &rendered.text
            && is_blank(&text.full)
        {
            let hint = "write one select statement".to_owned();
            report.error("model.empty", whole(&file), "the model has no SQL", hint);
            return None;
        }
        let inputs = self.project.inputs(node);
        Some(SqlModel {
            id: node.unique_id.clone(),
            name: name(node),
            relation: relation?,
            file,
            description: described(node),
            making: making?,
            materialized: materialization(node).to_owned(),
            tags: node.tags.iter().cloned().collect(),
            fresh_within: self.fresh_within(node, report),
            execution: self.execution(node, report),
            clocks: self.clocks_of(&inputs),
            inputs,
            columns: columns(node),
            comments: comments_of(node),
            definition: divided(rendered.definition, partitions.as_ref()),
            // What a batch reads is known only when it is made.
            text: if partitions::is_microbatch(node) {
                Text::Late(node.unique_id.clone())
            } else {
                rendered.text
            },
            partitions,
            language: node.language,
            limits: limits_of(&node.config),
        })
    }

    fn clocks_of(&self, inputs: &[AssetKey]) -> BTreeMap<AssetKey, String> {
        let said = |input| Some((AssetKey::clone(input), self.clocks.get(input)?.clone()));
        inputs.iter().filter_map(said).collect()
    }

    /// When the project is read.
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.project.around.invocation.started_at_micros)
    }

    /// How old its rows may become: `fresh_within` of its configuration, or under `meta`.
    fn fresh_within(&self, node: &Node, report: &mut Report) -> Option<Period> {
        const KEY: &str = "fresh_within";
        let under_meta = || node.config.0.get("meta")?.get(KEY);
        let (value, key) = match node.config.0.get(KEY) {
            Some(value) => (value, KEY),
            None => (under_meta()?, "meta"),
        };
        let period = value.as_str().and_then(|text| text.parse().ok());
        if period.is_none() {
            let message = format!("`{KEY}` cannot be `{}`", value.as_str().unwrap_or("that"));
            let hint = PERIODS.to_owned();
            report.error("schedule.period", self.places.setting(node, key), message, hint);
        }
        period
    }

    /// How it is executed: `execution` of its configuration, or under `meta`.
    fn execution(&self, node: &Node, report: &mut Report) -> Option<(ExecutionSpec, Place)> {
        let under_meta = || node.config.0.get("meta")?.get(execution::KEY);
        let (value, key) = match node.config.0.get(execution::KEY) {
            Some(value) => (value, execution::KEY),
            None => (under_meta()?, "meta"),
        };
        let place = self.places.setting(node, key);
        match ExecutionSpec::deserialize(value) {
            Ok(spec) => Some((spec, place)),
            Err(error) => {
                let message = format!("`{}`: {error}", execution::KEY);
                let hint = "pool, slots, mutex, priority, timeout, retries".to_owned();
                report.error("execution.invalid", place, message, hint);
                None
            }
        }
    }

    fn making(&self, node: &Node, report: &mut Report) -> Option<Making> {
        let word = materialization(node);
        let macros = &self.project.around.macros;
        let own = macros.materialization(word);
        let is_own = own.is_some_and(|own| !macros.order().internal.contains(&own.package_name));
        if is_own {
            let message = format!("`{word}` is a materialization of the project");
            let hint = "`millstream dbt run` makes such models".to_owned();
            let place = self.places.setting(node, "materialized");
            report.error("model.config", place, message, hint);
            return None;
        }
        if node.language == Language::Python && !matches!(word, "table" | "incremental") {
            let message = format!("a model in Python cannot be `{word}`");
            let hint = "`table` or `incremental`".to_owned();
            let place = self.places.setting(node, "materialized");
            report.error("model.config", place, message, hint);
            return None;
        }
        if let Some(message) = memory_problem(&node.config) {
            report.error("model.config", self.places.setting(node, "limits"), message, None);
            return None;
        }
        match Making::of_config(word, &node.config, None) {
            Ok(making) => Some(making),
            Err(error) => {
                let (key, hint) = match error.code() {
                    "dbt.materialization_unknown" => {
                        let meant = closest(word, MATERIALIZATIONS.iter().copied());
                        let hint = meant.map(|word| format!("did you mean `{word}`?"));
                        ("materialized", hint.or_else(|| error.hint()))
                    }
                    "dbt.strategy_unknown" => ("incremental_strategy", error.hint()),
                    "dbt.schema_change_unknown" => ("on_schema_change", error.hint()),
                    _ => ("strategy", error.hint()),
                };
                let place = self.places.setting(node, key);
                report.error("model.config", place, error.to_string(), hint);
                None
            }
        }
    }

    /// Warns of settings that were probably meant to be others, and of those without effect.
    fn doubt_settings(&self, node: &Node, report: &mut Report) {
        for (key, value) in node.config.0.iter().filter(|(_, value)| !value.is_null()) {
            let place = || self.places.setting(node, key);
            if UNUSED.contains(&key.as_str()) {
                if value.as_array().is_none_or(|hooks| !hooks.is_empty()) {
                    let message = format!("`{key}` has no effect in `millstream run`");
                    report.warning("project.not_read", place(), message, None);
                }
            } else if is_said(node, key)
                && !KNOWN.contains(&key.as_str())
                && !SETTINGS.contains(&key.as_str())
                && let Some(meant) = closest(key, SETTINGS.iter().copied())
            {
                let message = format!("unknown configuration `{key}`");
                let hint = format!("did you mean `{meant}`?");
                report.warning("model.config", place(), message, hint);
            }
        }
    }
}

/// The definition of a model whose rows are divided.
fn divided(definition: ContentHash, partitions: Option<&Partitions>) -> ContentHash {
    match partitions {
        Some(partitions) => ContentHash::of_parts([definition.to_string(), partitions.identity()]),
        None => definition,
    }
}

/// dbt's word for how the rows of a node are kept.
fn materialization(node: &Node) -> &str {
    match node.kind {
        NodeKind::Snapshot => "snapshot",
        _ => node.config.materialized(),
    }
}

fn is_said(node: &Node, key: &str) -> bool {
    node.config_call.0.contains_key(key) || node.unrendered_config.0.contains_key(key)
}

/// The name by which people call a node; that of a version has its number.
pub(super) fn name(node: &Node) -> String {
    match &node.version {
        Some(serde_json::Value::String(version)) => format!("{}.v{version}", node.name),
        Some(version) => format!("{}.v{version}", node.name),
        None => node.name.clone(),
    }
}

/// The table or view of a node; a name that cannot be is reported.
pub(super) fn relation(node: &Node, places: &Places<'_>, report: &mut Report) -> Option<Relation> {
    match Relation::new(&node.schema, &node.alias) {
        Ok(relation) => Some(relation),
        Err(error) => {
            let is_schema = !millstream_core::name::is_name(&node.schema);
            let key = if is_schema { "schema" } else { "alias" };
            report.error("name.invalid", places.setting(node, key), error.to_string(), None);
            None
        }
    }
}

pub(super) fn described(node: &Node) -> Option<String> {
    (!node.description.is_empty()).then(|| node.description.clone())
}

pub(super) fn columns(node: &Node) -> Vec<ColumnDoc> {
    let column = |column: &millstream_dbt::manifest::Column| ColumnDoc {
        name: column.name.clone(),
        description: (!column.description.is_empty()).then(|| column.description.clone()),
        data_type: column.data_type.clone(),
    };
    node.columns.values().map(column).collect()
}
