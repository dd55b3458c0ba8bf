//! Operators that mean something else, or nothing, to the planner.

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::power;
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawWindowExpr};
use datafusion::logical_expr::{Expr, ExprSchemable as _, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::casts::{as_text, is_text, is_text_literal};
use super::json::{self, Found};
use super::moments;

/// Window functions of unsigned numbers.
const UNSIGNED_WINDOWS: [&str; 4] = ["row_number", "rank", "dense_rank", "ntile"];

#[derive(Debug)]
pub(super) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = raw;
        // A column that is not there is told by the planner.
        let (Ok(left_type), Ok(right_type)) = (left.get_type(schema), right.get_type(schema))
        else {
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        };
        let operands = Operands { op, left, left_type, right, right_type };
        Ok(operands.plan())
    }

    /// Numbers of rows are whole numbers as any others, which tables keep as they are.
    fn plan_window(&self, raw: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        if !UNSIGNED_WINDOWS.contains(&raw.func_def.name()) {
            return Ok(PlannerResult::Original(raw));
        }
        let params = WindowFunctionParams {
            args: raw.args,
            partition_by: raw.partition_by,
            order_by: raw.order_by,
            window_frame: raw.window_frame,
            filter: raw.filter,
            null_treatment: raw.null_treatment,
            distinct: raw.distinct,
        };
        let window = WindowFunction { fun: raw.func_def, params };
        let number = cast(Expr::WindowFunction(Box::new(window)), DataType::Int64);
        Ok(PlannerResult::Planned(number))
    }
}

struct Operands {
    op: BinaryOperator,
    left: Expr,
    left_type: DataType,
    right: Expr,
    right_type: DataType,
}

type Planned = PlannerResult<RawBinaryExpr>;

impl Operands {
    fn plan(self) -> Planned {
        use BinaryOperator as Op;
        match self.op {
            // No dialect that people write here has a bitwise `^`.
            Op::BitwiseXor | Op::PGExp => PlannerResult::Planned(power(self.left, self.right)),
            Op::Arrow | Op::HashArrow => self.json(Found::Json),
            Op::LongArrow | Op::HashLongArrow => self.json(Found::Text),
            Op::Plus | Op::Minus => self.sum(),
            Op::Multiply | Op::Divide => self.product(),
            Op::StringConcat => self.concatenation(),
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => self.comparison(),
            _ => self.unchanged(),
        }
    }

    fn unchanged(self) -> Planned {
        PlannerResult::Original(RawBinaryExpr { op: self.op, left: self.left, right: self.right })
    }

    fn with(self, left: Expr, right: Expr) -> Planned {
        PlannerResult::Original(RawBinaryExpr { op: self.op, left, right })
    }

    fn json(self, found: Found) -> Planned {
        if !is_text(&self.left_type) {
            return self.unchanged();
        }
        PlannerResult::Planned(json::path(found).call(vec![self.left, self.right]))
    }

    /// A date, or a text, plus an interval is a moment.
    fn sum(self) -> Planned {
        let (left, right) = (self.left.clone(), self.right.clone());
        match (&self.left_type, &self.right_type) {
            (date, DataType::Interval(_)) if is_day(date) || is_text(date) => {
                self.with(cast(left, moments::PLAIN), right)
            }
            (DataType::Interval(_), date) if is_day(date) || is_text(date) => {
                self.with(left, cast(right, moments::PLAIN))
            }
            _ => self.numbers(),
        }
    }

    fn product(self) -> Planned {
        let times = |interval: Expr, factor: Expr| {
            let factor = cast(factor, DataType::Float64);
            PlannerResult::Planned(moments::interval_times().call(vec![interval, factor]))
        };
        match (&self.op, &self.left_type, &self.right_type) {
            (BinaryOperator::Multiply, DataType::Interval(_), number) if number.is_numeric() => {
                times(self.left, self.right)
            }
            (BinaryOperator::Multiply, number, DataType::Interval(_)) if number.is_numeric() => {
                times(self.right, self.left)
            }
            (BinaryOperator::Divide, DataType::Interval(_), number) if number.is_numeric() => {
                let divisor = cast(self.right, DataType::Float64);
                times(self.left, datafusion::logical_expr::lit(1.0) / divisor)
            }
            _ => self.numbers(),
        }
    }

    /// A literal text beside a number is a number.
    fn numbers(self) -> Planned {
        let (left, right) = (self.left.clone(), self.right.clone());
        if self.left_type.is_numeric() && is_text_literal(&right) {
            let number = cast(right, self.left_type.clone());
            return self.with(left, number);
        }
        if self.right_type.is_numeric() && is_text_literal(&left) {
            let number = cast(left, self.right_type.clone());
            return self.with(number, right);
        }
        self.unchanged()
    }

    fn concatenation(self) -> Planned {
        let text = |expr: Expr, data_type: &DataType| match data_type {
            DataType::Timestamp(..) => as_text(expr, data_type),
            _ => expr,
        };
        if !is_text(&self.left_type) && !is_text(&self.right_type) {
            return self.unchanged();
        }
        let left = text(self.left.clone(), &self.left_type);
        let right = text(self.right.clone(), &self.right_type);
        self.with(left, right)
    }

    /// The time between two moments is compared with an interval by its length.
    fn comparison(self) -> Planned {
        let length = |expr: Expr| moments::interval_length().call(vec![expr]);
        let (left, right) = (self.left.clone(), self.right.clone());
        match (&self.left_type, &self.right_type) {
            (DataType::Duration(_), DataType::Interval(_)) => {
                self.with(cast(left, moments::DURATION), length(right))
            }
            (DataType::Interval(_), DataType::Duration(_)) => {
                self.with(length(left), cast(right, moments::DURATION))
            }
            (DataType::Interval(_), DataType::Interval(_)) => {
                self.with(length(left), length(right))
            }
            _ => self.unchanged(),
        }
    }
}

fn is_day(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64)
}
