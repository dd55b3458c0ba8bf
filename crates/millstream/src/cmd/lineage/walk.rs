//! Follows the edges from a column to where it comes from, or to what comes from it.
//!
//! A place is a column of an asset or, without a column, its rows as a whole: which there are. A
//! column depends on the rows of its own asset, so that conditions on all rows are told once.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use millstream_core::AssetKey;
use millstream_core::lineage::{ColumnPath, EdgeKind, Edges, Inexact, Origin};
use serde::Serialize;

use super::assets::{Assets, Known};

/// Where to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To what it comes from.
    Up,
    /// To what comes from it.
    Down,
}

/// How one place depends on another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub(super) enum Link {
    /// By an edge.
    Edge(EdgeKind),
    /// By which rows there are.
    Rows(RowsRole),
}

/// Says in JSON that the rows are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub(super) enum RowsRole {
    Rows,
}

const ROWS: Link = Link::Rows(RowsRole::Rows);

/// One dependency, as JSON has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Dependency {
    from: Origin,
    to: Origin,
    #[serde(flatten)]
    link: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    inexact: Option<Inexact>,
}

/// A place with those that are reached from it.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) place: Origin,
    /// How it and the place above depend on each other.
    pub(super) links: BTreeMap<Link, Option<Inexact>>,
    pub(super) below: Vec<Tree>,
    /// Whether what is below stands elsewhere in the tree.
    pub(super) repeated: bool,
}

/// The edges of all assets, to be followed in one direction.
pub(super) struct Walk<'a> {
    assets: &'a Assets,
    direction: Direction,
    depth: usize,
    readers: HashMap<&'a AssetKey, Vec<Reader<'a>>>,
    rows_readers: HashMap<&'a AssetKey, BTreeSet<&'a AssetKey>>,
}

/// Who reads a place of an asset, what it makes of it, and how.
type Reader<'a> = (&'a Origin, Origin, EdgeKind, Option<Inexact>);
type Hops = BTreeMap<Origin, BTreeMap<Link, Option<Inexact>>>;

impl<'a> Walk<'a> {
    /// A walk over so many assets; over all, if no depth is given.
    pub(super) fn new(assets: &'a Assets, direction: Direction, depth: Option<usize>) -> Self {
        let depth = depth.unwrap_or(usize::MAX);
        let (readers, rows_readers) = (HashMap::new(), HashMap::new());
        let mut walk = Self { assets, direction, depth, readers, rows_readers };
        if direction == Direction::Down {
            for (asset, known) in assets {
                walk.turn_round(asset, known);
            }
        }
        walk
    }

    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// All that is reached, each dependency once.
    pub(super) fn edges(&self, target: &Origin) -> BTreeSet<Dependency> {
        let mut found = BTreeSet::new();
        self.visit(target, |place, next, link, inexact| {
            if link == ROWS && place.asset == next.asset {
                return;
            }
            let (from, to) = match self.direction {
                Direction::Up => (next.clone(), place.clone()),
                Direction::Down => (place.clone(), next.clone()),
            };
            found.insert(Dependency { from, to, link, inexact });
        });
        found
    }

