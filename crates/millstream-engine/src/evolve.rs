//! What becomes of a table's columns when rows with other columns come.

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::table::SchemaChange;

use crate::error::EngineError;
use crate::types::lake_schema;

/// The columns of a table after a write.
#[derive(Debug)]
pub(crate) struct Evolved {
    pub(crate) schema: SchemaRef,
    pub(crate) old_files: OldFiles,
}

/// Whether files that the table has can be read as its new columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldFiles {
    Stay,
    /// A column went or changed its type. A column that comes back later must not find its old
    /// values, so that all files are written anew.
    Rewritten,
}

/// The columns of a table of `base` once rows of `incoming` have joined it.
pub(crate) fn evolved(
    relation: &Relation,
    base: &SchemaRef,
    incoming: &SchemaRef,
    policy: SchemaChange,
) -> Result<Evolved> {
    let difference = Difference { relation, base, incoming };
    match policy {
        SchemaChange::Evolve => difference.widened(joined_type, NewColumns::Added),
        SchemaChange::Ignore => difference.widened(assigned_type, NewColumns::LeftOut),
        SchemaChange::AppendNewColumns => difference.widened(assigned_type, NewColumns::Added),
        SchemaChange::Fail => difference.refused(),
        SchemaChange::SyncAllColumns => difference.synced(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NewColumns {
    Added,
    LeftOut,
}

struct Difference<'a> {
    relation: &'a Relation,
    base: &'a SchemaRef,
    incoming: &'a SchemaRef,
}

impl Difference<'_> {
    fn widened(
        &self,
        join: impl Fn(&DataType, &DataType) -> Option<DataType>,
        new_columns: NewColumns,
    ) -> Result<Evolved> {
        let mut fields: Vec<Field> = Vec::with_capacity(self.base.fields().len());
        for old in self.base.fields() {
            let mut field = old.as_ref().clone();
            if let Ok(new) = self.incoming.field_with_name(old.name()) {
                let data_type = join(old.data_type(), new.data_type());
                let data_type = data_type.ok_or_else(|| EngineError::IncompatibleSchema {
                    relation: self.relation.clone(),
                    column: old.name().clone(),
                    old: old.data_type().to_string(),
                    new: new.data_type().to_string(),
                })?;
                field = field.with_data_type(data_type);
            }
            fields.push(field);
        }
        if new_columns == NewColumns::Added {
            fields.extend(self.added().cloned());
        }
        Ok(Evolved { schema: lake_schema(&Schema::new(fields))?, old_files: OldFiles::Stay })
    }

    fn refused(&self) -> Result<Evolved> {
        let mut differences: Vec<String> =
            self.added().map(|field| format!("`{}` is new", field.name())).collect();
        differences.extend(self.removed().map(|field| format!("`{}` is missing", field.name())));
        for (old, new) in self.common() {
            if old.data_type() != new.data_type() {
                let (old_type, new_type) = (old.data_type(), new.data_type());
                differences.push(format!("`{}` was {old_type}, is {new_type}", old.name()));
            }
        }
        if differences.is_empty() {
            let schema = lake_schema(self.base)?;
            return Ok(Evolved { schema, old_files: OldFiles::Stay });
        }
        let (relation, difference) = (self.relation.clone(), differences.join(", "));
        Err(EngineError::SchemaChanged { relation, difference }.into())
    }

    fn synced(&self) -> Result<Evolved> {
        let retyped = self.common().any(|(old, new)| {
            joined_type(old.data_type(), new.data_type()).as_ref() != Some(new.data_type())
        });
        let rewritten = retyped || self.removed().next().is_some();
        let kept = self.common().map(|(_, new)| new);
        let fields: Vec<Field> = kept.chain(self.added()).cloned().collect();
        let old_files = if rewritten { OldFiles::Rewritten } else { OldFiles::Stay };
        Ok(Evolved { schema: lake_schema(&Schema::new(fields))?, old_files })
    }

    fn added(&self) -> impl Iterator<Item = &Field> {
        let new = self.incoming.fields().iter().map(AsRef::as_ref);
        new.filter(|field: &&Field| self.base.field_with_name(field.name()).is_err())
    }

    fn removed(&self) -> impl Iterator<Item = &Field> {
        let old = self.base.fields().iter().map(AsRef::as_ref);
        old.filter(|field: &&Field| self.incoming.field_with_name(field.name()).is_err())
    }

    fn common(&self) -> impl Iterator<Item = (&Field, &Field)> {
        let old = self.base.fields().iter().map(AsRef::as_ref);
        old.filter_map(|old: &Field| Some((old, self.incoming.field_with_name(old.name()).ok()?)))
    }
}

/// The type of a column of `old` that takes values of `new`; files of the old type must still be
/// readable as it.
fn joined_type(old: &DataType, new: &DataType) -> Option<DataType> {
    if old == new {
        return Some(old.clone());
    }
    let rank = |data_type: &DataType| match data_type {
        DataType::Int8 => Some(1),
        DataType::Int16 => Some(2),
        DataType::Int32 => Some(3),
        DataType::Int64 => Some(4),
        _ => None,
    };
    match (rank(old), rank(new), old) {
        (Some(o), Some(n), _) => Some(if n > o { new.clone() } else { old.clone() }),
        (None, Some(_), DataType::Float64 | DataType::Decimal128(..)) => Some(old.clone()),
        (None, None, DataType::Float64) if *new == DataType::Float32 => Some(old.clone()),
        _ => None,
    }
}

/// The same, where SQL would also turn the new values into the old type.
fn assigned_type(old: &DataType, new: &DataType) -> Option<DataType> {
    let moment =
        |data_type: &DataType| matches!(data_type, DataType::Date32 | DataType::Timestamp(..));
    joined_type(old, new).or_else(|| {
        let assignable = (old.is_numeric() && new.is_numeric())
            || (moment(old) && moment(new))
            || (*old == DataType::Utf8 && !new.is_nested());
        assignable.then(|| old.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_integers_grow() {
        use DataType::{Boolean, Date32, Decimal128, Float32, Float64, Int32, Int64, Utf8};
        for (old, new, joined) in [
            (Int32, Int64, Some(Int64)),
            (Int64, Int32, Some(Int64)),
            (Float64, Int32, Some(Float64)),
            (Float64, Float32, Some(Float64)),
            (Decimal128(15, 2), Int64, Some(Decimal128(15, 2))),
            (Utf8, Int64, None),
            (Int64, Float64, None),
            (Date32, Utf8, None),
            (Boolean, Int32, None),
        ] {
            assert_eq!(joined_type(&old, &new), joined, "{old} and {new}");
        }
    }
}
