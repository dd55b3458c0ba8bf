//! Where the nodes of a graph stand: in layers from left to right, near what they depend on. Pure.
//!
//! Layers are longest ways (Sugiyama, Tagawa and Toda 1981); inside a layer nodes are ordered by
//! the mean place of their neighbors, in a few sweeps to and fro, and then moved to it as far as
//! the others let them.

/// The width of a node, in pixels.
pub(super) const NODE_WIDTH: u32 = 180;
/// The height of a node, in pixels.
pub(super) const NODE_HEIGHT: u32 = 36;

const LAYER_STEP: u32 = NODE_WIDTH + 80;
const ROW_STEP: u32 = NODE_HEIGHT + 16;
/// Sweeps over all layers; more hardly change the order.
const SWEEPS: usize = 6;

/// Where nodes stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The layer of each node, from 0.
    pub(super) ranks: Vec<u32>,
    /// The left edge of each node.
    pub(super) x: Vec<u32>,
    /// The upper edge of each node.
    pub(super) y: Vec<u32>,
    /// The width of all.
    pub(super) width: u32,
    /// The height of all.
    pub(super) height: u32,
}

/// Places so many nodes. Edges lead from an earlier node to a later one in some order; those that
/// would close a circle are left out by whoever calls.
pub(super) fn layout(nodes: usize, edges: &[(usize, usize)]) -> Layout {
    let (before, behind) = neighbors(nodes, edges);
    let ranks = ranks(&before, &behind);
    let mut layers = layers(&ranks);
    let mut place = vec![0.0; nodes];
    for layer in &layers {
        number(layer, &mut place);
    }
    for sweep in 0..SWEEPS {
        let forward = sweep % 2 == 0;
        let near = if forward { &before } else { &behind };
        for step in 0..layers.len() {
            let layer = if forward { step } else { layers.len() - 1 - step };
            sort(&mut layers[layer], near, &place);
            number(&layers[layer], &mut place);
        }
    }
    for layer in &layers {
        draw_near(layer, &before, &mut place);
    }
    placed(ranks, &place)
}

type Neighbors = Vec<Vec<usize>>;

fn neighbors(nodes: usize, edges: &[(usize, usize)]) -> (Neighbors, Neighbors) {
    let (mut before, mut behind) = (vec![Vec::new(); nodes], vec![Vec::new(); nodes]);
    for &(from, to) in edges {
        before[to].push(from);
        behind[from].push(to);
    }
    (before, behind)
}

/// The longest way to each node. What is on a circle stays in the first layer.
fn ranks(before: &Neighbors, behind: &Neighbors) -> Vec<u32> {
    let mut open: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut ready: Vec<usize> = (0..open.len()).filter(|&node| open[node] == 0).collect();
    let mut ranks = vec![0; open.len()];
    while let Some(node) = ready.pop() {
        for &next in &behind[node] {
            ranks[next] = ranks[next].max(ranks[node] + 1);
            open[next] -= 1;
            if open[next] == 0 {
                ready.push(next);
            }
        }
    }
    ranks
}

fn layers(ranks: &[u32]) -> Vec<Vec<usize>> {
    let count = ranks.iter().max().map_or(0, |last| *last as usize + 1);
    let mut layers = vec![Vec::new(); count];
    for (node, &rank) in ranks.iter().enumerate() {
        layers[rank as usize].push(node);
    }
    layers
}

/// Numbers the nodes of a layer around its middle.
fn number(layer: &[usize], place: &mut [f64]) {
    let half = (layer.len() as f64 - 1.0) / 2.0;
    for (position, &node) in layer.iter().enumerate() {
        place[node] = position as f64 - half;
    }
}

/// Orders a layer by the mean place of the neighbors of each node.
fn sort(layer: &mut [usize], near: &Neighbors, place: &[f64]) {
    layer.sort_by(|&a, &b| mean(a, near, place).total_cmp(&mean(b, near, place)));
}

/// The mean place of the neighbors of a node; its own without any.
fn mean(node: usize, near: &Neighbors, place: &[f64]) -> f64 {
    match near[node].len() {
        0 => place[node],
        count => near[node].iter().map(|&other| place[other]).sum::<f64>() / count as f64,
    }
}

/// Moves the nodes of a layer to their neighbors, in order and one row apart, so that on average
/// none is above or below where it wants to be.
fn draw_near(layer: &[usize], near: &Neighbors, place: &mut [f64]) {
    let wanted: Vec<f64> = layer.iter().map(|&node| mean(node, near, place)).collect();
    let mut low = f64::NEG_INFINITY;
    let mut moved = 0.0;
    for (&node, &wanted) in layer.iter().zip(&wanted) {
        place[node] = wanted.max(low + 1.0);
        low = place[node];
        moved += place[node] - wanted;
    }
    let back = moved / layer.len() as f64;
    for &node in layer {
        place[node] -= back;
    }
}

fn placed(ranks: Vec<u32>, place: &[f64]) -> Layout {
    let top = place.iter().copied().reduce(f64::min).unwrap_or(0.0);
    let pixels = |rows: f64| ((rows - top) * f64::from(ROW_STEP)).round() as u32;
    let y: Vec<u32> = place.iter().map(|&rows| pixels(rows)).collect();
    let x: Vec<u32> = ranks.iter().map(|rank| rank * LAYER_STEP).collect();
    let end = |starts: &[u32], length: u32| starts.iter().max().map_or(0, |last| last + length);
    Layout { width: end(&x, NODE_WIDTH), height: end(&y, NODE_HEIGHT), ranks, x, y }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diamond_stands_in_three_layers() {
        let placed = layout(4, &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert_eq!(placed.ranks, [0, 1, 1, 2]);
        assert_eq!(placed.y[0], placed.y[3], "both in the middle");
        assert_eq!(placed.y[1].abs_diff(placed.y[2]), ROW_STEP);
    }

    #[test]
    fn nodes_of_a_layer_never_overlap_and_edges_lead_to_the_right() {
        // 10,000 nodes, each of which reads three of the nodes before it.
        let edges: Vec<(usize, usize)> = (100..10_000)
            .flat_map(|node| [1, 7, 97].map(|back| (node - (node * back) % 99 - 1, node)))
            .collect();
        let placed = layout(10_000, &edges);
        assert!(edges.iter().all(|&(from, to)| placed.ranks[from] < placed.ranks[to]));
        let mut spots: Vec<(u32, u32)> = placed.x.iter().copied().zip(placed.y).collect();
        spots.sort_unstable();
        for pair in spots.windows(2) {
            assert!(pair[0].0 != pair[1].0 || pair[1].1 - pair[0].1 >= NODE_HEIGHT, "{pair:?}");
        }
    }

    #[test]
    fn nothing_and_circles_are_placed_too() {
        assert_eq!(layout(0, &[]), Layout::default());
        assert_eq!(layout(2, &[(0, 1), (1, 0)]).ranks, [0, 0]);
    }
}
