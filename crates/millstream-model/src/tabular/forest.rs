//! Fitted trees as flat lists: small, checked when read, and quick to walk.

use perpetual::PerpetualBooster;
use perpetual::node::Node;
use perpetual::tree::core::Tree;

use crate::codec::{Reader, Writer};
use crate::error::ModelError;

/// Marks a leaf in the list of features, and a node without categories.
const NONE: u32 = u32::MAX;
/// Answers of a leaf for a class: the trainer fits each leaf on five folds.
const FOLDS: usize = 5;

/// The sum of many trees.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Forest {
    base: f64,
    /// Answers of a leaf: 1, or one for each fold.
    folds: usize,
    /// The first node of each tree.
    roots: Vec<u32>,
    nodes: Vec<TreeNode>,
    /// Bits of the categories that go left.
    categories: Vec<Vec<u8>>,
    answers: Vec<f32>,
    /// A straight line beside the trees; for small regressions.
    line: Line,
}

/// A node. Children come after their parent, so that every walk ends.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TreeNode {
    /// The column that is looked at; `NONE` for a leaf.
    feature: u32,
    /// Values below go left.
    threshold: f64,
    left: u32,
    right: u32,
    /// Where missing values go.
    missing: u32,
    /// Position in the categories, if the column has some; for a leaf that of its first answer.
    payload: u32,
}

/// Where a node hangs while its tree is copied.
#[derive(Clone, Copy)]
struct Link {
    parent: u32,
    side: Side,
    takes_missing: bool,
}

#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// Weights of standardized columns.
#[derive(Debug, Clone, Default, PartialEq)]
struct Line {
    means: Vec<f64>,
    scales: Vec<f64>,
    slopes: Vec<f64>,
    intercept: f64,
    share: f64,
}

impl Forest {
    /// Takes over the trees of a fitted booster for a number.
    pub(crate) fn of_number(booster: &PerpetualBooster) -> Self {
        let mut forest = Self::of(booster, 1);
        if let Some(head) = &booster.regression_head {
            forest.line = Line {
                means: head.feature_means.clone(),
                scales: head.feature_scales.clone(),
                slopes: head.coefficients.clone(),
                intercept: head.intercept,
                share: head.blend_weight,
            };
        }
        forest
    }

    /// Takes over the trees of a fitted booster for a class against the rest.
    pub(crate) fn of_class(booster: &PerpetualBooster) -> Self {
        Self::of(booster, FOLDS)
    }

    fn of(booster: &PerpetualBooster, folds: usize) -> Self {
        let mut forest = Self { base: booster.base_score, folds, ..Self::default() };
        for tree in booster.get_prediction_trees() {
            let root = forest.copy(tree);
            forest.roots.push(root);
        }
        forest
    }

    /// Copies a tree, parents before their children. Gives the position of its root.
    fn copy(&mut self, tree: &Tree) -> u32 {
        let root = self.nodes.len() as u32;
        let mut waiting = vec![(0, None)];
        while let Some((number, link)) = waiting.pop() {
            let node = &tree.nodes[&number];
            let position = self.nodes.len() as u32;
            if let Some(Link { parent, side, takes_missing }) = link {
                let parent: &mut TreeNode = &mut self.nodes[parent as usize];
                match side {
                    Side::Left => parent.left = position,
                    Side::Right => parent.right = position,
                }
                if takes_missing {
                    parent.missing = position;
                }
            }
            let copied = if node.is_leaf { self.leaf_of(node) } else { self.split_of(node) };
            self.nodes.push(copied);
            if !node.is_leaf {
                let left_takes = node.missing_node == node.left_child;
                let link =
                    |side, takes_missing| Some(Link { parent: position, side, takes_missing });
                waiting.push((node.right_child, link(Side::Right, !left_takes)));
                waiting.push((node.left_child, link(Side::Left, left_takes)));
            }
        }
        root
    }

    fn leaf_of(&mut self, node: &Node) -> TreeNode {
        let payload = self.answers.len() as u32;
        match self.folds {
            1 => self.answers.push(node.weight_value),
            _ => self.answers.extend(node.leaf_weights.unwrap_or([node.weight_value; FOLDS])),
        }
        TreeNode { feature: NONE, threshold: 0.0, left: 0, right: 0, missing: 0, payload }
    }

    fn split_of(&mut self, node: &Node) -> TreeNode {
        let payload = node.left_cats.as_ref().map_or(NONE, |bits| {
            self.categories.push(bits.to_vec());
            self.categories.len() as u32 - 1
        });
        let (feature, threshold) = (node.split_feature as u32, node.split_value);
        TreeNode { feature, threshold, left: 0, right: 0, missing: 0, payload }
    }

    /// The number for a row; `NaN` values are missing.
    pub(crate) fn number(&self, row: &[f64]) -> f64 {
        let mut sum = self.base;
        for &root in &self.roots {
            sum += f64::from(self.answers[self.leaf(root, row)]);
        }
        if self.line.share != 0.0 {
            sum += self.line.share * self.line.at(row);
        }
        sum
    }

