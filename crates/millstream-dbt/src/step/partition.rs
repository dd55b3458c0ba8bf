//! One partition of a relation: its rows take the place of those of the same partition, and of no
//! others; and what of an input belongs to which partition.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, SchemaRef};
use futures::TryStreamExt;
use millstream_core::ContentHash;
use millstream_core::asset::AssetKey;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::error::{Plain, Result};
use millstream_core::partition::{
    Grain, PartitionKey, PartitionedBy, Partitions, Stretch, TimePartitions,
};
use millstream_core::step::{Attempt, Prints, Refresh, Staged};
use millstream_core::table::{SchemaChange, TablePart, WriteMode};
use millstream_core::text::{Scene, ScenePart};
use millstream_core::warehouse::Query;

use super::plan::{Existing, Making, Work, Writing};
use super::{Origin, Reading, RelationStep};
use crate::run::event_time::{civil, python};

/// The column of synced rows that says when they came.
const LOADED_AT: &str = "_loaded_at";
/// Seconds of the stretches that rows are counted by: the offsets of all zones are whole ones.
const QUARTER_SECONDS: i64 = 900;
const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 86_400;
const SECOND_MICROS: i64 = 1_000_000;

/// Stages one partition.
pub(super) async fn stage(
    step: &RelationStep,
    partitions: &Partitions,
    key: &PartitionKey,
    attempt: &Attempt,
) -> Result<Staged> {
    let reading = Reading::of(attempt);
    let (relation, relations) = (&step.relation, &step.relations);
    let existing = relations.existing(relation, &reading).await?;
    let stretch = partitions.time().and_then(|time| time.stretch(key));
    let scene = Scene {
        catalog: reading.catalog.clone(),
        now: reading.now,
        // A partition is made from scratch, however often: `is_incremental()` is false.
        refresh: Refresh::Full,
        part: stretch.map(|stretch| ScenePart { key: key.clone(), stretch }),
    };
    let text = step.source.text().render(&scene).await?;
    let schema = relations.0.schema(&reading.query(&*text)).await?;
    let condition = condition(partitions, key, column(partitions, &schema)?)?;
    let sql = format!("select * from (\n{text}\n) as made where {condition}");
    let work = match existing {
        Existing::Table { .. } => {
            let mode = WriteMode::Overwrite { part: TablePart::Where(condition) };
            let schema_change = schema_change(&step.making, attempt.refresh);
            Work::Table { sql, writing: Writing::meeting(mode, schema_change) }
        }
        Existing::Nothing | Existing::View => Work::begun(sql),
    };
    let reading = reading.saying(step.said(&work, attempt));
    let prepared = relations.stage(relation, work, &reading).await?;
    let checkpoint = Origin { refresh: Refresh::Full, sql: text }.to_value();
    Ok(step.staged(prepared, checkpoint, &reading.log))
}

/// What becomes of columns that the table does not have. Who starts over wants those of now.
fn schema_change(making: &Making, refresh: Refresh) -> SchemaChange {
    match (making, refresh) {
        (Making::Incremental(strategy), Refresh::Incremental) => strategy.schema_change,
        (_, Refresh::Full) => SchemaChange::AppendNewColumns,
        _ => SchemaChange::Evolve,
    }
}

fn column<'s>(partitions: &Partitions, schema: &'s SchemaRef) -> Result<&'s Field> {
    let name = &partitions.column;
    let found = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name));
    found.map(|field| &**field).ok_or_else(|| {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        Plain::user("partition.no_column", format!("the model makes no column `{name}`"))
            .with_hint(format!("it makes {}", names.join(", ")))
            .into()
    })
}

/// What the rows of a partition have in common.
fn condition(partitions: &Partitions, key: &PartitionKey, field: &Field) -> Result<String> {
    let column = quote(field.name());
    match &partitions.by {
        PartitionedBy::Values { .. } => {
            let value = literal(key.as_str());
            Ok(match field.data_type() {
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                    format!("{column} = {value}")
                }
                _ => format!("cast({column} as varchar) = {value}"),
            })
        }
        PartitionedBy::Time(time) => {
            let (start, end) = bounds(time, key, field)?;
            Ok(format!("{column} >= {} and {column} < {}", literal(&start), literal(&end)))
        }
    }
}

