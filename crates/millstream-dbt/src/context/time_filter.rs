//! Which rows of what is read count: those of the batch, or of the sample.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::run_state::RunState;
use crate::adapter::EventTimeFilter;
use crate::manifest::{Column, Config, NodeKind};

/// The rows that a text reads of something with this configuration.
pub(super) fn of(
    state: &RunState,
    config: &Config,
    columns: &IndexMap<String, Column>,
    quoting: Option<&Map<String, Value>>,
) -> Option<EventTimeFilter> {
    let event_time = config.text("event_time")?;
    let node = state.node()?;
    if !matches!(node.kind, NodeKind::Model | NodeKind::Snapshot) {
        return None;
    }
    let sample = state.session.around.invocation.args.get("sample").and_then(Value::as_object);
    let moment = |key: &str| sample?.get(key)?.as_str().map(str::to_owned);
    let sampled = (moment("start"), moment("end"));
    let (start, end) = match (&state.batch, sample) {
        (Some(batch), None) => (Some(batch.start.clone()), Some(batch.end.clone())),
        (Some(batch), Some(_)) => (
            sampled.0.into_iter().chain([batch.start.clone()]).max(),
            sampled.1.into_iter().chain([batch.end.clone()]).min(),
        ),
        (None, Some(_)) => sampled,
        (None, None) => return None,
    };
    let quoted = columns
        .values()
        .find(|column| column.name == event_time)
        .and_then(|column| column.quote)
        .or_else(|| quoting?.get("column")?.as_bool())
        .unwrap_or(false);
    let field_name = if quoted { format!("\"{event_time}\"") } else { event_time.to_owned() };
    Some(EventTimeFilter { field_name, start, end })
}
