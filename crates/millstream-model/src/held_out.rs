//! A model's answers on rows that it had not seen: what gates judge.

use millstream_core::model::InputType;

use crate::error::ModelError;
use crate::frame::{Frame, Target, Values};
use crate::metrics::{self, Metrics};
use crate::split::Split;
use crate::trainer::{Fitted, Trainer};

/// Answers on the held-out rows, with the truth and the metrics.
#[derive(Debug, Clone)]
pub(crate) struct HeldOut {
    pub(crate) outcome: Outcome,
    pub(crate) metrics: Metrics,
}

/// Truth and answers. Labels are positions in the labels of the frame.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Classes {
        truth: Vec<u32>,
        predicted: Vec<u32>,
        scores: Vec<f64>,
        /// The labels of the scores of a row.
        score_labels: Vec<u32>,
        /// How many labels the frame has.
        labels: usize,
    },
    Numbers {
        truth: Vec<f64>,
        predicted: Vec<f64>,
    },
}

impl Outcome {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Classes { truth, .. } => truth.len(),
            Self::Numbers { truth, .. } => truth.len(),
        }
    }
}

/// Fits a twin on the training side and asks it about the held-out side.
pub(crate) fn evaluate(
    trainer: &Trainer,
    columns: &[(String, InputType)],
    frame: &Frame,
    split: &Split,
    seed: u64,
) -> Result<HeldOut, ModelError> {
    let inputs =
        frame.columns(columns).ok_or_else(|| ModelError::corrupt("a column was not read"))?;
    let twin = trainer.fit(frame, &inputs, &split.training, seed)?;
    Ok(ask(&twin, &inputs, frame, &split.held_out))
}

fn ask(twin: &Fitted, inputs: &[Values], frame: &Frame, rows: &[usize]) -> HeldOut {
    let answers = twin.model.answer(inputs, rows.iter().copied());
    match &frame.target {
        Target::Numbers(all) => {
            let truth: Vec<f64> = rows.iter().map(|&row| all[row]).collect();
            let metrics = metrics::of_numbers(&truth, &answers.values);
            HeldOut { outcome: Outcome::Numbers { truth, predicted: answers.values }, metrics }
        }
        Target::Classes { labels, of } => {
            let truth: Vec<u32> = rows.iter().map(|&row| of[row]).collect();
            let best = answers.best();
            let predicted: Vec<u32> = best.iter().map(|&at| twin.labels[at as usize]).collect();
            let (scores, score_labels) = (answers.values, twin.labels.clone());
            let metrics = metrics::of_classes(labels, &truth, &predicted, &scores, &score_labels);
            let labels = labels.len();
            let outcome = Outcome::Classes { truth, predicted, scores, score_labels, labels };
            HeldOut { outcome, metrics }
        }
    }
}
