//! The graph of a manifest: what needs what, by positions.

use std::collections::{HashMap, HashSet};

use super::{Bits, Entry};
use crate::manifest::{Exposure, Manifest, UniqueId};

/// How far a walk goes; without end if nothing is said.
pub type Depth = Option<u32>;

/// What a project that has more than dbt's resources puts beside them.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// What is made of dbt's tables and is none: trainings, deployments, functions. The word before
    /// the first dot of the id says what it is; `assets` among the properties lists what it makes.
    pub uses: Vec<Exposure>,
    /// What needs what, besides that which the manifest says: what is needed comes first.
    pub edges: Vec<(UniqueId, UniqueId)>,
    /// Sources that the project fills itself.
    pub filled: HashSet<UniqueId>,
}

/// Everything of a manifest that can be selected, and how it hangs together.
#[derive(Debug)]
pub struct Graph<'m> {
    manifest: &'m Manifest,
    filled: Option<&'m HashSet<UniqueId>>,
    entries: Vec<Entry<'m>>,
    positions: HashMap<&'m str, u32>,
    parents: Edges,
    children: Edges,
}

/// Which of a manifest's entries are in a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    Enabled,
    Listed,
}

impl Reach {
    fn has(self, entry: Entry<'_>) -> bool {
        self == Self::Listed || entry.config().enabled()
    }
}

/// Neighbours of all positions, one list behind the other.
#[derive(Debug)]
struct Edges {
    starts: Vec<u32>,
    ends: Vec<u32>,
}

impl<'m> Graph<'m> {
    /// The graph of what is enabled in a manifest.
    pub fn new(manifest: &'m Manifest) -> Self {
        Self::of(manifest, Reach::Enabled, None)
    }

    /// The graph of all that a manifest lists, tests of what is disabled among them.
    pub fn whole(manifest: &'m Manifest) -> Self {
        Self::of(manifest, Reach::Listed, None)
    }

    /// The graph of what is enabled in a manifest and of what is beside it.
    pub fn with(manifest: &'m Manifest, beside: &'m Beside) -> Self {
        Self::of(manifest, Reach::Enabled, Some(beside))
    }

    fn of(manifest: &'m Manifest, reach: Reach, beside: Option<&'m Beside>) -> Self {
        let uses = beside.map_or(&[][..], |beside| &beside.uses).iter().map(Entry::Exposure);
        let entries: Vec<Entry<'m>> =
            all_entries(manifest).filter(|entry| reach.has(*entry)).chain(uses).collect();
        let positions: HashMap<&str, u32> = entries
            .iter()
            .enumerate()
            .map(|(index, entry)| (entry.id().as_str(), index as u32))
            .collect();
        let position = |id: &UniqueId| positions.get(id.as_str()).copied();
        let more = beside.map_or(&[][..], |beside| &beside.edges).iter();
        let more = more.filter_map(|(from, to)| Some((position(from)?, position(to)?)));
        let pairs: Vec<(u32, u32)> = entries
            .iter()
            .enumerate()
            .flat_map(|(child, entry)| {
                let parents = entry.parents().iter();
                let parents = parents.filter_map(position);
                parents.map(move |parent| (parent, child as u32))
            })
            .chain(more)
            .collect();
        let parents = Edges::new(entries.len(), pairs.iter().map(|&(from, to)| (to, from)));
        let children = Edges::new(entries.len(), pairs.iter().copied());
        let filled = beside.map(|beside| &beside.filled);
        Self { manifest, filled, entries, positions, parents, children }
    }

    /// The manifest.
    pub fn manifest(&self) -> &'m Manifest {
        self.manifest
    }

    /// Whether there is more than what the manifest says.
    pub fn is_hosted(&self) -> bool {
        self.filled.is_some()
    }

    /// Whether an entry is a source that the project fills itself.
    pub fn is_filled(&self, entry: Entry<'_>) -> bool {
        self.filled.is_some_and(|filled| filled.contains(entry.id()))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is at a position.
    pub fn entry(&self, position: u32) -> Entry<'m> {
        self.entries[position as usize]
    }

    /// All entries with their positions.
    pub fn entries(&self) -> impl Iterator<Item = (u32, Entry<'m>)> {
        self.entries.iter().enumerate().map(|(index, entry)| (index as u32, *entry))
    }

    /// Where an id is.
    pub fn position(&self, id: &str) -> Option<u32> {
        self.positions.get(id).copied()
    }

    /// What an entry needs.
    pub fn parents(&self, position: u32) -> &[u32] {
        self.parents.of(position)
    }

    /// What needs an entry.
    pub fn children(&self, position: u32) -> &[u32] {
        self.children.of(position)
    }

    /// Nothing of this graph.
    pub fn none(&self) -> Bits {
        Bits::none(self.len())
    }

    /// The entries for which something is true.
    pub fn filter(&self, is_wanted: impl Fn(Entry<'m>) -> bool) -> Bits {
        let mut bits = self.none();
        for (position, entry) in self.entries() {
            if is_wanted(entry) {
                bits.insert(position);
            }
        }
        bits
    }

    /// The entries with these ids, as far as there are any.
    pub fn of_ids<'i>(&self, ids: impl IntoIterator<Item = &'i str>) -> Bits {
        let mut bits = self.none();
        for position in ids.into_iter().filter_map(|id| self.position(id)) {
            bits.insert(position);
        }
        bits
    }

    /// What is needed for these, up to so many steps away.
    pub fn ancestors(&self, of: &Bits, depth: Depth) -> Bits {
        self.walk(of, depth, &self.parents)
    }

    /// What needs these, up to so many steps away.
    pub fn descendants(&self, of: &Bits, depth: Depth) -> Bits {
        self.walk(of, depth, &self.children)
    }

    /// The ids of a set, in the order of the ids.
    pub fn ids(&self, of: &Bits) -> Vec<UniqueId> {
        let mut ids: Vec<UniqueId> =
            of.iter().map(|position| self.entry(position).id().clone()).collect();
        ids.sort();
        ids
    }

    fn walk(&self, from: &Bits, depth: Depth, along: &Edges) -> Bits {
        let mut found = self.none();
        let mut layer: Vec<u32> = from.iter().collect();
        let mut steps = 0;
        while !layer.is_empty() && depth.is_none_or(|depth| steps < depth) {
            let mut next = Vec::new();
            for position in layer {
                next.extend(along.of(position).iter().filter(|end| found.insert(**end)));
            }
            layer = next;
            steps += 1;
        }
        found
    }
}

impl Edges {
    fn new(len: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0; len + 1];
        for (from, _) in pairs.clone() {
            starts[from as usize + 1] += 1;
        }
        for index in 0..len {
            starts[index + 1] += starts[index];
        }
        let mut next = starts.clone();
        let mut ends = vec![0; starts[len] as usize];
        for (from, to) in pairs {
            let slot = &mut next[from as usize];
            ends[*slot as usize] = to;
            *slot += 1;
        }
        Self { starts, ends }
    }

    fn of(&self, position: u32) -> &[u32] {
        let position = position as usize;
        &self.ends[self.starts[position] as usize..self.starts[position + 1] as usize]
    }
}

fn all_entries(manifest: &Manifest) -> impl Iterator<Item = Entry<'_>> {
    let nodes = manifest.nodes.values().map(Entry::Node);
    nodes
        .chain(manifest.sources.values().map(Entry::Source))
        .chain(manifest.exposures.values().map(Entry::Exposure))
        .chain(manifest.semantic.values().map(Entry::Semantic))
        .chain(manifest.unit_tests.values().map(Entry::UnitTest))
}
