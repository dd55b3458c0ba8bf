//! Scores from margins: their softmax, sharpened by one factor that is fitted on rows which the
//! margins' model had not seen (temperature scaling: Guo, Pleiss, Sun and Weinberger, 2017).

/// Steps of the search for the factor; each narrows the range by 0.618.
const SEARCH_STEPS: usize = 60;
/// The range of the factor, as natural logarithms.
const RANGE: (f64, f64) = (-4.0, 5.0);

/// Turns margins into scores that sum to 1.
pub(crate) fn softmax(margins: &mut [f64], factor: f64) {
    let highest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for margin in margins.iter_mut() {
        *margin = ((*margin - highest) * factor).exp();
        total += *margin;
    }
    for margin in margins.iter_mut() {
        *margin /= total;
    }
}

/// The factor with the lowest log loss of `margins`, rows of `width` classes, against the truth.
pub(crate) fn fit(margins: &[f64], truth: &[u32], width: usize) -> f64 {
    let golden = (5.0_f64.sqrt() - 1.0) / 2.0;
    let loss = |logarithm: f64| log_loss(margins, truth, width, logarithm.exp());
    let (mut low, mut high) = RANGE;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (loss(left), loss(right));
    for _ in 0..SEARCH_STEPS {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = loss(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = loss(right);
        }
    }
    f64::midpoint(low, high).exp()
}

fn log_loss(margins: &[f64], truth: &[u32], width: usize, factor: f64) -> f64 {
    let rows = margins.chunks_exact(width).zip(truth);
    rows.map(|(margins, &class)| {
        let highest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = margins.iter().map(|margin| ((margin - highest) * factor).exp()).sum();
        total.ln() + (highest - margins[class as usize]) * factor
    })
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_makes_the_scores_honest() {
        // Of 100 rows with margin 1 for the first class, 75 are of it: its score becomes 0.75.
        let margins = [1.0, 0.0].repeat(100);
        let truth: Vec<u32> = (0..100).map(|row| u32::from(row >= 75)).collect();
        let mut scores = [1.0, 0.0];
        softmax(&mut scores, fit(&margins, &truth, 2));
        assert!((scores[0] - 0.75).abs() < 1e-6, "{scores:?}");
    }
}
