//! A rule for each kind of node.

use std::collections::HashMap;

use datafusion::common::TableReference;
use datafusion::error::Result;
use datafusion::logical_expr::utils::grouping_set_to_exprlist;
use datafusion::logical_expr::{
    Aggregate, Distinct, DistinctOn, Expr, Join, JoinType, LogicalPlan, SortExpr, TableScan,
    Unnest, Values, Window,
};
use millstream_core::AssetKey;
use millstream_core::lineage::{
    ColumnLineage, ConditionKind, ELEMENT, Edges, Inexact, Origin, ValueKind,
};
use millstream_core::name::{DEFAULT_SCHEMA, Relation};

use super::Traced;
use super::subqueries::{Around, Scope, is_lateral, work_table};
use crate::dialect;

/// The lineage of a node, from that of the nodes below it.
pub(super) fn trace(plan: &LogicalPlan, around: Around<'_>) -> Result<Traced> {
    match plan {
        LogicalPlan::TableScan(node) => Ok(scan(node, around)),
        LogicalPlan::Projection(node) => {
            let mut traced = trace(&node.input, around)?;
            traced.columns = Scope::over(&node.input, &traced, around).all(&node.expr)?;
            Ok(traced)
        }
        LogicalPlan::Filter(node) => {
            decided(&node.input, [&node.predicate], ConditionKind::Filter, around)
        }
        LogicalPlan::Sort(node) => {
            decided(&node.input, sorted_by(&node.expr), ConditionKind::Order, around)
        }
        LogicalPlan::Limit(node) => {
            let counts = node.skip.iter().chain(&node.fetch).map(AsRef::as_ref);
            decided(&node.input, counts, ConditionKind::Filter, around)
        }
        LogicalPlan::Window(node) => windowed(node, around),
        LogicalPlan::Aggregate(node) => aggregated(node, around),
        LogicalPlan::Join(node) => joined(node, around),
        LogicalPlan::Unnest(node) => unnested(node, around),
        LogicalPlan::Distinct(Distinct::All(input)) => Ok(trace(input, around)?.distinct()),
        LogicalPlan::Distinct(Distinct::On(node)) => distinct_on(node, around),
        LogicalPlan::Union(node) => Traced::union(&node.inputs, around),
        LogicalPlan::RecursiveQuery(node) => Traced::recursive(node, around),
        LogicalPlan::SubqueryAlias(node) => trace(&node.input, around),
        LogicalPlan::Subquery(node) => trace(&node.subquery, around),
        LogicalPlan::Repartition(node) => trace(&node.input, around),
        LogicalPlan::Values(node) => values(node, around),
        LogicalPlan::EmptyRelation(node) => {
            let columns = vec![ColumnLineage::default(); node.schema.fields().len()];
            Ok(Traced { columns, ..Traced::default() })
        }
        LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Statement(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Dml(_)
        | LogicalPlan::Ddl(_)
        | LogicalPlan::Copy(_)
        | LogicalPlan::Extension(_) => opaque(plan, around),
    }
}

fn scan(node: &TableScan, around: Around<'_>) -> Traced {
    let projected = |index: usize| match &node.projection {
        Some(projection) => projection[index],
        None => index,
    };
    let width = node.projected_schema.fields().len();
    if let Some(traced) = work_table(node, around) {
        let columns = (0..width).map(|index| traced.columns[projected(index)].clone());
        return Traced { columns: columns.collect(), ..traced.clone() };
    }
    // What has no such name is a table function: its rows come from nowhere else.
    let Some(asset) = asset_of(&node.table_name) else {
        return Traced { columns: vec![ColumnLineage::default(); width], ..Traced::default() };
    };
    let fields = node.projected_schema.fields().iter();
    let columns = fields.map(|field| {
        ColumnLineage::of(Edges::copy_of(Origin::column(asset.clone(), field.name().as_str())))
    });
    Traced { columns: columns.collect(), rows: Edges::default(), reads: [asset.clone()].into() }
}

fn asset_of(table: &TableReference) -> Option<AssetKey> {
    let (name, _) = dialect::split_version(table.table());
    let relation = Relation::new(table.schema().unwrap_or(DEFAULT_SCHEMA), name).ok()?;
    Some(AssetKey::table(&relation))
}

/// The input, where expressions decide which rows there are.
fn decided<'e>(
    input: &LogicalPlan,
    by: impl IntoIterator<Item = &'e Expr>,
    kind: ConditionKind,
    around: Around<'_>,
) -> Result<Traced> {
    let mut traced = trace(input, around)?;
    let conditions = Scope::over(input, &traced, around).conditions(by, kind)?;
    traced.rows.extend(&conditions);
    Ok(traced)
}

pub(super) fn sorted_by(keys: &[SortExpr]) -> impl Iterator<Item = &Expr> {
    keys.iter().map(|key| &key.expr)
}

fn windowed(node: &Window, around: Around<'_>) -> Result<Traced> {
    let mut traced = trace(&node.input, around)?;
    let added = Scope::over(&node.input, &traced, around).all(&node.window_expr)?;
    traced.columns.extend(added);
    Ok(traced)
}