/// The bounds of a stretch in the words of a column's type.
fn bounds(time: &TimePartitions, key: &PartitionKey, field: &Field) -> Result<(String, String)> {
    let refused = |message: String, hint: &str| {
        Err(Plain::user("partition.column_type", message).with_hint(hint).into())
    };
    let Some(Stretch { start, end }) = time.stretch(key) else {
        return refused(format!("`{key}` is no {}", time.grain().word()), time.grain().example());
    };
    match field.data_type() {
        DataType::Timestamp(..) => {
            let shown = |at: Timestamp| python(civil(at.as_micros()));
            Ok((shown(start), shown(end)))
        }
        DataType::Date32 | DataType::Date64 if time.grain() > Grain::Hour => {
            // A date has no zone: it is what the calendar of the partitions shows.
            let day = |at| time.date_at(at).to_string();
            Ok((day(start), day(end)))
        }
        other => refused(
            format!(
                "partitions by {} need a moment, and `{}` is {other}",
                time.grain().word(),
                field.name()
            ),
            "cast it: `ordered_at::timestamp as ordered_at`",
        ),
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The fingerprints of the rows of an input, by partition; `None` if it has no column that tells.
pub(super) async fn prints(
    step: &RelationStep,
    partitions: &Partitions,
    input: &AssetKey,
    catalog: &CatalogSnapshot,
    now: Timestamp,
) -> Result<Option<Prints>> {
    let Some(relation) = input.relation() else { return Ok(None) };
    if catalog.get(&relation).is_none() {
        return Ok(None);
    }
    let query = |sql: String| Query { sql, catalog: catalog.clone(), now };
    let from = relation.quoted();
    let schema = step.relations.0.schema(&query(format!("select * from {from}"))).await?;
    let clock = step.clocks.get(input).unwrap_or(&partitions.column);
    let field = schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(clock));
    let Some(bin) = field.and_then(|field| bin(partitions, field)) else { return Ok(None) };
    let content = content(&schema);
    let sql = format!(
        "select cast({bin} as varchar) as bin, \
         cast(count(*) as varchar) || ' ' || cast({content} as varchar) as print \
         from {from} group by 1 order by 1"
    );
    let rows = step.relations.0.query(&query(sql)).await?;
    let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
    let mut found: BTreeMap<PartitionKey, Vec<String>> = BTreeMap::new();
    for batch in &batches {
        for row in 0..batch.num_rows() {
            let (Some(bin), Some(print)) = (text_at(batch, 0, row), text_at(batch, 1, row)) else {
                continue;
            };
            if let Some(key) = key_of(partitions, &bin) {
                found.entry(key).or_default().extend([bin, print]);
            }
        }
    }
    let prints = found.into_iter().map(|(key, parts)| (key, ContentHash::of_parts(parts)));
    Ok(Some(prints.collect()))
}

/// What rows are counted by: no finer than needed, and never across two partitions.
fn bin(partitions: &Partitions, field: &Field) -> Option<String> {
    let column = quote(field.name());
    let PartitionedBy::Time(time) = &partitions.by else { return Some(column) };
    let seconds = seconds_of(time);
    match field.data_type() {
        DataType::Timestamp(..) => {
            Some(format!("cast(floor(date_part('epoch', {column}) / {seconds}) as bigint)"))
        }
        DataType::Date32 | DataType::Date64 => Some(column),
        _ => None,
    }
}

fn seconds_of(time: &TimePartitions) -> i64 {
    match (time.timezone(), time.grain()) {
        ("UTC", Grain::Hour) => HOUR_SECONDS,
        ("UTC", _) => DAY_SECONDS,
        _ => QUARTER_SECONDS,
    }
}

/// What changes when rows of a stretch do: of synced rows the time when the last one came, of
/// others a sum over all that is in them.
fn content(schema: &SchemaRef) -> String {
    if schema.fields().iter().any(|field| field.name() == LOADED_AT) {
        return format!("max({LOADED_AT})");
    }
    let columns: Vec<String> = schema
        .fields()
        .iter()
        .filter(|field| !field.data_type().is_nested())
        .map(|field| format!("coalesce(cast({} as varchar), '~')", quote(field.name())))
        .collect();
    // Twelve of the digits of a row's hash as a number, so that they can be added in any order.
    let row = format!("substr(md5(concat_ws('|', {})), 1, 12)", columns.join(", "));
    format!("sum(cast(translate({row}, 'abcdef', '012345') as bigint))")
}

/// The partition of a bin; `None` of rows that are in none.
fn key_of(partitions: &Partitions, bin: &str) -> Option<PartitionKey> {
    let PartitionedBy::Time(time) = &partitions.by else { return Some(PartitionKey::new(bin)) };
    if let Ok(number) = bin.parse::<i64>() {
        let micros = number.checked_mul(seconds_of(time))?.checked_mul(SECOND_MICROS)?;
        return Some(time.key_at(Timestamp::from_micros(micros)));
    }
    Some(time.key_of_date(bin.parse().ok()?))
}

fn text_at(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let array = batch.column(column);
    if array.is_null(row) {
        return None;
    }
    let text = match array.data_type() {
        DataType::Utf8View => array.as_string_view_opt()?.value(row),
        DataType::LargeUtf8 => array.as_string_opt::<i64>()?.value(row),
        _ => array.as_string_opt::<i32>()?.value(row),
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    fn days(zone: Option<&str>) -> Partitions {
        let time = TimePartitions::new(Grain::Day, "2026-01-01", None, zone, 1).unwrap();
        Partitions { column: "at".to_owned(), by: PartitionedBy::Time(time) }
    }

    fn shown(partitions: &Partitions, key: &str, data_type: DataType) -> Result<String> {
        condition(partitions, &PartitionKey::new(key), &Field::new("at", data_type, true))
    }

    #[test]
    fn rows_of_a_stretch_are_those_from_its_begin_until_before_its_end() {
        let moment = DataType::Timestamp(TimeUnit::Microsecond, None);
        assert_eq!(
            shown(&days(None), "2026-02-28", moment.clone()).unwrap(),
            "\"at\" >= '2026-02-28 00:00:00+00:00' and \"at\" < '2026-03-01 00:00:00+00:00'"
        );
        assert_eq!(
            shown(&days(Some("Europe/Paris")), "2026-03-29", moment).unwrap(),
            "\"at\" >= '2026-03-28 23:00:00+00:00' and \"at\" < '2026-03-29 22:00:00+00:00'"
        );
        assert_eq!(
            shown(&days(Some("Europe/Paris")), "2026-03-29", DataType::Date32).unwrap(),
            "\"at\" >= '2026-03-29' and \"at\" < '2026-03-30'"
        );
        let error = shown(&days(None), "2026-02-28", DataType::Utf8).unwrap_err();
        assert_eq!(error.code(), "partition.column_type");
    }

    #[test]
    fn values_are_compared_as_text() {
        let values = vec![PartitionKey::new("o'brien")];
        let by = PartitionedBy::Values { values };
        let regions = Partitions { column: "at".to_owned(), by };
        assert_eq!(shown(&regions, "o'brien", DataType::Utf8).unwrap(), "\"at\" = 'o''brien'");
        assert_eq!(shown(&regions, "7", DataType::Int64).unwrap(), "cast(\"at\" as varchar) = '7'");
    }

    #[test]
    fn bins_are_parts_of_partitions() {
        let paris = days(Some("Europe/Paris"));
        let late = 1_774_738_800 / QUARTER_SECONDS;
        assert_eq!(key_of(&paris, &late.to_string()), Some(PartitionKey::new("2026-03-29")));
        assert_eq!(key_of(&paris, &(late - 1).to_string()), Some(PartitionKey::new("2026-03-28")));
        assert_eq!(key_of(&paris, "2026-03-29"), Some(PartitionKey::new("2026-03-29")));
    }
}
