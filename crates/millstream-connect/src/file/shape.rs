//! The columns of all files of a stream together: what was declared, discovered, and seen by
//! earlier syncs.

use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use crate::columns::{field, parse_type, type_name, widen};
use crate::error::SyncError;

/// What is known of a column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", into = "KnownText", try_from = "KnownText")]
pub(crate) enum Known {
    /// The stream declares it.
    Declared(DataType),
    /// Its values show it.
    Shown(Evidence),
    /// The file says it, as Parquet does.
    Typed(DataType),
}

/// [`Known`] as the checkpoint keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KnownText {
    Declared(String),
    Shown(Evidence),
    Typed(String),
}

/// A column of the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShapeColumn {
    /// Name in the table.
    pub name: String,
    /// Name in the first file that has it.
    pub original: String,
    /// Its type.
    pub known: Known,
}

/// The columns of a stream, in the order in which they were first seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Shape {
    pub columns: Vec<ShapeColumn>,
}

impl Shape {
    /// Takes what one more file shows of a column.
    pub(crate) fn add(
        &mut self,
        name: &str,
        original: &str,
        known: Known,
    ) -> Result<(), SyncError> {
        match self.columns.iter_mut().find(|column| column.name == name) {
            Some(column) => column.known = column.known.merged(&known),
            None => self.columns.push(ShapeColumn {
                name: name.to_owned(),
                original: original.to_owned(),
                known,
            }),
        }
        Ok(())
    }

    /// Widens the columns by what earlier syncs saw of those of the same name.
    pub(crate) fn widen_by(&mut self, earlier: &Self) {
        for column in &mut self.columns {
            if let Some(before) = earlier.columns.iter().find(|before| before.name == column.name) {
                column.known = column.known.merged(&before.known);
            }
        }
    }

    /// Adds the columns that only earlier syncs saw, so that the table keeps them.
    pub(crate) fn append_missing(&mut self, earlier: &Self) {
        let mut columns = earlier.columns.clone();
        columns.retain(|before| self.columns.iter().all(|column| column.name != before.name));
        self.columns.append(&mut columns);
    }

    /// The schema of the rows.
    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self
            .columns
            .iter()
            .map(|column| field(&column.name, &column.original, column.known.data_type()));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

impl Known {
    /// The type.
    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Declared(data_type) | Self::Typed(data_type) => data_type.clone(),
            Self::Shown(evidence) => evidence.data_type(),
        }
    }

    /// What is known from both. What the stream declares now decides; what it declared before is
    /// only what the table has.
    fn merged(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Declared(_), _) => self.clone(),
            (Self::Shown(own), Self::Shown(others)) => {
                let mut both = *own;
                both.merge(*others);
                Self::Shown(both)
            }
            // A column that was empty all along takes any type.
            (Self::Shown(none), _) if *none == Evidence::default() => {
                Self::Typed(other.data_type())
            }
            (_, Self::Shown(none)) if *none == Evidence::default() => self.clone(),
            _ => Self::Typed(widen(&self.data_type(), &other.data_type())),
        }
    }
}

impl From<Known> for KnownText {
    fn from(known: Known) -> Self {
        match known {
            Known::Declared(data_type) => Self::Declared(type_name(&data_type)),
            Known::Shown(evidence) => Self::Shown(evidence),
            Known::Typed(data_type) => Self::Typed(type_name(&data_type)),
        }
    }
}

impl TryFrom<KnownText> for Known {
    type Error = SyncError;

    fn try_from(text: KnownText) -> Result<Self, SyncError> {
        Ok(match text {
            KnownText::Declared(name) => Self::Declared(parse_type(&name)?),
            KnownText::Shown(evidence) => Self::Shown(evidence),
            KnownText::Typed(name) => Self::Typed(parse_type(&name)?),
        })
    }
}
