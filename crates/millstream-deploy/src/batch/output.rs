//! From rows of the relation to rows of the answers, and their events.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch};
use arrow::array::{StringArray, TimestampMicrosecondArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef, TimeUnit};
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use millstream_core::Result;
use millstream_core::batch::BatchStream;
use millstream_core::clock::Timestamp;
use millstream_core::limits::BATCH_ROWS;
use millstream_core::model::{InputType, Scorer, Task};

use super::blocking;
use super::error::ScoringError;
use super::events::SharedWriter;
use crate::event::{About, PredictionKind, Scored};
use crate::limits::SCORING_BATCHES_MAX;

/// Columns of the answers besides the key.
const COLUMNS: [&str; 7] =
    ["event_id", "label", "score", "scores", "model", "version", "scored_at"];

/// Event ids that are recorded already, as the numbers that their digits write.
pub(super) type KnownEvents = Arc<HashSet<u128>>;

/// Whether events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    Yes,
    No,
}

impl From<bool> for Record {
    fn from(record: bool) -> Self {
        if record { Self::Yes } else { Self::No }
    }
}

pub(super) fn check_key(key: &str) -> Result<()> {
    if COLUMNS.contains(&key) {
        return Err(ScoringError::KeyReserved(key.to_owned()).into());
    }
    Ok(())
}

/// The columns of the answers; the key keeps its type.
pub(super) fn schema(key: &str, key_field: &Field, scorer: &dyn Scorer) -> SchemaRef {
    let label = match scorer.signature().task {
        Task::Classification => DataType::Utf8,
        Task::Regression => DataType::Float64,
    };
    let scored_at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("event_id", DataType::Utf8, true),
        Field::new(key, plain_type(key_field.data_type()), true),
        Field::new("label", label, true),
        Field::new("score", DataType::Float64, true),
        Field::new("scores", DataType::Utf8, true),
        Field::new("model", DataType::Utf8, true),
        Field::new("version", DataType::Int64, true),
        Field::new("scored_at", scored_at, true),
    ]))
}

/// Text in any of Arrow's layouts is plain text in a table.
fn plain_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::Dictionary(_, value) => plain_type(value),
        other => other.clone(),
    }
}

/// Adds the ids of a batch of the last scoring.
pub(super) fn collect_ids(batch: &RecordBatch, known: &mut HashSet<u128>) -> Result<()> {
    let ids = converted("event_id", batch.column(0), &DataType::Utf8)?;
    known.extend(ids.as_string::<i32>().iter().flatten().filter_map(number_of));
    Ok(())
}

fn number_of(event_id: &str) -> Option<u128> {
    u128::from_str_radix(event_id, 16).ok()
}

/// One scoring: what every batch of it shares.
#[derive(Debug)]
pub(super) struct Scoring {
    pub(super) scorer: Arc<dyn Scorer>,
    pub(super) deployment: String,
    pub(super) known: KnownEvents,
    pub(super) at: Timestamp,
    pub(super) record: Record,
    pub(super) schema: SchemaRef,
}

/// A batch of answers and the lines of its new events.
struct ScoredBatch {
    rows: RecordBatch,
    lines: Vec<u8>,
    events: u64,
}

type Answers = Pin<Box<dyn Stream<Item = Result<RecordBatch>> + Send>>;

impl Scoring {
    /// The answers, in the order of the rows. A batch's events are written before the batch is
    /// given on. At most [`SCORING_BATCHES_MAX`] batches are scored at the same time.
    pub(super) fn scored(
        self: &Arc<Self>,
        rows: BatchStream,
        writer: Option<SharedWriter>,
    ) -> Answers {
        let this = Arc::clone(self);
        let scored = rows
            .batches
            .map_ok(|batch| futures::stream::iter(slices(&batch)))
            .try_flatten()
            .map(move |batch| {
                let this = Arc::clone(&this);
                async move { blocking(move || this.score(&batch?)).await }
            })
            .buffered(SCORING_BATCHES_MAX)
            .and_then(move |scored| {
                let writer = writer.clone();
                async move {
                    if let Some(writer) = writer {
                        writer.write(scored.lines, scored.events).await?;
                    }
                    Ok(scored.rows)
                }
            });
        Box::pin(scored)
    }

