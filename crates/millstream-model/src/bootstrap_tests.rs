//! The gate's statistics: chance passes, a real loss does not.

use crate::bootstrap::compare;
use crate::held_out::{HeldOut, Outcome};
use crate::metrics;
use crate::rng::Random;

/// A classifier of three labels that is right about so many of a hundred rows.
fn classifier(rows: usize, right: usize, seed: u64) -> HeldOut {
    let mut random = Random::new(seed);
    let truth: Vec<u32> = (0..rows as u32).map(|row| row % 3).collect();
    let guess = |&truth: &u32| {
        if random.below(100) < right { truth } else { (truth + 1 + random.below(2) as u32) % 3 }
    };
    let predicted: Vec<u32> = truth.iter().map(guess).collect();
    let scores: Vec<f64> = predicted
        .iter()
        .flat_map(|&best| (0..3).map(move |label| if label == best { 0.8 } else { 0.1 }))
        .collect();
    let labels: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
    let score_labels = vec![0, 1, 2];
    let metrics = metrics::of_classes(&labels, &truth, &predicted, &scores, &score_labels);
    let outcome = Outcome::Classes { truth, predicted, scores, score_labels, labels: 3 };
    HeldOut { outcome, metrics }
}

fn regression(rows: usize, noise: f64, seed: u64) -> HeldOut {
    let mut random = Random::new(seed);
    let truth: Vec<f64> = (0..rows).map(|row| row as f64).collect();
    let mut error = || noise * (random.below(2001) as f64 / 1000.0 - 1.0);
    let predicted: Vec<f64> = truth.iter().map(|value| value + error()).collect();
    let metrics = metrics::of_numbers(&truth, &predicted);
    HeldOut { outcome: Outcome::Numbers { truth, predicted }, metrics }
}

#[test]
fn a_model_is_no_worse_than_itself() {
    let model = classifier(150, 85, 1);
    for metric in [None, Some("accuracy"), Some("roc_auc"), Some("log_loss"), Some("f1_macro")] {
        let comparison = compare(&model, &model, metric, 0).unwrap();
        assert!(comparison.worse_share.abs() < f64::EPSILON, "{comparison:?}");
        assert!(!comparison.is_worse());
    }
}

#[test]
fn equally_good_models_are_refused_as_rarely_as_the_confidence_says() {
    let refused = (0..60).filter(|&pair| {
        let candidate = classifier(150, 85, 1000 + pair);
        let champion = classifier(150, 85, 2000 + pair);
        compare(&candidate, &champion, None, pair).unwrap().is_worse()
    });
    let refused = refused.count();
    // 5 % of 60 are 3; 9 or more have a chance below one in 500.
    assert!(refused < 9, "{refused} of 60");
}

#[test]
fn a_clear_loss_is_refused_by_every_metric() {
    let (candidate, champion) = (classifier(300, 60, 1), classifier(300, 90, 2));
    for metric in ["accuracy", "f1_weighted", "f1_macro", "roc_auc", "log_loss"] {
        let comparison = compare(&candidate, &champion, Some(metric), 0).unwrap();
        assert_eq!(comparison.metric, metric);
        assert!(comparison.is_worse(), "{comparison:?}");
        assert!(!compare(&champion, &candidate, Some(metric), 0).unwrap().is_worse());
    }
    let (candidate, champion) = (regression(200, 4.0, 1), regression(200, 1.0, 2));
    for metric in [None, Some("mae"), Some("r2")] {
        assert!(compare(&candidate, &champion, metric, 0).unwrap().is_worse());
        assert!(!compare(&champion, &candidate, metric, 0).unwrap().is_worse());
    }
    assert!(compare(&candidate, &classifier(200, 90, 1), None, 0).is_none());
}

#[test]
fn the_seed_decides_the_evidence() {
    let (a, b) = (classifier(100, 80, 1), classifier(100, 82, 2));
    assert_eq!(compare(&a, &b, None, 4), compare(&a, &b, None, 4));
}
