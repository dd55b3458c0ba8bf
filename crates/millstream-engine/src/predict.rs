//! `predict('model@alias', ...)` and `predict_score('model@alias', ...)` inside SQL.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::model::{InputType, Models, Predictions, Scorer, Task};

use crate::error::{EngineError, relay};
use crate::types::cast_column;

/// The two functions, for the names of one catalog.
pub(crate) fn functions(
    models: Option<&Arc<dyn Models>>,
    catalog: &CatalogSnapshot,
) -> Vec<ScalarUDF> {
    let context = Arc::new(Context { models: models.cloned(), catalog: catalog.clone() });
    [Answer::Label, Answer::Score]
        .map(|answer| {
            let signature = Signature::variadic_any(Volatility::Immutable);
            ScalarUDF::from(Predict { answer, signature, context: Arc::clone(&context) })
        })
        .into()
}

#[derive(Debug)]
struct Context {
    models: Option<Arc<dyn Models>>,
    catalog: CatalogSnapshot,
}

impl Context {
    fn resolve(&self, reference: &str) -> Result<Arc<dyn Scorer>> {
        let models = self.models.as_ref().ok_or_else(|| {
            refused("no models are known here, so that `predict` has none to ask".to_owned())
        })?;
        models.resolve(reference, &self.catalog).map_err(relay)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Answer {
    Label,
    Score,
}

#[derive(Debug)]
struct Predict {
    answer: Answer,
    signature: Signature,
    context: Arc<Context>,
}

// One session has one context: two calls are equal when they ask for the same answer.
impl PartialEq for Predict {
    fn eq(&self, other: &Self) -> bool {
        self.answer == other.answer && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Predict {}

impl Hash for Predict {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.answer.hash(state);
    }
}

impl ScalarUDFImpl for Predict {
    fn name(&self) -> &'static str {
        match self.answer {
            Answer::Label => "predict",
            Answer::Score => "predict_score",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Err(DataFusionError::Internal("the type depends on the model".to_owned()))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let reference = arguments.scalar_arguments.first().copied().flatten();
        let scorer = self.scorer(reference)?;
        check_inputs(scorer.as_ref(), arguments.arg_fields.len().saturating_sub(1))?;
        let data_type = match (self.answer, scorer.signature().task) {
            (Answer::Label, Task::Classification) => DataType::Utf8,
            _ => DataType::Float64,
        };
        Ok(Arc::new(Field::new(self.name(), data_type, true)))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let reference = match arguments.args.first() {
            Some(ColumnarValue::Scalar(reference)) => Some(reference),
            _ => None,
        };
        let scorer = self.scorer(reference)?;
        let signature = scorer.signature();
        let mut inputs = Vec::with_capacity(signature.inputs.len());
        for (input, value) in signature.inputs.iter().zip(&arguments.args[1..]) {
            let column = value.to_array(arguments.number_rows)?;
            inputs.push(as_input(&column, input.r#type).map_err(relay)?);
        }
        let predictions = scorer.score(&inputs).map_err(relay)?;
        let answer = match self.answer {
            Answer::Label => predictions.labels,
            Answer::Score => best_scores(&predictions, signature.labels.len())?,
        };
        Ok(ColumnarValue::Array(
            cast_column(&answer, arguments.return_field.data_type()).map_err(relay)?,
        ))
    }
}

impl Predict {
    fn scorer(&self, reference: Option<&ScalarValue>) -> Result<Arc<dyn Scorer>> {
        let text = reference.and_then(|reference| reference.try_as_str().flatten());
        let text = text.ok_or_else(|| {
            let name = self.name();
            refused(format!("`{name}` takes the model first, as in {name}('tagger@champion', ..)"))
        })?;
        self.context.resolve(text)
    }
}

fn check_inputs(scorer: &dyn Scorer, given: usize) -> Result<()> {
    let names: Vec<_> = scorer.signature().inputs.iter().map(|input| input.name.as_str()).collect();
    if names.len() == given {
        return Ok(());
    }
    let (model, version) = (scorer.model(), scorer.version());
    Err(refused(format!(
        "{model}@{version} takes {} inputs after its name ({}), not {given}",
        names.len(),
        names.join(", ")
    )))
}

fn refused(message: String) -> DataFusionError {
    relay(EngineError::BadModelCall { message })
}

fn as_input(column: &ArrayRef, input: InputType) -> millstream_core::error::Result<ArrayRef> {
    match input {
        InputType::Text | InputType::Category => cast_column(column, &DataType::Utf8),
        InputType::Number => cast_column(column, &DataType::Float64),
    }
}

/// The score of the label that won; of a regression, its answer.
fn best_scores(predictions: &Predictions, labels: usize) -> Result<ArrayRef> {
    if labels == 0 {
        return cast_column(&predictions.labels, &DataType::Float64).map_err(relay);
    }
    let best =
        predictions.scores.chunks_exact(labels).map(|row| row.iter().copied().reduce(f64::max));
    Ok(Arc::new(best.collect::<Float64Array>()))
}
