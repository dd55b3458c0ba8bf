//! Merges configuration: defaults of the kind, folders of `dbt_project.yml`, properties, the file's
//! own `config()`, and for a package the project's folders again.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::project::Project;
use super::values::listed;
use crate::manifest::Config;

/// What has a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ConfigKind {
    Model,
    Seed,
    Snapshot,
    Analysis,
    Function,
    Operation,
    Test,
    Source,
    UnitTest,
    Exposure,
    Metric,
    SemanticModel,
    SavedQuery,
}

impl ConfigKind {
    /// The tree of `dbt_project.yml` that is about it.
    fn tree(self) -> &'static str {
        match self {
            Self::Model | Self::Analysis | Self::Operation => "models",
            Self::Seed => "seeds",
            Self::Function => "functions",
            Self::Snapshot => "snapshots",
            Self::Test => "data_tests",
            Self::Source => "sources",
            Self::UnitTest => "unit_tests",
            Self::Exposure => "exposures",
            Self::Metric => "metrics",
            Self::SemanticModel => "semantic_models",
            Self::SavedQuery => "saved_queries",
        }
    }

    /// Whether a setting replaces the one of an outer level which adds up elsewhere.
    fn replaces(self, key: &str) -> bool {
        match self {
            Self::Exposure => matches!(key, "tags" | "meta"),
            Self::Source | Self::Metric | Self::SemanticModel | Self::SavedQuery => key == "tags",
            _ => false,
        }
    }

    /// What it is without any configuration.
    fn defaults(self) -> &'static Map<String, Value> {
        static NODE: LazyLock<Map<String, Value>> = LazyLock::new(|| node("view", &json!({})));
        static MODEL: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            node(
                "view",
                &json!({
                    "access": "protected",
                    "freshness": null,
                    "on_error": null,
                    "latest_version_pointer": {"enabled": null, "alias": null},
                }),
            )
        });
        static FUNCTION: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            node(
                "function",
                &json!({
                    "type": "scalar",
                    "volatility": null,
                    "runtime_version": null,
                    "entry_point": null,
                    "snowflake": {"quote_args": true},
                }),
            )
        });
        static SEED: LazyLock<Map<String, Value>> =
            LazyLock::new(|| node("seed", &json!({"delimiter": ",", "quote_columns": null})));
        static SNAPSHOT: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            node(
                "snapshot",
                &json!({
                    "strategy": null,
                    "target_schema": null,
                    "target_database": null,
                    "updated_at": null,
                    "check_cols": null,
                    "snapshot_meta_column_names": {
                        "dbt_valid_to": null,
                        "dbt_valid_from": null,
                        "dbt_scd_id": null,
                        "dbt_updated_at": null,
                        "dbt_is_deleted": null,
                    },
                    "dbt_valid_to_current": null,
                }),
            )
        });
        static TEST: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            map(json!({
                "enabled": true, "alias": null, "schema": "dbt_test__audit", "database": null,
                "tags": [], "meta": {}, "group": null, "static_analysis": null,
                "materialized": "test", "severity": "ERROR", "store_failures": null,
                "store_failures_as": null, "sql_header": null, "where": null, "limit": null,
                "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0",
            }))
        });
        static SOURCE: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            map(json!({
                "enabled": true, "event_time": null,
                "freshness": {"warn_after": {"count": null, "period": null},
                              "error_after": {"count": null, "period": null}, "filter": null},
                "loaded_at_field": null, "loaded_at_query": null, "meta": {}, "tags": [],
                "static_analysis": null,
            }))
        });
        static UNIT_TEST: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            map(json!({"tags": [], "meta": {}, "enabled": true, "static_analysis": null}))
        });
        static EXPOSURE: LazyLock<Map<String, Value>> =
            LazyLock::new(|| map(json!({"enabled": true, "tags": [], "meta": {}})));
        static METRIC: LazyLock<Map<String, Value>> =
            LazyLock::new(|| map(json!({"enabled": true, "group": null, "meta": {}})));
        static SAVED_QUERY: LazyLock<Map<String, Value>> = LazyLock::new(|| {
            map(json!({
                "enabled": true, "group": null, "meta": {}, "export_as": null, "schema": null,
                "cache": {"enabled": false},
            }))
        });
        match self {
            Self::Model => &MODEL,
            Self::Analysis | Self::Operation => &NODE,
            Self::Seed => &SEED,
            Self::Function => &FUNCTION,
            Self::Snapshot => &SNAPSHOT,
            Self::Test => &TEST,
            Self::Source => &SOURCE,
            Self::UnitTest => &UNIT_TEST,
            Self::Exposure => &EXPOSURE,
            Self::Metric | Self::SemanticModel => &METRIC,
            Self::SavedQuery => &SAVED_QUERY,
        }
    }
}

