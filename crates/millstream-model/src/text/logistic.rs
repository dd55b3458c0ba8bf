//! Multinomial logistic regression by L-BFGS (Nocedal, 1980). Its optimum is that of scikit-learn's
//! `LogisticRegression`: the intercepts are not regularized, and two classes share one plane.

use std::collections::VecDeque;

use super::tfidf::SparseRows;

/// Steps that L-BFGS remembers. Memory is twice this number of weight vectors.
const MEMORY: usize = 8;
/// Halvings of a step before the search gives up.
const HALVINGS_MAX: usize = 40;

/// What is to be fitted.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) rows: &'a SparseRows,
    /// The class of each row.
    pub(crate) classes: &'a [u32],
    /// The weight of each class.
    pub(crate) class_weights: &'a [f64],
    /// Inverse strength of the regularization.
    pub(crate) c: f64,
    /// Largest slope at which the search ends.
    pub(crate) tolerance: f64,
    pub(crate) iterations_max: usize,
}

/// Weights plane by plane: one for each column and the intercept last. Two classes have one plane.
#[derive(Debug)]
pub(crate) struct Planes {
    pub(crate) weights: Vec<Vec<f64>>,
    /// Whether the tolerance was reached.
    pub(crate) converged: bool,
}

/// Fits the planes.
pub(crate) fn fit(problem: &Problem<'_>) -> Planes {
    let classes = problem.class_weights.len();
    let planes = if classes == 2 { 1 } else { classes };
    let width = problem.rows.width + 1;
    let mut at = vec![0.0; planes * width];
    let mut slope = vec![0.0; at.len()];
    let mut loss = problem.loss(&at, planes, &mut slope);
    let mut history = History::default();
    let mut converged = false;
    for _ in 0..problem.iterations_max {
        if slope.iter().fold(0.0_f64, |most, s| most.max(s.abs())) <= problem.tolerance {
            converged = true;
            break;
        }
        let direction = history.direction(&slope);
        let Some(next) = search(problem, planes, &at, loss, &slope, &direction) else { break };
        history.remember(&at, &slope, &next);
        (at, loss, slope) = (next.at, next.loss, next.slope);
    }
    let weights = at.chunks_exact(width).map(<[f64]>::to_vec).collect();
    Planes { weights, converged }
}

impl Problem<'_> {
    /// The mean loss with its regularization, and its slope. Both are divided by the number of
    /// rows, so that the tolerance means the same for any number.
    fn loss(&self, at: &[f64], planes: usize, slope: &mut [f64]) -> f64 {
        let width = self.rows.width + 1;
        let rows = self.rows.len() as f64;
        let strength = 1.0 / (self.c * rows);
        let mut loss = 0.0;
        for (plane, slopes) in at.chunks_exact(width).zip(slope.chunks_exact_mut(width)) {
            let (weights, _) = plane.split_at(width - 1);
            for (slope, weight) in slopes.iter_mut().zip(weights) {
                *slope = strength * weight;
                loss += 0.5 * strength * weight * weight;
            }
            slopes[width - 1] = 0.0;
        }
        let mut margins = vec![0.0; planes];
        for row in 0..self.rows.len() {
            let (columns, values) = self.rows.row(row);
            for (margin, plane) in margins.iter_mut().zip(at.chunks_exact(width)) {
                let pairs = columns.iter().zip(values);
                *margin = pairs.map(|(&column, value)| plane[column as usize] * value).sum::<f64>()
                    + plane[width - 1];
            }
            let class = self.classes[row] as usize;
            let share = self.class_weights[class] / rows;
            loss += share * errors(&mut margins, class);
            for (error, slopes) in margins.iter().zip(slope.chunks_exact_mut(width)) {
                for (&column, value) in columns.iter().zip(values) {
                    slopes[column as usize] += share * error * value;
                }
                slopes[width - 1] += share * error;
            }
        }
        loss
    }
}

/// The loss of one row; the margins become the slope of the loss by each margin.
fn errors(margins: &mut [f64], class: usize) -> f64 {
    if let [margin] = margins {
        let side = if class == 1 { 1.0 } else { -1.0 };
        let signed = side * *margin;
        let loss =
            if signed > 0.0 { (-signed).exp().ln_1p() } else { signed.exp().ln_1p() - signed };
        *margin = -side / (1.0 + signed.exp());
        return loss;
    }
    let highest = margins.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let own = margins[class];
    let mut total = 0.0;
    for margin in margins.iter_mut() {
        *margin = (*margin - highest).exp();
        total += *margin;
    }
    for margin in margins.iter_mut() {
        *margin /= total;
    }
    margins[class] -= 1.0;
    total.ln() + highest - own
}

struct Point {
    at: Vec<f64>,
    loss: f64,
    slope: Vec<f64>,
}

/// The first of halved steps that lowers the loss enough (Armijo).
fn search(
    problem: &Problem<'_>,
    planes: usize,
    at: &[f64],
    loss: f64,
    slope: &[f64],
    direction: &[f64],
) -> Option<Point> {
    let descent = dot(slope, direction);
    let mut step = 1.0;
    let mut next = Point { at: at.to_vec(), loss: 0.0, slope: vec![0.0; at.len()] };
    for _ in 0..HALVINGS_MAX {
        for ((to, from), by) in next.at.iter_mut().zip(at).zip(direction) {
            *to = from + step * by;
        }
        next.loss = problem.loss(&next.at, planes, &mut next.slope);
        if next.loss <= loss + 1e-4 * step * descent {
            return Some(next);
        }
        step *= 0.5;
    }
    None
}

/// The last moves and what they did to the slope.
#[derive(Default)]
struct History {
    moves: VecDeque<(Vec<f64>, Vec<f64>, f64)>,
}

impl History {
    fn remember(&mut self, at: &[f64], slope: &[f64], next: &Point) {
        let moved: Vec<f64> = next.at.iter().zip(at).map(|(to, from)| to - from).collect();
        let turned: Vec<f64> = next.slope.iter().zip(slope).map(|(to, from)| to - from).collect();
        let curvature = dot(&moved, &turned);
        // A move along which the slope does not grow would spoil the model of the curvature.
        if curvature <= 1e-300 {
            return;
        }
        if self.moves.len() == MEMORY {
            self.moves.pop_front();
        }
        self.moves.push_back((moved, turned, 1.0 / curvature));
    }

    /// The two-loop recursion.
    fn direction(&self, slope: &[f64]) -> Vec<f64> {
        let mut direction: Vec<f64> = slope.iter().map(|value| -value).collect();
        let mut shares = Vec::with_capacity(self.moves.len());
        for (moved, turned, inverse) in self.moves.iter().rev() {
            let share = inverse * dot(moved, &direction);
            add(&mut direction, turned, -share);
            shares.push(share);
        }
        if let Some((_, turned, inverse)) = self.moves.back() {
            let scale = 1.0 / (inverse * dot(turned, turned));
            for value in &mut direction {
                *value *= scale;
            }
        }
        for ((moved, turned, inverse), share) in self.moves.iter().zip(shares.iter().rev()) {
            let correction = inverse * dot(turned, &direction);
            add(&mut direction, moved, share - correction);
        }
        direction
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn add(to: &mut [f64], by: &[f64], factor: f64) {
    to.iter_mut().zip(by).for_each(|(value, by)| *value += factor * by);
}
