//! Snapshots: every state that a row had, with the time from which and until which it held
//! (slowly changing dimension of type 2, as dbt keeps it).
//!
//! A later state is a merge by `dbt_scd_id`: states that ended come again with their end, new
//! states come new. That is one query over the snapshot and its source.

use std::borrow::Cow;

use millstream_core::error::{Plain, Result};
use millstream_core::name::Relation;
use millstream_core::table::{SchemaChange, WriteMode};

use super::plan::{Work, Writing};
use crate::manifest::Config;

/// How a snapshot recognises rows and changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPlan {
    unique_key: Vec<String>,
    strategy: Strategy,
    hard_deletes: HardDeletes,
    names: MetaNames,
    /// What stands for `dbt_valid_to` of states that hold; null if left out.
    valid_to_current: Option<String>,
}

/// How a change is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Strategy {
    /// By a column that says when the row changed.
    Timestamp { updated_at: String },
    /// By comparing columns; all of the query if none is named.
    Check { columns: Option<Vec<String>>, updated_at: Option<String> },
}

/// What a row that is gone means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HardDeletes {
    Ignore,
    Invalidate,
    NewRecord,
}

/// Names of the columns that a snapshot adds.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MetaNames {
    valid_from: String,
    valid_to: String,
    scd_id: String,
    updated_at: String,
    is_deleted: String,
}

impl SnapshotPlan {
    /// Reads the configuration of a snapshot.
    pub fn of_config(config: &Config) -> Result<Self> {
        let unique_key = owned(config.texts("unique_key"));
        if unique_key.is_empty() {
            return Err(missing("unique_key", "name the column that identifies a row"));
        }
        let updated_at = config.text("updated_at").map(str::to_owned);
        let strategy = match (config.text("strategy"), updated_at) {
            (Some("timestamp"), Some(updated_at)) => Strategy::Timestamp { updated_at },
            (Some("timestamp"), None) => {
                return Err(missing("updated_at", "name the column that says when a row changed"));
            }
            (Some("check"), updated_at) => {
                let columns = owned(config.texts("check_cols"));
                if columns.is_empty() {
                    return Err(missing("check_cols", "list the columns to compare, or say `all`"));
                }
                let all = columns == ["all"];
                Strategy::Check { columns: (!all).then_some(columns), updated_at }
            }
            _ => return Err(missing("strategy", "`timestamp` or `check`")),
        };
        let invalidates = config.bool("invalidate_hard_deletes").unwrap_or(false);
        let hard_deletes = match config.text("hard_deletes") {
            Some("invalidate") => HardDeletes::Invalidate,
            Some("new_record") => HardDeletes::NewRecord,
            None if invalidates => HardDeletes::Invalidate,
            _ => HardDeletes::Ignore,
        };
        Ok(Self {
            unique_key,
            strategy,
            hard_deletes,
            names: MetaNames::of_config(config),
            valid_to_current: config.text("dbt_valid_to_current").map(str::to_owned),
        })
    }

    /// The time from which a row of the source holds.
    fn since(&self) -> &str {
        match &self.strategy {
            Strategy::Timestamp { updated_at }
            | Strategy::Check { updated_at: Some(updated_at), .. } => updated_at,
            Strategy::Check { updated_at: None, .. } => "cast(now() as timestamp)",
        }
    }

    /// The id of a state: what it is of, and since when.
    fn scd_id(&self, since: &str) -> String {
        let parts = self.unique_key.iter().map(String::as_str).chain([since]);
        let texts: Vec<String> =
            parts.map(|part| format!("coalesce(cast({part} as varchar), '')")).collect();
        format!("md5({})", texts.join(" || '|' || "))
    }

    fn valid_to(&self) -> &str {
        self.valid_to_current.as_deref().unwrap_or("cast(null as timestamp)")
    }

    /// Whether a state of the snapshot still holds.
    fn holds(&self, alias: &str) -> String {
        let valid_to = format!("{alias}.{}", self.names.valid_to);
        match &self.valid_to_current {
            Some(current) => format!("({valid_to} = {current} or {valid_to} is null)"),
            None => format!("{valid_to} is null"),
        }
    }
}

