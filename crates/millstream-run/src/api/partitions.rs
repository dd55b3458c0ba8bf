//! The partitions of an asset: which there are, which were made, and how the last try went.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use millstream_core::asset::AssetKey;
use millstream_core::clock::Timestamp;
use millstream_core::hash::ContentHash;
use millstream_core::partition::{PartitionKey, PartitionedBy, Partitions};
use millstream_core::step::StepSpec;
use millstream_ledger::{LastAttempt, PartitionRecord, StepState};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Refusal};
use super::moment::Moment;
use super::page::{Page, limit};
use super::{Answer, Api};

/// Which partitions are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PartitionsAsked {
    state: Option<PartitionState>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// How a partition is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
enum PartitionState {
    /// It was made.
    Made,
    /// It was never made.
    Missing,
    /// Its last attempt failed.
    Failed,
    /// It is being made.
    Running,
}

/// The partitions of an asset; of time, the newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AssetPartitions {
    asset: String,
    /// The column that says in which partition a row is.
    column: String,
    /// `hour`, `day`, `month` or `year`; null if it is divided by values.
    grain: Option<String>,
    /// Whose clocks say when a stretch of time begins.
    timezone: Option<String>,
    /// All partitions by state.
    counts: BTreeMap<PartitionState, usize>,
    items: Vec<PartitionView>,
    next_cursor: Option<String>,
}

/// A partition of an asset.
#[derive(Debug, Serialize, JsonSchema)]
struct PartitionView {
    partition: String,
    state: PartitionState,
    /// Whether its time is still going on.
    open: bool,
    /// Whether an older definition made it.
    older_definition: bool,
    /// Its rows, as they were written.
    rows: Option<u64>,
    /// When it was made.
    made_at: Option<Moment>,
    /// The version of the asset that changed its rows last.
    version: Option<u64>,
    /// The run of its last attempt.
    run: Option<String>,
    /// Why its last attempt failed.
    error: Option<String>,
}

/// The partitions of an asset, and how each is.
pub(super) async fn partitions(
    State(api): State<Api>,
    Path(key): Path<String>,
    Query(asked): Query<PartitionsAsked>,
) -> Answer<AssetPartitions> {
    api.reading(move |api| {
        let limit = limit(asked.limit)?;
        let asset = api.fact(&key)?.1.of.clone();
        let (spec, partitions) = api.divided(&asset).ok_or(ApiError::NotDivided(key))?;
        let all = Looked {
            made: api.ledger().partitions(&asset)?,
            tried: api.ledger().last_attempts(&asset)?,
            definition: spec.definition,
        }
        .views(partitions, api.config.clock.now());
        let mut counts = BTreeMap::new();
        for view in &all {
            *counts.entry(view.state).or_default() += 1;
        }
        let meant = all.into_iter().filter(|view| asked.state.is_none_or(|it| it == view.state));
        let page = Page::within(meant.collect(), limit, asked.cursor.as_deref())?;
        let (items, next_cursor) = page.into_parts();
        let time = partitions.time();
        Ok::<_, Refusal>(AssetPartitions {
            asset: asset.to_string(),
            column: partitions.column.clone(),
            grain: time.map(|time| time.grain().word().to_owned()),
            timezone: time.map(|time| time.timezone().to_owned()),
            counts,
            items,
            next_cursor,
        })
    })
    .await
}

impl Api {
    /// The step that makes an asset, and how it is divided, if it is.
    pub(super) fn divided(&self, asset: &AssetKey) -> Option<(&StepSpec, &Partitions)> {
        let steps = self.config.conductor.executor().steps();
        let spec = steps.iter().map(|step| step.spec()).find(|spec| spec.asset() == asset)?;
        Some((spec, spec.partitions.as_ref()?))
    }
}

/// What the ledger knows of the partitions of an asset.
struct Looked {
    made: BTreeMap<PartitionKey, PartitionRecord>,
    tried: BTreeMap<PartitionKey, LastAttempt>,
    /// What the project says now.
    definition: ContentHash,
}

impl Looked {
    fn views(&self, partitions: &Partitions, now: Timestamp) -> Vec<PartitionView> {
        let mut keys = partitions.keys(now);
        if matches!(partitions.by, PartitionedBy::Time(_)) {
            keys.reverse();
        }
        let views = keys.iter().map(|key| self.view(key, partitions.is_open(key, now)));
        views.collect()
    }

    fn view(&self, key: &PartitionKey, open: bool) -> PartitionView {
        let (made, tried) = (self.made.get(key), self.tried.get(key));
        let state = match (made, tried) {
            (_, Some(last)) if last.state == StepState::Running => PartitionState::Running,
            (_, Some(last)) if last.has_failed() => PartitionState::Failed,
            (Some(_), _) => PartitionState::Made,
            (None, _) => PartitionState::Missing,
        };
        let error = tried.filter(|_| state == PartitionState::Failed);
        let error = error.and_then(|last| last.error.as_ref());
        PartitionView {
            partition: key.to_string(),
            state,
            open,
            older_definition: made.is_some_and(|made| made.memo.definition != self.definition),
            rows: made.map(|made| made.rows),
            made_at: made.map(|made| Moment(made.at)),
            version: made.map(|made| made.version),
            run: tried.map(|last| last.run.to_string()),
            error: error.map(|error| error.message.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use millstream_core::id::{AttemptId, RunId};
    use millstream_core::partition::{Grain, TimePartitions};
    use millstream_ledger::Memo;

    use super::super::error::word;
    use super::*;

    fn record(definition: &[u8]) -> PartitionRecord {
        let hash = ContentHash::of(definition);
        let memo = Memo { key: hash, definition: hash, basis: hash, inputs: vec![], probe: None };
        let at = Timestamp::from_micros(0);
        PartitionRecord { version: 3, sequence: 1, rows: 7, memo, attempt: AttemptId::new(), at }
    }

    #[test]
    fn a_partition_is_as_its_last_attempt_and_its_record_say() {
        let days = TimePartitions::new(Grain::Day, "2026-01-01", None, None, 1).unwrap();
        let days = Partitions { column: "at".to_owned(), by: PartitionedBy::Time(days) };
        let key = |day: &str| PartitionKey::new(format!("2026-01-0{day}"));
        let last = |state| LastAttempt { state, run: RunId::new(), error: None };
        let looked = Looked {
            made: [(key("1"), record(b"old")), (key("2"), record(b"new"))].into(),
            tried: [
                (key("2"), last(StepState::Failed)),
                (key("3"), last(StepState::Running)),
                (key("1"), last(StepState::Succeeded)),
            ]
            .into(),
            definition: ContentHash::of(b"new"),
        };
        // 2026-01-04 12:00 UTC.
        let views = looked.views(&days, Timestamp::from_micros(1_767_528_000_000_000));
        let said: Vec<(String, String, bool, bool)> = views
            .iter()
            .map(|view| {
                (view.partition.clone(), word(&view.state), view.open, view.older_definition)
            })
            .collect();
        let expected = [
            ("2026-01-04", "missing", true, false),
            ("2026-01-03", "running", false, false),
            ("2026-01-02", "failed", false, false),
            ("2026-01-01", "made", false, true),
        ];
        let expected = expected
            .map(|(day, state, open, older)| (day.to_owned(), state.to_owned(), open, older));
        assert_eq!(said, expected);
    }
}
