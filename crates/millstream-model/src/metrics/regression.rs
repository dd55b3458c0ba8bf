//! Errors of predicted numbers.

/// Root of the mean squared error.
pub fn rmse(truth: &[f64], predicted: &[f64]) -> f64 {
    mean(truth.iter().zip(predicted).map(|(t, p)| (t - p) * (t - p)), truth.len()).sqrt()
}

/// Mean absolute error.
pub fn mae(truth: &[f64], predicted: &[f64]) -> f64 {
    mean(truth.iter().zip(predicted).map(|(t, p)| (t - p).abs()), truth.len())
}

/// Share of the variance that is explained. When the truth does not vary it is 1 for a perfect
/// prediction and else 0; `None` for fewer than two rows.
pub fn r2(truth: &[f64], predicted: &[f64]) -> Option<f64> {
    if truth.len() < 2 {
        return None;
    }
    let middle = mean(truth.iter().copied(), truth.len());
    let left: f64 = truth.iter().zip(predicted).map(|(t, p)| (t - p) * (t - p)).sum();
    let total: f64 = truth.iter().map(|t| (t - middle) * (t - middle)).sum();
    Some(match (left == 0.0, total == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - left / total,
    })
}

fn mean(values: impl Iterator<Item = f64>, count: usize) -> f64 {
    values.sum::<f64>() / count.max(1) as f64
}
