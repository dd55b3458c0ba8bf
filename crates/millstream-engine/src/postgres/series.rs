//! Functions that return sets: `generate_series` and `unnest`, in `from` and in `select`.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    Interval, ObjectName, ObjectNamePart, Select, SelectItem, TableAlias, TableAliasColumnDef,
    TableFactor, UnaryOperator, Value,
};

const SERIES: &str = "generate_series";
const UNNEST: &str = "unnest";
/// The column of a series without an alias.
const VALUE: &str = "value";

/// The one column of a set in `from` has the name of the set. Whatever is no series of literal
/// numbers becomes the elements of a list, which may depend on the relations before it.
pub(super) fn name_relation(factor: &mut TableFactor) {
    match factor {
        TableFactor::Table { name, args: Some(arguments), alias, .. }
            if is(name, SERIES) && !arguments.args.iter().all(is_number) =>
        {
            *factor = elements(arguments.args.clone(), alias.take());
        }
        TableFactor::Function { name, args, alias, .. } if is(name, SERIES) => {
            *factor = elements(args.clone(), alias.take());
        }
        TableFactor::Function { name, args, alias, .. } if is(name, UNNEST) => {
            let lists = args.iter().filter_map(plain_argument).cloned().collect();
            *factor = unnest(lists, alias.take());
        }
        _ => {}
    }
    let (TableFactor::Table { args: Some(_), alias: Some(alias), .. }
    | TableFactor::UNNEST { alias: Some(alias), .. }) = factor
    else {
        return;
    };
    if alias.columns.is_empty() {
        alias.columns = vec![column(alias.name.clone())];
    }
}

/// A series in `select` is a row for each of its values.
pub(super) fn unnest_projection(select: &mut Select) {
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            unnest_series(expr);
        }
    }
}

fn unnest_series(expr: &mut Expr) {
    match expr {
        Expr::Function(function) if is(&function.name, SERIES) => {
            let series = Expr::Function(function.clone());
            let argument = FunctionArg::Unnamed(FunctionArgExpr::Expr(series));
            *expr = call(UNNEST, vec![argument]);
        }
        Expr::Cast { expr, .. } | Expr::Nested(expr) => unnest_series(expr),
        Expr::BinaryOp { left, right, .. } => {
            unnest_series(left);
            unnest_series(right);
        }
        _ => {}
    }
}

fn elements(mut arguments: Vec<FunctionArg>, alias: Option<TableAlias>) -> TableFactor {
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(step))) = arguments.get_mut(2)
        && is_text(step)
    {
        let value = Box::new(step.clone());
        *step = Expr::Interval(Interval {
            value,
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: None,
        });
    }
    let alias = alias.unwrap_or_else(|| TableAlias {
        explicit: true,
        name: Ident::new(SERIES),
        columns: vec![column(Ident::new(VALUE))],
        at: None,
    });
    unnest(vec![call(SERIES, arguments)], Some(alias))
}

fn column(name: Ident) -> TableAliasColumnDef {
    TableAliasColumnDef { name, data_type: None }
}

fn unnest(array_exprs: Vec<Expr>, alias: Option<TableAlias>) -> TableFactor {
    TableFactor::UNNEST {
        alias,
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    }
}

/// A call of a function.
pub(super) fn call(name: &str, args: Vec<FunctionArg>) -> Expr {
    let list = FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(list),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn is(name: &ObjectName, function: &str) -> bool {
    matches!(
        name.0.as_slice(),
        [ObjectNamePart::Identifier(ident)] if ident.value.eq_ignore_ascii_case(function)
    )
}

fn plain_argument(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)))
}

fn is_number(argument: &FunctionArg) -> bool {
    let mut expr = plain_argument(argument);
    while let Some(Expr::UnaryOp { op: UnaryOperator::Minus, expr: inner } | Expr::Nested(inner)) =
        expr
    {
        expr = Some(inner);
    }
    matches!(expr, Some(Expr::Value(value)) if matches!(value.value, Value::Number(..)))
}
