//! Relations that templates make of other relations.

use std::sync::Arc;

use millstream_jinja::{Outcome, Value};

use super::parts::part_of;
use super::{EventTimeFilter, Part, Policy, Relation, RelationKind};
use crate::adapter::problem::runtime;

type Named = Vec<(Arc<str>, Value)>;

impl Relation {
    /// The relation with these fields changed. Fields that relations do not have are ignored, as
    /// dbt does.
    pub(super) fn with_fields(&self, fields: Named) -> Outcome<Self> {
        let mut changed = self.clone();
        for (name, value) in fields {
            match &*name {
                "path" => changed.set_path(&value)?,
                "type" => changed.kind = self.kind_of(&value)?,
                "include_policy" => set_policy(&mut changed.include, &value),
                "quote_policy" => set_policy(&mut changed.quote, &value),
                "limit" => changed.limit = self.limit_of(&value)?,
                "event_time_filter" => changed.event_time_filter = filter_of(&value)?,
                "dbt_created" => changed.dbt_created = value.truth(),
                "catalog" => changed.catalog = text_of(&value)?,
                _ => {}
            }
        }
        Ok(changed.checked()?)
    }

    fn set_path(&mut self, given: &Value) -> Outcome<()> {
        for part in Part::ALL {
            if let Some(value) = part_of(given, part) {
                self.set_part(part, &value)?;
            }
        }
        Ok(())
    }

    /// Sets a part of the name to what a template gives.
    pub(super) fn set_part(&mut self, part: Part, value: &Value) -> Outcome<()> {
        self.path.set(part, text_of(value)?);
        Ok(())
    }

    fn kind_of(&self, value: &Value) -> Outcome<Option<RelationKind>> {
        if matches!(value, Value::None | Value::Undefined(_)) {
            return Ok(None);
        }
        match value.as_text().and_then(RelationKind::of_word) {
            Some(kind) => Ok(Some(kind)),
            None => self.misfit("type", "RelationType", value),
        }
    }

    fn limit_of(&self, value: &Value) -> Outcome<Option<u64>> {
        match value {
            Value::None => Ok(None),
            value => match value.as_int().and_then(|limit| u64::try_from(limit).ok()) {
                Some(limit) => Ok(Some(limit)),
                None => self.misfit("limit", "int", value),
            },
        }
    }

    fn misfit<T>(&self, field: &str, kind: &str, value: &Value) -> Outcome<T> {
        let class = self.class_name();
        let value = value.to_repr()?;
        runtime(format!(
            "Field \"{field}\" of type Optional[{kind}] in {class} has invalid value {value}"
        ))
    }
}

fn set_policy(policy: &mut Policy, given: &Value) {
    for part in Part::ALL {
        match part_of(given, part) {
            None | Some(Value::None | Value::Undefined(_)) => {}
            Some(value) => policy.set(part, value.truth()),
        }
    }
}

fn filter_of(value: &Value) -> Outcome<Option<EventTimeFilter>> {
    let Some(dict) = value.as_dict() else { return Ok(None) };
    let text = |key: &str| match dict.get_text(key) {
        None | Some(Value::None) => Ok(None),
        Some(value) => value.to_text().map(|text| Some(text.to_string())),
    };
    Ok(Some(EventTimeFilter {
        field_name: text("field_name")?.unwrap_or_default(),
        start: text("start")?,
        end: text("end")?,
    }))
}

/// A part of a name: nothing, or any value as text.
fn text_of(value: &Value) -> Outcome<Option<Arc<str>>> {
    match value {
        Value::None | Value::Undefined(_) => Ok(None),
        value => value.to_text().map(Some),
    }
}
