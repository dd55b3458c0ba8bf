//! Column lineage: from which columns of which assets the columns of a query come, and how.
//!
//! An edge is a *value* when the content of its origin becomes content of the column, a
//! *condition* when it only decides which rows there are or which of several values is taken.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeSeq as _;
use serde::{Serialize, Serializer};

use crate::asset::AssetKey;

/// The step of a path that stands for every element of a list.
pub const ELEMENT: &str = "[]";

/// A column, or a part of one: `address`, `address.city`, `items[].price`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct ColumnPath {
    column: String,
    steps: Vec<String>,
}

impl ColumnPath {
    /// A whole column.
    pub fn column(name: impl Into<String>) -> Self {
        Self { column: name.into(), steps: Vec::new() }
    }

    /// A part of this: a field of a struct, or [`ELEMENT`].
    #[must_use]
    pub fn part(&self, step: &str) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step.to_owned());
        Self { column: self.column.clone(), steps }
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.column
    }

    /// The way from the column to the part; empty for a whole column.
    pub fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Whether one of the two is, or is a part of, the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.column == other.column && self.steps.iter().zip(&other.steps).all(|(a, b)| a == b)
    }
}

impl fmt::Display for ColumnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.column)?;
        self.steps.iter().try_for_each(|step| match step.as_str() {
            ELEMENT => f.write_str(ELEMENT),
            field => write!(f, ".{field}"),
        })
    }
}

impl From<ColumnPath> for String {
    fn from(path: ColumnPath) -> Self {
        path.to_string()
    }
}

/// Where an edge begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Origin {
    /// The asset.
    pub asset: AssetKey,
    /// Its column; `None` for the asset as a whole: the number of its rows, or a model, which has
    /// no columns.
    pub column: Option<ColumnPath>,
}

impl Origin {
    /// A column of an asset.
    pub fn column(asset: AssetKey, name: impl Into<String>) -> Self {
        Self { asset, column: Some(ColumnPath::column(name)) }
    }

    /// An asset as a whole.
    pub fn whole(asset: AssetKey) -> Self {
        Self { asset, column: None }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}.{column}", self.asset.name),
            None => write!(f, "{}", self.asset),
        }
    }
}

/// How much a value is changed on its way. A way is as its most changing step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueKind {
    /// It is taken as it is.
    Copy,
    /// An expression makes another of it.
    Derived,
    /// The values of many rows become one.
    Aggregated,
}

/// What a condition decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ConditionKind {
    /// Which rows are kept.
    Filter,
    /// Which rows meet.
    Join,
    /// Which rows are one group, or count as the same.
    GroupBy,
    /// Which rows come first.
    Order,
    /// Which rows a window function sees, and in which order.
    Window,
    /// Which of several values is taken.
    Case,
    /// How many rows one row becomes: the length of a list.
    Unnest,
}

/// What an edge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "role", content = "kind", rename_all = "snake_case")]
pub enum EdgeKind {
    /// The origin's content becomes content.
    Value(ValueKind),
    /// The origin decides.
    Condition(ConditionKind),
}

impl EdgeKind {
    /// The word shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Value(ValueKind::Copy) => "copy",
            Self::Value(ValueKind::Derived) => "derived",
            Self::Value(ValueKind::Aggregated) => "aggregated",
            Self::Condition(ConditionKind::Filter) => "filter",
            Self::Condition(ConditionKind::Join) => "join",
            Self::Condition(ConditionKind::GroupBy) => "group by",
            Self::Condition(ConditionKind::Order) => "order",
            Self::Condition(ConditionKind::Window) => "window",
            Self::Condition(ConditionKind::Case) => "case",
            Self::Condition(ConditionKind::Unnest) => "unnest",
        }
    }
}

/// Why an edge may be one too many. None is ever missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inexact {
    /// A part of the plan cannot be looked into.
    OpaquePlan,
    /// The columns of a table are not known before it is made.
    UnknownColumns,
    /// The step is no SQL: all that it reads may be in all that it writes.
    OpaqueStep,
}

impl Inexact {
    /// The reason, for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::OpaquePlan => "a part of the plan cannot be looked into",
            Self::UnknownColumns => "the columns are not known before a run",
            Self::OpaqueStep => "the step is no SQL",
        }
    }
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Edge<'a> {
    /// Where it begins.
    pub from: &'a Origin,
    /// What it is.
    #[serde(flatten)]
    pub kind: EdgeKind,
    /// Why it may be one too many; `None` for an exact edge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inexact: Option<Inexact>,
}

/// A set of edges. Of two that differ in nothing but exactness, it keeps the exact one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edges(BTreeMap<(Arc<Origin>, EdgeKind), Option<Inexact>>);

impl Edges {
    /// The one edge of a column that is taken as it is.
    pub fn copy_of(origin: Origin) -> Self {
        let mut edges = Self::default();
        edges.insert(Arc::new(origin), EdgeKind::Value(ValueKind::Copy), None);
        edges
    }

