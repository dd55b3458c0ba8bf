//! `to_char`, `to_date` and `to_timestamp` with PostgreSQL's templates. A template with `%` is one
//! of strftime and goes to the planner's own functions of these names.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Date32Type, Float64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use jiff::civil::{Date, DateTime};

use super::columnar::columnar;
use super::numbers;
use super::template::Template;
use crate::error::relay;
use crate::types::cast_column;

/// What the functions with templates are called after the statement was adapted.
pub(crate) const TEMPLATE_PREFIX: &str = "template_";
const MICROS_PER_DAY: i64 = 86_400_000_000;

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::{Date32, Utf8};
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let signature = Signature::any(2, Volatility::Immutable);
    vec![
        ScalarUDF::from(ToChar { signature }),
        columnar("template_to_date", &[Utf8, Utf8], Date32, to_date),
        columnar("template_to_timestamp", &[Utf8, Utf8], moment, to_timestamp),
    ]
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ToChar {
    signature: Signature,
}

impl ScalarUDFImpl for ToChar {
    fn name(&self) -> &'static str {
        "template_to_char"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let templates = cast_column(&arrays[1], &DataType::Utf8).map_err(relay)?;
        let templates = templates.as_string::<i32>();
        let text = if arrays[0].data_type().is_numeric() {
            let values = cast_column(&arrays[0], &DataType::Float64).map_err(relay)?;
            let values = values.as_primitive::<Float64Type>();
            let rows = values.iter().zip(templates);
            rows.map(|(value, template)| Some(numbers::show(value?, template?))).collect()
        } else {
            moments_as_text(&arrays[0], templates)?
        };
        Ok(ColumnarValue::Array(Arc::new(text)))
    }
}

fn moments_as_text(moments: &ArrayRef, templates: &StringArray) -> Result<StringArray> {
    let plain = DataType::Timestamp(TimeUnit::Microsecond, None);
    let micros = cast_column(moments, &plain).map_err(relay)?;
    let mut read = LastTemplate::default();
    let rows = micros.as_primitive::<TimestampMicrosecondType>().iter().zip(templates);
    let text = rows.map(|(micros, template)| {
        let (Some(micros), Some(template)) = (micros, template) else { return None };
        Some(read.of(template).show(civil(micros)?))
    });
    Ok(text.collect())
}

fn to_date(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let days = parsed(columns)?.into_iter().map(|moment| moment.map(|at| days(at.date())));
    Ok(Arc::new(days.collect::<Date32Array>()))
}

fn to_timestamp(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let micros = parsed(columns)?.into_iter().map(|moment| moment.map(micros));
    Ok(Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC")))
}

fn parsed(columns: &[ArrayRef]) -> Result<Vec<Option<DateTime>>> {
    let mut read = LastTemplate::default();
    let rows = columns[0].as_string::<i32>().iter().zip(columns[1].as_string::<i32>());
    let moments = rows.map(|(text, template)| {
        let (Some(text), Some(template)) = (text, template) else { return Ok(None) };
        let moment = read.of(template).parse(text);
        moment.map(Some).ok_or_else(|| {
            DataFusionError::Execution(format!("`{text}` does not look like `{template}`"))
        })
    });
    moments.collect()
}

/// Templates are mostly the same in all rows.
#[derive(Default)]
struct LastTemplate(Option<(String, Template)>);

impl LastTemplate {
    fn of(&mut self, template: &str) -> &Template {
        let entry = match self.0.take() {
            Some(same) if same.0 == template => same,
            _ => (template.to_owned(), Template::read(template)),
        };
        &self.0.insert(entry).1
    }
}

/// A moment of the calendar from microseconds since 1970; `None` beyond the year 9999.
pub(super) fn civil(micros: i64) -> Option<DateTime> {
    let at = jiff::Timestamp::from_microsecond(micros).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(at))
}

/// Microseconds since 1970.
pub(super) fn micros(at: DateTime) -> i64 {
    let time = at.time();
    let seconds =
        (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
    let of_day = seconds * 1_000_000 + i64::from(time.subsec_nanosecond()) / 1000;
    i64::from(days(at.date())) * MICROS_PER_DAY + of_day
}

/// Days since 1970.
pub(super) fn days(date: Date) -> i32 {
    let epoch = jiff::civil::date(1970, 1, 1);
    date.since(epoch).map_or(0, |span| span.get_days())
}

/// The date of so many days since 1970.
pub(super) fn date_of(days: i32) -> Option<Date> {
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// The dates of a column.
pub(super) fn dates(column: &ArrayRef) -> impl Iterator<Item = Option<Date>> + '_ {
    column.as_primitive::<Date32Type>().iter().map(|days| days.and_then(date_of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_numbers_of_microseconds_agree() {
        for text in ["1970-01-01T00:00:00", "2024-02-29T23:59:59.000001", "0001-01-01T00:00:00"] {
            let at: DateTime = text.parse().unwrap();
            assert_eq!(civil(micros(at)), Some(at));
            assert_eq!(date_of(days(at.date())), Some(at.date()));
        }
    }
}
