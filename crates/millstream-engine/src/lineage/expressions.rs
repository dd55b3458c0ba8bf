//! A rule for each kind of expression: values and conditions told apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{
    AggregateFunction, ScalarFunction, WindowFunction, WindowFunctionDefinition,
};
use datafusion::logical_expr::{Case, Expr};
use millstream_core::AssetKey;
use millstream_core::lineage::{
    ColumnLineage, ConditionKind, ELEMENT, EdgeKind, Edges, Origin, ValueKind,
};

use super::Traced;
use super::relations::sorted_by;
use super::subqueries::Scope;

impl Scope<'_> {
    /// The lineage of an expression over the rows of this scope.
    pub(super) fn lineage(&self, expr: &Expr) -> Result<ColumnLineage> {
        match expr {
            Expr::Column(column) => self.column(column),
            Expr::OuterReferenceColumn(_, column) => self.outer_column(column),
            Expr::Alias(alias) => self.lineage(&alias.expr),
            Expr::Case(case) => self.case(case),
            Expr::Unnest(list) => Ok(self.lineage(&list.expr)?.part(ELEMENT)),
            Expr::ScalarFunction(call) => self.function(call),
            Expr::AggregateFunction(call) => self.aggregate(call),
            Expr::WindowFunction(call) => self.window(call),
            Expr::ScalarSubquery(subquery) => self.scalar(subquery),
            Expr::Exists(exists) => self.exists(&exists.subquery),
            Expr::InSubquery(search) => self.compared(&search.expr, &search.subquery),
            Expr::SetComparison(search) => self.compared(&search.expr, &search.subquery),
            _ => self.derived(expr),
        }
    }

    /// The lineage of each expression.
    pub(super) fn all(&self, exprs: &[Expr]) -> Result<Vec<ColumnLineage>> {
        exprs.iter().map(|expr| self.lineage(expr)).collect()
    }

    /// What expressions that only decide depend on.
    pub(super) fn conditions<'e>(
        &self,
        exprs: impl IntoIterator<Item = &'e Expr>,
        kind: ConditionKind,
    ) -> Result<Edges> {
        let mut conditions = Edges::default();
        for expr in exprs {
            conditions.extend(&self.lineage(expr)?.edges.deciding(kind));
        }
        Ok(conditions)
    }

    /// Made of all operands alike.
    fn derived(&self, expr: &Expr) -> Result<ColumnLineage> {
        let mut edges = Edges::default();
        expr.apply_children(|operand| {
            edges.extend(&self.lineage(operand)?.edges);
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(ColumnLineage::of(edges.changed(ValueKind::Derived)))
    }

    fn derived_of<'e>(&self, operands: impl IntoIterator<Item = &'e Expr>) -> Result<Edges> {
        let mut edges = Edges::default();
        for operand in operands {
            edges.extend(&self.lineage(operand)?.edges.changed(ValueKind::Derived));
        }
        Ok(edges)
    }

    fn case(&self, case: &Case) -> Result<ColumnLineage> {
        let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
        let mut edges = self.derived_of(results.map(AsRef::as_ref))?;
        let tests = case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when));
        edges.extend(&self.conditions(tests.map(AsRef::as_ref), ConditionKind::Case)?);
        Ok(ColumnLineage::of(edges))
    }

    fn function(&self, call: &ScalarFunction) -> Result<ColumnLineage> {
        match (call.name(), call.args.as_slice()) {
            ("get_field", [whole, path @ ..]) => self.field(whole, path),
            ("array_element", [list, index @ ..]) => {
                let mut element = self.lineage(list)?.part(ELEMENT);
                element.depend(&self.conditions(index, ConditionKind::Case)?);
                Ok(element)
            }
            ("named_struct", pairs) => self.named_struct(pairs),
            ("struct", values) => {
                let parts = values
                    .iter()
                    .enumerate()
                    .map(|(index, value)| Ok((format!("c{index}"), self.lineage(value)?)));
                Ok(ColumnLineage::made_of(parts.collect::<Result<_>>()?))
            }
            ("make_array", values) => {
                let mut element = ColumnLineage::default();
                for value in values {
                    element.merge(&self.lineage(value)?);
                }
                Ok(ColumnLineage::made_of(BTreeMap::from([(ELEMENT.to_owned(), element)])))
            }
            ("predict" | "predict_score", [model, inputs @ ..]) => {
                let mut edges = self.derived_of(inputs)?;
                if let Some(asset) = text(model).map(model_asset) {
                    let kind = EdgeKind::Value(ValueKind::Derived);
                    edges.insert(Arc::new(Origin::whole(asset)), kind, None);
                }
                Ok(ColumnLineage::of(edges))
            }
            (_, operands) => Ok(ColumnLineage::of(self.derived_of(operands)?)),
        }
    }

    /// `s.a.b`. A key that is not written out may be any.
    fn field(&self, whole: &Expr, path: &[Expr]) -> Result<ColumnLineage> {
        let mut found = self.lineage(whole)?;
        for step in path {
            if let Some(name) = text(step) {
                found = found.part(name);
            } else {
                found = ColumnLineage::of(found.edges.changed(ValueKind::Derived));
                found.depend(&self.conditions([step], ConditionKind::Case)?);
            }
        }
        Ok(found)
    }

    fn named_struct(&self, pairs: &[Expr]) -> Result<ColumnLineage> {
        let mut parts = BTreeMap::new();
        for pair in pairs.chunks_exact(2) {
            let Some(name) = text(&pair[0]) else {
                return Ok(ColumnLineage::of(self.derived_of(pairs)?));
            };
            parts.insert(name.to_owned(), self.lineage(&pair[1])?);
        }
        Ok(ColumnLineage::made_of(parts))
    }

    fn aggregate(&self, call: &AggregateFunction) -> Result<ColumnLineage> {
        let params = &call.params;
        let mut edges = self.over_rows(&params.args, ValueKind::Aggregated)?;
        edges.extend(&self.conditions(params.filter.as_deref(), ConditionKind::Filter)?);
        edges.extend(&self.conditions(sorted_by(&params.order_by), ConditionKind::Order)?);
        Ok(ColumnLineage::of(edges))
    }

    fn window(&self, call: &WindowFunction) -> Result<ColumnLineage> {
        let params = &call.params;
        let kind = match call.fun {
            WindowFunctionDefinition::AggregateUDF(_) => ValueKind::Aggregated,
            // `lag` and its like take the value of another row.
            WindowFunctionDefinition::WindowUDF(_) => ValueKind::Derived,
        };
        let mut edges = self.over_rows(&params.args, kind)?;
        let keys = params.partition_by.iter().chain(sorted_by(&params.order_by));
        edges.extend(&self.conditions(keys, ConditionKind::Window)?);
        edges.extend(&self.conditions(params.filter.as_deref(), ConditionKind::Filter)?);
        Ok(ColumnLineage::of(edges))
    }

    /// A function of many rows. One that looks at no column, as `count(*)`, depends on how many
    /// rows there are.
    fn over_rows(&self, arguments: &[Expr], kind: ValueKind) -> Result<Edges> {
        let edges = self.derived_of(arguments)?.changed(kind);
        if !edges.is_empty() {
            return Ok(edges);
        }
        let mut whole = Edges::default();
        for asset in self.reads() {
            whole.extend(&Traced::number_of_rows(asset));
        }
        Ok(whole)
    }
}

impl Traced {
    /// The edge of what depends on how many rows a table has.
    pub(super) fn number_of_rows(asset: &AssetKey) -> Edges {
        Edges::copy_of(Origin::whole(asset.clone())).changed(ValueKind::Aggregated)
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => ScalarValue::try_as_str(value).flatten(),
        Expr::Alias(alias) => text(&alias.expr),
        _ => None,
    }
}

/// `tagger@champion` and `tagger@3` are versions of `tagger`.
fn model_asset(reference: &str) -> AssetKey {
    AssetKey::model(reference.split_once('@').map_or(reference, |(name, _)| name))
}
