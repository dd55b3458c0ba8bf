//! Text: parts by pattern, quoting, `format`.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::columnar::columnar;
use crate::error::relay;
use crate::types::cast_column;

pub(super) fn functions() -> Vec<ScalarUDF> {
    use DataType::Utf8;
    vec![
        columnar("regexp_substr", &[Utf8, Utf8], Utf8, regexp_substr),
        columnar("regexp_extract", &[Utf8, Utf8], Utf8, regexp_substr),
        columnar("quote_ident", &[Utf8], Utf8, |columns| each(columns, quote_ident)),
        columnar("quote_literal", &[Utf8], Utf8, |columns| each(columns, quote_literal)),
        ScalarUDF::from(Format { signature: Signature::variadic_any(Volatility::Immutable) }),
    ]
}

fn each(columns: &[ArrayRef], change: fn(&str) -> String) -> Result<ArrayRef> {
    let texts = columns[0].as_string::<i32>().iter();
    Ok(Arc::new(texts.map(|text| text.map(change)).collect::<StringArray>()))
}

/// The first part that matches; null if there is none.
fn regexp_substr(columns: &[ArrayRef]) -> Result<ArrayRef> {
    let rows = columns[0].len();
    // The whole match as a group, so that groups inside do not take its place.
    let patterns = columns[1].as_string::<i32>().iter();
    let pattern: StringArray =
        patterns.map(|pattern| pattern.map(|pattern| format!("({pattern})"))).collect();
    let matches = arrow::compute::kernels::regexp::regexp_match(
        columns[0].as_string::<i32>(),
        &pattern,
        None,
    )?;
    let matches = matches.as_list::<i32>();
    let first = (0..rows).map(|row| {
        if matches.is_null(row) {
            return None;
        }
        let groups = matches.value(row);
        let groups = groups.as_string::<i32>();
        (!groups.is_empty() && groups.is_valid(0)).then(|| groups.value(0).to_owned())
    });
    Ok(Arc::new(first.collect::<StringArray>()))
}

fn quote_ident(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts = text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    if starts && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `format('%s of %I', ...)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &'static str {
        "format"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = arguments.args.iter().map(|value| value.to_array(arguments.number_rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let texts: millstream_core::error::Result<Vec<ArrayRef>> =
            arrays.iter().map(|array| cast_column(array, &DataType::Utf8)).collect();
        let texts = texts.map_err(relay)?;
        let texts: Vec<&StringArray> = texts.iter().map(AsArray::as_string).collect();
        let rows = arguments.number_rows;
        let formatted = (0..rows).map(|row| {
            let value = |column: usize| {
                texts.get(column).map(|text| text.is_valid(row).then(|| text.value(row)))
            };
            formatted(value)
        });
        Ok(ColumnarValue::Array(Arc::new(formatted.collect::<Result<StringArray>>()?)))
    }
}

fn formatted<'t>(value: impl Fn(usize) -> Option<Option<&'t str>>) -> Result<Option<String>> {
    let Some(Some(template)) = value(0) else { return Ok(None) };
    let mut text = String::new();
    let mut next = 1;
    let mut characters = template.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let kind = characters.next();
        if kind == Some('%') {
            text.push('%');
            continue;
        }
        let Some(argument) = value(next) else {
            return Err(DataFusionError::Execution("`format` has too few arguments".to_owned()));
        };
        next += 1;
        match (kind, argument) {
            (Some('s'), argument) => text.push_str(argument.unwrap_or_default()),
            (Some('I'), Some(argument)) => text.push_str(&quote_ident(argument)),
            (Some('L'), Some(argument)) => text.push_str(&quote_literal(argument)),
            (Some('L'), None) => text.push_str("NULL"),
            _ => {
                let message = "`format` knows %s, %I, %L and %%".to_owned();
                return Err(DataFusionError::Execution(message));
            }
        }
    }
    Ok(Some(text))
}