    fn score(&self, batch: &RecordBatch) -> Result<ScoredBatch> {
        let signature = self.scorer.signature();
        let inputs = signature.inputs.iter().zip(&batch.columns()[1..]);
        let inputs = inputs
            .map(|(input, array)| input_array(&input.name, input.r#type, array))
            .collect::<Result<Vec<_>>>()?;
        let predictions = self.scorer.score(&inputs)?;
        let scored = Scored::new(&*self.scorer, &inputs, &predictions)?;
        let key_field = self.schema.field(1);
        let keys = converted(key_field.name(), batch.column(0), &DataType::Utf8)?;
        let keys = keys.as_string::<i32>();
        let key = |row| keys.is_valid(row).then(|| keys.value(row));
        let ids: Vec<String> =
            (0..batch.num_rows()).map(|row| scored.content_id(row, key(row))).collect();
        let (lines, events) = match self.record {
            Record::No => (Vec::new(), 0),
            Record::Yes => self.lines(&scored, &ids, keys),
        };
        let key = converted(key_field.name(), batch.column(0), key_field.data_type())?;
        let labels = Arc::clone(&predictions.labels);
        let rows = self.answers(&scored, ids, key, labels)?;
        Ok(ScoredBatch { rows, lines, events })
    }

    /// The events that are not recorded yet, one JSON object a line.
    fn lines(&self, scored: &Scored<'_>, ids: &[String], keys: &StringArray) -> (Vec<u8>, u64) {
        let at = self.at.to_string();
        let (mut lines, mut events) = (Vec::new(), 0);
        for (row, event_id) in ids.iter().enumerate() {
            if number_of(event_id).is_some_and(|id| self.known.contains(&id)) {
                continue;
            }
            let about = About {
                event_id,
                deployment: &self.deployment,
                key: keys.is_valid(row).then(|| keys.value(row)),
                at: &at,
                kind: PredictionKind::Batch,
            };
            lines.extend_from_slice(&scored.event(row, &about).to_json());
            lines.push(b'\n');
            events += 1;
        }
        (lines, events)
    }

    fn answers(
        &self,
        scored: &Scored<'_>,
        ids: Vec<String>,
        key: ArrayRef,
        labels: ArrayRef,
    ) -> Result<RecordBatch> {
        let rows = ids.len();
        let score = |row| scored.scores(row).highest();
        let scores = |row| {
            serde_json::to_string(&scored.scores(row)).expect("labels and numbers are always JSON")
        };
        let model = self.scorer.model();
        let version = self.scorer.version() as i64;
        let at = TimestampMicrosecondArray::from_value(self.at.as_micros(), rows);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(ids)),
            key,
            labels,
            Arc::new((0..rows).map(score).collect::<Float64Array>()),
            Arc::new((0..rows).map(|row| Some(scores(row))).collect::<StringArray>()),
            Arc::new(StringArray::from_iter_values(std::iter::repeat_n(model, rows))),
            Arc::new(Int64Array::from_value(version, rows)),
            Arc::new(at.with_timezone("UTC")),
        ];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns);
        Ok(batch.map_err(|cause| ScoringError::ColumnType {
            column: "label".to_owned(),
            reason: cause.to_string(),
        })?)
    }
}

fn slices(batch: &RecordBatch) -> Vec<Result<RecordBatch>> {
    let starts = (0..batch.num_rows()).step_by(BATCH_ROWS);
    starts.map(|from| Ok(batch.slice(from, BATCH_ROWS.min(batch.num_rows() - from)))).collect()
}

fn input_array(name: &str, input: InputType, array: &ArrayRef) -> Result<ArrayRef> {
    match input {
        InputType::Text | InputType::Category => converted(name, array, &DataType::Utf8),
        InputType::Number => {
            let numbers = converted(name, array, &DataType::Float64)?;
            let numbers = numbers.as_primitive::<Float64Type>();
            // As in a request, what is no number is a missing value.
            let known: Float64Array =
                numbers.iter().map(|number| number.filter(|number| !number.is_nan())).collect();
            Ok(Arc::new(known))
        }
    }
}

/// The values in another type; one that does not fit is an error.
fn converted(name: &str, array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, to, &strict).map_err(|cause| ScoringError::ColumnType {
        column: name.to_owned(),
        reason: cause.to_string(),
    })?)
}
