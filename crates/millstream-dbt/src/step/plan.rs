//! How a relation is made, decided from the configuration and from what exists. Pure.

use millstream_core::error::{Plain, Result};
use millstream_core::name::Relation;
use millstream_core::step::Refresh;
use millstream_core::table::{FileSize, SchemaChange, WriteMode};

use super::snapshot::{self, SnapshotPlan};
use super::strategy::Strategy;
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
        /// How its rows are kept.
        writing: Writing,
    },
    /// The relation goes.
    Drop,
}

/// How rows become those of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writing {
    /// How they meet those that are there.
    pub mode: WriteMode,
    /// What becomes of columns that are not those of the table.
    pub schema_change: SchemaChange,
    /// The files of a table that is replaced.
    pub file_size: FileSize,
}

impl Writing {
    /// The rows are the table, whatever was there.
    pub fn replaced(file_size: FileSize) -> Self {
        let schema_change = SchemaChange::default();
        Self { mode: WriteMode::Replace, schema_change, file_size }
    }

    /// The rows meet those that are there.
    pub fn meeting(mode: WriteMode, schema_change: SchemaChange) -> Self {
        Self { mode, schema_change, file_size: FileSize::default() }
    }
}

impl Work {
    /// A table of the rows of a query, whatever was there.
    pub fn replaced(sql: String) -> Self {
        Self::Table { sql, writing: Writing::replaced(FileSize::Large) }
    }

    /// A table of the rows of a query, some of which change with every build.
    pub(super) fn begun(sql: String) -> Self {
        Self::Table { sql, writing: Writing::replaced(FileSize::Small) }
    }
}

impl Making {
    /// Reads the configuration of a node. `batch` is the condition that the rows of the batch meet
    /// that is made.
    pub fn of_config(materialization: &str, config: &Config, batch: Option<&str>) -> Result<Self> {
        match materialization {
            "view" => Ok(Self::View),
            "table" | "seed" | "materialized_view" => Ok(Self::Table),
            "incremental" => Strategy::of_config(config, batch).map(Self::Incremental),
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

    /// Whether the next rows come to those of a table that is there.
    pub fn refresh(&self, existing: &Existing, asked: Refresh) -> Refresh {
        match (self, existing) {
            (Self::Incremental(strategy), Existing::Table { .. }) => {
                strategy.refresh.unwrap_or(asked)
            }
            _ => Refresh::Full,
        }
    }

    /// What is to be done now.
    pub fn work(
        &self,
        relation: &Relation,
        sql: &str,
        existing: &Existing,
        refresh: Refresh,
    ) -> Result<Work> {
        match (self, existing) {
            (Self::View, _) => Ok(Work::View { sql: sql.to_owned() }),
            (Self::Incremental(strategy), Existing::Table { .. })
                if refresh == Refresh::Incremental =>
            {
                Ok(Work::Table {
                    sql: sql.to_owned(),
                    writing: Writing::meeting(strategy.mode.clone(), strategy.schema_change),
                })
            }
            (Self::Incremental(strategy), _) if strategy.mode.rewrites_files() => {
                Ok(Work::begun(sql.to_owned()))
            }
            (Self::Table | Self::Incremental(_), _) => Ok(Work::replaced(sql.to_owned())),
            // A snapshot is the only copy of the past: nothing starts it over.
            (Self::Snapshot(plan), Existing::Table { columns }) => {
                snapshot::next(plan, relation, columns, sql)
            }
            (Self::Snapshot(plan), _) => Ok(Work::begun(snapshot::first(plan, sql))),
        }
    }
}
