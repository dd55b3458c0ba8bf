//! Where a name is looked up: in the rows at hand, in those around a subquery, in the rows that a
//! recursive query has made so far.

use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::catalog::default_table_source::source_as_provider;
use datafusion::common::{Column, DFSchema, plan_datafusion_err};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Subquery, TableScan};
use millstream_core::AssetKey;
use millstream_core::lineage::{ColumnLineage, ConditionKind, Edges, ValueKind};

use super::Traced;
use super::relations::trace;

/// What surrounds a node.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Around<'a> {
    /// The rows outside of the subquery in which the node is.
    outer: Option<&'a Scope<'a>>,
    /// The innermost recursive query in whose recursive part the node is.
    work: Option<&'a WorkTable<'a>>,
}

impl<'a> Around<'a> {
    /// The same, inside the recursive part of a query.
    pub(super) fn with_work(self, work: &'a WorkTable<'a>) -> Self {
        Self { work: Some(work), ..self }
    }

    /// The recursive query around.
    pub(super) fn work(self) -> Option<&'a WorkTable<'a>> {
        self.work
    }
}

/// What a recursive query has made so far.
#[derive(Debug)]
pub(super) struct WorkTable<'a> {
    pub(super) name: &'a str,
    pub(super) traced: &'a Traced,
    pub(super) around: Option<&'a WorkTable<'a>>,
}

/// What the scan reads, if it is of a recursive query's own rows.
pub(super) fn work_table<'a>(scan: &TableScan, around: Around<'a>) -> Option<&'a Traced> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<CteWorkTable>()?;
    let mut next = around.work;
    while let Some(work) = next {
        if work.name == table.name() {
            return Some(work.traced);
        }
        next = work.around;
    }
    None
}

/// Whether the right side of a join sees the rows of the left one.
pub(super) fn is_lateral(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Subquery(_) => true,
        LogicalPlan::SubqueryAlias(alias) => is_lateral(&alias.input),
        _ => false,
    }
}

/// The rows over which an expression is, of one node or of both sides of a join.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    sides: Vec<(&'a DFSchema, &'a Traced)>,
    around: Around<'a>,
}

impl<'a> Scope<'a> {
    /// The rows of a node.
    pub(super) fn over(plan: &'a LogicalPlan, traced: &'a Traced, around: Around<'a>) -> Self {
        Self { sides: vec![(plan.schema(), traced)], around }
    }

    /// No rows.
    pub(super) fn nowhere(around: Around<'a>) -> Self {
        Self { sides: Vec::new(), around }
    }

    /// The rows of both.
    pub(super) fn beside(&self, right: &Self) -> Self {
        Self { sides: [self.sides.as_slice(), &right.sides].concat(), around: self.around }
    }

    /// What surrounds a subquery over these rows.
    pub(super) fn inner(&'a self) -> Around<'a> {
        Around { outer: Some(self), ..self.around }
    }

    /// The tables that the rows are made of.
    pub(super) fn reads(&self) -> impl Iterator<Item = &'a AssetKey> {
        self.sides.iter().flat_map(|(_, traced)| &traced.reads)
    }

    pub(super) fn column(&self, column: &Column) -> Result<ColumnLineage> {
        self.find(column).cloned().ok_or_else(|| unknown(column))
    }

    pub(super) fn outer_column(&self, column: &Column) -> Result<ColumnLineage> {
        let mut next = self.around.outer;
        while let Some(scope) = next {
            if let Some(found) = scope.find(column) {
                return Ok(found.clone());
            }
            next = scope.around.outer;
        }
        Err(unknown(column))
    }

    fn find(&self, column: &Column) -> Option<&'a ColumnLineage> {
        self.sides
            .iter()
            .find_map(|(schema, traced)| traced.columns.get(schema.maybe_index_of_column(column)?))
    }

    /// `(select max(x) from ...)`: a value, on the conditions of its rows. There is none without a
    /// row.
    pub(super) fn scalar(&self, subquery: &Subquery) -> Result<ColumnLineage> {
        let traced = self.trace(&subquery.subquery)?;
        let mut value = traced.columns.into_iter().next().unwrap_or_default();
        value.depend(&traced.rows);
        let silent = |asset: &&AssetKey| !value.edges.iter().any(|edge| edge.from.asset == **asset);
        let mut presence = Edges::default();
        for asset in traced.reads.iter().filter(silent) {
            presence.extend(&Traced::number_of_rows(asset).deciding(ConditionKind::Filter));
        }
        value.depend(&presence);
        Ok(value)
    }

    /// `exists (...)`: whether there are rows.
    pub(super) fn exists(&self, subquery: &Subquery) -> Result<ColumnLineage> {
        let traced = self.trace(&subquery.subquery)?;
        let mut edges = traced.rows;
        for asset in &traced.reads {
            edges.extend(&Traced::number_of_rows(asset));
        }
        Ok(ColumnLineage::of(edges))
    }

    /// `x in (...)`, `x > any (...)`.
    pub(super) fn compared(&self, expr: &Expr, subquery: &Subquery) -> Result<ColumnLineage> {
        let mut edges = self.lineage(expr)?.edges;
        edges.extend(&self.scalar(subquery)?.edges);
        Ok(ColumnLineage::of(edges.changed(ValueKind::Derived)))
    }

    fn trace(&self, subquery: &LogicalPlan) -> Result<Traced> {
        trace(subquery, self.inner())
    }
}

fn unknown(column: &Column) -> datafusion::error::DataFusionError {
    plan_datafusion_err!("the plan has no column `{column}` where it is used")
}
