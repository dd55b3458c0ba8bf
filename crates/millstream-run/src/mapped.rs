//! A step that runs once for each item of a list: every item has attempts of its own, and is not
//! done again while what it is made of stays the same. Once all are done, so is the step.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use millstream_core::asset::AssetKey;
use millstream_core::error::Result;
use millstream_core::flow::{ITEMS_MAX, Mapping, RESULT_BYTES_MAX};
use millstream_core::hash::ContentHash;
use millstream_core::partition::PartitionKey;
use millstream_core::step::{Refresh, StepSpec};
use millstream_ledger::{Memo, PartitionRecord, StepState};
use serde_json::Value;

use crate::attempt::Decided;
use crate::driver::{CANCELLED, StepDriver, Verdict};
use crate::error::RunError;
use crate::memo::counts;
use crate::partitions::{DecidedPart, Part, PartitionReport};
use crate::plan::{Due, Known};
use crate::report::{StepOutcome, StepReport};

/// The most bytes of the text that names an item.
const NAME_BYTES_MAX: usize = 96;
/// The most names that a line lists.
const NAMES_MAX: usize = 5;

/// An item of a list, with the name under which it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) key: PartitionKey,
    pub(crate) value: Value,
}

/// The fingerprint of the list of a step that has one. `None` if it has none that can be known.
pub(crate) fn print(spec: &StepSpec, known: &Known) -> Option<ContentHash> {
    let over = &spec.flow.for_each.as_ref()?.over;
    let list = over.value(&known.results(over.reads())).ok()?;
    Some(ContentHash::of(list.to_string().as_bytes()))
}

/// The items of a list, each once.
fn items(mapping: &Mapping, list: Value) -> std::result::Result<Vec<Item>, RunError> {
    let text = mapping.over.text().to_owned();
    let Value::Array(list) = list else { return Err(RunError::NoList { text }) };
    if list.len() > ITEMS_MAX {
        return Err(RunError::TooManyItems { text, count: list.len() });
    }
    let mut seen = BTreeSet::new();
    let items = list.into_iter().map(|value| Item { key: name_of(&value), value });
    Ok(items.filter(|item| seen.insert(item.key.clone())).collect())
}

/// What an item is called: its text, or its JSON.
fn name_of(item: &Value) -> PartitionKey {
    let json = item.to_string();
    let text = match item {
        // A text that is JSON itself is told from what it would be.
        Value::String(text) if is_plain(text) => text.clone(),
        _ => json.clone(),
    };
    if text.len() <= NAME_BYTES_MAX {
        return PartitionKey::new(text);
    }
    let end = text.floor_char_boundary(NAME_BYTES_MAX / 2);
    PartitionKey::new(format!("{}... {}", &text[..end], ContentHash::of(json.as_bytes()).short()))
}

fn is_plain(text: &str) -> bool {
    let is_json = serde_json::from_str::<Value>(text).is_ok();
    !text.is_empty() && !is_json && !text.chars().any(char::is_control)
}

/// The memo of an item: what it is made of, besides the list in which it stands.
fn memo_of(spec: &StepSpec, mapping: &Mapping, whole: &Memo, item: &Item) -> Memo {
    let mut parts = vec![
        spec.asset().to_string(),
        item.value.to_string(),
        whole.definition.to_string(),
        whole.probe.map(|probe| probe.to_string()).unwrap_or_default(),
    ];
    let listing: &[AssetKey] = mapping.over.reads();
    let counted = spec.inputs.iter().filter(|input| counts(input));
    let counted: BTreeSet<&AssetKey> = counted.map(|input| &input.asset).collect();
    let read = whole.inputs.iter().filter(|read| counted.contains(&read.asset));
    let read = read.filter(|read| !listing.contains(&read.asset));
    parts.extend(read.map(|read| format!("{}@{}", read.asset, read.version)));
    Memo { key: ContentHash::of_parts(parts), ..whole.clone() }
}