    /// Adds an edge.
    pub fn insert(&mut self, origin: Arc<Origin>, kind: EdgeKind, inexact: Option<Inexact>) {
        let held = self.0.entry((origin, kind)).or_insert(inexact);
        *held = held.and(inexact);
    }

    /// Adds all edges of another set.
    pub fn extend(&mut self, other: &Self) {
        for ((origin, kind), inexact) in &other.0 {
            self.insert(Arc::clone(origin), *kind, *inexact);
        }
    }

    /// The edges in order: by origin, values before conditions.
    pub fn iter(&self) -> impl Iterator<Item = Edge<'_>> {
        self.0.iter().map(|((from, kind), inexact)| Edge { from, kind: *kind, inexact: *inexact })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same origins, where the values only decide.
    #[must_use]
    pub fn deciding(&self, condition: ConditionKind) -> Self {
        self.mapped(|origin, kind| match kind {
            EdgeKind::Value(_) => (origin, EdgeKind::Condition(condition)),
            EdgeKind::Condition(_) => (origin, kind),
        })
    }

    /// The same edges, where each value is changed at least so much.
    #[must_use]
    pub fn changed(&self, least: ValueKind) -> Self {
        self.mapped(|origin, kind| match kind {
            EdgeKind::Value(value) => (origin, EdgeKind::Value(value.max(least))),
            EdgeKind::Condition(_) => (origin, kind),
        })
    }

    /// The same edges, each inexact.
    #[must_use]
    pub fn doubted(&self, reason: Inexact) -> Self {
        Self(self.0.keys().map(|key| (key.clone(), Some(reason))).collect())
    }

    /// The edges of a part: of what is taken as it is, the same part.
    #[must_use]
    pub fn part(&self, step: &str) -> Self {
        self.mapped(|origin, kind| match (&origin.column, kind) {
            (Some(column), EdgeKind::Value(ValueKind::Copy)) => {
                let column = Some(column.part(step));
                (Arc::new(Origin { asset: origin.asset.clone(), column }), kind)
            }
            _ => (origin, kind),
        })
    }

    fn renamed(&self, from: &AssetKey, to: &AssetKey) -> Self {
        self.mapped(|origin, kind| {
            if origin.asset != *from {
                return (origin, kind);
            }
            let column = origin.column.clone();
            (Arc::new(Origin { asset: to.clone(), column }), kind)
        })
    }

    fn mapped(&self, change: impl Fn(Arc<Origin>, EdgeKind) -> (Arc<Origin>, EdgeKind)) -> Self {
        let mut edges = Self::default();
        for ((origin, kind), inexact) in &self.0 {
            let (origin, kind) = change(Arc::clone(origin), *kind);
            edges.insert(origin, kind, *inexact);
        }
        edges
    }
}

impl Serialize for Edges {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        self.iter().try_for_each(|edge| list.serialize_element(&edge))?;
        list.end()
    }
}

/// The lineage of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ColumnLineage {
    /// The edges of the whole column.
    pub edges: Edges,
    /// Those of its parts, where they are known apart: the fields of a struct that the query
    /// makes, [`ELEMENT`] of a list.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<String, ColumnLineage>,
}

impl ColumnLineage {
    /// A column whose parts are not known apart.
    pub fn of(edges: Edges) -> Self {
        Self { edges, parts: BTreeMap::new() }
    }

    /// A column that is made of these parts.
    pub fn made_of(parts: BTreeMap<String, Self>) -> Self {
        let mut edges = Edges::default();
        for part in parts.values() {
            edges.extend(&part.edges.changed(ValueKind::Derived));
        }
        Self { edges, parts }
    }

    /// A part of the column.
    #[must_use]
    pub fn part(&self, step: &str) -> Self {
        match self.parts.get(step) {
            Some(part) => part.clone(),
            None if self.parts.is_empty() => Self::of(self.edges.part(step)),
            None => Self::of(self.edges.changed(ValueKind::Derived)),
        }
    }

    /// The part at the end of a way.
    #[must_use]
    pub fn at(&self, steps: &[String]) -> Self {
        steps.iter().fold(self.clone(), |whole, step| whole.part(step))
    }

    /// The least parts that are known apart, with their edges; the column itself if none are.
    /// `path` is the column's.
    pub fn leaves(&self, path: ColumnPath) -> Vec<(ColumnPath, &Edges)> {
        if self.parts.is_empty() {
            return vec![(path, &self.edges)];
        }
        let parts = self.parts.iter();
        parts.flat_map(|(step, part)| part.leaves(path.part(step))).collect()
    }

    /// Adds another column, from which the values come as well.
    pub fn merge(&mut self, other: &Self) {
        let names: Vec<String> = self.parts.keys().chain(other.parts.keys()).cloned().collect();
        let mut parts = BTreeMap::new();
        for name in names {
            let mut part = self.part(&name);
            part.merge(&other.part(&name));
            parts.insert(name, part);
        }
        self.parts = parts;
        self.edges.extend(&other.edges);
    }

    fn renamed(&self, from: &AssetKey, to: &AssetKey) -> Self {
        let parts = self.parts.iter();
        let parts = parts.map(|(name, part)| (name.clone(), part.renamed(from, to)));
        Self { edges: self.edges.renamed(from, to), parts: parts.collect() }
    }

