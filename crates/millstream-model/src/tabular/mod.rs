//! `tabular_gbdt`: gradient-boosted trees over numbers and categories, fitted by `perpetual`.
//!
//! The library fits; the fitted trees are taken over into lists of our own, because its maps
//! serialize in another order each time, and its predictor trusts what it reads. Three things keep
//! the fit the same on every machine: features are summed one by one, never across threads; a
//! memory limit is set from the shape of the rows alone, since without one the size of trees
//! follows the memory that is free (with less than that limit free it still does); and node
//! statistics stay off, since they are summed in the order of a hash map.

pub(crate) mod categories;
pub(crate) mod forest;
pub(crate) mod settings;

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use perpetual::objective::Objective;
use perpetual::{Matrix, PerpetualBooster};

use self::categories::Categories;
use self::forest::Forest;
use self::settings::TabularGbdtSettings;
use crate::codec::{Reader, Writer};
use crate::error::ModelError;
use crate::frame::Values;
use crate::text::settings::ClassWeight;

/// Gigabytes for the histograms of the nodes of one tree, beside the rows themselves.
const HISTOGRAM_GB: f32 = 1.0;

/// A fitted model of trees.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TabularModel {
    encoders: Vec<Encoder>,
    /// One forest for a number or for two classes, else one for each class against the rest.
    forests: Vec<Forest>,
    /// Classes; 0 for a number.
    classes: usize,
}

/// How a column becomes numbers.
#[derive(Debug, Clone, PartialEq)]
enum Encoder {
    Number,
    Category(Categories),
}

/// What is predicted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Truth<'a> {
    /// The class of each row, below the number.
    Classes(&'a [u32], usize),
    /// The number of each row.
    Numbers(&'a [f64]),
}

/// How many threads fit. The result does not depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// As many as the machine has.
    Machine,
    /// So many; only tests need it.
    #[cfg(test)]
    Exactly(usize),
}

impl TabularModel {
    /// Learns from some rows of columns.
    pub(crate) fn fit(
        inputs: &[Values],
        rows: &[usize],
        truth: Truth<'_>,
        settings: &TabularGbdtSettings,
        seed: u64,
        threads: Threads,
    ) -> Result<Self, ModelError> {
        let encoders: Vec<Encoder> =
            inputs.iter().map(|input| Encoder::fit(input, rows, settings)).collect();
        let matrix = encode_training(&encoders, inputs, rows);
        let data = Matrix::new(&matrix, rows.len(), encoders.len());
        let fitting = Fitting { data: &data, encoders: &encoders, settings, seed, threads };
        let (forests, classes) = match truth {
            Truth::Numbers(numbers) => {
                let booster = fitting.fit(Objective::SquaredLoss, numbers, None)?;
                (vec![Forest::of_number(&booster)], 0)
            }
            Truth::Classes(of, classes) => (fitting.fit_classes(of, classes)?, classes),
        };
        Ok(Self { encoders, forests, classes })
    }

    /// Number of classes; 0 for a number.
    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// Number of columns.
    pub(crate) fn width(&self) -> usize {
        self.encoders.len()
    }