fn node(materialized: &str, more: &Value) -> Map<String, Value> {
    let mut node = map(json!({
        "enabled": true, "alias": null, "schema": null, "database": null, "tags": [], "meta": {},
        "group": null, "static_analysis": null, "materialized": materialized,
        "incremental_strategy": null, "batch_size": null, "lookback": 1, "begin": null,
        "persist_docs": {}, "post_hook": [], "pre_hook": [], "quoting": {}, "column_types": {},
        "full_refresh": null, "unique_key": null, "on_schema_change": "ignore",
        "on_configuration_change": "apply", "grants": {}, "packages": [],
        "docs": {"show": true, "node_color": null},
        "contract": {"enforced": false, "alias_types": true},
        "event_time": null, "concurrent_batches": null,
    }));
    if let Value::Object(more) = more {
        node.extend(more.clone());
    }
    node
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Merges configuration for the projects of a manifest.
#[derive(Debug)]
pub(super) struct Configs<'p> {
    active: &'p Project,
    known: Mutex<HashMap<Key, Merged>>,
    calls: Mutex<HashMap<String, Config>>,
}

/// What a configuration is merged of.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    kind: ConfigKind,
    /// Where the levels of trees are that apply.
    levels: Vec<usize>,
    /// What the resource says of itself, as JSON.
    said: String,
}

/// A configuration, merged and as it is written; many nodes share one.
#[derive(Debug, Default, Clone)]
pub(super) struct Merged {
    pub(super) config: Config,
    pub(super) unrendered: Config,
}

/// What is wrong with a configuration, in dbt's words.
pub(super) fn problem(config: &Map<String, Value>) -> Option<String> {
    let enabled = config.get("enabled").filter(|value| !value.is_boolean())?;
    let shown = super::values::python_repr(enabled);
    Some(format!("at path ['enabled']: {shown} is not of type 'boolean'"))
}

/// What a resource says of itself.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Said<'a> {
    /// Its properties.
    pub(super) properties: Option<&'a Map<String, Value>>,
    /// The same as written, where it differs.
    pub(super) properties_written: Option<&'a Map<String, Value>>,
    /// The `config()` of its file.
    pub(super) call: Option<&'a Map<String, Value>>,
    /// The same as written.
    pub(super) call_written: Option<&'a Map<String, Value>>,
}

impl Said<'_> {
    fn key(&self) -> String {
        let parts = [self.properties, self.properties_written, self.call, self.call_written];
        let is_silent = parts.iter().flatten().all(|map| map.is_empty());
        if is_silent { String::new() } else { json!(parts).to_string() }
    }
}

impl<'p> Configs<'p> {
    /// For a project; its configuration stands above that of its packages.
    pub(super) fn new(active: &'p Project) -> Self {
        Self { active, known: Mutex::default(), calls: Mutex::default() }
    }

