//! What PostgreSQL means by SQL that the planner reads otherwise or not at all. Statements are
//! changed as syntax trees, before they are planned.

mod names;
mod series;
mod spelling;

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, SetExpr, SetOperator, SetQuantifier, Statement, TableFactor,
    VisitMut as _, VisitorMut,
};

use crate::error::EngineError;

/// Makes the statement mean here what it means there.
pub(crate) fn adapt(statement: &mut Statement) -> Result<(), EngineError> {
    match statement.visit(&mut Adapter) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Adapter;

impl VisitorMut for Adapter {
    type Break = EngineError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<EngineError> {
        if let Some(error) = repeated_rows(&query.body) {
            return ControlFlow::Break(error);
        }
        spelling::fetch_to_limit(query);
        names::name_columns(query);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<EngineError> {
        series::unnest_projection(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<EngineError> {
        series::name_relation(factor);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<EngineError> {
        spelling::adapt_expr(expr);
        ControlFlow::Continue(())
    }
}

/// The planner would count no repetitions.
fn repeated_rows(body: &SetExpr) -> Option<EngineError> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return None };
    let counts = matches!(op, SetOperator::Except | SetOperator::Intersect | SetOperator::Minus);
    if counts && *set_quantifier == SetQuantifier::All {
        let message =
            format!("`{op} all` is not supported; `{op}` leaves repetitions out").to_lowercase();
        return Some(EngineError::Unsupported { message });
    }
    repeated_rows(left).or_else(|| repeated_rows(right))
}
