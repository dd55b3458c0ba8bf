//! The order of the steps, and the cycles that have none.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::path::Path;

use millstream_core::diagnostic::Place;
use millstream_core::step::Edge;
use millstream_core::{AssetKey, AssetKind};

use super::{Graph, Node};
use millstream_files::{Mark, Report, shown, whole};

/// Orders the steps: by what they read, and by name where that leaves a choice. Circles are
/// reported, and then there is no graph.
pub(crate) fn ordered(mut nodes: Vec<Node>, root: &Path, report: &mut Report) -> Option<Graph> {
    nodes.sort_by(|a, b| a.outputs.cmp(&b.outputs));
    let makers = makers(&nodes);
    let mut before = hard_edges(&nodes, &makers);
    if report_cycles(&nodes, &before, root, report) {
        return None;
    }
    add_feedback(&nodes, &makers, &mut before);
    let order = sorted(&before);
    Some(placed(nodes, &before, &order))
}

fn makers(nodes: &[Node]) -> HashMap<AssetKey, Vec<usize>> {
    let mut makers: HashMap<AssetKey, Vec<usize>> = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for asset in &node.outputs {
            makers.entry(asset.clone()).or_default().push(index);
        }
    }
    makers
}

/// For each step those that it must come after, feedback left out.
fn hard_edges(nodes: &[Node], makers: &HashMap<AssetKey, Vec<usize>>) -> Vec<Vec<usize>> {
    let of = |node: &Node| {
        let inputs = node.inputs.iter().filter(|input| input.edge != Edge::Feedback);
        let found: BTreeSet<usize> =
            inputs.filter_map(|input| makers.get(&input.asset)).flatten().copied().collect();
        found.into_iter().collect()
    };
    nodes.iter().map(of).collect()
}

/// Adds feedback where it makes no cycle: first what reads topics, then what reads operational
/// tables, so that events of a run are handled in the same run.
fn add_feedback(nodes: &[Node], makers: &HashMap<AssetKey, Vec<usize>>, before: &mut [Vec<usize>]) {
    for kind in [AssetKind::Topic, AssetKind::Operational] {
        for (index, node) in nodes.iter().enumerate() {
            let inputs = node
                .inputs
                .iter()
                .filter(|input| input.edge == Edge::Feedback && input.asset.kind == kind);
            for &maker in inputs.filter_map(|input| makers.get(&input.asset)).flatten() {
                if !before[index].contains(&maker) && !comes_after(before, maker, index) {
                    before[index].push(maker);
                }
            }
        }
    }
}

/// Whether a step comes after another one, or is it.
fn comes_after(before: &[Vec<usize>], step: usize, other: usize) -> bool {
    let mut seen = BTreeSet::from([step]);
    let mut open = vec![step];
    while let Some(index) = open.pop() {
        if index == other {
            return true;
        }
        open.extend(before[index].iter().copied().filter(|&next| seen.insert(next)));
    }
    false
}

/// The positions in an order in which each comes after all that are before it; cycles and what is
/// behind them are left out.
fn sorted(before: &[Vec<usize>]) -> Vec<usize> {
    let behind = turned(before);
    let mut waiting: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..before.len()).filter(|&index| waiting[index] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(before.len());
    while let Some(Reverse(index)) = ready.pop() {
        order.push(index);
        for &next in &behind[index] {
            waiting[next] -= 1;
            if waiting[next] == 0 {
                ready.push(Reverse(next));
            }
        }
    }
    order
}

fn turned(before: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut behind = vec![Vec::new(); before.len()];
    for (index, earlier) in before.iter().enumerate() {
        for &one in earlier {
            behind[one].push(index);
        }
    }
    behind
}

