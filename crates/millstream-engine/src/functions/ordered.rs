//! Aggregates that choose one of the values: `mode` and `percentile_disc`.

use std::collections::HashMap;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

pub(super) fn functions() -> Vec<AggregateUDF> {
    [Choice::Mode, Choice::Percentile]
        .map(|choice| {
            let arguments = match choice {
                Choice::Mode => 1,
                Choice::Percentile => 2,
            };
            let signature = Signature::any(arguments, Volatility::Immutable);
            AggregateUDF::from(Chosen { choice, signature })
        })
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Choice {
    /// The most frequent value.
    Mode,
    /// The first value whose share of the rows reaches a fraction.
    Percentile,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Chosen {
    choice: Choice,
    signature: Signature,
}

impl AggregateUDFImpl for Chosen {
    fn name(&self) -> &'static str {
        match self.choice {
            Choice::Mode => "mode",
            Choice::Percentile => "percentile_disc",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let item = Arc::new(Field::new_list_field(args.input_fields[0].data_type().clone(), true));
        Ok(vec![Arc::new(Field::new(format!("{}_values", args.name), DataType::List(item), true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let fraction = match self.choice {
            Choice::Mode => None,
            Choice::Percentile => Some(fraction(&args)?),
        };
        let descending = args.order_bys.first().is_some_and(|order| order.options.descending);
        let data_type = args.expr_fields[0].data_type().clone();
        Ok(Box::new(Values { seen: Vec::new(), data_type, fraction, descending }))
    }
}

fn fraction(args: &AccumulatorArgs) -> Result<f64> {
    let literal = args.exprs.get(1).and_then(|expr| expr.downcast_ref::<Literal>());
    let value = literal.map(|literal| literal.value().cast_to(&DataType::Float64)).transpose()?;
    match value {
        Some(ScalarValue::Float64(Some(fraction))) if (0.0..=1.0).contains(&fraction) => {
            Ok(fraction)
        }
        _ => {
            let message = "`percentile_disc` takes a fraction between 0 and 1";
            Err(DataFusionError::Plan(message.to_owned()))
        }
    }
}

#[derive(Debug)]
struct Values {
    seen: Vec<ScalarValue>,
    data_type: DataType,
    /// Of a percentile; `None` is the mode.
    fraction: Option<f64>,
    descending: bool,
}

impl Values {
    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        for row in 0..values.len() {
            if values.is_valid(row) {
                self.seen.push(ScalarValue::try_from_array(values, row)?);
            }
        }
        Ok(())
    }

    fn sorted(&self) -> Vec<&ScalarValue> {
        let mut sorted: Vec<&ScalarValue> = self.seen.iter().collect();
        sorted.sort_by(|a, b| {
            let order = a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
            if self.descending { order.reverse() } else { order }
        });
        sorted
    }

    fn chosen(&self) -> Option<ScalarValue> {
        let sorted = self.sorted();
        if let Some(fraction) = self.fraction {
            let place = (fraction * sorted.len() as f64).ceil() as usize;
            return sorted.get(place.saturating_sub(1)).map(|&value| value.clone());
        }
        let mut counts: HashMap<&ScalarValue, usize> = HashMap::new();
        for value in &sorted {
            *counts.entry(value).or_default() += 1;
        }
        let most = counts.values().max().copied()?;
        sorted.into_iter().find(|value| counts[value] == most).cloned()
    }
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        states[0].as_list::<i32>().iter().flatten().try_for_each(|values| self.add(&values))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = ScalarValue::new_list_nullable(&self.seen, &self.data_type);
        Ok(vec![ScalarValue::List(list)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.chosen().map_or_else(|| ScalarValue::try_from(&self.data_type), Ok)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + ScalarValue::size_of_vec(&self.seen)
    }
}
