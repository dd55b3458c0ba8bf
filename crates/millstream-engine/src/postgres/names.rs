//! Columns without an alias have the names that PostgreSQL gives them: `count`, `max`, the column
//! inside a cast. A name that is taken gets a number.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    AccessExpr, CastKind, DataType, Expr, Function, Ident, ObjectName, OrderByKind, Query, Select,
    SelectItem, SetExpr, Subscript, Value, Visit as _, Visitor,
};

use crate::outside;

/// The name of a column that has none.
const NAMELESS: &str = "?column?";

/// Gives aliases to the columns of a query. What it is ordered by is told by them, so that the
/// planner sees that it is one of the columns.
pub(super) fn name_columns(query: &mut Query) {
    name_body(&mut query.body);
    let (SetExpr::Select(select), Some(order_by)) = (query.body.as_ref(), &mut query.order_by)
    else {
        return;
    };
    let OrderByKind::Expressions(orders) = &mut order_by.kind else { return };
    for order in orders {
        let same = select.projection.iter().find_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } if *expr == order.expr => Some(alias),
            _ => None,
        });
        if let Some(alias) = same {
            order.expr = Expr::Identifier(alias.clone());
        }
    }
}

fn name_body(body: &mut SetExpr) {
    match body {
        SetExpr::Select(select) => name_select(select),
        SetExpr::SetOperation { left, right, .. } => {
            name_body(left);
            name_body(right);
        }
        _ => {}
    }
}

fn name_select(select: &mut Select) {
    let mut taken: HashSet<String> = select.projection.iter().filter_map(given_name).collect();
    let read_later = columns_read_later(select);
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if plain_name(expr).is_some() {
            continue;
        }
        let name = name_of(expr).unwrap_or(NAMELESS.to_owned());
        if read_later.contains(&name) {
            continue;
        }
        let name = free_name(&name, &mut taken);
        let expr = std::mem::replace(expr, Expr::Value(Value::Null.into()));
        *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
    }
}

fn free_name(name: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (1..).map(|number| format!("{name}_{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    let free = candidates.find(|candidate| taken.insert(candidate.clone()));
    free.unwrap_or_else(|| name.to_owned())
}

/// The columns that clauses read which the planner lets see aliases first.
fn columns_read_later(select: &Select) -> HashSet<String> {
    let mut columns = Columns(HashSet::new());
    let _ = select.having.visit(&mut columns);
    let _ = select.qualify.visit(&mut columns);
    columns.0
}

struct Columns(HashSet<String>);

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        self.0.extend(plain_name(expr));
        ControlFlow::Continue(())
    }
}

fn given_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(folded(alias)),
        SelectItem::UnnamedExpr(expr) => plain_name(expr),
        _ => None,
    }
}

/// The name of a column that stands alone.
fn plain_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(ident) => Some(folded(ident)),
        Expr::CompoundIdentifier(parts) => parts.last().map(folded),
        _ => None,
    }
}

fn folded(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    }
}

/// The name that PostgreSQL gives to an expression, if it gives one.
fn name_of(expr: &Expr) -> Option<String> {
    let fixed = |name: &str| Some(name.to_owned());
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => plain_name(expr),
        Expr::Nested(inner) | Expr::Collate { expr: inner, .. } => name_of(inner),
        Expr::AtTimeZone { .. } => fixed("timezone"),
        Expr::Function(function) => name_of_function(function),
        Expr::Cast { expr, data_type, kind, .. } => {
            let inner = if is_strong(expr) { name_of(expr) } else { None };
            inner.or_else(|| (*kind != CastKind::TryCast).then(|| name_of_type(data_type)))
        }
        Expr::TypedString(typed) => Some(name_of_type(&typed.data_type)),
        Expr::Interval(_) => fixed("interval"),
        Expr::Case { else_result, .. } => {
            let last = else_result.as_deref().filter(|expr| is_strong(expr));
            last.and_then(name_of).or_else(|| fixed("case"))
        }
        Expr::Exists { .. } => fixed("exists"),
        Expr::Extract { .. } => fixed("extract"),
        Expr::Position { .. } => fixed("position"),
        Expr::Substring { .. } => fixed("substring"),
        Expr::Overlay { .. } => fixed("overlay"),
        Expr::Ceil { .. } => fixed("ceil"),
        Expr::Floor { .. } => fixed("floor"),
        Expr::Trim { .. } => fixed("btrim"),
        Expr::Array(_) => fixed("array"),
        Expr::Tuple(_) => fixed("row"),
        Expr::Subquery(query) => match query.body.as_ref() {
            SetExpr::Select(select) => name_of_item(select.projection.first()?),
            _ => None,
        },
        Expr::CompoundFieldAccess { root, access_chain } => match access_chain.last()? {
            AccessExpr::Dot(field) => name_of(field),
            AccessExpr::Subscript(Subscript::Index { .. } | Subscript::Slice { .. }) => {
                name_of(root)
            }
        },
        _ => None,
    }
}

