//! What every model of trees must keep to.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use millstream_core::model::InputType;
use perpetual::objective::Objective;

use super::*;
use crate::metrics::ranking::roc_auc;
use crate::metrics::regression::r2;
use crate::rng::Random;

struct Sample {
    inputs: Vec<Values>,
    classes: Vec<u32>,
    numbers: Vec<f64>,
    rows: usize,
}

/// Two numbers with holes, a category, and a column of nothing; the answer follows the first three.
fn sample(rows: usize) -> Sample {
    let mut random = Random::new(11);
    let unit = |random: &mut Random| random.below(10_000) as f64 / 10_000.0;
    let (mut first, mut second, mut colors, mut numbers) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rows {
        let (x, y) = (unit(&mut random), unit(&mut random));
        let color = random.below(3);
        numbers.push(3.0 * x - y + color as f64 + 0.1 * unit(&mut random));
        first.push((random.below(20) > 0).then_some(x));
        second.push(Some(y));
        colors.push((random.below(20) > 0).then_some(["blue", "green", "red"][color]));
    }
    let classes = numbers.iter().map(|&value| (value / 1.5).clamp(0.0, 2.0) as u32).collect();
    let column = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let colors: ArrayRef = Arc::new(StringArray::from(colors));
    let inputs = vec![
        Values::new(&column(first), InputType::Number, "first").unwrap(),
        Values::new(&column(second), InputType::Number, "second").unwrap(),
        Values::new(&colors, InputType::Category, "color").unwrap(),
        Values::new(&column(vec![None; rows]), InputType::Number, "nothing").unwrap(),
    ];
    Sample { inputs, classes, numbers, rows }
}

impl Sample {
    fn fit(&self, truth: Truth<'_>, seed: u64, threads: usize) -> TabularModel {
        let rows: Vec<usize> = (0..self.rows).collect();
        // Work enough to learn the sample, and little enough for an unoptimized build.
        let settings = TabularGbdtSettings { budget: 0.1, ..TabularGbdtSettings::default() };
        let threads = Threads::Exactly(threads);
        TabularModel::fit(&self.inputs, &rows, truth, &settings, seed, threads).unwrap()
    }

    fn answers(&self, model: &TabularModel) -> Vec<f64> {
        let mut answers = Vec::new();
        (0..self.rows).for_each(|row| model.answer(&self.inputs, row, &mut answers));
        answers
    }
}

fn bytes(model: &TabularModel) -> Vec<u8> {
    let mut out = Writer::default();
    model.write(&mut out);
    out.finish()
}

#[test]
fn the_answer_depends_neither_on_threads_nor_on_chance() {
    let sample = sample(700);
    let two: Vec<u32> = sample.classes.iter().map(|&class| class.min(1)).collect();
    for truth in [
        Truth::Numbers(&sample.numbers),
        Truth::Classes(&sample.classes, 3),
        Truth::Classes(&two, 2),
    ] {
        let first = bytes(&sample.fit(truth, 1, 1));
        assert_eq!(first, bytes(&sample.fit(truth, 1, 1)), "again, {truth:?}");
        assert_eq!(first, bytes(&sample.fit(truth, 1, 4)), "four threads, {truth:?}");
    }
}

#[test]
fn numbers_are_learned() {
    let sample = sample(600);
    let model = sample.fit(Truth::Numbers(&sample.numbers), 1, 2);
    assert!(r2(&sample.numbers, &sample.answers(&model)).unwrap() > 0.9);
}

#[test]
fn classes_are_learned_and_scores_sum_to_one() {
    let sample = sample(600);
    let two: Vec<u32> = sample.classes.iter().map(|&class| class.min(1)).collect();
    for (truth, labels) in [(&sample.classes, [0, 1, 2].as_slice()), (&two, &[0, 1])] {
        let model = sample.fit(Truth::Classes(truth, labels.len()), 1, 2);
        let scores = sample.answers(&model);
        for row in scores.chunks(labels.len()) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        }
        assert!(roc_auc(truth, &scores, labels).unwrap() > 0.9);
    }
}

/// Our walk over the trees gives what the library's own predictor gives.
#[test]
fn answers_are_those_of_the_library() {
    let sample = sample(400);
    let rows: Vec<usize> = (0..sample.rows).collect();
    let settings = TabularGbdtSettings::default();
    let encoders: Vec<Encoder> =
        sample.inputs.iter().map(|input| Encoder::fit(input, &rows, &settings)).collect();
    let matrix = encode_training(&encoders, &sample.inputs, &rows);
    let data = Matrix::new(&matrix, rows.len(), encoders.len());
    let threads = Threads::Exactly(1);
    let fitting =
        Fitting { data: &data, encoders: &encoders, settings: &settings, seed: 0, threads };

    let booster = fitting.fit(Objective::SquaredLoss, &sample.numbers, None).unwrap();
    let forest = Forest::of_number(&booster);
    for (row, wanted) in booster.predict(&data, false).into_iter().enumerate() {
        let found = forest.number(&data.get_row(row));
        assert!((found - wanted).abs() < 1e-9, "{found} and {wanted}");
    }

    let sides: Vec<f64> = sample.classes.iter().map(|&class| f64::from(class.min(1))).collect();
    let booster = fitting.fit(Objective::LogLoss, &sides, None).unwrap();
    let forest = Forest::of_class(&booster);
    for (row, wanted) in booster.predict_proba(&data, false, false).into_iter().enumerate() {
        let found = forest.probability(&data.get_row(row));
        assert!((found - wanted).abs() < 1e-9, "{found} and {wanted}");
    }
}

#[test]
fn missing_and_unknown_values_have_an_answer() {
    let sample = sample(300);
    let model = sample.fit(Truth::Numbers(&sample.numbers), 1, 1);
    let number = |value| -> ArrayRef { Arc::new(Float64Array::from(vec![value])) };
    let color: ArrayRef = Arc::new(StringArray::from(vec!["ultraviolet"]));
    let inputs = [
        Values::new(&number(None), InputType::Number, "first").unwrap(),
        Values::new(&number(Some(f64::INFINITY)), InputType::Number, "second").unwrap(),
        Values::new(&color, InputType::Category, "color").unwrap(),
        Values::new(&number(Some(9.0)), InputType::Number, "nothing").unwrap(),
    ];
    let mut answers = Vec::new();
    model.answer(&inputs, 0, &mut answers);
    assert!(answers[0].is_finite());
}

#[test]
fn a_model_comes_back_from_its_bytes() {
    let sample = sample(300);
    for truth in [Truth::Numbers(&sample.numbers), Truth::Classes(&sample.classes, 3)] {
        let model = sample.fit(truth, 1, 2);
        let bytes = bytes(&model);
        assert_eq!(TabularModel::read(&mut Reader::new(&bytes)).unwrap(), model);
    }
}
