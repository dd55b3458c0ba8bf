//! Functions of time that stand still: `now()` is the time of the claim, in every part of a query
//! and every time it runs again.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use millstream_core::clock::Timestamp;

/// Other names of `now`, which does not move during a statement or a run.
const SAME_AS_NOW: &[&str] =
    &["current_timestamp", "transaction_timestamp", "statement_timestamp", "clock_timestamp"];
const MICROS_PER_DAY: i64 = 86_400_000_000;

/// `now`, `current_date` and `current_time` of one moment, with their aliases.
pub(crate) fn functions(at: Timestamp) -> Vec<ScalarUDF> {
    let micros = at.as_micros();
    let day = i32::try_from(micros.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX);
    let nanos_of_day = micros.rem_euclid(MICROS_PER_DAY) * 1000;
    let now = ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()));
    let local = ScalarValue::TimestampMicrosecond(Some(micros), None);
    let fixed = |name, aliases: &[&str], value| {
        let aliases = aliases.iter().map(|&alias| alias.to_owned()).collect();
        let signature = Signature::nullary(Volatility::Stable);
        ScalarUDF::from(Fixed { name, aliases, signature, value })
    };
    vec![
        fixed("now", SAME_AS_NOW, now),
        fixed("localtimestamp", &[], local),
        fixed("current_date", &["today"], ScalarValue::Date32(Some(day))),
        fixed("current_time", &["localtime"], ScalarValue::Time64Nanosecond(Some(nanos_of_day))),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Fixed {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
    value: ScalarValue,
}

impl ScalarUDFImpl for Fixed {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}
