//! How old a source may be: thresholds of the source and its table, each also in `config`.

use serde_json::{Map, Value, json};

use super::values::as_text;
use crate::manifest::{Freshness, FreshnessPeriod};

/// What files say.
#[derive(Debug)]
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// That there is no threshold.
    None,
    /// Thresholds.
    Some(Value),
}

/// Thresholds. `None` for one that is set to null, which removes it.
#[derive(Debug, Clone)]
struct Thresholds {
    warn_after: Option<Period>,
    error_after: Option<Period>,
    filter: Value,
}

#[derive(Debug, Clone, Default)]
struct Period {
    count: Value,
    period: Value,
}

impl Period {
    fn is_set(&self) -> bool {
        !self.count.is_null() && !self.period.is_null()
    }

    fn to_json(&self) -> Value {
        json!({"count": self.count, "period": self.period})
    }
}

/// The thresholds of a table.
pub(super) fn of_files(
    source: &Map<String, Value>,
    source_config: &Map<String, Value>,
    table: &Map<String, Value>,
    table_config: &Map<String, Value>,
) -> Said {
    let mut merged = read(source.get("freshness"));
    for map in [source_config, table, table_config] {
        merged = merge(merged, read(map.get("freshness")));
    }
    match merged {
        None => Said::None,
        Some(found) if is_set(&found) => Said::Some(to_json(&found)),
        Some(_) => Said::Nothing,
    }
}

fn is_set(found: &Thresholds) -> bool {
    [&found.warn_after, &found.error_after].into_iter().flatten().any(Period::is_set)
}

fn read(said: Option<&Value>) -> Option<Thresholds> {
    let map = match said {
        None => &Map::new(),
        Some(Value::Object(map)) => map,
        Some(_) => return None,
    };
    let period = |key: &str| match map.get(key) {
        None => Some(Period::default()),
        Some(Value::Object(period)) => Some(Period {
            count: period.get("count").cloned().unwrap_or_default(),
            period: period.get("period").cloned().unwrap_or_default(),
        }),
        Some(_) => None,
    };
    Some(Thresholds {
        warn_after: period("warn_after"),
        error_after: period("error_after"),
        filter: map.get("filter").cloned().unwrap_or_default(),
    })
}

fn merge(base: Option<Thresholds>, update: Option<Thresholds>) -> Option<Thresholds> {
    match (base, update) {
        (Some(base), Some(update)) => Some(Thresholds {
            warn_after: merge_period(base.warn_after, update.warn_after),
            error_after: merge_period(base.error_after, update.error_after),
            filter: if update.filter.is_null() { base.filter } else { update.filter },
        }),
        (None, Some(update)) if is_set(&update) => Some(update),
        _ => None,
    }
}

fn merge_period(base: Option<Period>, update: Option<Period>) -> Option<Period> {
    let update = update?;
    if update.is_set() { Some(update) } else { base }
}

fn to_json(found: &Thresholds) -> Value {
    json!({
        "warn_after": found.warn_after.as_ref().map(Period::to_json),
        "error_after": found.error_after.as_ref().map(Period::to_json),
        "filter": found.filter,
    })
}

/// The thresholds of a configuration.
pub(super) fn parsed(value: &Value) -> Freshness {
    let period = |key: &str| {
        let map = value.get(key)?;
        Some(FreshnessPeriod {
            count: map.get("count")?.as_u64()?,
            period: map.get("period").and_then(as_text)?,
        })
    };
    Freshness {
        warn_after: period("warn_after"),
        error_after: period("error_after"),
        filter: value.get("filter").and_then(as_text),
    }
}
