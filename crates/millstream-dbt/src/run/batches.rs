//! The batches of a microbatch model: stretches of event time, each made on its own. Pure.

use jiff::Span;
use jiff::civil::{DateTime, date};
use millstream_core::step::Refresh;

use super::event_time::{moment, python};
use crate::context::{Batch, Failure, FailureKind};
use crate::manifest::Node;

/// The most batches that one run makes of a model.
const BATCHES_MAX: usize = 100_000;

/// A batch: from a moment on, until before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stretch {
    pub(super) start: DateTime,
    pub(super) end: DateTime,
}

/// How long a batch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchSize {
    Hour,
    Day,
    Month,
    Year,
}

/// What decides which batches are made.
#[derive(Debug, Clone)]
pub(super) struct Horizon {
    /// What the command asked for.
    pub(super) asked: Option<(DateTime, DateTime)>,
    /// Where the batches end if the command does not say.
    pub(super) now: DateTime,
    /// Whether there are rows to build on.
    pub(super) refresh: Refresh,
}

impl BatchSize {
    /// The `batch_size` of a model.
    pub(super) fn of(node: &Node) -> Result<Self, Failure> {
        match node.config.text("batch_size") {
            Some("hour") => Ok(Self::Hour),
            Some("day") => Ok(Self::Day),
            Some("month") => Ok(Self::Month),
            Some("year") => Ok(Self::Year),
            _ => Err(refused(format!(
                "Microbatch model '{}' does not have a 'batch_size' config (one of ['hour', \
                 'day', 'month', 'year']) specificed.",
                node.name
            ))),
        }
    }

    fn truncated(self, at: DateTime) -> DateTime {
        match self {
            Self::Hour => at.date().at(at.hour(), 0, 0, 0),
            Self::Day => at.date().at(0, 0, 0, 0),
            Self::Month => date(at.year(), at.month(), 1).at(0, 0, 0, 0),
            Self::Year => date(at.year(), 1, 1).at(0, 0, 0, 0),
        }
    }

    /// So many batches after the one that a moment is in.
    fn offset(self, at: DateTime, by: i64) -> Result<DateTime, Failure> {
        let span = match self {
            Self::Hour => Span::new().try_hours(by),
            Self::Day => Span::new().try_days(by),
            Self::Month => Span::new().try_months(by),
            Self::Year => Span::new().try_years(by),
        };
        let moved = span.and_then(|span| self.truncated(at).checked_add(span));
        moved.map_err(|error| refused(format!("no batch is {by} away from {at}: {error}")))
    }

    fn ceiling(self, at: DateTime) -> Result<DateTime, Failure> {
        if self.truncated(at) == at { Ok(at) } else { self.offset(at, 1) }
    }

    /// What lines and files call a batch: `2026-11-21`.
    pub(super) fn label(self, start: DateTime) -> String {
        let format = match self {
            Self::Hour => "%Y-%m-%dT%H",
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        };
        start.strftime(format).to_string()
    }

    /// A batch as templates see it.
    pub(super) fn batch(self, stretch: Stretch, refresh: Refresh) -> Batch {
        let label = self.label(stretch.start);
        Batch {
            id: label.replace('-', ""),
            label,
            start: python(stretch.start),
            end: python(stretch.end),
            refresh,
        }
    }
}

/// The batches of a model, in their order.
pub(super) fn stretches(node: &Node, horizon: &Horizon) -> Result<Vec<Stretch>, Failure> {
    let size = BatchSize::of(node)?;
    let end = size.ceiling(horizon.asked.map_or(horizon.now, |(_, end)| end))?;
    let mut start = first(node, size, horizon, end)?;
    let mut stretches = Vec::new();
    loop {
        let next = size.offset(start, 1)?;
        // The last one ends where it was asked to, whatever its size.
        let is_last = next >= end;
        stretches.push(Stretch { start, end: if is_last { end } else { next } });
        if is_last {
            return Ok(stretches);
        }
        if stretches.len() == BATCHES_MAX {
            let message = format!(
                "Microbatch model '{}' has more than {BATCHES_MAX} batches since {}",
                node.name, stretches[0].start
            );
            return Err(refused(message));
        }
        start = next;
    }
}

