//! Functions about the session, types and nulls.

use std::sync::Arc;

use arrow::array::{Array as _, Int32Array};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, create_udf,
};
use millstream_core::name::DEFAULT_SCHEMA;

use crate::session::CATALOG;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let any = || Signature::variadic_any(Volatility::Immutable);
    vec![
        constant("current_database", CATALOG).with_aliases(["current_catalog"]),
        constant("current_schema", DEFAULT_SCHEMA),
        constant("current_user", CATALOG).with_aliases(["session_user"]),
        ScalarUDF::from(Counted { nulls: Nulls::Counted, signature: any() }),
        ScalarUDF::from(Counted { nulls: Nulls::LeftOut, signature: any() }),
        ScalarUDF::from(TypeOf { signature: Signature::any(1, Volatility::Immutable) }),
    ]
}

fn constant(name: &str, value: &'static str) -> ScalarUDF {
    let call = move |_: &[ColumnarValue]| Ok(ColumnarValue::Scalar(ScalarValue::from(value)));
    create_udf(name, Vec::new(), DataType::Utf8, Volatility::Stable, Arc::new(call))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Nulls {
    Counted,
    LeftOut,
}

/// `num_nulls` and `num_nonnulls`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted {
    nulls: Nulls,
    signature: Signature,
}

impl ScalarUDFImpl for Counted {
    fn name(&self) -> &'static str {
        match self.nulls {
            Nulls::Counted => "num_nulls",
            Nulls::LeftOut => "num_nonnulls",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = arguments.args.iter().map(|value| value.to_array(arguments.number_rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let counts = (0..arguments.number_rows).map(|row| {
            let is_counted = |array: &&arrow::array::ArrayRef| {
                let null = *array.data_type() == DataType::Null || array.is_null(row);
                null == (self.nulls == Nulls::Counted)
            };
            arrays.iter().filter(is_counted).count() as i32
        });
        Ok(ColumnarValue::Array(Arc::new(Int32Array::from_iter_values(counts))))
    }
}

/// `pg_typeof`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TypeOf {
    signature: Signature,
}

impl ScalarUDFImpl for TypeOf {
    fn name(&self) -> &'static str {
        "pg_typeof"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let name = arguments.arg_fields.first().map(|field| type_name(field.data_type()));
        Ok(ColumnarValue::Scalar(ScalarValue::from(name.unwrap_or_default())))
    }
}

/// What PostgreSQL calls a type.
pub(crate) fn type_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Null => "unknown",
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 => "bigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::UInt64
        | DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => "numeric",
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => "text",
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(_) | DataType::Time64(_) => "time without time zone",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Dictionary(_, value) => return type_name(value),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("{}[]", type_name(item.data_type()));
        }
        DataType::Struct(_) => "record",
        other => return other.to_string().to_lowercase(),
    };
    name.to_owned()
}
