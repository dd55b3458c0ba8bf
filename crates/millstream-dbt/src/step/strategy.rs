//! How the new rows of an incremental model meet those that are there, read from its configuration.

use std::borrow::Cow;

use millstream_core::error::{Plain, Result};
use millstream_core::step::Refresh;
use millstream_core::table::{
    MergeRules, NullKeys, SchemaChange, TablePart, UpdateColumns, WriteMode,
};
use serde_json::Value;

use crate::manifest::Config;

/// How new rows meet those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strategy {
    /// What becomes of the rows.
    pub mode: WriteMode,
    /// What becomes of columns.
    pub schema_change: SchemaChange,
    /// Whether it starts over, whatever is asked.
    pub refresh: Option<Refresh>,
}

impl Strategy {
    /// Reads the configuration of an incremental model. `batch` is the condition that the rows of
    /// the batch meet that is made.
    pub fn of_config(config: &Config, batch: Option<&str>) -> Result<Self> {
        let full = config.bool("full_refresh");
        let refresh = full.map(|full| if full { Refresh::Full } else { Refresh::Incremental });
        Ok(Self { mode: mode(config, batch)?, schema_change: schema_change(config)?, refresh })
    }
}

fn mode(config: &Config, batch: Option<&str>) -> Result<WriteMode> {
    let key = owned(config.texts("unique_key"));
    let default = if key.is_empty() { "append" } else { "merge" };
    let name = config.text("incremental_strategy").unwrap_or("default");
    let name = if name == "default" { default } else { name };
    let conditions = owned(config.texts("incremental_predicates"));
    Ok(match name {
        "append" => WriteMode::Append,
        "microbatch" => match batch {
            Some(condition) => {
                WriteMode::Overwrite { part: TablePart::Where(condition.to_owned()) }
            }
            None => WriteMode::Append,
        },
        "insert_overwrite" => match partition_columns(config) {
            columns if columns.is_empty() => WriteMode::Replace,
            columns => WriteMode::Overwrite { part: TablePart::SameValues(columns) },
        },
        "delete+insert" | "merge" if key.is_empty() => WriteMode::Append,
        "delete+insert" => WriteMode::DeleteInsert { key, conditions },
        "merge" => {
            let rules = MergeRules {
                update: update_columns(config),
                conditions,
                null_keys: NullKeys::Insert,
            };
            WriteMode::Merge { key, rules }
        }
        other => {
            let message = format!("there is no incremental strategy `{other}`");
            return Err(Plain::user("dbt.strategy_unknown", message)
                .with_hint("append, merge, delete+insert, insert_overwrite or microbatch")
                .into());
        }
    })
}

fn update_columns(config: &Config) -> UpdateColumns {
    let only = owned(config.texts("merge_update_columns"));
    if !only.is_empty() {
        return UpdateColumns::Only(only);
    }
    match owned(config.texts("merge_exclude_columns")) {
        except if except.is_empty() => UpdateColumns::All,
        except => UpdateColumns::Except(except),
    }
}

/// `partition_by`: a column, a list of them, or an object with `field`.
fn partition_columns(config: &Config) -> Vec<String> {
    match config.get("partition_by") {
        Some(Value::Object(partition)) => {
            partition.get("field").and_then(Value::as_str).map(str::to_owned).into_iter().collect()
        }
        _ => owned(config.texts("partition_by")),
    }
}

fn schema_change(config: &Config) -> Result<SchemaChange> {
    match config.text("on_schema_change").unwrap_or("ignore") {
        "ignore" => Ok(SchemaChange::Ignore),
        "fail" => Ok(SchemaChange::Fail),
        "append_new_columns" => Ok(SchemaChange::AppendNewColumns),
        "sync_all_columns" => Ok(SchemaChange::SyncAllColumns),
        other => {
            let message = format!("`on_schema_change` cannot be `{other}`");
            Err(Plain::user("dbt.schema_change_unknown", message)
                .with_hint("ignore, fail, append_new_columns or sync_all_columns")
                .into())
        }
    }
}

fn owned(texts: Vec<Cow<'_, str>>) -> Vec<String> {
    texts.into_iter().map(Cow::into_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn strategy(config: Value) -> Result<Strategy> {
        let Value::Object(config) = config else { panic!("a configuration is an object") };
        Strategy::of_config(&config.into(), Some("at >= 1"))
    }

    fn mode_of(config: Value) -> WriteMode {
        strategy(config).unwrap().mode
    }

    #[test]
    fn a_key_merges_and_no_key_appends() {
        assert_eq!(mode_of(json!({})), WriteMode::Append);
        let merged = mode_of(json!({"unique_key": "id"}));
        assert!(matches!(merged, WriteMode::Merge { key, .. } if key == ["id"]));
        let keyless = mode_of(json!({"incremental_strategy": "delete+insert"}));
        assert_eq!(keyless, WriteMode::Append);
    }

    #[test]
    fn parts_are_overwritten() {
        let by_column = json!({"incremental_strategy": "insert_overwrite",
            "partition_by": {"field": "day", "data_type": "date"}});
        let part = TablePart::SameValues(vec!["day".to_owned()]);
        assert_eq!(mode_of(by_column), WriteMode::Overwrite { part });
        let batch = mode_of(json!({"incremental_strategy": "microbatch"}));
        let part = TablePart::Where("at >= 1".to_owned());
        assert_eq!(batch, WriteMode::Overwrite { part });
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let error = strategy(json!({"incremental_strategy": "magic"})).unwrap_err();
        assert_eq!(error.code(), "dbt.strategy_unknown");
        let error = strategy(json!({"on_schema_change": "panic"})).unwrap_err();
        assert_eq!(error.code(), "dbt.schema_change_unknown");
    }
}
