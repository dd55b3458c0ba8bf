//! `predict` in plans that never run: a model that is not trained yet has a type, too.

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

/// The functions, of which each gives text or a score where the model cannot say.
pub(crate) fn lenient(functions: Vec<ScalarUDF>) -> impl Iterator<Item = ScalarUDF> {
    functions.into_iter().map(|real| ScalarUDF::from(StandIn { real }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StandIn {
    real: ScalarUDF,
}

impl ScalarUDFImpl for StandIn {
    fn name(&self) -> &str {
        self.real.name()
    }

    fn signature(&self) -> &Signature {
        self.real.signature()
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type depends on the model".to_owned()))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        self.real.return_field_from_args(arguments).or_else(|_| {
            let score = self.name() == "predict_score";
            let data_type = if score { DataType::Float64 } else { DataType::Utf8 };
            Ok(Field::new(self.name(), data_type, true).into())
        })
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.real.invoke_with_args(arguments)
    }
}