    /// The configuration of something of a project.
    pub(super) fn merge(
        &self,
        kind: ConfigKind,
        project: &Project,
        fqn: &[Arc<str>],
        said: Said<'_>,
    ) -> Merged {
        let own = levels(&project.tree(kind.tree()).rendered, fqn);
        let is_active = project.name == self.active.name;
        let above = if is_active {
            Vec::new()
        } else {
            levels(&self.active.tree(kind.tree()).rendered, fqn)
        };
        let all = own.iter().chain(&above).filter(|level| has_settings(level));
        let levels = all.map(|level| std::ptr::from_ref(*level).addr()).collect();
        let key = Key { kind, levels, said: said.key() };
        if let Some(known) = lock(&self.known).get(&key) {
            return known.clone();
        }
        let merged = Merged {
            config: merged(kind, &own, said, &above).into(),
            unrendered: self.written(kind, project, fqn, said).into(),
        };
        lock(&self.known).entry(key).or_insert(merged).clone()
    }

    /// One map for all calls of `config()` that say the same.
    pub(super) fn shared(&self, call: Map<String, Value>) -> Config {
        let key = if call.is_empty() { String::new() } else { json!(call).to_string() };
        lock(&self.calls).entry(key).or_insert_with(|| call.into()).clone()
    }

    fn written(
        &self,
        kind: ConfigKind,
        project: &Project,
        fqn: &[Arc<str>],
        said: Said<'_>,
    ) -> Map<String, Value> {
        let mut written = Map::new();
        let mut add = |key: &str, value: &Value| {
            let key = if key == "dbname" { "database" } else { key };
            written.insert(key.to_owned(), value.clone());
        };
        let of_folders = |project: &Project, add: &mut dyn FnMut(&str, &Value)| {
            for level in levels(&project.tree(kind.tree()).written, fqn) {
                settings(level).for_each(|(key, value)| add(key, value));
            }
        };
        of_folders(project, &mut add);
        let properties = said.properties_written.or(said.properties);
        for (key, value) in properties.into_iter().chain(said.call_written).flatten() {
            add(key, value);
        }
        if project.name != self.active.name {
            of_folders(self.active, &mut add);
        }
        written
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Defaults, folders, what the resource says of itself, and folders of the project above it.
fn merged(
    kind: ConfigKind,
    own: &[&Map<String, Value>],
    said: Said<'_>,
    above: &[&Map<String, Value>],
) -> Map<String, Value> {
    let mut config = kind.defaults().clone();
    for level in own {
        apply_level(kind, &mut config, level);
    }
    for (key, value) in said.properties.into_iter().chain(said.call).flatten() {
        set(kind, &mut config, key, value);
    }
    for level in above {
        apply_level(kind, &mut config, level);
    }
    finish(kind, &mut config);
    config
}

/// The maps of a tree that apply to a name, from the outermost inward.
fn levels<'t>(tree: &'t Map<String, Value>, fqn: &[Arc<str>]) -> Vec<&'t Map<String, Value>> {
    let mut levels = vec![tree];
    for part in fqn {
        let last = levels[levels.len() - 1];
        match last.get(&**part) {
            Some(Value::Object(inner)) => levels.push(inner),
            _ => break,
        }
    }
    levels
}

/// The settings of a level; what else is in it are folders.
fn settings(level: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    level.iter().filter_map(|(key, value)| match key.strip_prefix('+') {
        Some(key) => Some((key.trim(), value)),
        None if value.is_object() => None,
        None => Some((key.as_str(), value)),
    })
}

fn has_settings(level: &Map<String, Value>) -> bool {
    settings(level).next().is_some()
}

fn apply_level(kind: ConfigKind, config: &mut Map<String, Value>, level: &Map<String, Value>) {
    settings(level).for_each(|(key, value)| set(kind, config, key, value));
}

/// The name by which a setting is known.
fn alias(key: &str) -> &str {
    match key {
        "pre-hook" => "pre_hook",
        "post-hook" => "post_hook",
        "dbname" => "database",
        key => key,
    }
}

