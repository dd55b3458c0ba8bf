//! Column lineage of a query, from its plan.
//!
//! The plan is the planner's, where names are resolved and stars expanded, before types are made
//! to fit and before anything is optimized: a cast that nobody wrote changes no value, and a
//! filter that is always true was still asked for. It is walked once, from the tables up:
//! `relations` has a rule for each kind of node, `expressions` for each kind of expression,
//! `subqueries` for what reads other queries or the rows around it, `merging` for what has several
//! origins. What a rule does not know makes edges from all that it reads, marked inexact.
//!
//! Not here: the lineage of a project, across queries.

mod expressions;
mod merging;
mod relations;
mod stand_in;
mod subqueries;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use millstream_core::AssetKey;
use millstream_core::lineage::{ColumnLineage, Edges, Lineage, OutputColumn};

use self::subqueries::Around;
pub(crate) use stand_in::lenient;

/// What a query gives, and where that comes from.
#[derive(Debug, Clone)]
pub struct QueryLineage {
    /// The schema of the result.
    pub schema: SchemaRef,
    /// Where its columns come from. A view of the catalog is looked through, to the tables.
    pub lineage: Lineage,
}

/// The lineage of a plan that is neither coerced nor optimized.
pub(crate) fn of_plan(plan: &LogicalPlan) -> Result<Lineage> {
    let traced = relations::trace(plan, Around::default())?;
    let names = plan.schema().fields().iter().map(|field| field.name().clone());
    let mut lineage = Lineage { columns: Vec::new(), rows: traced.rows, reads: traced.reads };
    for (name, column) in names.zip(traced.columns) {
        lineage.add(OutputColumn { name, lineage: column });
    }
    Ok(lineage)
}

/// The lineage of a node: of each of its columns, by position, and of its rows.
#[derive(Debug, Clone, Default, PartialEq)]
struct Traced {
    columns: Vec<ColumnLineage>,
    /// Conditions on which rows there are.
    rows: Edges,
    /// The tables that the rows are made of.
    reads: BTreeSet<AssetKey>,
}