    /// Adds conditions, to the parts as well.
    pub fn depend(&mut self, conditions: &Edges) {
        self.edges.extend(conditions);
        self.parts.values_mut().for_each(|part| part.depend(conditions));
    }
}

/// A column with its lineage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutputColumn {
    /// The column's name.
    pub name: String,
    /// Where it comes from.
    #[serde(flatten)]
    pub lineage: ColumnLineage,
}

/// The lineage of a query or an asset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Lineage {
    /// The columns in their order. A name that several have, as in a view, comes from all of theirs.
    pub columns: Vec<OutputColumn>,
    /// The conditions on which all columns depend, because they decide which rows there are.
    pub rows: Edges,
    /// The assets that the rows are made of.
    pub reads: BTreeSet<AssetKey>,
}

impl Lineage {
    /// A column by its name.
    pub fn column(&self, name: &str) -> Option<&ColumnLineage> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.lineage)
    }

    /// All on which a column depends, the conditions of the rows included.
    pub fn all_of(&self, column: &ColumnLineage) -> Edges {
        let mut edges = column.edges.clone();
        edges.extend(&self.rows);
        edges
    }

    /// The same lineage, where one asset is known by another name.
    #[must_use]
    pub fn renamed(&self, from: &AssetKey, to: &AssetKey) -> Self {
        let columns = self.columns.iter().map(|column| OutputColumn {
            name: column.name.clone(),
            lineage: column.lineage.renamed(from, to),
        });
        let reads = self.reads.iter().map(|asset| if asset == from { to } else { asset }.clone());
        Self {
            columns: columns.collect(),
            rows: self.rows.renamed(from, to),
            reads: reads.collect(),
        }
    }

    /// Adds a column; columns are one by name.
    pub fn add(&mut self, added: OutputColumn) {
        match self.columns.iter_mut().find(|column| column.name == added.name) {
            Some(column) => column.lineage.merge(&added.lineage),
            None => self.columns.push(added),
        }
    }

    /// Adds the lineage of another query that writes the same asset.
    pub fn merge(&mut self, other: &Self) {
        other.columns.iter().for_each(|column| self.add(column.clone()));
        self.rows.extend(&other.rows);
        self.reads.extend(other.reads.iter().cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> ColumnLineage {
        let table = AssetKey { kind: crate::AssetKind::Table, name: "main.t".to_owned() };
        ColumnLineage::of(Edges::copy_of(Origin::column(table, name)))
    }

    fn shown(column: &ColumnLineage) -> Vec<String> {
        column.edges.iter().map(|edge| format!("{} {}", edge.from, edge.kind.word())).collect()
    }

    #[test]
    fn a_part_of_a_copy_is_a_copy_of_the_part() {
        let s = column("s");
        assert_eq!(shown(&s.part("a").part(ELEMENT).part("b")), ["main.t.s.a[].b copy"]);
        let changed = ColumnLineage::of(s.edges.changed(ValueKind::Derived));
        assert_eq!(shown(&changed.part("a")), ["main.t.s derived"]);
    }

    #[test]
    fn parts_of_a_made_column_are_told_apart() {
        let parts = [("a".to_owned(), column("x")), ("b".to_owned(), column("y"))];
        let mut made = ColumnLineage::made_of(parts.into());
        assert_eq!(shown(&made), ["main.t.x derived", "main.t.y derived"]);
        assert_eq!(shown(&made.part("a")), ["main.t.x copy"]);
        assert_eq!(shown(&made.part("c")), ["main.t.x derived", "main.t.y derived"]);
        made.merge(&column("s"));
        assert_eq!(shown(&made.part("a")), ["main.t.s.a copy", "main.t.x copy"]);
    }

    #[test]
    fn leaves_are_the_least_parts() {
        let inner = [("b".to_owned(), column("x")), ("c".to_owned(), column("y"))];
        let outer = [("a".to_owned(), ColumnLineage::made_of(inner.into()))];
        let made = ColumnLineage::made_of(outer.into());
        let leaves = |column: &ColumnLineage| {
            let leaves = column.leaves(ColumnPath::column("m"));
            leaves.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(leaves(&made), ["m.a.b", "m.a.c"]);
        assert_eq!(leaves(&column("x")), ["m"]);
    }

    #[test]
    fn an_exact_edge_stands_before_an_inexact_one() {
        let exact = column("x").edges;
        let mut edges = exact.doubted(Inexact::OpaquePlan);
        assert_ne!(edges, exact);
        edges.extend(&exact);
        assert_eq!(edges, exact);
        edges.extend(&exact.doubted(Inexact::OpaquePlan));
        assert_eq!(edges, exact);
    }

    #[test]
    fn paths_overlap_with_what_they_are_part_of() {
        let s = ColumnPath::column("s");
        assert!(s.overlaps(&s.part("a")) && s.part("a").part("b").overlaps(&s.part("a")));
        assert!(!s.part("a").overlaps(&s.part("b")) && !s.overlaps(&ColumnPath::column("t")));
    }
}