/// Sets a key: some add up, the others replace.
fn set(kind: ConfigKind, config: &mut Map<String, Value>, key: &str, value: &Value) {
    let key = alias(key.trim());
    let known = config.get_mut(key).filter(|_| !kind.replaces(key));
    match (key, known) {
        ("tags" | "packages" | "pre_hook" | "post_hook", known) if !kind.replaces(key) => {
            let mut list = known.map(|known| listed(known)).unwrap_or_default();
            list.extend(listed(value));
            config.insert(key.to_owned(), Value::Array(list));
        }
        (
            "meta" | "quoting" | "column_types" | "docs" | "contract" | "latest_version_pointer",
            Some(Value::Object(known)),
        ) if value.is_object() => {
            known.extend(value.as_object().into_iter().flatten().map(pair));
        }
        ("latest_version_pointer", Some(Value::Object(known))) if value.is_boolean() => {
            known.insert("enabled".to_owned(), value.clone());
        }
        ("grants", Some(Value::Object(known))) if value.is_object() => {
            grant(known, value.as_object().into_iter().flatten());
        }
        ("snapshot_meta_column_names", Some(Value::Object(known))) if value.is_object() => {
            known.values_mut().for_each(|value| *value = Value::Null);
            known.extend(value.as_object().into_iter().flatten().map(pair));
        }
        _ => {
            config.insert(key.to_owned(), value.clone());
        }
    }
}

fn pair((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// Grants replace those of the same privilege, unless the key begins with `+`.
fn grant<'v>(known: &mut Map<String, Value>, said: impl Iterator<Item = (&'v String, &'v Value)>) {
    for (key, value) in said {
        let privilege = key.trim_start_matches('+');
        let mut list = match known.get(privilege) {
            Some(value) if key.starts_with('+') => listed(value),
            _ => Vec::new(),
        };
        list.extend(listed(value));
        known.insert(privilege.to_owned(), Value::Array(list));
    }
}

/// Brings values into the form that everybody reads.
fn finish(kind: ConfigKind, config: &mut Map<String, Value>) {
    for key in ["pre_hook", "post_hook"] {
        if let Some(Value::Array(hooks)) = config.get_mut(key) {
            hooks.iter_mut().for_each(hook);
        }
    }
    if let Some(value @ Value::Bool(_)) = config.get_mut("static_analysis") {
        *value = Value::from(if *value == Value::Bool(true) { "on" } else { "off" });
    }
    if kind == ConfigKind::Test {
        store_failures(config);
    }
    if matches!(config.get("freshness"), Some(Value::Object(map)) if kind == ConfigKind::Model && !map.contains_key("build_after"))
    {
        config.insert("freshness".to_owned(), Value::Null);
    }
}

/// A hook is a text, or a map with `sql` and `transaction`, also as the text of one.
fn hook(hook: &mut Value) {
    let mut map = match hook.take() {
        Value::Object(map) => map,
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Object(map)) => map,
            _ => map_of_sql(text),
        },
        other => map_of_sql(other.to_string()),
    };
    map.entry("transaction").or_insert(Value::Bool(true));
    map.entry("index").or_insert(Value::Null);
    *hook = Value::Object(map);
}

fn map_of_sql(sql: String) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("sql".to_owned(), Value::String(sql));
    map
}

/// `store_failures_as` decides, and else follows from `store_failures`.
fn store_failures(config: &mut Map<String, Value>) {
    if let Some(kind) = config.get("store_failures_as").and_then(Value::as_str) {
        let stored = kind != "ephemeral";
        config.insert("store_failures".to_owned(), Value::Bool(stored));
    } else {
        let kind = match config.get("store_failures").and_then(Value::as_bool) {
            Some(true) => Value::from("table"),
            Some(false) => Value::from("ephemeral"),
            None => Value::Null,
        };
        config.insert("store_failures_as".to_owned(), kind);
    }
}