impl MetaNames {
    fn of_config(config: &Config) -> Self {
        let renamed = config.get("snapshot_meta_column_names");
        let name = |column: &str| {
            let renamed = renamed.and_then(|names| names.get(column)?.as_str());
            renamed.unwrap_or(column).to_owned()
        };
        Self {
            valid_from: name("dbt_valid_from"),
            valid_to: name("dbt_valid_to"),
            scd_id: name("dbt_scd_id"),
            updated_at: name("dbt_updated_at"),
            is_deleted: name("dbt_is_deleted"),
        }
    }

    fn all(&self) -> [&str; 5] {
        [&self.valid_from, &self.valid_to, &self.scd_id, &self.updated_at, &self.is_deleted]
    }
}

/// The query of a snapshot that has no table yet.
pub(super) fn first(plan: &SnapshotPlan, sql: &str) -> String {
    let names = &plan.names;
    let since = plan.since();
    let deleted = match plan.hard_deletes {
        HardDeletes::NewRecord => format!(", 'False' as {}", names.is_deleted),
        _ => String::new(),
    };
    format!(
        "select *, {id} as {scd_id}, {since} as {updated_at}, {since} as {valid_from}, \
         {valid_to} as {to}{deleted}\nfrom (\n{sql}\n) as snapshot_source",
        id = plan.scd_id(since),
        scd_id = names.scd_id,
        updated_at = names.updated_at,
        valid_from = names.valid_from,
        valid_to = plan.valid_to(),
        to = names.valid_to,
    )
}

/// What brings a snapshot up to date: states that ended, with their end, and those that began.
pub(super) fn next(
    plan: &SnapshotPlan,
    relation: &Relation,
    columns: &[String],
    sql: &str,
) -> Result<Work> {
    let own: Vec<&String> =
        columns.iter().filter(|name| !plan.names.all().contains(&name.as_str())).collect();
    if own.is_empty() {
        let message = format!("{relation} has no column besides those of a snapshot");
        return Err(Plain::user("dbt.snapshot_unfit", message).into());
    }
    let table = relation.quoted();
    let query = Changes { plan, table: &table, own: &own, columns, sql }.query();
    let mode = WriteMode::merge(vec![plan.names.scd_id.clone()]);
    let writing = Writing::meeting(mode, SchemaChange::AppendNewColumns);
    Ok(Work::Table { sql: query, writing })
}

/// The parts of the query that finds what changed.
struct Changes<'a> {
    plan: &'a SnapshotPlan,
    table: &'a str,
    /// Columns of the snapshot that come from its source.
    own: &'a [&'a String],
    columns: &'a [String],
    sql: &'a str,
}