/// The graph with its steps in this order.
fn placed(nodes: Vec<Node>, before: &[Vec<usize>], order: &[usize]) -> Graph {
    let mut position_of = vec![0; nodes.len()];
    for (position, &index) in order.iter().enumerate() {
        position_of[index] = position;
    }
    let before: Vec<Vec<usize>> = order
        .iter()
        .map(|&index| {
            let mut earlier: Vec<usize> =
                before[index].iter().map(|&one| position_of[one]).collect();
            earlier.sort_unstable();
            earlier
        })
        .collect();
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let nodes: Vec<Node> = order.iter().filter_map(|&index| slots[index].take()).collect();
    Graph { makers: makers(&nodes), behind: turned(&before), before, nodes }
}

/// Reports each cycle once. Gives whether there is one.
fn report_cycles(nodes: &[Node], before: &[Vec<usize>], root: &Path, report: &mut Report) -> bool {
    let mut left: BTreeSet<usize> = (0..nodes.len()).collect();
    let mut found = false;
    loop {
        peel(&mut left, before);
        let Some(&start) = left.first() else { return found };
        let cycle = walk(start, &left, before);
        let steps: Vec<&Node> = cycle.iter().map(|&index| &nodes[index]).collect();
        report_cycle(&steps, root, report);
        for index in cycle {
            left.remove(&index);
        }
        found = true;
    }
}

/// Takes out, again and again, the steps that come after none of those that are left.
fn peel(left: &mut BTreeSet<usize>, before: &[Vec<usize>]) {
    let behind = turned(before);
    let count = |index: usize, left: &BTreeSet<usize>| {
        before[index].iter().filter(|one| left.contains(one)).count()
    };
    let mut waiting: HashMap<usize, usize> =
        left.iter().map(|&index| (index, count(index, left))).collect();
    let mut ready: Vec<usize> = left.iter().copied().filter(|index| waiting[index] == 0).collect();
    while let Some(index) = ready.pop() {
        left.remove(&index);
        for next in &behind[index] {
            if let Some(number) = waiting.get_mut(next)
                && left.contains(next)
            {
                *number -= 1;
                if *number == 0 {
                    ready.push(*next);
                }
            }
        }
    }
}

/// Walks from step to step that it reads until one comes again: each that is left reads another.
fn walk(start: usize, left: &BTreeSet<usize>, before: &[Vec<usize>]) -> Vec<usize> {
    let mut path = vec![start];
    let mut index = start;
    while let Some(&next) = before[index].iter().find(|one| left.contains(one)) {
        if let Some(first) = path.iter().position(|&seen| seen == next) {
            return path.split_off(first);
        }
        path.push(next);
        index = next;
    }
    path
}

/// Reports a cycle with the place of each reference in it.
fn report_cycle(cycle: &[&Node], root: &Path, report: &mut Report) {
    let smallest = (0..cycle.len()).min_by_key(|&at| &cycle[at].outputs).unwrap_or(0);
    let mut turned: Vec<&Node> = cycle.to_vec();
    turned.rotate_left(smallest);
    let (first, read) = (turned[0], turned[1 % turned.len()]);
    let (message, hint) = if cycle.len() == 1 {
        (format!("{} reads itself", first.name), "for its own rows of before, use `this`")
    } else {
        let edges = turned.iter().zip(turned.iter().cycle().skip(1));
        let edge = |(node, read): (&&Node, &&Node)| {
            let place = place_of_edge(node, read, root);
            format!("{} reads {} ({})", node.name, read.name, shown(&place))
        };
        let edges: Vec<String> = edges.map(edge).collect();
        (format!("a cycle of references: {}", edges.join(", ")), "take one reference out")
    };
    report.error("graph.cycle", place_of_edge(first, read, root), message, hint.to_owned());
}

/// Where a step names another one that it reads: the first place where its file has the name in
/// quotes; the whole file if it does not, because a macro does.
fn place_of_edge(node: &Node, read: &Node, root: &Path) -> Place {
    let text = std::fs::read_to_string(root.join(&node.file)).unwrap_or_default();
    let quotes = [format!("'{}'", read.name), format!("\"{}\"", read.name)];
    match quotes.iter().find_map(|quoted| text.find(quoted.as_str())) {
        Some(offset) => Mark::of_offset(&text, offset + 1).within(&node.file),
        None => whole(&node.file),
    }
}
