//! Which rows a condition means.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, TableWithJoins, Visit, VisitMut, Visitor, VisitorMut,
};
use millstream_core::change::Rows;

use super::names::plain;

/// The rows that a condition means.
pub(super) fn which(alias: &str, condition: Option<Expr>) -> Rows {
    let Some(mut condition) = condition else { return Rows::All };
    if Visit::visit(&condition, &mut ReadsOthers).is_break() {
        return Rows::WhereRead { alias: alias.to_owned(), condition: condition.to_string() };
    }
    let _ = VisitMut::visit(&mut condition, &mut Bare);
    Rows::Where(condition.to_string())
}

/// The rows that meet a condition together with a row of other relations.
pub(super) fn using(alias: &str, read: &[TableWithJoins], condition: Option<&Expr>) -> Rows {
    let read: Vec<String> = read.iter().map(ToString::to_string).collect();
    let condition = condition.map_or_else(|| "true".to_owned(), ToString::to_string);
    Rows::WhereRead {
        alias: alias.to_owned(),
        condition: format!("exists (select 1 from {} where {condition})", read.join(", ")),
    }
}

/// Finds a query inside a condition.
struct ReadsOthers;

impl Visitor for ReadsOthers {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Leaves the table out of the names of its columns: there is no other.
struct Bare;

impl VisitorMut for Bare {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = expr
            && let Some(column) = parts.last()
        {
            let mut column = column.clone();
            if column.quote_style.is_none() {
                column.value = plain(&column);
            }
            *expr = Expr::Identifier(column);
        }
        ControlFlow::Continue(())
    }
}