fn aggregated(node: &Aggregate, around: Around<'_>) -> Result<Traced> {
    let mut traced = trace(&node.input, around)?;
    let scope = Scope::over(&node.input, &traced, around);
    let keys = grouping_set_to_exprlist(&node.group_expr)?;
    let mut columns = Vec::with_capacity(node.schema.fields().len());
    for key in &keys {
        columns.push(scope.lineage(key)?);
    }
    let conditions = scope.conditions(keys, ConditionKind::GroupBy)?;
    if let [Expr::GroupingSet(_)] = node.group_expr.as_slice() {
        // The number of the grouping set.
        columns.push(ColumnLineage::default());
    }
    columns.extend(scope.all(&node.aggr_expr)?);
    traced.columns = columns;
    traced.rows.extend(&conditions);
    Ok(traced)
}

fn joined(node: &Join, around: Around<'_>) -> Result<Traced> {
    let left = trace(&node.left, around)?;
    let left_scope = Scope::over(&node.left, &left, around);
    let beside = if is_lateral(&node.right) { left_scope.inner() } else { around };
    let right = trace(&node.right, beside)?;
    let right_scope = Scope::over(&node.right, &right, around);

    let (left_keys, right_keys): (Vec<_>, Vec<_>) =
        node.on.iter().map(|(left, right)| (left, right)).unzip();
    let mut conditions = left_scope.conditions(left_keys, ConditionKind::Join)?;
    conditions.extend(&right_scope.conditions(right_keys, ConditionKind::Join)?);
    let both = left_scope.beside(&right_scope);
    conditions.extend(&both.conditions(&node.filter, ConditionKind::Join)?);

    let mark = || ColumnLineage::of(conditions.changed(ValueKind::Derived));
    let columns = match node.join_type {
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            [left.columns, right.columns].concat()
        }
        JoinType::LeftSemi | JoinType::LeftAnti => left.columns,
        JoinType::RightSemi | JoinType::RightAnti => right.columns,
        JoinType::LeftMark => [left.columns, vec![mark()]].concat(),
        JoinType::RightMark => [right.columns, vec![mark()]].concat(),
    };
    let mut rows = left.rows;
    rows.extend(&right.rows);
    rows.extend(&conditions);
    let reads = left.reads.into_iter().chain(right.reads).collect();
    Ok(Traced { columns, rows, reads })
}

/// An output column is an element of a list, a field of a struct, or what it was.
fn unnested(node: &Unnest, around: Around<'_>) -> Result<Traced> {
    let mut traced = trace(&node.input, around)?;
    let mut fields_taken: HashMap<usize, usize> = HashMap::new();
    let mut columns = Vec::with_capacity(node.dependency_indices.len());
    for (output, &input) in node.dependency_indices.iter().enumerate() {
        let whole = &traced.columns[input];
        let name = node.schema.field(output).name();
        let list = node
            .list_type_columns
            .iter()
            .find(|(index, list)| *index == input && list.output_column.name == *name);
        if let Some((_, list)) = list {
            columns.push(whole.at(&vec![ELEMENT.to_owned(); list.depth]));
        } else if node.struct_type_columns.contains(&input) {
            let taken = fields_taken.entry(input).or_default();
            let field = struct_field(node.input.schema().field(input).data_type(), *taken);
            *taken += 1;
            columns.push(field.map_or_else(|| whole.clone(), |field| whole.part(field)));
        } else {
            columns.push(whole.clone());
        }
    }
    for (input, _) in &node.list_type_columns {
        let length = traced.columns[*input].edges.deciding(ConditionKind::Unnest);
        traced.rows.extend(&length);
    }
    traced.columns = columns;
    Ok(traced)
}

fn struct_field(data_type: &arrow::datatypes::DataType, index: usize) -> Option<&str> {
    match data_type {
        arrow::datatypes::DataType::Struct(fields) => {
            fields.get(index).map(|field| field.name().as_str())
        }
        _ => None,
    }
}

fn distinct_on(node: &DistinctOn, around: Around<'_>) -> Result<Traced> {
    let mut traced = trace(&node.input, around)?;
    let scope = Scope::over(&node.input, &traced, around);
    let columns = scope.all(&node.select_expr)?;
    let mut conditions = scope.conditions(&node.on_expr, ConditionKind::GroupBy)?;
    let order = node.sort_expr.as_deref().unwrap_or_default();
    conditions.extend(&scope.conditions(sorted_by(order), ConditionKind::Order)?);
    traced.columns = columns;
    traced.rows.extend(&conditions);
    Ok(traced)
}

fn values(node: &Values, around: Around<'_>) -> Result<Traced> {
    let scope = Scope::nowhere(around);
    let mut columns = vec![ColumnLineage::default(); node.schema.fields().len()];
    for row in &node.values {
        for (column, value) in columns.iter_mut().zip(scope.all(row)?) {
            column.merge(&value);
        }
    }
    Ok(Traced { columns, ..Traced::default() })
}

/// A node that cannot be looked into: all that it reads may be in all that it gives.
fn opaque(plan: &LogicalPlan, around: Around<'_>) -> Result<Traced> {
    let mut read = Traced::default();
    for input in plan.inputs() {
        let input = trace(input, around)?;
        read.rows.extend(&input.rows);
        read.reads.extend(input.reads);
        read.columns.extend(input.columns);
    }
    let mut edges = Edges::default();
    for column in &read.columns {
        edges.extend(&column.edges.changed(ValueKind::Derived).doubted(Inexact::OpaquePlan));
    }
    for asset in &read.reads {
        edges.extend(&Traced::number_of_rows(asset).doubted(Inexact::OpaquePlan));
    }
    read.columns = vec![ColumnLineage::of(edges); plan.schema().fields().len()];
    Ok(read)
}
