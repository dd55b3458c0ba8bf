//! How a relation is made, decided from the configuration and from what exists. Pure.

use millstream_core::error::{Plain, Result};
use millstream_core::name::Relation;
use millstream_core::step::Refresh;
use millstream_core::table::WriteMode;

use super::snapshot::{self, SnapshotPlan};
use crate::manifest::Config;

/// How a relation is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Making {
    /// Its rows are made when they are read.
    View,
    /// Its rows are replaced.
    Table,
    /// Its new rows meet those that are there.
    Incremental(Strategy),
    /// It keeps every state that a row had.
    Snapshot(SnapshotPlan),
}

/// How the new rows of an incremental model meet those that are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// They are added.
    Append,
    /// A new row takes the place of the one with the same key.
    Merge {
        /// Columns that identify a row; at least one.
        unique_key: Vec<String>,
    },
}

/// What there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// No relation of the name.
    Nothing,
    /// A view.
    View,
    /// A table.
    Table {
        /// Its columns, in order.
        columns: Vec<String>,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Keep the query.
    View {
        /// The query.
        sql: String,
    },
    /// Keep its rows.
    Table {
        /// The query.
        sql: String,
        /// How its rows meet those that are there.
        mode: WriteMode,
    },
}

impl Making {
    /// Reads the configuration of a node.
    pub fn of_config(materialization: &str, config: &Config) -> Result<Self> {
        match materialization {
            "view" => Ok(Self::View),
            "table" | "seed" | "materialized_view" => Ok(Self::Table),
            "incremental" => Strategy::of_config(config).map(Self::Incremental),
            "snapshot" => SnapshotPlan::of_config(config).map(Self::Snapshot),
            other => Err(Plain::user(
                "dbt.materialization_unknown",
                format!("there is no materialization `{other}`"),
            )
            .with_hint("view, table, incremental, snapshot, seed or ephemeral")
            .into()),
        }
    }

    /// Whether what is to be done depends on what exists.
    pub fn asks_what_exists(&self) -> bool {
        matches!(self, Self::Incremental(_) | Self::Snapshot(_))
    }

    /// What is to be done now.
    pub fn work(
        &self,
        relation: &Relation,
        sql: &str,
        existing: &Existing,
        refresh: Refresh,
    ) -> Result<Work> {
        let replaced = |sql: String| Work::Table { sql, mode: WriteMode::Replace };
        match (self, existing) {
            (Self::View, _) => Ok(Work::View { sql: sql.to_owned() }),
            (Self::Incremental(strategy), Existing::Table { .. })
                if refresh == Refresh::Incremental =>
            {
                Ok(Work::Table { sql: sql.to_owned(), mode: strategy.mode() })
            }
            (Self::Table | Self::Incremental(_), _) => Ok(replaced(sql.to_owned())),
            // A snapshot is the only copy of the past: nothing starts it over.
            (Self::Snapshot(plan), Existing::Table { columns }) => {
                snapshot::next(plan, relation, columns, sql)
            }
            (Self::Snapshot(plan), _) => Ok(replaced(snapshot::first(plan, sql))),
        }
    }
}

impl Strategy {
    fn of_config(config: &Config) -> Result<Self> {
        let unique_key: Vec<String> =
            config.texts("unique_key").into_iter().map(std::borrow::Cow::into_owned).collect();
        let default = if unique_key.is_empty() { "append" } else { "merge" };
        match config.text("incremental_strategy").unwrap_or(default) {
            "append" => Ok(Self::Append),
            _ if unique_key.is_empty() => Ok(Self::Append),
            "merge" | "default" => Ok(Self::Merge { unique_key }),
            other => Err(Plain::user(
                "dbt.strategy_unknown",
                format!("there is no incremental strategy `{other}`"),
            )
            .with_hint("append, merge, delete+insert, insert_overwrite or microbatch")
            .into()),
        }
    }

    fn mode(&self) -> WriteMode {
        match self {
            Self::Append => WriteMode::Append,
            Self::Merge { unique_key } => WriteMode::merge(unique_key.clone()),
        }
    }
}
