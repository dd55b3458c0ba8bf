//! What snapshots ask: whether their table fits, and what becomes of rows that are gone.

use millstream_jinja::{Args, Machine, Outcome, Value};

use super::{AdapterObject, relation_of};
use crate::adapter::problem::{compilation, validation};

/// Columns that every snapshot has.
const COLUMNS: [&str; 3] = ["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"];
/// The column of snapshots that keep a row for what is gone.
const IS_DELETED: &str = "dbt_is_deleted";

impl AdapterObject {
    /// Refuses a table that is no snapshot, or not one of this strategy.
    pub(super) fn check_snapshot_target(
        &self,
        machine: &mut Machine<'_>,
        method: &str,
        args: Args,
    ) -> Outcome {
        let params = ["relation", "column_names", "strategy"];
        let [relation, names, strategy] = args.bind(method, params, 1)?;
        let class = self.dialect.relation_class;
        let relation = relation_of("valid_snapshot_target", "relation", relation.as_ref(), class)?;
        let mut there = Vec::new();
        for column in self.columns_of(machine, relation)? {
            there.push(machine.attribute(&column, "name")?.to_text()?);
        }
        let mut missing = Vec::new();
        for column in COLUMNS {
            if let Some(desired) = configured(machine, names.as_ref(), column)? {
                let lower = desired.to_lowercase();
                if !there.iter().any(|name| name.to_lowercase() == lower) {
                    missing.push(desired);
                }
            }
        }
        refuse(&missing)?;
        let Some(strategy) = strategy else { return Ok(Value::None) };
        let hard_deletes = machine.attribute(&strategy, "hard_deletes")?;
        if hard_deletes.as_text() == Some("new_record") {
            let desired = configured(machine, names.as_ref(), IS_DELETED)?;
            let missing =
                desired.filter(|desired| !there.iter().any(|name| name.to_lowercase() == *desired));
            refuse(missing.as_slice())?;
        }
        Ok(Value::None)
    }
}

/// The name that a project gives a column of snapshots; nothing if it gives none.
fn configured(
    machine: &mut Machine<'_>,
    names: Option<&Value>,
    column: &str,
) -> Outcome<Option<String>> {
    let Some(names) = names.filter(|names| names.truth()) else {
        return Ok(Some(column.to_owned()));
    };
    let name = machine.item(names, &Value::from(column))?;
    if name.truth() { Ok(Some(name.to_text()?.to_string())) } else { Ok(None) }
}

fn refuse(missing: &[String]) -> Outcome<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join("\", \"");
    compilation(format!(
        "Snapshot target is missing configured columns (missing \"{missing}\"). See \
         https://docs.getdbt.com/docs/build/snapshots#snapshot-meta-fields for more information."
    ))
}

/// What becomes of rows that are gone from the source.
pub(super) fn hard_deletes(machine: &mut Machine<'_>, args: Args) -> Outcome {
    let config = args.one("get_hard_deletes_behavior", "config")?;
    let mut get = |key: &str| {
        let getter = machine.attribute(&config, "get")?;
        machine.call(&getter, Args::of([Value::from(key), Value::None]))
    };
    let (invalidate, wanted) = (get("invalidate_hard_deletes")?, get("hard_deletes")?);
    if !matches!(invalidate, Value::None) && !matches!(wanted, Value::None) {
        return validation(
            "You cannot set both the invalidate_hard_deletes and hard_deletes config properties on \
             the same snapshot.",
        );
    }
    match wanted.as_text() {
        _ if invalidate.truth() => Ok(Value::from("invalidate")),
        Some(behavior @ ("invalidate" | "new_record" | "ignore")) => Ok(Value::from(behavior)),
        None if matches!(wanted, Value::None) => Ok(Value::from("ignore")),
        _ => validation("Invalid setting for property hard_deletes."),
    }
}