    /// The probability of the class for a row: the mean over the folds.
    pub(crate) fn probability(&self, row: &[f64]) -> f64 {
        let mut sums = [self.base; FOLDS];
        for &root in &self.roots {
            let first = self.leaf(root, row);
            for (sum, answer) in sums.iter_mut().zip(&self.answers[first..first + FOLDS]) {
                *sum += f64::from(*answer);
            }
        }
        sums.iter().map(|sum| 1.0 / (1.0 + (-sum).exp())).sum::<f64>() / FOLDS as f64
    }

    /// The position of the first answer of the leaf that a row reaches.
    fn leaf(&self, root: u32, row: &[f64]) -> usize {
        let mut node = &self.nodes[root as usize];
        while node.feature != NONE {
            node = &self.nodes[self.child(node, row[node.feature as usize]) as usize];
        }
        node.payload as usize
    }

    fn child(&self, node: &TreeNode, value: f64) -> u32 {
        if value.is_nan() {
            return node.missing;
        }
        let left = if node.payload == NONE {
            value < node.threshold
        } else {
            let code = value as usize;
            let byte = self.categories[node.payload as usize].get(code >> 3);
            byte.is_some_and(|byte| (byte >> (code & 7)) & 1 == 1)
        };
        if left { node.left } else { node.right }
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.f64(self.base);
        out.u32(self.folds as u32);
        out.u32s(&self.roots);
        out.length(self.nodes.len());
        for node in &self.nodes {
            out.u32(node.feature);
            out.f64(node.threshold);
            for number in [node.left, node.right, node.missing, node.payload] {
                out.u32(number);
            }
        }
        out.length(self.categories.len());
        self.categories.iter().for_each(|bits| out.bytes(bits));
        out.f32s(&self.answers);
        out.f64s(&self.line.means);
        out.f64s(&self.line.scales);
        out.f64s(&self.line.slopes);
        out.f64(self.line.intercept);
        out.f64(self.line.share);
    }

    /// Reads a forest over rows of `width` columns.
    pub(crate) fn read(input: &mut Reader<'_>, width: usize) -> Result<Self, ModelError> {
        let base = input.f64()?;
        let folds = input.u32()? as usize;
        let roots = input.u32s()?;
        let length = input.length(TreeNode::BYTES)?;
        let nodes = (0..length).map(|_| TreeNode::read(input)).collect::<Result<Vec<_>, _>>()?;
        let length = input.length(8)?;
        let bits = |_| input.bytes().map(<[u8]>::to_vec);
        let categories = (0..length).map(bits).collect::<Result<Vec<_>, _>>()?;
        let answers = input.f32s()?;
        let line = Line {
            means: input.f64s()?,
            scales: input.f64s()?,
            slopes: input.f64s()?,
            intercept: input.f64()?,
            share: input.f64()?,
        };
        let forest = Self { base, folds, roots, nodes, categories, answers, line };
        if forest.fits(width) {
            Ok(forest)
        } else {
            Err(ModelError::corrupt("the trees do not fit together"))
        }
    }

    /// Whether every walk over rows of `width` columns stays inside and ends.
    fn fits(&self, width: usize) -> bool {
        let inner = |at: usize, node: &TreeNode| {
            let after = |child: u32| child as usize > at && (child as usize) < self.nodes.len();
            let categories = node.payload;
            (node.feature as usize) < width
                && [node.left, node.right, node.missing].into_iter().all(after)
                && (categories == NONE || (categories as usize) < self.categories.len())
        };
        let leaf = |node: &TreeNode| node.payload as usize + self.folds <= self.answers.len();
        let line = [self.line.means.len(), self.line.scales.len(), self.line.slopes.len()];
        (self.folds == 1 || self.folds == FOLDS)
            && self.roots.iter().all(|&root| (root as usize) < self.nodes.len())
            && (line == [0; 3] || line == [width; 3])
            && self.nodes.iter().enumerate().all(|(at, node)| match node.feature {
                NONE => leaf(node),
                _ => inner(at, node),
            })
    }
}

impl TreeNode {
    /// Bytes of a node in an artifact.
    const BYTES: usize = 28;

    fn read(input: &mut Reader<'_>) -> Result<Self, ModelError> {
        Ok(Self {
            feature: input.u32()?,
            threshold: input.f64()?,
            left: input.u32()?,
            right: input.u32()?,
            missing: input.u32()?,
            payload: input.u32()?,
        })
    }
}

impl Line {
    fn at(&self, row: &[f64]) -> f64 {
        let mut sum = self.intercept;
        for (column, slope) in self.slopes.iter().enumerate() {
            let value = row[column];
            if value.is_finite() {
                sum += slope * ((value - self.means[column]) / self.scales[column]);
            }
        }
        sum
    }
}
