//! Prediction events: what is recorded of an answer, and the id by which it counts once.

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use millstream_core::ContentHash;
use millstream_core::model::{ModelInput, Predictions, Scorer, Signature};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};

use crate::error::DeployError;

/// Hexadecimal digits of an event id that is made from what was scored.
const CONTENT_ID_DIGITS: usize = 32;

/// How a prediction came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PredictionKind {
    /// A request was answered.
    Realtime,
    /// A relation was scored.
    Batch,
}

/// A prediction as it is recorded: one JSON object.
#[derive(Debug, Clone, Serialize)]
pub struct PredictionEvent<'a> {
    /// The same prediction has the same id, however often it is recorded.
    pub event_id: &'a str,
    /// The registered model.
    pub model: &'a str,
    /// Its version.
    pub version: u64,
    /// The deployment that answered.
    pub deployment: &'a str,
    /// What was scored, in the words of who asked.
    pub key: Option<&'a str>,
    /// The inputs by name.
    pub input: InputRow<'a>,
    /// The label, or the number of a regression.
    pub label: Label<'a>,
    /// The highest score; null for a regression.
    pub score: Option<f64>,
    /// The scores by label; empty for a regression.
    pub scores: ScoreRow<'a>,
    /// When, in RFC 3339, UTC.
    pub at: &'a str,
    /// How it came about.
    pub kind: PredictionKind,
}

impl PredictionEvent<'_> {
    /// The event as JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event has only text keys and plain values")
    }
}

/// One row of a model's inputs. Written as a JSON object by input name.
#[derive(Debug, Clone, Copy)]
pub struct InputRow<'a> {
    inputs: &'a [ModelInput],
    arrays: &'a [ArrayRef],
    row: usize,
}

impl Serialize for InputRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.inputs.len()))?;
        for (input, array) in self.inputs.iter().zip(self.arrays) {
            let value = Label::of(array, self.row)
                .ok_or_else(|| S::Error::custom("an input is neither text nor a number"))?;
            map.serialize_entry(&input.name, &value)?;
        }
        map.end()
    }
}

/// A text or a number, or null.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Label<'a> {
    /// No value.
    Null,
    /// A text.
    Text(&'a str),
    /// A number; written as null when it is not finite.
    Number(f64),
}

impl<'a> Label<'a> {
    /// A value of an array of `Utf8` or `Float64`; `None` for other types.
    pub fn of(array: &'a ArrayRef, row: usize) -> Option<Self> {
        if let Some(texts) = array.as_any().downcast_ref::<StringArray>() {
            return Some(if texts.is_null(row) {
                Self::Null
            } else {
                Self::Text(texts.value(row))
            });
        }
        let numbers = array.as_any().downcast_ref::<Float64Array>()?;
        Some(if numbers.is_null(row) { Self::Null } else { Self::Number(numbers.value(row)) })
    }
}

/// The scores of one row. Written as a JSON object by label.
#[derive(Debug, Clone, Copy)]
pub struct ScoreRow<'a> {
    labels: &'a [String],
    scores: &'a [f64],
}

impl ScoreRow<'_> {
    /// The highest score.
    pub fn highest(&self) -> Option<f64> {
        self.scores.iter().copied().reduce(f64::max)
    }
}

impl Serialize for ScoreRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.labels.iter().zip(self.scores))
    }
}

/// Rows with their predictions, checked to fit together.
#[derive(Debug, Clone, Copy)]
pub struct Scored<'a> {
    scorer: &'a dyn Scorer,
    inputs: &'a [ArrayRef],
    predictions: &'a Predictions,
}

impl<'a> Scored<'a> {
    /// Checks what the model answered: a label for each row, and a score for each label.
    pub fn new(
        scorer: &'a dyn Scorer,
        inputs: &'a [ArrayRef],
        predictions: &'a Predictions,
    ) -> Result<Self, DeployError> {
        let rows = inputs.first().map_or(0, Array::len);
        let labels = &predictions.labels;
        let defect = |reason: String| DeployError::ModelDefect {
            model: format!("{}@{}", scorer.model(), scorer.version()),
            reason,
        };
        if labels.len() != rows {
            return Err(defect(format!("it gave {} labels for {rows} rows", labels.len())));
        }
        if rows > 0 && Label::of(labels, 0).is_none() {
            return Err(defect(format!("its labels are of type {}", labels.data_type())));
        }
        let expected = rows * scorer.signature().labels.len();
        if predictions.scores.len() != expected {
            let given = predictions.scores.len();
            return Err(defect(format!("it gave {given} scores where {expected} are due")));
        }
        Ok(Self { scorer, inputs, predictions })
    }

    fn signature(&self) -> &'a Signature {
        self.scorer.signature()
    }

    /// The inputs of a row.
    pub fn input(&self, row: usize) -> InputRow<'a> {
        InputRow { inputs: &self.signature().inputs, arrays: self.inputs, row }
    }

    /// The label of a row.
    pub fn label(&self, row: usize) -> Label<'a> {
        Label::of(&self.predictions.labels, row).unwrap_or(Label::Null)
    }

    /// The scores of a row.
    pub fn scores(&self, row: usize) -> ScoreRow<'a> {
        let labels = &self.signature().labels;
        let from = row * labels.len();
        ScoreRow { labels, scores: &self.predictions.scores[from..from + labels.len()] }
    }

    /// The event of a row.
    pub fn event<'e>(&'e self, row: usize, about: &About<'e>) -> PredictionEvent<'e> {
        let scores = self.scores(row);
        PredictionEvent {
            event_id: about.event_id,
            model: self.scorer.model(),
            version: self.scorer.version(),
            deployment: about.deployment,
            key: about.key,
            input: self.input(row),
            label: self.label(row),
            score: scores.highest(),
            scores,
            at: about.at,
            kind: about.kind,
        }
    }

    /// The id of a prediction that is made from what was scored by what, so that scoring it again
    /// gives the same id.
    pub fn content_id(&self, row: usize, key: Option<&str>) -> String {
        let input = serde_json::to_vec(&self.input(row)).expect("inputs are texts and numbers");
        let version = self.scorer.version().to_be_bytes();
        // A key that is absent differs from one that is empty.
        let presence = [u8::from(key.is_some())];
        let parts: [&[u8]; 5] = [
            self.scorer.model().as_bytes(),
            &version,
            &presence,
            key.unwrap_or_default().as_bytes(),
            &input,
        ];
        let mut id = ContentHash::of_parts(parts).to_string();
        id.truncate(CONTENT_ID_DIGITS);
        id
    }
}

/// What an event says besides what was scored.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Its id.
    pub event_id: &'a str,
    /// The deployment.
    pub deployment: &'a str,
    /// The key of the row.
    pub key: Option<&'a str>,
    /// When, in RFC 3339.
    pub at: &'a str,
    /// How it came about.
    pub kind: PredictionKind,
}
