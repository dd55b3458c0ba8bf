//! The order in which things can be made, or the cycle that forbids one.

use std::collections::VecDeque;
use std::fmt;

use millstream_core::error::{Coded, Fault};

use super::Graph;
use crate::manifest::UniqueId;

/// Entries that need each other in a circle, each needed by the next, and the last by the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<UniqueId>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found a cycle: ")?;
        for (index, id) in self.0.iter().enumerate() {
            write!(f, "{}{id}", if index == 0 { "" } else { " --> " })?;
        }
        Ok(())
    }
}

impl std::error::Error for Cycle {}

impl Coded for Cycle {
    fn code(&self) -> &'static str {
        "dbt.cycle"
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        Some("take one `ref` out of the circle".to_owned())
    }
}

impl Graph<'_> {
    /// The level of every entry: 0 needs nothing, any other stands one above the highest that it
    /// needs.
    pub fn levels(&self) -> Result<Vec<u32>, Cycle> {
        let (levels, left) = self.settle();
        if left.iter().all(|count| *count == 0) {
            return Ok(levels);
        }
        Err(Cycle(self.circle(&left)))
    }

    /// All entries, each after what it needs.
    pub fn order(&self) -> Result<Vec<u32>, Cycle> {
        let levels = self.levels()?;
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by_key(|position| levels[*position as usize]);
        Ok(order)
    }

    /// Levels, and how many parents of each entry were never reached.
    fn settle(&self) -> (Vec<u32>, Vec<usize>) {
        let all = 0..self.len() as u32;
        let mut levels = vec![0; self.len()];
        let mut left: Vec<usize> = all.clone().map(|at| self.parents(at).len()).collect();
        let mut ready: VecDeque<u32> = all.filter(|at| left[*at as usize] == 0).collect();
        while let Some(position) = ready.pop_front() {
            let level = levels[position as usize] + 1;
            for &child in self.children(position) {
                let child_at = child as usize;
                levels[child_at] = level.max(levels[child_at]);
                left[child_at] -= 1;
                if left[child_at] == 0 {
                    ready.push_back(child);
                }
            }
        }
        (levels, left)
    }

    /// Whoever goes from an entry that was not reached to a parent that was not reached comes
    /// around.
    fn circle(&self, left: &[usize]) -> Vec<UniqueId> {
        let is_left = |position: &u32| left[*position as usize] > 0;
        let mut path = Vec::new();
        let mut at = (0..self.len() as u32).find(is_left);
        while let Some(position) = at {
            if let Some(start) = path.iter().position(|seen| *seen == position) {
                let mut circle: Vec<UniqueId> =
                    path[start..].iter().map(|&at| self.entry(at).id().clone()).collect();
                circle.reverse();
                let first = circle.iter().enumerate().min_by_key(|(_, id)| (*id).clone());
                let first = first.map_or(0, |(index, _)| index);
                circle.rotate_left(first);
                return circle;
            }
            path.push(position);
            at = self.parents(position).iter().copied().find(is_left);
        }
        Vec::new()
    }
}
