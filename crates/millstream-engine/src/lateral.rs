//! Lateral joins with expressions of the row, and with the elements of its lists.
//!
//! The planner gives the right side of such a join as a subquery that reads columns of the left
//! one. Where it has no table of its own it is computed over the left rows themselves; others are
//! left to the planner's rules.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{Column, ExprSchema as _};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery, SubqueryAlias,
    Unnest,
};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug)]
pub(crate) struct LateralRows;

impl AnalyzerRule for LateralRows {
    fn name(&self) -> &'static str {
        "lateral_rows"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match &plan {
            LogicalPlan::Join(join) => match over_left(join)? {
                Some(lowered) => Ok(Transformed::yes(lowered)),
                None => Ok(Transformed::no(plan)),
            },
            _ => Ok(Transformed::no(plan)),
        })
        .map(|transformed| transformed.data)
    }
}

/// The join as expressions over its left side.
fn over_left(join: &Join) -> Result<Option<LogicalPlan>> {
    let unconditional = join.on.is_empty()
        && match &join.filter {
            None => true,
            Some(filter) => *filter == datafusion::logical_expr::lit(true),
        };
    if join.join_type != JoinType::Inner || !unconditional {
        return Ok(None);
    }
    let (subquery, alias) = match join.right.as_ref() {
        LogicalPlan::Subquery(subquery) => (subquery, None),
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => match input.as_ref() {
            LogicalPlan::Subquery(subquery) => (subquery, Some(alias.clone())),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Subquery { subquery: inner, .. } = subquery;
    let Some(lowered) = replay(inner, &join.left)? else { return Ok(None) };
    // What the inner plan made stands last, under the names that the join has for it.
    let left_fields = join.left.schema().fields().len();
    let columns = lowered.schema().columns();
    let named = columns.into_iter().zip(join.schema.iter()).enumerate();
    let projected = named.map(|(place, (column, (qualifier, field)))| {
        if place < left_fields {
            return Expr::Column(column);
        }
        let qualifier = alias.clone().or_else(|| qualifier.cloned());
        Expr::Column(column).alias_qualified(qualifier, field.name())
    });
    let projected: Vec<Expr> = projected.collect();
    LogicalPlanBuilder::from(lowered).project(projected)?.build().map(Some)
}

/// The plan with the left rows in the place of its single empty row, their columns kept in front.
fn replay(plan: &LogicalPlan, left: &Arc<LogicalPlan>) -> Result<Option<LogicalPlan>> {
    let left_columns = || left.schema().columns().into_iter().map(Expr::Column);
    match plan {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
            Ok(Some(left.as_ref().clone()))
        }
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => replay(input, left),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            let Some(input) = replay(input, left)? else { return Ok(None) };
            let resolved = expr.iter().map(|expr| resolved(expr, &input));
            let resolved = resolved.collect::<Result<Vec<_>>>()?;
            let projected = left_columns().chain(resolved);
            LogicalPlanBuilder::from(input).project(projected)?.build().map(Some)
        }
        LogicalPlan::Unnest(Unnest { input, exec_columns, options, .. }) => {
            let Some(input) = replay(input, left)? else { return Ok(None) };
            let columns = exec_columns.clone();
            let unnested = LogicalPlanBuilder::from(input)
                .unnest_columns_with_options(columns, options.clone())?;
            unnested.build().map(Some)
        }
        _ => Ok(None),
    }
}

/// The expression with columns of the outer row as plain columns, and columns of plans that are
/// gone without their qualifiers.
fn resolved(expr: &Expr, input: &LogicalPlan) -> Result<Expr> {
    let transformed = expr.clone().transform(|expr| match expr {
        Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
        Expr::Column(column) if input.schema().field_from_column(&column).is_err() => {
            Ok(Transformed::yes(Expr::Column(Column::from_name(column.name))))
        }
        other => Ok(Transformed::no(other)),
    });
    transformed.map(|transformed| transformed.data)
}
