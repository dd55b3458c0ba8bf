//! What runs in which order, and what waits for what.

use std::collections::HashMap;

use super::order::Cycle;
use super::{Bits, Entry, Graph};
use crate::manifest::{NodeKind, UniqueId};

/// What a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waits {
    /// What it reads.
    ForParents,
    /// What it reads and the tests of that, as `build` does; a model also waits for its own unit
    /// tests.
    ForTests,
}

impl Graph<'_> {
    /// The selected entries in the order in which they start when several could, each with those
    /// that must be done before it: what it needs, also where something between is not selected.
    pub fn schedule(
        &self,
        selected: &Bits,
        waits: Waits,
    ) -> Result<Vec<(UniqueId, Vec<UniqueId>)>, Cycle> {
        self.levels()?;
        let parents = match waits {
            Waits::ForParents => self.parent_lists(),
            Waits::ForTests => self.parents_with_tests(selected),
        };
        let nearest = nearest_selected(&parents, selected);
        let levels = levels_of(&nearest);
        let id = |position: u32| self.entry(position).id();
        let mut order: Vec<u32> = selected.iter().collect();
        order.sort_by_key(|position| (levels.get(position), id(*position)));
        let ids = |positions: &[u32]| positions.iter().map(|&at| id(at).clone()).collect();
        Ok(order.into_iter().map(|at| (id(at).clone(), ids(&nearest[&at]))).collect())
    }

    fn parent_lists(&self) -> Vec<Vec<u32>> {
        (0..self.len() as u32).map(|position| self.parents(position).to_vec()).collect()
    }

    /// Only tests that run are waited for.
    fn parents_with_tests(&self, selected: &Bits) -> Vec<Vec<u32>> {
        let mut parents = self.parent_lists();
        let mut below: HashMap<u32, Bits> = HashMap::new();
        for test in selected.iter().filter(|test| self.entry(*test).is_test()) {
            match (self.entry(test), self.parents(test)) {
                (Entry::UnitTest(_), &[model]) => {
                    parents[test as usize] = self.parents(model).to_vec();
                    parents[model as usize].push(test);
                }
                (_, &[tested]) => {
                    for &child in self.children(tested).iter().filter(|at| self.is_made(**at)) {
                        parents[child as usize].push(test);
                    }
                }
                (_, several @ [_, ..]) => {
                    for child in self.first_below_all(several, &mut below) {
                        parents[child as usize].push(test);
                    }
                }
                (_, []) => {}
            }
        }
        parents
    }

    /// The nearest entries that need all of these.
    fn first_below_all(&self, of: &[u32], below: &mut HashMap<u32, Bits>) -> Vec<u32> {
        let mut common: Option<Bits> = None;
        for &position in of {
            let found = below.entry(position).or_insert_with(|| {
                let mut one = self.none();
                one.insert(position);
                self.descendants(&one, None)
            });
            match &mut common {
                Some(common) => common.keep(found),
                None => common = Some(found.clone()),
            }
        }
        let common = common.unwrap_or_else(|| self.none());
        let is_behind_another =
            |at: u32| self.parents(at).iter().any(|&up| common.contains(up) && self.is_made(up));
        common.iter().filter(|&at| self.is_made(at) && !is_behind_another(at)).collect()
    }

    /// Whether something is made here, which can wait for tests.
    fn is_made(&self, position: u32) -> bool {
        match self.entry(position) {
            Entry::Node(node) => !matches!(node.kind, NodeKind::Test(_)),
            _ => false,
        }
    }
}

/// For every selected entry the selected ones that are reached upwards without passing another.
fn nearest_selected(parents: &[Vec<u32>], selected: &Bits) -> HashMap<u32, Vec<u32>> {
    let leads_up = has_selected_above(parents, selected);
    let mut seen = vec![u32::MAX; parents.len()];
    let mut nearest = HashMap::with_capacity(selected.len());
    for start in selected.iter() {
        let mut found = Vec::new();
        let mut open = vec![start];
        while let Some(position) = open.pop() {
            for &parent in &parents[position as usize] {
                if std::mem::replace(&mut seen[parent as usize], start) == start {
                    continue;
                }
                if selected.contains(parent) {
                    found.push(parent);
                } else if leads_up.contains(parent) {
                    open.push(parent);
                }
            }
        }
        found.sort_unstable();
        nearest.insert(start, found);
    }
    nearest
}

/// The entries somewhere behind a selected one.
fn has_selected_above(parents: &[Vec<u32>], selected: &Bits) -> Bits {
    let mut children = vec![Vec::new(); parents.len()];
    for (child, of) in parents.iter().enumerate() {
        for &parent in of {
            children[parent as usize].push(child as u32);
        }
    }
    let mut found = Bits::none(parents.len());
    let mut open: Vec<u32> = selected.iter().collect();
    while let Some(position) = open.pop() {
        open.extend(children[position as usize].iter().filter(|child| found.insert(**child)));
    }
    found
}

fn levels_of(nearest: &HashMap<u32, Vec<u32>>) -> HashMap<u32, u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut left: HashMap<u32, usize> = HashMap::new();
    for (&child, parents) in nearest {
        left.insert(child, parents.len());
        for &parent in parents {
            children.entry(parent).or_default().push(child);
        }
    }
    let mut levels = HashMap::with_capacity(nearest.len());
    let mut layer: Vec<u32> =
        left.iter().filter(|(_, count)| **count == 0).map(|(&at, _)| at).collect();
    let mut level = 0;
    while !layer.is_empty() {
        let mut next = Vec::new();
        for position in layer {
            levels.insert(position, level);
            for child in children.get(&position).into_iter().flatten() {
                let count = left.entry(*child).or_default();
                *count = count.saturating_sub(1);
                if *count == 0 {
                    next.push(*child);
                }
            }
        }
        layer = next;
        level += 1;
    }
    levels
}
