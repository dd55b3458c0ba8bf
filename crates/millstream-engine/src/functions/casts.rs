//! Casts as PostgreSQL makes them: numbers are rounded, moments look as they do there, texts are
//! read as leniently.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::round;
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable as _, cast};

use super::moments;

#[derive(Debug)]
pub(super) struct Casts;

impl FunctionRewrite for Casts {
    fn name(&self) -> &'static str {
        "casts_of_postgresql"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let (inner, field) = match expr {
            Expr::Cast(Cast { expr, field }) => (expr, field),
            Expr::ScalarFunction(call) => return called(call, schema),
            other => return Ok(Transformed::no(other)),
        };
        let (from, to) = (inner.get_type(schema)?, field.data_type().clone());
        let kept = |inner| Expr::Cast(Cast { expr: inner, field: field.clone() });
        Ok(match (&from, &to) {
            (number, integer) if is_fractional(number) && integer.is_integer() => {
                if matches!(inner.as_ref(), Expr::ScalarFunction(call) if call.name() == "round") {
                    return Ok(Transformed::no(kept(inner)));
                }
                Transformed::yes(kept(Box::new(round(vec![*inner]))))
            }
            (DataType::Timestamp(..), text) if is_text(text) => {
                Transformed::yes(as_text(*inner, &from))
            }
            (text, DataType::Timestamp(..) | DataType::Date32) if is_text(text) => {
                Transformed::yes(moments::read_moment(&to).call(vec![*inner]))
            }
            _ => Transformed::no(kept(inner)),
        })
    }
}

/// Lengths and counts are whole numbers as any others, which tables keep as they are.
fn called(mut call: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    if call.name() == "round" && exact_places(&mut call) {
        return Ok(Transformed::yes(Expr::ScalarFunction(call)));
    }
    let is_arrow = call.name().starts_with("arrow_");
    let expr = Expr::ScalarFunction(call);
    if !is_arrow && expr.get_type(schema)? == DataType::UInt64 {
        return Ok(Transformed::yes(cast(expr, DataType::Int64)));
    }
    Ok(Transformed::no(expr))
}

/// The planner takes the type of a rounded decimal from its second argument, and sees it only
/// while no cast is around it.
fn exact_places(call: &mut ScalarFunction) -> bool {
    let Some(Expr::Literal(places, _)) = call.args.get_mut(1) else { return false };
    let ScalarValue::Int64(Some(number)) = places else { return false };
    let Ok(number) = i32::try_from(*number) else { return false };
    *places = ScalarValue::Int32(Some(number));
    true
}

/// A moment as the text of PostgreSQL.
pub(super) fn as_text(expr: Expr, data_type: &DataType) -> Expr {
    let input = match data_type {
        DataType::Timestamp(_, None) => moments::PLAIN,
        _ => moments::zoned(),
    };
    moments::moment_text(input).call(vec![expr])
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

/// Whether the expression is a text as it stands.
pub(super) fn is_text_literal(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Literal(
            ScalarValue::Utf8(_) | ScalarValue::Utf8View(_) | ScalarValue::LargeUtf8(_),
            _
        )
    )
}

fn is_fractional(data_type: &DataType) -> bool {
    data_type.is_floating() || data_type.is_decimal()
}