    /// The answer for one row, appended: the score of each class, or the number.
    pub(crate) fn answer(&self, inputs: &[Values], row: usize, answers: &mut Vec<f64>) {
        let values: Vec<f64> =
            self.encoders.iter().zip(inputs).map(|(e, input)| e.encode(input, row)).collect();
        match (self.classes, self.forests.as_slice()) {
            (0, [forest, ..]) => answers.push(forest.number(&values)),
            (2, [forest, ..]) => {
                let second = forest.probability(&values);
                answers.extend([1.0 - second, second]);
            }
            (_, forests) => {
                let start = answers.len();
                answers.extend(forests.iter().map(|forest| forest.probability(&values)));
                let total: f64 = answers[start..].iter().sum();
                answers[start..].iter_mut().for_each(|score| *score /= total);
            }
        }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.u32(self.classes as u32);
        out.length(self.encoders.len());
        for encoder in &self.encoders {
            match encoder {
                Encoder::Number => out.u32(0),
                Encoder::Category(categories) => {
                    out.u32(1);
                    categories.write(out);
                }
            }
        }
        out.length(self.forests.len());
        self.forests.iter().for_each(|forest| forest.write(out));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        let classes = input.u32()? as usize;
        let length = input.length(4)?;
        let encoder = |_| match input.u32()? {
            0 => Ok(Encoder::Number),
            1 => Ok(Encoder::Category(Categories::read(input)?)),
            _ => Err(ModelError::corrupt("an input is of no known type")),
        };
        let encoders = (0..length).map(encoder).collect::<Result<Vec<_>, _>>()?;
        let length = input.length(8)?;
        let forests = (0..length)
            .map(|_| Forest::read(input, encoders.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let wanted = if classes <= 2 { 1 } else { classes };
        if classes == 1 || forests.len() != wanted {
            return Err(ModelError::corrupt("the forests do not fit the labels"));
        }
        Ok(Self { encoders, forests, classes })
    }
}

impl Encoder {
    fn fit(input: &Values, rows: &[usize], settings: &TabularGbdtSettings) -> Self {
        match input {
            Values::Category(_) | Values::Text(_) => Self::Category(Categories::fit(
                rows.iter().map(|&row| input.text(row)),
                settings.max_categories,
            )),
            Values::Number(_) => Self::Number,
        }
    }

    fn encode(&self, input: &Values, row: usize) -> f64 {
        match self {
            Self::Number => input.number(row),
            Self::Category(categories) => categories.code(input.text(row)),
        }
    }
}

/// Columns one after the other. A column without any value becomes constant: the trainer cannot
/// bin nothing, and never splits on it.
fn encode_training(encoders: &[Encoder], inputs: &[Values], rows: &[usize]) -> Vec<f64> {
    let mut matrix = Vec::with_capacity(encoders.len() * rows.len());
    for (encoder, input) in encoders.iter().zip(inputs) {
        let start = matrix.len();
        matrix.extend(rows.iter().map(|&row| encoder.encode(input, row)));
        if matrix[start..].iter().all(|value| value.is_nan()) {
            matrix[start..].fill(0.0);
        }
    }
    matrix
}

struct Fitting<'a> {
    data: &'a Matrix<'a, f64>,
    encoders: &'a [Encoder],
    settings: &'a TabularGbdtSettings,
    seed: u64,
    threads: Threads,
}

impl Fitting<'_> {
    fn fit_classes(&self, truth: &[u32], classes: usize) -> Result<Vec<Forest>, ModelError> {
        let against = if classes == 2 { 1..2 } else { 0..classes as u32 };
        against
            .map(|class| {
                let side = |&of: &u32| f64::from(u8::from(of == class));
                let sides: Vec<f64> = truth.iter().map(side).collect();
                let weights = match self.settings.class_weight {
                    ClassWeight::None => None,
                    ClassWeight::Balanced => Some(balanced(&sides)),
                };
                let booster = self.fit(Objective::LogLoss, &sides, weights.as_deref())?;
                Ok(Forest::of_class(&booster))
            })
            .collect()
    }

    fn fit(
        &self,
        objective: Objective,
        truth: &[f64],
        weights: Option<&[f64]>,
    ) -> Result<PerpetualBooster, ModelError> {
        let is_category = |(_, encoder): &(usize, &Encoder)| **encoder != Encoder::Number;
        let categories: HashSet<usize> =
            self.encoders.iter().enumerate().filter(is_category).map(|(at, _)| at).collect();
        let mut booster = PerpetualBooster::default()
            .set_objective(objective)
            .set_budget(self.settings.budget)
            .set_max_bin(self.settings.max_bins)
            .set_seed(self.seed)
            .set_num_threads(match self.threads {
                Threads::Machine => None,
                #[cfg(test)]
                Threads::Exactly(threads) => Some(threads),
            })
            .set_memory_limit(Some(self.memory_gb()))
            .set_categorical_features((!categories.is_empty()).then_some(categories));
        // The library's own weighing would make the scores of rare classes too high; whoever wants
        // that asks for `class_weight: balanced`.
        booster.cfg.auto_class_weights = false;
        booster
            .fit(self.data, truth, weights, None)
            .map_err(|error| ModelError::Trainer { message: error.to_string() })?;
        Ok(booster)
    }

    /// A limit that depends on the shape of the rows alone.
    fn memory_gb(&self) -> f32 {
        let row_bytes = (self.data.cols * 2 + 20) as f32;
        HISTOGRAM_GB + 1.2 * self.data.rows as f32 * row_bytes / 1e9
    }
}

fn balanced(sides: &[f64]) -> Vec<f64> {
    let positive: f64 = sides.iter().sum();
    let rows = sides.len() as f64;
    let weigh = |&side: &f64| rows / (2.0 * if side > 0.5 { positive } else { rows - positive });
    sides.iter().map(weigh).collect()
}