/// Whether the name of an expression shows through a cast.
fn is_strong(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_strong(inner),
        Expr::Case { else_result, .. } => else_result.as_deref().is_some_and(is_strong),
        Expr::TypedString(_) | Expr::Interval(_) => false,
        Expr::Cast { expr, .. } => is_strong(expr),
        other => name_of(other).is_some(),
    }
}

fn name_of_item(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expr) => name_of(expr),
        other => given_name(other),
    }
}

fn name_of_function(function: &Function) -> Option<String> {
    let ObjectName(parts) = &function.name;
    parts.last()?.as_ident().map(|ident| outside::without_version(&folded(ident)).to_owned())
}

fn name_of_type(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::SmallInt(_) | DataType::Int2(_) => "int2",
        DataType::Int(_) | DataType::Integer(_) | DataType::Int4(_) => "int4",
        DataType::BigInt(_) | DataType::Int8(_) => "int8",
        DataType::Real | DataType::Float4 => "float4",
        DataType::Float(_) | DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 => {
            "float8"
        }
        DataType::Numeric(_) | DataType::Decimal(_) | DataType::Dec(_) => "numeric",
        DataType::Boolean | DataType::Bool => "bool",
        DataType::Varchar(_) | DataType::CharacterVarying(_) | DataType::CharVarying(_) => {
            "varchar"
        }
        DataType::Char(_) | DataType::Character(_) => "bpchar",
        DataType::Timestamp(_, zone) => match zone {
            datafusion::sql::sqlparser::ast::TimezoneInfo::WithTimeZone
            | datafusion::sql::sqlparser::ast::TimezoneInfo::Tz => "timestamptz",
            _ => "timestamp",
        },
        other => {
            let text = other.to_string().to_lowercase();
            let word = text.split(['(', ' ']).next().unwrap_or_default();
            return word.trim_matches('"').to_owned();
        }
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use crate::dialect::parse;

    #[track_caller]
    fn check(expression: &str, name: &str) {
        let named = parse(&format!("select {expression} from t")).unwrap().to_string();
        assert!(named.ends_with(&format!(" AS \"{name}\" FROM t")), "{expression}: {named}");
    }

    #[test]
    fn columns_have_the_names_of_postgresql() {
        for (expression, name) in [
            ("1", "?column?"),
            ("a + 1", "?column?"),
            ("count(*)", "count"),
            ("pg_catalog.lower(a)", "lower"),
            ("cast(a as text)", "a"),
            ("s.a::int", "a"),
            ("'1'::int", "int4"),
            ("cast(a + 1 as numeric(10, 2))", "numeric"),
            ("date '2024-01-01'", "date"),
            ("case when a then 1 else b end", "b"),
            ("case when a then 1 end", "case"),
            ("extract(year from a)", "extract"),
            ("(select max(x) from u)", "max"),
            ("exists (select 1 as \"?column?\")", "exists"),
            ("a[1]", "a"),
        ] {
            check(expression, name);
        }
        let twice = parse("select count(*), count(a), count, 1 as count_1 from t").unwrap();
        let expected = "SELECT count(*) AS \"count_2\", count(a) AS \"count_3\", count, \
                        1 AS count_1 FROM t";
        assert_eq!(twice.to_string(), expected);
    }

    #[test]
    fn a_name_never_hides_a_column_that_having_reads() {
        let sql = "SELECT CAST(a AS TEXT) FROM t GROUP BY a HAVING a > 1";
        assert_eq!(parse(sql).unwrap().to_string(), sql);
    }
}