/// Which items are worked on, and why. If somebody asks for the step, those that are not done; all
/// of them, if all are.
fn due(
    made: impl Fn(&Item) -> (Memo, Option<PartitionRecord>),
    items: &[Item],
    refresh: Refresh,
    due: Due,
) -> Vec<DecidedPart> {
    let mut wanted = Vec::new();
    let mut done = Vec::new();
    for item in items {
        let (memo, record) = made(item);
        let sequence = record.as_ref().map_or(0, |record| record.sequence);
        let part = |reason: &str| DecidedPart {
            key: item.key.clone(),
            memo: memo.clone(),
            reason: reason.to_owned(),
            item: Some(item.value.clone()),
            sequence,
        };
        match record {
            None => wanted.push(part("new")),
            Some(_) if refresh == Refresh::Full => wanted.push(part("full refresh")),
            Some(record) if record.memo.key != memo.key => {
                let is_definition = record.memo.definition != memo.definition;
                wanted.push(part(if is_definition { "definition changed" } else { "changed" }));
            }
            Some(_) => done.push(part("asked for")),
        }
    }
    match (wanted.is_empty(), due) {
        (true, Due::Always) => done,
        _ => wanted,
    }
}

impl StepDriver {
    /// Works on all items that are due, some at a time, and then ends the step.
    pub(crate) async fn mapped(&self, mapping: &Mapping) -> Result<StepReport> {
        let whole = match self.decide(self.context.refresh, self.due).await {
            Ok(Verdict::Go(decided)) => decided,
            Ok(Verdict::UpToDate) => return self.skip(StepOutcome::UpToDate, "up to date").await,
            Ok(Verdict::Skip(reason)) => return self.skip(StepOutcome::Skipped, &reason).await,
            Err(error) => return self.undecided(error, 1).await,
        };
        let items = match self.items(mapping) {
            Ok(items) => items,
            Err(error) => return self.undecided(error, 1).await,
        };
        let spec = self.step.spec();
        let records = self.context.ledger.partitions(spec.asset())?;
        let made = |item: &Item| {
            (memo_of(spec, mapping, &whole.memo, item), records.get(&item.key).cloned())
        };
        let due = due(made, &items, self.context.refresh, self.due);
        let reports = self.work_on(due, mapping.parallel_max).await?;
        if self.context.cancel.is_cancelled() {
            if reports.is_empty() {
                return self.skip(StepOutcome::Cancelled, CANCELLED).await;
            }
            return self.stopped(StepOutcome::Cancelled, CANCELLED.to_owned(), reports).await;
        }
        let note = note(&reports);
        if reports.iter().any(|report| !report.is_good()) {
            return self.stopped(StepOutcome::Failed, note, reports).await;
        }
        match self.gathered(&items) {
            Ok(given) => {
                let (reason, given) = (whole.reason.clone(), Some(given));
                let decided = Decided { reason, given, ..*whole };
                let report = self.attempts_of(&Part::Given(Box::new(decided))).await?;
                let note = (!reports.is_empty()).then_some(note);
                Ok(StepReport { partitions: reports, note, ..report })
            }
            Err(error) => self.undecided(error.into(), 1).await,
        }
    }

    /// The items as they are now.
    fn items(&self, mapping: &Mapping) -> Result<Vec<Item>> {
        let (known, _) = Known::of_step(&self.context.ledger, self.step.spec())?;
        let list = mapping.over.value(&known.results(mapping.over.reads()))?;
        Ok(items(mapping, list)?)
    }

    /// Takes items to their ends. One that fails does not keep the others from being done.
    async fn work_on(
        &self,
        due: Vec<DecidedPart>,
        parallel_max: usize,
    ) -> Result<Vec<PartitionReport>> {
        let mut due = due.into_iter();
        let mut working = FuturesUnordered::new();
        let mut reports = Vec::new();
        loop {
            while working.len() < parallel_max && !self.context.cancel.is_cancelled() {
                let Some(part) = due.next() else { break };
                working.push(self.one(part));
            }
            match working.next().await {
                Some(report) => reports.extend(report?),
                None => return Ok(reports),
            }
        }
    }

    /// Takes one item to its end; nothing if the run is stopped before.
    async fn one(&self, part: DecidedPart) -> Result<Option<PartitionReport>> {
        let (partition, reason) = (part.key.clone(), part.reason.clone());
        let StepReport { outcome, stats, error, .. } = self.attempts_of(&Part::One(part)).await?;
        let report = PartitionReport { partition, outcome, reason, stats, error };
        Ok((outcome != StepOutcome::Cancelled).then_some(report))
    }

