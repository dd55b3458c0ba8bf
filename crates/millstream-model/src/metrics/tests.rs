//! Agreement with scikit-learn on the same predictions.

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    classes: Vec<ClassCase>,
    numbers: Vec<NumberCase>,
}

#[derive(Deserialize)]
struct ClassCase {
    name: String,
    labels: Vec<String>,
    truth: Vec<u32>,
    predicted: Vec<u32>,
    scores: Vec<f64>,
    score_labels: Vec<u32>,
    confusion: Vec<Vec<u64>>,
    confusion_labels: Vec<String>,
    expected: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct NumberCase {
    name: String,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    expected: BTreeMap<String, f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/metrics.json")).unwrap()
}

fn assert_agree(name: &str, found: &BTreeMap<String, f64>, expected: &BTreeMap<String, f64>) {
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "metrics of {name}"
    );
    for (metric, wanted) in expected {
        let distance = (found[metric] - wanted).abs() / wanted.abs().max(1.0);
        assert!(distance < 1e-9, "{metric} of {name}: {} and {wanted}", found[metric]);
    }
}

#[test]
fn classifiers_agree_with_scikit_learn() {
    let cases = golden().classes;
    assert_eq!(cases.len(), 12);
    for case in cases {
        let metrics = of_classes(
            &case.labels,
            &case.truth,
            &case.predicted,
            &case.scores,
            &case.score_labels,
        );
        assert_agree(&case.name, &metrics.values, &case.expected);
        let confusion = metrics.confusion.unwrap();
        assert_eq!(confusion.labels, case.confusion_labels, "{}", case.name);
        assert_eq!(confusion.rows, case.confusion, "{}", case.name);
    }
}

#[test]
fn regressions_agree_with_scikit_learn() {
    let cases = golden().numbers;
    assert_eq!(cases.len(), 7);
    for case in cases {
        let metrics = of_numbers(&case.truth, &case.predicted);
        assert_agree(&case.name, &metrics.values, &case.expected);
    }
}