    /// The assets that are reached, the first included.
    pub(super) fn reached(&self, target: &Origin) -> impl Iterator<Item = &'a Known> {
        let mut found = BTreeSet::from([target.asset.clone()]);
        self.visit(target, |_, next, _, _| {
            found.insert(next.asset.clone());
        });
        let assets = self.assets;
        found.into_iter().filter_map(move |asset| assets.get(&asset))
    }

    /// What is reached as a tree, in which each place is followed once.
    pub(super) fn tree(&self, target: &Origin) -> Tree {
        let mut grown = Grown { walk: self, followed: HashMap::new(), root: None };
        let mut tree = grown.grow(target.clone(), BTreeMap::new(), self.depth);
        if target.column.is_none() {
            grown.root = Some(target.clone());
            let columns =
                self.columns(target).map(|place| grown.grow(place, BTreeMap::new(), self.depth));
            let mut below: Vec<Tree> = columns.collect();
            below.append(&mut tree.below);
            tree.below = below;
        }
        tree
    }

    fn visit(
        &self,
        target: &Origin,
        mut each: impl FnMut(&Origin, &Origin, Link, Option<Inexact>),
    ) {
        let start = std::iter::once(target.clone());
        let columns = self.columns(target).filter(|_| target.column.is_none());
        let mut queue: VecDeque<(Origin, usize)> =
            start.chain(columns).map(|place| (place, self.depth)).collect();
        let mut seen: BTreeSet<Origin> = queue.iter().map(|(place, _)| place.clone()).collect();
        while let Some((place, left)) = queue.pop_front() {
            for (next, links) in self.hops(&place) {
                let Some(left) = left.checked_sub(cost(&place, &next)) else { continue };
                for (link, inexact) in &links {
                    each(&place, &next, *link, *inexact);
                }
                if seen.insert(next.clone()) {
                    // What costs nothing goes first, so that each place is met with most left.
                    if cost(&place, &next) == 0 {
                        queue.push_front((next, left));
                    } else {
                        queue.push_back((next, left));
                    }
                }
            }
        }
    }

    fn columns(&self, target: &Origin) -> impl Iterator<Item = Origin> + use<'a> {
        let asset = target.asset.clone();
        let known = self.assets.get(&target.asset);
        let columns = known.into_iter().flat_map(|known| &known.lineage.columns);
        columns.map(move |column| Origin::column(asset.clone(), column.name.as_str()))
    }

    /// The places that are one step away.
    fn hops(&self, place: &Origin) -> Hops {
        match self.direction {
            Direction::Up => self.sources(place),
            Direction::Down => self.uses(place),
        }
    }

    fn sources(&self, place: &Origin) -> Hops {
        let mut hops = Hops::new();
        let Some(known) = self.assets.get(&place.asset) else { return hops };
        let lineage = &known.lineage;
        let edges = match &place.column {
            None => Some(lineage.rows.clone()),
            Some(path) => lineage.column(path.name()).map(|column| column.at(path.steps()).edges),
        };
        for edge in edges.iter().flat_map(Edges::iter) {
            add(&mut hops, edge.from.clone(), Link::Edge(edge.kind), edge.inexact);
        }
        if place.column.is_none() {
            let reads = lineage.reads.iter().map(|asset| Origin::whole(asset.clone()));
            reads.for_each(|rows| add(&mut hops, rows, ROWS, None));
        } else if !lineage.rows.is_empty() || !lineage.reads.is_empty() {
            add(&mut hops, Origin::whole(place.asset.clone()), ROWS, None);
        }
        hops
    }

    fn uses(&self, place: &Origin) -> Hops {
        let mut hops = Hops::new();
        for (from, to, kind, inexact) in self.readers.get(&place.asset).into_iter().flatten() {
            let whole = (&place.column, &from.column);
            match whole {
                (Some(changed), Some(read)) if changed.overlaps(read) => {
                    add(&mut hops, to.clone(), Link::Edge(*kind), *inexact);
                }
                // An asset that is read as a whole, by a step that cannot be looked into.
                (Some(_), None) if inexact.is_some() || !self.has_columns(&place.asset) => {
                    add(&mut hops, to.clone(), Link::Edge(*kind), *inexact);
                }
                (None, None) => add(&mut hops, to.clone(), Link::Edge(*kind), *inexact),
                _ => {}
            }
        }
        if place.column.is_none() {
            let readers = self.rows_readers.get(&place.asset).into_iter().flatten();
            readers.for_each(|asset| add(&mut hops, Origin::whole((*asset).clone()), ROWS, None));
        }
        hops
    }

    fn has_columns(&self, asset: &AssetKey) -> bool {
        self.assets.get(asset).is_some_and(|known| !known.lineage.columns.is_empty())
    }

    /// Keeps the edges of an asset with what they begin at.
    fn turn_round(&mut self, asset: &'a AssetKey, known: &'a Known) {
        let mut places = vec![(Origin::whole(asset.clone()), &known.lineage.rows)];
        for column in &known.lineage.columns {
            for (path, edges) in column.lineage.leaves(ColumnPath::column(&column.name)) {
                let column = Some(path);
                places.push((Origin { asset: asset.clone(), column }, edges));
            }
        }
        for (to, edges) in places {
            for edge in edges.iter() {
                let readers = self.readers.entry(&edge.from.asset).or_default();
                readers.push((edge.from, to.clone(), edge.kind, edge.inexact));
            }
        }
        for read in &known.lineage.reads {
            self.rows_readers.entry(read).or_default().insert(asset);
        }
    }
}

/// Inside one asset a step is no step of the project.
fn cost(place: &Origin, next: &Origin) -> usize {
    usize::from(place.asset != next.asset)
}

fn add(hops: &mut Hops, to: Origin, link: Link, inexact: Option<Inexact>) {
    hops.entry(to).or_default().insert(link, inexact);
}

/// A tree that grows, with the places that were followed.
struct Grown<'w, 'a> {
    walk: &'w Walk<'a>,
    followed: HashMap<Origin, Followed>,
    /// The rows that are shown at the root, not again below its columns.
    root: Option<Origin>,
}

/// How far a place was followed, and whether there was anything.
#[derive(Clone, Copy)]
struct Followed {
    left: usize,
    shows: bool,
}

impl Grown<'_, '_> {
    fn grow(&mut self, place: Origin, links: BTreeMap<Link, Option<Inexact>>, left: usize) -> Tree {
        let mut tree = Tree { place, links, below: Vec::new(), repeated: false };
        if let Some(followed) = self.followed.get(&tree.place).filter(|it| it.left >= left) {
            tree.repeated = followed.shows;
            return tree;
        }
        // A place that leads back to itself shows something.
        self.followed.insert(tree.place.clone(), Followed { left, shows: true });
        let mut hops: Vec<_> = self.walk.hops(&tree.place).into_iter().collect();
        hops.sort_by_key(|(_, links)| links.keys().next().copied());
        for (next, links) in hops {
            let Some(left) = left.checked_sub(cost(&tree.place, &next)) else { continue };
            if self.root.as_ref() == Some(&next) {
                continue;
            }
            let only_rows = links.keys().all(|link| *link == ROWS);
            let below = self.grow(next, links, left);
            // That rows come from rows of which no more is known goes without saying.
            let says = !only_rows || self.walk.direction == Direction::Down;
            if says || !below.below.is_empty() || below.repeated {
                tree.below.push(below);
            }
        }
        let shows = !tree.below.is_empty();
        self.followed.insert(tree.place.clone(), Followed { left, shows });
        tree
    }
}
