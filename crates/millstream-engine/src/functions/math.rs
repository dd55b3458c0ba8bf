//! Arithmetic: `mod`, `div`, `width_bucket`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, Int32Array};
use arrow::compute::kernels::numeric::rem;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr_fn::binary_expr;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::columnar::columnar;

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::{Float64, Int32, Int64};
    vec![
        ScalarUDF::from(Remainder { signature: Signature::user_defined(Volatility::Immutable) }),
        columnar("div", &[Float64, Float64], Float64, div),
        columnar("width_bucket", &[Float64, Float64, Float64, Int64], Int32, width_bucket),
    ]
}

/// `mod(a, b)` is `a % b`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Remainder {
    signature: Signature,
}

impl ScalarUDFImpl for Remainder {
    fn name(&self) -> &'static str {
        "mod"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = two(types)?;
        BinaryTypeCoercer::new(left, &Operator::Modulo, right).get_result_type()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = two(types)?;
        let inputs = BinaryTypeCoercer::new(left, &Operator::Modulo, right).get_input_types()?;
        Ok(vec![inputs.0, inputs.1])
    }

    fn simplify(&self, mut args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let (Some(right), Some(left), true) = (args.pop(), args.pop(), args.is_empty()) else {
            return Err(DataFusionError::Plan("`mod` takes two numbers".to_owned()));
        };
        Ok(ExprSimplifyResult::Simplified(binary_expr(left, Operator::Modulo, right)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        Ok(ColumnarValue::Array(rem(&arrays[0], &arrays[1])?))
    }
}

fn two(types: &[DataType]) -> Result<[&DataType; 2]> {
    match types {
        [left, right] => Ok([left, right]),
        _ => Err(DataFusionError::Plan("`mod` takes two numbers".to_owned())),
    }
}

fn div(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [a, b] = [0, 1].map(|column| columns[column].as_primitive::<Float64Type>());
    let divided = arrow::compute::try_binary(a, b, |a: f64, b: f64| {
        if b == 0.0 {
            return Err(arrow::error::ArrowError::DivideByZero);
        }
        Ok((a / b).trunc())
    })?;
    let divided: Float64Array = divided;
    Ok(Arc::new(divided))
}

/// The number of the bucket, of so many of one width between two bounds; 0 before the first.
fn width_bucket(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let [values, lows, highs] =
        [0, 1, 2].map(|column| columns[column].as_primitive::<Float64Type>());
    let counts = columns[3].as_primitive::<Int64Type>();
    let rows = values.iter().zip(lows).zip(highs).zip(counts);
    let buckets = rows.map(|(((value, low), high), count)| {
        let (Some(x), Some(low), Some(high), Some(count)) = (value, low, high, count) else {
            return Ok(None);
        };
        if count <= 0 || (high - low).abs() <= 0.0 || !(low.is_finite() && high.is_finite()) {
            let message = "`width_bucket` takes two different bounds and a count above 0";
            return Err(DataFusionError::Execution(message.to_owned()));
        }
        let share = (x - low) / (high - low);
        let bucket = if share < 0.0 {
            0
        } else if share >= 1.0 {
            count.saturating_add(1)
        } else {
            (share * count as f64).floor() as i64 + 1
        };
        Ok(i32::try_from(bucket).ok())
    });
    Ok(Arc::new(buckets.collect::<Result<Int32Array>>()?))
}
