//! Which node runs next: a queue over the graph of what is selected. No I/O, no threads.

use std::collections::{BTreeSet, HashMap};

use crate::manifest::UniqueId;

/// The nodes of a run that are not yet done.
#[derive(Debug)]
pub(super) struct Queue {
    ids: Vec<UniqueId>,
    positions: HashMap<UniqueId, usize>,
    waits_for: Vec<usize>,
    children: Vec<Vec<usize>>,
    ready: BTreeSet<usize>,
    states: Vec<State>,
}

/// How a node ended, as far as those behind it are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Those behind it may run.
    Passed,
    /// Those behind it are skipped.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Done,
}

impl Queue {
    /// A queue of nodes in the order in which they are to start when several could. `parents` may
    /// name nodes that are not in the queue; those are not waited for.
    pub(super) fn new(nodes: Vec<(UniqueId, Vec<UniqueId>)>) -> Self {
        let positions: HashMap<UniqueId, usize> =
            nodes.iter().enumerate().map(|(index, (id, _))| (id.clone(), index)).collect();
        let mut children = vec![Vec::new(); nodes.len()];
        let mut waits_for = vec![0; nodes.len()];
        for (index, (_, parents)) in nodes.iter().enumerate() {
            let parents: BTreeSet<usize> =
                parents.iter().filter_map(|id| positions.get(id).copied()).collect();
            waits_for[index] = parents.len();
            for parent in parents {
                children[parent].push(index);
            }
        }
        let ready = (0..nodes.len()).filter(|&index| waits_for[index] == 0).collect();
        let states = vec![State::Waiting; nodes.len()];
        let ids = nodes.into_iter().map(|(id, _)| id).collect();
        Self { ids, positions, waits_for, children, ready, states }
    }

    /// Takes the next node that can run.
    pub(super) fn take(&mut self) -> Option<UniqueId> {
        let index = self.ready.pop_first()?;
        self.states[index] = State::Running;
        Some(self.ids[index].clone())
    }

    /// Notes that a node which was taken has ended. Gives the nodes that are skipped because of
    /// it, nearest first.
    pub(super) fn end(&mut self, id: &UniqueId, ended: Ended) -> Vec<UniqueId> {
        let Some(&index) = self.positions.get(id) else { return Vec::new() };
        if self.states[index] != State::Running {
            return Vec::new();
        }
        self.settle(index);
        match ended {
            Ended::Passed => {
                self.release(index);
                Vec::new()
            }
            Ended::Failed => self.skip_behind(index),
        }
    }

    /// Takes out all that has not begun, and gives it.
    pub(super) fn abandon(&mut self) -> Vec<UniqueId> {
        let waiting: Vec<usize> =
            (0..self.ids.len()).filter(|&index| self.states[index] == State::Waiting).collect();
        for &index in &waiting {
            self.settle(index);
        }
        self.ready.clear();
        waiting.into_iter().map(|index| self.ids[index].clone()).collect()
    }

    fn settle(&mut self, index: usize) {
        self.states[index] = State::Done;
    }

    fn release(&mut self, index: usize) {
        for child in self.children[index].clone() {
            self.waits_for[child] -= 1;
            if self.waits_for[child] == 0 && self.states[child] == State::Waiting {
                self.ready.insert(child);
            }
        }
    }

    fn skip_behind(&mut self, index: usize) -> Vec<UniqueId> {
        let mut skipped = Vec::new();
        let mut edge = self.children[index].clone();
        while !edge.is_empty() {
            let mut next = Vec::new();
            for child in edge {
                if self.states[child] == State::Waiting {
                    self.settle(child);
                    self.ready.remove(&child);
                    skipped.push(self.ids[child].clone());
                    next.extend(&self.children[child]);
                }
            }
            edge = next;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> UniqueId {
        UniqueId::new(name)
    }

    fn queue(nodes: &[(&str, &[&str])]) -> Queue {
        let nodes = nodes
            .iter()
            .map(|(name, parents)| (id(name), parents.iter().map(|parent| id(parent)).collect()));
        Queue::new(nodes.collect())
    }

    #[test]
    fn a_node_waits_for_all_its_parents() {
        let mut queue = queue(&[("a", &[]), ("b", &[]), ("c", &["a", "b", "elsewhere"])]);
        assert_eq!(queue.take(), Some(id("a")));
        assert_eq!(queue.take(), Some(id("b")));
        assert_eq!(queue.take(), None);
        queue.end(&id("a"), Ended::Passed);
        assert_eq!(queue.take(), None);
        queue.end(&id("b"), Ended::Passed);
        assert_eq!(queue.take(), Some(id("c")));
        queue.end(&id("c"), Ended::Passed);
    }

    #[test]
    fn all_behind_a_failure_is_skipped_once() {
        let mut queue =
            queue(&[("a", &[]), ("b", &["a"]), ("c", &["a"]), ("d", &["b", "c"]), ("e", &[])]);
        queue.take();
        assert_eq!(queue.end(&id("a"), Ended::Failed), [id("b"), id("c"), id("d")]);
        assert_eq!(queue.take(), Some(id("e")));
        assert_eq!(queue.end(&id("e"), Ended::Passed), []);
    }

    #[test]
    fn what_has_not_begun_can_be_abandoned() {
        let mut queue = queue(&[("a", &[]), ("b", &["a"]), ("c", &[])]);
        queue.take();
        assert_eq!(queue.abandon(), [id("b"), id("c")]);
        queue.end(&id("a"), Ended::Passed);
        assert_eq!(queue.take(), None);
    }
}
