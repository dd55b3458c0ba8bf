//! The rows of a request, as every protocol brings them: one array for each input of the model.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, StringArray};
use millstream_core::model::{InputType, ModelInput, Signature};

use crate::error::DeployError;
use crate::limits::{EVENT_ID_BYTES_MAX, INLINE_BYTES_MAX, INLINE_ROWS_MAX, REQUEST_ROWS_MAX};

/// Rows to be scored.
#[derive(Debug, Clone)]
pub struct Rows {
    /// One array for each input, in the order of the signature: text as `Utf8`, numbers as
    /// `Float64`.
    pub inputs: Vec<ArrayRef>,
    /// How many rows.
    pub len: usize,
    /// What the client calls each row; recorded with its prediction.
    pub keys: Option<StringArray>,
    /// The client's own id of the request, by which a repeated request is recognised.
    pub request_id: Option<String>,
}

impl Rows {
    /// Checks that the arrays fit together and stay within the limits.
    pub fn new(
        signature: &Signature,
        inputs: Vec<ArrayRef>,
        keys: Option<StringArray>,
        request_id: Option<String>,
    ) -> Result<Self, DeployError> {
        let len = inputs.first().map_or(0, Array::len);
        let names = signature.inputs.iter().map(|input| input.name.as_str());
        let lengths = names.zip(inputs.iter().map(Array::len));
        let key_length = keys.iter().map(|keys| ("key", keys.len()));
        for (name, length) in lengths.chain(key_length) {
            if length != len {
                let reason = format!("it has {length} rows where the first input has {len}");
                return Err(DeployError::InputShape { input: name.to_owned(), reason });
            }
        }
        if len == 0 {
            return Err(DeployError::Malformed("it has no rows".to_owned()));
        }
        if len > REQUEST_ROWS_MAX {
            return Err(DeployError::TooManyRows(len));
        }
        if request_id.as_ref().is_some_and(|id| id.len() > EVENT_ID_BYTES_MAX) {
            let reason = format!("its id is longer than {EVENT_ID_BYTES_MAX} bytes");
            return Err(DeployError::Malformed(reason));
        }
        Ok(Self { inputs, len, keys, request_id })
    }

    /// Whether scoring is so quick that moving it to another thread would take longer.
    pub(crate) fn are_few(&self) -> bool {
        self.len <= INLINE_ROWS_MAX
            && self.inputs.iter().map(Array::get_array_memory_size).sum::<usize>()
                <= INLINE_BYTES_MAX
    }

    pub(crate) fn key(&self, row: usize) -> Option<&str> {
        self.keys.as_ref().filter(|keys| keys.is_valid(row)).map(|keys| keys.value(row))
    }
}

/// One value of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Integer(i64),
    Number(f64),
    Boolean(bool),
}

impl Cell<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Integer(_) | Self::Number(_) => "a number",
            Self::Boolean(_) => "a boolean",
        }
    }

    /// Text as SQL would write the value; `None` for null and for what is no category.
    fn as_category(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Integer(number) => Some(Cow::Owned(number.to_string())),
            Self::Number(number) => Some(Cow::Owned(format!("{number:?}"))),
            Self::Boolean(value) => Some(Cow::Borrowed(if *value { "true" } else { "false" })),
        }
    }
}

/// The array of an input from its values.
pub(crate) fn column(input: &ModelInput, cells: &[Cell<'_>]) -> Result<ArrayRef, DeployError> {
    match input.r#type {
        InputType::Text => Ok(Arc::new(texts(input, cells)?)),
        InputType::Number => Ok(Arc::new(numbers(input, cells)?)),
        InputType::Category => Ok(Arc::new(as_texts(cells))),
    }
}

/// Any values as text: categories and keys.
pub(crate) fn as_texts(cells: &[Cell<'_>]) -> StringArray {
    cells.iter().map(Cell::as_category).collect()
}

fn texts(input: &ModelInput, cells: &[Cell<'_>]) -> Result<StringArray, DeployError> {
    let wrong = cells.iter().find(|cell| !matches!(cell, Cell::Text(_) | Cell::Null));
    if let Some(cell) = wrong {
        return Err(wrong_type(input, cell.word()));
    }
    let text = cells.iter().map(|cell| match cell {
        Cell::Text(text) => Some(text.as_ref()),
        _ => None,
    });
    Ok(text.collect())
}

fn numbers(input: &ModelInput, cells: &[Cell<'_>]) -> Result<Float64Array, DeployError> {
    let number = |cell: &Cell<'_>| match cell {
        Cell::Null => Ok(None),
        Cell::Integer(number) => Ok(Some(*number as f64)),
        Cell::Number(number) => Ok(Some(*number).filter(|number| !number.is_nan())),
        Cell::Boolean(value) => Ok(Some(f64::from(u8::from(*value)))),
        Cell::Text(_) => Err(wrong_type(input, cell.word())),
    };
    cells.iter().map(number).collect()
}

pub(crate) fn wrong_type(input: &ModelInput, found: impl Into<String>) -> DeployError {
    let expected = match input.r#type {
        InputType::Text => "text",
        InputType::Number => "numbers",
        InputType::Category => "categories as text",
    };
    DeployError::InputType { input: input.name.clone(), expected, found: found.into() }
}

pub(crate) fn input_names(signature: &Signature) -> String {
    let names: Vec<&str> = signature.inputs.iter().map(|input| input.name.as_str()).collect();
    names.join(", ")
}

pub(crate) fn missing(signature: &Signature, input: &ModelInput) -> DeployError {
    DeployError::InputMissing { input: input.name.clone(), known: input_names(signature) }
}