fn first(
    node: &Node,
    size: BatchSize,
    horizon: &Horizon,
    end: DateTime,
) -> Result<DateTime, Failure> {
    if let Some((start, _)) = horizon.asked {
        return Ok(size.truncated(start));
    }
    if horizon.refresh == Refresh::Full {
        let begin = node.config.text("begin").ok_or_else(|| {
            refused(format!("Microbatch model '{}' requires a 'begin' configuration.", node.name))
        })?;
        let begin = moment(begin).ok_or_else(|| {
            refused(format!("Microbatch model '{}': '{begin}' is no moment to begin", node.name))
        })?;
        return Ok(size.truncated(begin));
    }
    let lookback = node.config.get("lookback").and_then(serde_json::Value::as_i64).unwrap_or(1);
    // A moment between two batches ends the one before it.
    let between = i64::from(size.truncated(end) == end);
    size.offset(end, -(lookback + between))
}

fn refused(message: String) -> Failure {
    Failure::new(FailureKind::Runtime, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::select::tests::fixture::Shop;

    fn model(config: serde_json::Value) -> Node {
        let serde_json::Value::Object(config) = config else { panic!("an object") };
        let mut shop = Shop::new();
        let node = shop.model("models/m.sql", &[]);
        node.config = config.into();
        node.clone()
    }

    fn shown(node: &Node, horizon: &Horizon) -> Vec<String> {
        let size = BatchSize::of(node).unwrap();
        let of = |stretch: Stretch| {
            let batch = size.batch(stretch, horizon.refresh);
            format!("{}: {} to {}", batch.id, batch.start, batch.end)
        };
        stretches(node, horizon).unwrap().into_iter().map(of).collect()
    }

    fn horizon(now: &str, refresh: Refresh) -> Horizon {
        Horizon { asked: None, now: moment(now).unwrap(), refresh }
    }

    #[test]
    fn the_first_run_begins_where_the_model_says() {
        let node = model(json!({"batch_size": "month", "begin": "2026-09-17"}));
        assert_eq!(
            shown(&node, &horizon("2026-11-05 08:00:00", Refresh::Full)),
            [
                "202609: 2026-09-01 00:00:00+00:00 to 2026-10-01 00:00:00+00:00",
                "202610: 2026-10-01 00:00:00+00:00 to 2026-11-01 00:00:00+00:00",
                "202611: 2026-11-01 00:00:00+00:00 to 2026-12-01 00:00:00+00:00",
            ]
        );
    }

    #[test]
    fn later_runs_look_back() {
        let node = model(json!({"batch_size": "day", "begin": "2020-01-01", "lookback": 2}));
        let days = |now| shown(&node, &horizon(now, Refresh::Incremental)).len();
        assert_eq!((days("2026-11-05 08:00:00"), days("2026-11-05")), (3, 3));
    }

    #[test]
    fn what_is_asked_for_counts() {
        let node = model(json!({"batch_size": "day"}));
        let asked = (moment("2026-11-01 10:00:00").unwrap(), moment("2026-11-03").unwrap());
        let horizon = Horizon { asked: Some(asked), ..horizon("2026-12-01", Refresh::Full) };
        assert_eq!(shown(&node, &horizon).len(), 2);
    }

    #[test]
    fn a_model_must_say_when_it_begins() {
        let node = model(json!({"batch_size": "day"}));
        let failed = stretches(&node, &horizon("2026-11-05", Refresh::Full)).unwrap_err();
        assert!(failed.to_string().contains("requires a 'begin' configuration"), "{failed}");
    }
}