    /// The end of a step that did not come to its own.
    async fn stopped(
        &self,
        outcome: StepOutcome,
        reason: String,
        reports: Vec<PartitionReport>,
    ) -> Result<StepReport> {
        let state = match outcome {
            StepOutcome::Failed => StepState::Failed,
            _ => StepState::Cancelled,
        };
        let Self { context, step, .. } = self;
        context.ledger.conclude_step(context.run, step.spec().asset(), state, &reason).await?;
        let error = reports.iter().find_map(|report| report.error.clone());
        let attempts = u32::try_from(reports.len()).unwrap_or(u32::MAX);
        let blank = self.blank(outcome, reason.clone(), attempts, self.version()?);
        Ok(StepReport { error, note: Some(reason), partitions: reports, ..blank })
    }

    /// What the items have given, in their order; nothing where none gave anything.
    fn gathered(&self, items: &[Item]) -> std::result::Result<Value, RunError> {
        let asset = self.step.spec().asset();
        let given = self.context.ledger.item_results(asset);
        let mut given = given.map_err(|error| RunError::ResultsUnread(error.to_string()))?;
        let results: Vec<Value> =
            items.iter().map(|item| given.remove(&item.key).unwrap_or_default()).collect();
        if results.iter().all(Value::is_null) {
            return Ok(Value::Null);
        }
        let results = Value::from(results);
        match results.to_string().len() {
            bytes if bytes > RESULT_BYTES_MAX => {
                Err(RunError::ResultsTooLarge { asset: asset.to_string(), bytes })
            }
            _ => Ok(results),
        }
    }
}

/// `3 items`, `2 of 5 items failed: a, b`.
fn note(reports: &[PartitionReport]) -> String {
    let count = |count: usize| match count {
        1 => "1 item".to_owned(),
        count => format!("{count} items"),
    };
    let failed: Vec<&str> = reports
        .iter()
        .filter(|report| !report.is_good())
        .map(|report| report.partition.as_str())
        .collect();
    if failed.is_empty() {
        return count(reports.len());
    }
    let more = match failed.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = failed[..failed.len().min(NAMES_MAX)].join(", ");
    format!("{} of {} failed: {names}{more}", failed.len(), count(reports.len()))
}

#[cfg(test)]
mod tests {
    use millstream_core::flow::Expression;
    use millstream_core::step::StepStats;
    use serde_json::json;

    use super::*;

    fn mapping() -> Mapping {
        let over = Expression::new("the list", Vec::new(), |_| Ok(Value::Null));
        Mapping { over, parallel_max: 2 }
    }

    #[test]
    fn items_are_named_by_what_they_are() {
        let names = |list: Value| -> Vec<String> {
            let items = items(&mapping(), list).unwrap();
            items.iter().map(|item| item.key.to_string()).collect()
        };
        assert_eq!(names(json!(["a.csv", "b c", "a.csv"])), ["a.csv", "b c"]);
        assert_eq!(
            names(json!([1, "1", {"a": [2]}, "", null])),
            ["1", "\"1\"", "{\"a\":[2]}", "\"\"", "null"]
        );
        let long = names(json!(["x".repeat(200), "x".repeat(201)]));
        assert!(long[0] != long[1] && long[0].len() <= NAME_BYTES_MAX, "{long:?}");
    }

    #[test]
    fn what_is_no_list_or_too_long_is_refused() {
        assert!(matches!(items(&mapping(), json!({"a": 1})), Err(RunError::NoList { .. })));
        let many = Value::from(vec![Value::Null; ITEMS_MAX + 1]);
        assert!(matches!(items(&mapping(), many), Err(RunError::TooManyItems { .. })));
    }

    #[test]
    fn a_line_says_which_items_failed() {
        let report = |name: &str, outcome| PartitionReport {
            partition: PartitionKey::new(name),
            outcome,
            reason: String::new(),
            stats: StepStats::default(),
            error: None,
        };
        assert_eq!(note(&[report("a", StepOutcome::Unchanged)]), "1 item");
        let some = ["a", "b"].map(|name| report(name, StepOutcome::Failed));
        let good = report("c", StepOutcome::Unchanged);
        let all: Vec<_> = some.into_iter().chain([good]).collect();
        assert_eq!(note(&all), "2 of 3 items failed: a, b");
    }
}
