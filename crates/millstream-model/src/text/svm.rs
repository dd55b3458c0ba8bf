//! A linear support vector machine with squared hinge loss, by dual coordinate descent (Hsieh,
//! Chang, Lin, Keerthi and Sundararajan, "A Dual Coordinate Descent Method for Large-scale Linear
//! SVM", 2008). Its optimum is that of liblinear's L2-regularized L2-loss classifier, with which
//! scikit-learn's `LinearSVC` works, the intercept being one more, regularized, weight.

use super::tfidf::SparseRows;
use crate::rng::Random;

/// One side against the other.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    pub(crate) rows: &'a SparseRows,
    /// Whether a row is of the positive side.
    pub(crate) positive: Vec<bool>,
    /// The price of an error on the negative and on the positive side.
    pub(crate) costs: [f64; 2],
    pub(crate) tolerance: f64,
    pub(crate) iterations_max: usize,
    pub(crate) seed: u64,
}

/// A weight for each column, and the intercept last.
#[derive(Debug)]
pub(crate) struct Plane {
    pub(crate) weights: Vec<f64>,
    /// Whether the tolerance was reached.
    pub(crate) converged: bool,
}

/// Finds the separating plane.
pub(crate) fn fit(problem: &Problem<'_>) -> Plane {
    let mut descent = Descent::new(problem);
    let mut random = Random::new(problem.seed);
    let mut active: Vec<usize> = (0..problem.rows.len()).collect();
    let mut shrink_above = f64::INFINITY;
    for _ in 0..problem.iterations_max {
        random.shuffle(&mut active);
        let (lowest, highest) = descent.pass(&mut active, shrink_above);
        if highest - lowest > problem.tolerance {
            shrink_above = if highest > 0.0 { highest } else { f64::INFINITY };
            continue;
        }
        if active.len() == problem.rows.len() {
            return Plane { weights: descent.weights, converged: true };
        }
        // The rows that were set aside get a last look.
        active = (0..problem.rows.len()).collect();
        shrink_above = f64::INFINITY;
    }
    Plane { weights: descent.weights, converged: false }
}

/// The state of the descent: one dual variable for each row, and the plane that they make.
struct Descent<'a> {
    problem: &'a Problem<'a>,
    dual: Vec<f64>,
    /// The squared length of each row, with its intercept.
    squares: Vec<f64>,
    weights: Vec<f64>,
}

impl<'a> Descent<'a> {
    fn new(problem: &'a Problem<'a>) -> Self {
        let squares = (0..problem.rows.len())
            .map(|row| problem.rows.row(row).1.iter().map(|value| value * value).sum::<f64>() + 1.0)
            .collect();
        Self {
            problem,
            dual: vec![0.0; problem.rows.len()],
            squares,
            weights: vec![0.0; problem.rows.width + 1],
        }
    }

    /// Visits the active rows once, sets those aside that stay at zero, and gives the lowest and
    /// the highest projected gradient.
    fn pass(&mut self, active: &mut Vec<usize>, shrink_above: f64) -> (f64, f64) {
        let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut position = 0;
        while position < active.len() {
            let row = active[position];
            let gradient = self.gradient(row);
            let at_bound = self.dual[row] <= 0.0;
            if at_bound && gradient > shrink_above {
                active.swap_remove(position);
                continue;
            }
            let projected = if at_bound { gradient.min(0.0) } else { gradient };
            lowest = lowest.min(projected);
            highest = highest.max(projected);
            if projected.abs() > 1e-14 {
                self.step(row, gradient);
            }
            position += 1;
        }
        (lowest, highest)
    }

    fn gradient(&self, row: usize) -> f64 {
        self.side(row) * self.margin(row) - 1.0 + self.dual[row] * self.softness(row)
    }

    fn step(&mut self, row: usize, gradient: f64) {
        let before = self.dual[row];
        let curvature = self.squares[row] + self.softness(row);
        self.dual[row] = (before - gradient / curvature).max(0.0);
        let change = (self.dual[row] - before) * self.side(row);
        let (columns, values) = self.problem.rows.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            self.weights[column as usize] += change * value;
        }
        self.weights[self.problem.rows.width] += change;
    }

    fn margin(&self, row: usize) -> f64 {
        let (columns, values) = self.problem.rows.row(row);
        let pairs = columns.iter().zip(values);
        let sum: f64 = pairs.map(|(&column, value)| self.weights[column as usize] * value).sum();
        sum + self.weights[self.problem.rows.width]
    }

    fn side(&self, row: usize) -> f64 {
        if self.problem.positive[row] { 1.0 } else { -1.0 }
    }

    fn softness(&self, row: usize) -> f64 {
        0.5 / self.problem.costs[usize::from(self.problem.positive[row])]
    }
}
