//! A function that is not there is told before planning, once, with what is near.

use std::ops::ControlFlow;

use datafusion::execution::{FunctionRegistry as _, SessionState};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, ObjectName, ObjectNamePart, TableFactor, Visit as _, Visitor,
};

use crate::error::{EngineError, nearest};

/// Functions that the planner knows by itself.
const BUILT_IN: &[&str] = &["unnest", "struct", "make_map", "map"];

/// How to write what other databases call otherwise.
const SPELLINGS: &[(&str, &str)] = &[
    ("dateadd", "add an interval: `d + interval '1 day'`"),
    ("getdate", "write `now()`"),
    ("sysdate", "write `now()`"),
    ("iff", "write `case when .. then .. else .. end`"),
    ("if", "write `case when .. then .. else .. end`"),
    ("array", "write `(select array_agg(x) from ..)`"),
    ("decode", "write `case`"),
    ("safe_cast", "write `try_cast(x as type)`"),
    ("safe_divide", "write `a / nullif(b, 0)`"),
    ("group_concat", "write `string_agg(x, ',')`"),
    ("countif", "write `count(*) filter (where ..)`"),
    ("parse_date", "write `to_date(text, 'YYYY-MM-DD')`"),
    ("str_to_date", "write `to_date(text, 'YYYY-MM-DD')`"),
    ("date_format", "write `to_char(d, 'YYYY-MM-DD')`"),
    ("farm_fingerprint", "write `md5(..)`"),
];

/// The first function of a statement that is not there.
pub(crate) fn unknown_function(state: &SessionState, statement: &Statement) -> Option<EngineError> {
    let Statement::Statement(statement) = statement else { return None };
    match statement.visit(&mut Calls { state }) {
        ControlFlow::Break(error) => Some(error),
        ControlFlow::Continue(()) => None,
    }
}

struct Calls<'a> {
    state: &'a SessionState,
}

impl Visitor for Calls<'_> {
    type Break = EngineError;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<EngineError> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some(name) = bare_name(&function.name) else { return ControlFlow::Continue(()) };
        if self.is_known(&name) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(self.unknown(name))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<EngineError> {
        let (TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. }) =
            factor
        else {
            return ControlFlow::Continue(());
        };
        let Some(name) = bare_name(name) else { return ControlFlow::Continue(()) };
        if self.state.table_functions().contains_key(&name) {
            return ControlFlow::Continue(());
        }
        ControlFlow::Break(self.unknown(name))
    }
}

impl Calls<'_> {
    fn is_known(&self, name: &str) -> bool {
        self.state.scalar_functions().contains_key(name)
            || self.state.aggregate_functions().contains_key(name)
            || self.state.window_functions().contains_key(name)
            || self.state.higher_order_functions().contains_key(name)
            || BUILT_IN.contains(&name)
    }

    fn unknown(&self, name: String) -> EngineError {
        let spelling = SPELLINGS.iter().find(|(other, _)| *other == name);
        let names = [self.state.udfs(), self.state.udafs(), self.state.udwfs()];
        let near = nearest(&name, names.iter().flatten().map(String::as_str));
        let hint = match (spelling, near) {
            (Some((_, spelling)), _) => Some((*spelling).to_owned()),
            (None, Some(near)) => Some(format!("did you mean `{near}`?")),
            (None, None) => None,
        };
        EngineError::UnknownFunction { name, advice: hint }
    }
}

fn bare_name(name: &ObjectName) -> Option<String> {
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
    Some(match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    })
}
