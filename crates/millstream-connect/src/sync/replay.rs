//! The table once more, from what was kept of its loads.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use millstream_core::error::Result;
use millstream_core::spec::{ColumnSpec, Columns, StreamSpec, SyncMode};
use millstream_core::step::{Attempt, Staged};
use millstream_core::table::WriteMode;

use super::SyncStep;
use super::contract::{RowRules, SyncCheckpoint, marks};
use super::rows::{Shaper, table_schema};
use super::stage::{KeptPart, Part, Work, blocking, stage};
use crate::columns::{Selection, parse_type, type_name, widen};
use crate::error::SyncError;
use crate::raw::{Manifest, RawLoad};

/// Rebuilds the table. What each load brought keeps its load id and time.
pub(super) async fn from_raw(
    step: &SyncStep,
    attempt: &Attempt,
    loads: &[String],
) -> Result<Staged> {
    let loads = open(step, loads).await?;
    let mut schemas = Vec::with_capacity(loads.len());
    for (load, _) in &loads {
        schemas.push(step.source.replay(&step.stream, load).await?.schema);
    }
    let union = union(&schemas);
    let schema = table_schema(step, &union)?;
    let mut parts = VecDeque::with_capacity(loads.len());
    for ((load, manifest), own) in loads.into_iter().zip(&schemas) {
        let stream = declared(&step.stream, own, &union)?;
        let basis = manifest.load_id.clone();
        let shaper = Shaper::new(step, &schema, &manifest.load_id, manifest.at, &basis);
        let source = Arc::clone(&step.source);
        parts.push_back(Part::Kept(KeptPart { source, stream, load, shaper }));
    }
    let scratch = tempfile::NamedTempFile::new()
        .map_err(|error| SyncError::io("temporary", error))?
        .into_temp_path();
    let work = Work {
        schema,
        parts,
        mode: WriteMode::Replace,
        keeps_unchanged: false,
        scratch: scratch.to_path_buf(),
    };
    let outcome = Box::pin(stage(step, attempt, work)).await?;
    let previous = SyncCheckpoint::read(attempt.previous.checkpoint.as_ref());
    let checkpoint = SyncCheckpoint {
        columns: marks(&union),
        rules: Some(RowRules::of(step)),
        source: previous.source,
    };
    Ok(outcome.into_staged(step, Some(checkpoint.to_value())))
}

/// The loads that make the table: of a stream that is replaced, the last one alone.
async fn open(step: &SyncStep, ids: &[String]) -> Result<Vec<(RawLoad, Manifest)>> {
    let needed = match step.stream.sync {
        SyncMode::Replace => ids.len().saturating_sub(1),
        SyncMode::Append | SyncMode::Merge => 0,
    };
    let ids = ids[needed..].to_vec();
    let (raw, source) = (step.raw.clone(), step.source_name.clone());
    let stream = step.stream.name.clone();
    let loads = blocking(move || {
        if ids.is_empty() {
            let stream = format!("{source}.{stream}");
            return Err(SyncError::RawMissing { stream, detail: String::new() });
        }
        let open = |id: &String| {
            let load = raw.open(&source, &stream, id)?;
            let manifest = load.manifest();
            Ok((load, manifest))
        };
        ids.iter().map(open).collect::<Result<Vec<_>, SyncError>>()
    });
    Ok(loads.await?)
}

/// Columns of all loads, with types that hold the values of all.
fn union(schemas: &[SchemaRef]) -> Schema {
    let mut fields: Vec<Field> = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields()) {
        match fields.iter_mut().find(|known| known.name() == field.name()) {
            None => fields.push(field.as_ref().clone()),
            Some(known) => {
                let wide = widen(known.data_type(), field.data_type());
                *known = known.clone().with_data_type(wide);
            }
        }
    }
    Schema::new(fields)
}

/// The stream with the types of the table declared for the columns that a load has, so that its
/// values are read as those types rather than cast to them: `1.50` as text is not `1.5`.
fn declared(stream: &StreamSpec, own: &Schema, union: &Schema) -> Result<StreamSpec, SyncError> {
    let selection = Selection::of(stream)?;
    let columns = own.fields().iter().map(|field| {
        let wide = union.field_with_name(field.name()).map_or(field.data_type(), Field::data_type);
        Columns::Declared(ColumnSpec {
            name: field.name().clone(),
            data_type: nameable(wide),
            not_null: selection.requires(field.name(), field.name()),
        })
    });
    Ok(StreamSpec { columns: Some(columns.collect()), ..stream.clone() })
}

fn nameable(data_type: &DataType) -> Option<String> {
    let name = type_name(data_type);
    parse_type(&name).is_ok_and(|parsed| parsed == *data_type).then_some(name)
}
