//! Functions of columns of fixed types. Other types become these.

use std::hash::{Hash, Hasher};

use arrow::array::{Array as _, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

type Body = fn(&[ArrayRef]) -> Result<ArrayRef>;

/// A function that a column of its output is made by.
pub(super) fn columnar(
    name: &'static str,
    inputs: &[DataType],
    output: DataType,
    body: Body,
) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::from(Columnar { name, inputs: inputs.to_vec(), output, signature, body })
}

#[derive(Debug)]
struct Columnar {
    name: &'static str,
    inputs: Vec<DataType>,
    output: DataType,
    signature: Signature,
    body: Body,
}

// Name and types say which body it is.
impl PartialEq for Columnar {
    fn eq(&self, other: &Self) -> bool {
        (self.name, &self.inputs, &self.output) == (other.name, &other.inputs, &other.output)
    }
}

impl Eq for Columnar {}

impl Hash for Columnar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.name, &self.inputs, &self.output).hash(state);
    }
}

impl ScalarUDFImpl for Columnar {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        if types.len() == self.inputs.len() {
            return Ok(self.inputs.clone());
        }
        let (name, wanted, given) = (self.name, self.inputs.len(), types.len());
        Err(DataFusionError::Plan(format!("`{name}` takes {wanted} arguments, not {given}")))
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(self.output.clone())
    }

    /// Constants give a constant.
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut values = arguments.args.iter();
        let constant = values.all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let output = (self.body)(&ColumnarValue::values_to_arrays(&arguments.args)?)?;
        if constant && output.len() == 1 {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&output, 0)?));
        }
        Ok(ColumnarValue::Array(output))
    }
}