impl Changes<'_> {
    fn query(&self) -> String {
        let plan = self.plan;
        let mut parts = vec![self.ended(), self.begun()];
        if plan.hard_deletes != HardDeletes::Ignore {
            parts.push(self.removed());
        }
        if plan.hard_deletes == HardDeletes::NewRecord {
            parts.push(self.gone());
        }
        format!(
            "with snapshot_source as (\nselect *, {since} as dbt_since, {id} as dbt_new_scd_id \
             from (\n{sql}\n) as s\n), \
             snapshot_holds as (\nselect * from {table} as t where {holds}\n)\n{parts}",
            since = plan.since(),
            id = plan.scd_id(plan.since()),
            sql = self.sql,
            table = self.table,
            holds = plan.holds("t"),
            parts = parts.join("\nunion all\n"),
        )
    }

    /// States that ended because their row changed.
    fn ended(&self) -> String {
        format!(
            "select {} from snapshot_holds as t join snapshot_source as s on {} where {}",
            self.closed("s.dbt_since"),
            self.same_key(),
            self.changed(),
        )
    }

    /// States that began: of rows that are new or changed.
    fn begun(&self) -> String {
        format!(
            "select {} from snapshot_source as s left join snapshot_holds as t on {} \
             where t.{} is null or {}",
            self.opened(),
            self.same_key(),
            self.plan.names.scd_id,
            self.changed(),
        )
    }

    /// States that ended because their row is gone.
    fn removed(&self) -> String {
        let already = match self.plan.hard_deletes {
            HardDeletes::NewRecord => format!(" and t.{} = 'False'", self.plan.names.is_deleted),
            _ => String::new(),
        };
        format!(
            "select {} from snapshot_holds as t where not exists \
             (select 1 from snapshot_source as s where {}){already}",
            self.closed("cast(now() as timestamp)"),
            self.same_key(),
        )
    }

    /// A state that says that the row is gone.
    fn gone(&self) -> String {
        let names = &self.plan.names;
        let keys: Vec<String> = self.plan.unique_key.iter().map(|key| format!("t.{key}")).collect();
        let now = "cast(now() as timestamp)";
        let id = SnapshotPlan { unique_key: keys, ..self.plan.clone() }.scd_id(now);
        let columns = self.columns.iter().map(|column| match column.as_str() {
            name if name == names.scd_id => format!("{id} as {name}"),
            name if name == names.updated_at || name == names.valid_from => {
                format!("{now} as {name}")
            }
            name if name == names.valid_to => format!("{} as {name}", self.plan.valid_to()),
            name if name == names.is_deleted => format!("'True' as {name}"),
            name => format!("t.{}", quoted(name)),
        });
        format!(
            "select {} from snapshot_holds as t where not exists \
             (select 1 from snapshot_source as s where {}) and t.{} = 'False'",
            joined(columns),
            self.same_key(),
            names.is_deleted,
        )
    }

    fn closed(&self, end: &str) -> String {
        joined(self.columns.iter().map(|column| match column {
            name if *name == self.plan.names.valid_to => format!("{end} as {name}"),
            name => format!("t.{}", quoted(name)),
        }))
    }

    fn opened(&self) -> String {
        let names = &self.plan.names;
        joined(self.columns.iter().map(|column| match column.as_str() {
            name if name == names.scd_id => format!("s.dbt_new_scd_id as {name}"),
            name if name == names.updated_at || name == names.valid_from => {
                format!("s.dbt_since as {name}")
            }
            name if name == names.valid_to => format!("{} as {name}", self.plan.valid_to()),
            name if name == names.is_deleted => format!("'False' as {name}"),
            name => format!("s.{}", quoted(name)),
        }))
    }

    fn same_key(&self) -> String {
        let keys = self.plan.unique_key.iter().map(|key| format!("t.{key} = s.{key}"));
        keys.collect::<Vec<_>>().join(" and ")
    }

    /// Whether a row of the source is another one than its state that holds.
    fn changed(&self) -> String {
        let mut differs = match &self.plan.strategy {
            Strategy::Timestamp { .. } => {
                vec![format!("t.{} < s.dbt_since", self.plan.names.valid_from)]
            }
            Strategy::Check { columns, .. } => {
                let all: Vec<String> = self.own.iter().map(|name| quoted(name)).collect();
                let compared = columns.as_ref().unwrap_or(&all).iter();
                compared.map(|name| format!("t.{name} is distinct from s.{name}")).collect()
            }
        };
        if self.plan.hard_deletes == HardDeletes::NewRecord {
            differs.push(format!("t.{} = 'True'", self.plan.names.is_deleted));
        }
        format!("({})", differs.join(" or "))
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

/// A column as it is written in SQL: quoted where it must be.
fn quoted(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.chars().all(plain) { name.to_owned() } else { format!("\"{name}\"") }
}

fn owned(texts: Vec<Cow<'_, str>>) -> Vec<String> {
    texts.into_iter().map(Cow::into_owned).collect()
}

fn missing(key: &str, hint: &str) -> millstream_core::Error {
    Plain::user("dbt.snapshot_incomplete", format!("the snapshot has no `{key}`"))
        .with_hint(hint)
        .into()
}
