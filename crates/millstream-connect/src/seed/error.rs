//! What can be wrong with the file of a seed.

use std::io;

use millstream_core::error::{Coded, Fault};
use millstream_core::explain::Explanation;

use crate::columns::TYPE_NAMES;

/// Why a seed is not made. The last good version of its table stays in place.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The file cannot be read.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The file has no header.
    #[error("`{path}` has no header")]
    Empty {
        /// The file.
        path: String,
    },
    /// The delimiter is not one byte.
    #[error("the delimiter of `{path}` cannot be `{delimiter}`")]
    Delimiter {
        /// The file.
        path: String,
        /// The delimiter.
        delimiter: char,
    },
    /// A quote is not closed as it should be.
    #[error("{path}:{line}: a quote is not closed")]
    Quote {
        /// The file.
        path: String,
        /// The line on which the record begins.
        line: usize,
    },
    /// A row has more fields than the header.
    #[error("{path}: row {row} has {fields} fields, the header {columns}")]
    Fields {
        /// The file.
        path: String,
        /// The row, from 1; the header does not count.
        row: usize,
        /// Its fields.
        fields: usize,
        /// The columns.
        columns: usize,
    },
    /// `column_types` names a type that does not exist.
    #[error("column `{column}` of `{path}` cannot be of type `{name}`")]
    Type {
        /// The file.
        path: String,
        /// The column.
        column: String,
        /// The type as written.
        name: String,
    },
    /// A value is not of the type that `column_types` gives to its column.
    #[error("{path}: row {row}, column `{column}`: `{value}` is no {name}")]
    Value {
        /// The file.
        path: String,
        /// The row, from 1; the header does not count.
        row: usize,
        /// The column.
        column: String,
        /// The value.
        value: String,
        /// The type as written.
        name: String,
    },
    /// The rows do not make a table.
    #[error("`{path}` does not make a table")]
    Table {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: arrow::error::ArrowError,
    },
}

impl Coded for SeedError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "seed.unreadable",
            Self::Empty { .. } => "seed.empty",
            Self::Delimiter { .. } => "seed.delimiter",
            Self::Quote { .. } | Self::Fields { .. } => "seed.bad_row",
            Self::Type { .. } => "seed.bad_type",
            Self::Value { .. } => "seed.bad_value",
            Self::Table { .. } => "seed.no_table",
        }
    }

    fn fault(&self) -> Fault {
        Fault::User
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unreadable { .. } => "look at the file's rights and encoding".to_owned(),
            Self::Empty { .. } => "write the names of the columns on the first line".to_owned(),
            Self::Delimiter { .. } => "one character, such as `;`".to_owned(),
            Self::Quote { .. } => "close the quote, and write a quote inside as two".to_owned(),
            Self::Fields { .. } => {
                "put fields that contain the delimiter into double quotes".to_owned()
            }
            Self::Type { .. } => format!("one of: {TYPE_NAMES}"),
            Self::Value { .. } => "correct the value, or the type under `column_types`".to_owned(),
            Self::Table { .. } => return None,
        })
    }
}

const fn page(code: &'static str, title: &'static str, text: &'static str) -> Explanation {
    Explanation { code, title, text }
}

/// One page for every code of seeds.
pub(crate) const EXPLANATIONS: &[Explanation] = &[
    page(
        "seed.unreadable",
        "The file of a seed cannot be read",
        "It was there when the project was read and is not now, or it is no UTF-8 text. The last \
         good version of the table stays in place.",
    ),
    page(
        "seed.empty",
        "A seed has no header",
        "The first line of a seed names its columns. This file has no line at all. The last good \
         version of the table stays in place.",
    ),
    page(
        "seed.delimiter",
        "The delimiter of a seed cannot be used",
        "`+delimiter` is one character of ASCII that stands between fields. A comma is taken when \
         it is left out.",
    ),
    page(
        "seed.bad_row",
        "A row of a seed is no row",
        "It has more fields than the header, or a quote in it is not closed. Missing fields at the \
         end of a row are null. As in dbt, the seed is not made at all; the last good version of \
         the table stays in place.",
    ),
    page(
        "seed.bad_type",
        "A seed gives a column a type that does not exist",
        "`+column_types` gives SQL types to columns by their names in the header. The hint lists \
         the types.",
    ),
    page(
        "seed.bad_value",
        "A value of a seed is not of its column's type",
        "`+column_types` gives the column a type, and this value is not of it. Nothing of the file \
         is used; the last good version of the table stays in place.",
    ),
    page(
        "seed.no_table",
        "The rows of a seed do not make a table",
        "The message says why. The last good version of the table stays in place.",
    ),
];
