//! Tables that need not be there yet, and the columns that they are read with until they are.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::spec::{Columns, StreamSpec};

use super::error::SourceError;
use super::fit::field;
use crate::columns::declared_type;

/// Whether a table has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    /// A function makes it when it first writes to it; until then the stream is empty.
    Later,
}

/// The columns that a stream declares; those without a type are text. If it declares none, those
/// of its key.
pub(crate) fn declared_schema(stream: &StreamSpec) -> Result<SchemaRef> {
    let declared = stream.columns.as_deref().unwrap_or_default();
    let mut fields = declared
        .iter()
        .map(|column| declared_field(&stream.name, column))
        .collect::<Result<Vec<_>>>()?;
    if declared.is_empty() {
        let key = stream.key.as_ref().map_or(&[][..], |key| key.columns());
        fields.extend(key.iter().map(|name| field(name, DataType::Utf8)));
    }
    if fields.is_empty() {
        return Err(SourceError::NothingDeclared { stream: stream.name.clone() }.into());
    }
    Ok(Arc::new(Schema::new(fields)))
}

fn declared_field(stream: &str, column: &Columns) -> Result<Field> {
    Ok(match column {
        Columns::Name(name) => field(name, DataType::Utf8),
        Columns::Declared(spec) => {
            let data_type = declared_type(stream, spec)?;
            field(&spec.name, data_type.unwrap_or(DataType::Utf8))
        }
    })
}
