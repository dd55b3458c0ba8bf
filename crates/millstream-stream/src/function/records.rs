//! The relation `records`: the JSON objects of one batch of events, a column for each field.
//!
//! A field's type is the narrowest that holds its values in this batch: boolean, bigint, double,
//! else text. A query that is to mean the same over every batch says by `cast` which it is. Arrays
//! and objects are their JSON text. The fields of our own events are always there, mostly of one
//! type. `at` is the moment of the event, from its
//! field `at` or else from the record; an event without `event_id` gets `<topic>/0/<offset>`.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::stream;
use millstream_core::batch::{BatchStream, Scan};
use millstream_core::error::{Error, Plain, Result};
use millstream_core::topic::Record;
use serde_json::{Map, Value};

use super::dead_letters::DeadLetter;

/// Most columns of one batch; an event whose fields would make more is refused.
const COLUMNS_MAX: usize = 1000;
const EVENT_ID: &str = "event_id";
const AT: &str = "at";

/// Fields of our own events which are always columns, and the type they have when no event of the
/// batch has a value.
const KNOWN_FIELDS: [(&str, FieldType); 10] = [
    (EVENT_ID, FieldType::AlwaysText),
    ("model", FieldType::AlwaysText),
    ("version", FieldType::Bigint),
    ("deployment", FieldType::AlwaysText),
    ("key", FieldType::AlwaysText),
    ("input", FieldType::AlwaysText),
    ("label", FieldType::AlwaysText),
    ("score", FieldType::Double),
    ("scores", FieldType::AlwaysText),
    ("kind", FieldType::AlwaysText),
];

/// What the values of a field are, in the order in which they widen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FieldType {
    Boolean,
    Bigint,
    Double,
    Text,
    /// Text even where all values are numbers, because others of the field may not be.
    AlwaysText,
}

impl FieldType {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_i64() => Some(Self::Bigint),
            Value::Number(_) => Some(Self::Double),
            Value::String(_) | Value::Array(_) | Value::Object(_) => Some(Self::Text),
        }
    }

    fn widened(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::AlwaysText, _) => Self::AlwaysText,
            (Self::Bigint, Self::Double) | (Self::Double, Self::Bigint) => Self::Double,
            _ => Self::Text,
        }
    }

    fn column(self, values: &[Option<&Value>]) -> ArrayRef {
        let values = values.iter().map(|value| value.filter(|value| !value.is_null()));
        match self {
            Self::Boolean => Arc::new(values.map(|v| v?.as_bool()).collect::<BooleanArray>()),
            Self::Bigint => Arc::new(values.map(|v| v?.as_i64()).collect::<Int64Array>()),
            Self::Double => Arc::new(values.map(|v| v?.as_f64()).collect::<Float64Array>()),
            Self::Text | Self::AlwaysText => {
                Arc::new(values.map(|value| value.map(text)).collect::<StringArray>())
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The events of a batch: those that are rows, and those that cannot be.
#[derive(Debug)]
pub(super) struct Projection {
    pub(super) rows: RecordBatch,
    pub(super) dead: Vec<DeadLetter>,
}

/// Makes columns of the fields of these events.
pub(super) fn project(topic: &str, records: &[Record]) -> Result<Projection> {
    let mut fields = Fields::new();
    let mut dead = Vec::new();
    let mut events = Vec::with_capacity(records.len());
    for record in records {
        match fields.read(topic, record) {
            Ok(event) => events.push(event),
            Err(reason) => dead.push(DeadLetter::new(topic, record, reason)),
        }
    }
    let rows = fields.columns(&events)?;
    Ok(Projection { rows, dead })
}

struct Event {
    at_micros: i64,
    fields: Map<String, Value>,
}

/// The fields of a batch and their types; `None` where only nulls were seen.
struct Fields(BTreeMap<String, Option<FieldType>>);

impl Fields {
    fn new() -> Self {
        let always = |(name, field): (&str, FieldType)| {
            (name.to_owned(), (field == FieldType::AlwaysText).then_some(field))
        };
        Self(KNOWN_FIELDS.into_iter().map(always).collect())
    }

    fn read(&mut self, topic: &str, record: &Record) -> Result<Event, String> {
        let value: Value = serde_json::from_slice(&record.value)
            .map_err(|error| format!("the event is not JSON: {error}"))?;
        let Value::Object(mut fields) = value else {
            return Err("the event is not a JSON object".to_owned());
        };
        let stated = fields.remove(AT);
        let at_micros = match stated.as_ref().map(|at| (at, moment(at))) {
            None | Some((Value::Null, _)) => record.at_millis.saturating_mul(1000),
            Some((_, Some(micros))) => micros,
            Some((at, None)) => return Err(format!("`at` is not a time of RFC 3339: {at}")),
        };
        if fields.get(EVENT_ID).is_none_or(Value::is_null) {
            let id = format!("{topic}/0/{}", record.offset);
            fields.insert(EVENT_ID.to_owned(), Value::String(id));
        }
        let new = fields.keys().filter(|name| !self.0.contains_key(*name)).count();
        if self.0.len() + new > COLUMNS_MAX {
            return Err(format!("the events of a batch have more than {COLUMNS_MAX} fields"));
        }
        for (name, value) in &fields {
            self.widen(name, FieldType::of(value));
        }
        Ok(Event { at_micros, fields })
    }

    fn widen(&mut self, name: &str, seen: Option<FieldType>) {
        let Some(known) = self.0.get_mut(name) else {
            self.0.insert(name.to_owned(), seen);
            return;
        };
        *known = match (*known, seen) {
            (Some(known), Some(seen)) => Some(known.widened(seen)),
            (known, seen) => known.or(seen),
        };
    }

    fn columns(self, events: &[Event]) -> Result<RecordBatch> {
        let times: TimestampMicrosecondArray =
            events.iter().map(|event| Some(event.at_micros)).collect();
        let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
        let mut schema = vec![Field::new(AT, times.data_type().clone(), false)];
        let mut columns = vec![times];
        for (name, seen) in self.0 {
            let field_type = seen.unwrap_or_else(|| type_without_values(&name));
            let values: Vec<_> = events.iter().map(|event| event.fields.get(&name)).collect();
            let column = field_type.column(&values);
            schema.push(Field::new(name, DataType::clone(column.data_type()), true));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(schema)), columns)
            .map_err(|error| Error::from(Plain::internal("function.records", error.to_string())))
    }
}

fn type_without_values(name: &str) -> FieldType {
    let known = KNOWN_FIELDS.iter().find(|(known, _)| *known == name);
    known.map_or(FieldType::Text, |&(_, field_type)| field_type)
}

fn moment(value: &Value) -> Option<i64> {
    let moment: jiff::Timestamp = value.as_str()?.parse().ok()?;
    Some(moment.as_microsecond())
}

/// One batch in memory, as a relation.
#[derive(Debug)]
pub(super) struct MemoryScan(pub(super) RecordBatch);

impl Scan for MemoryScan {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn scan(&self) -> Result<BatchStream> {
        let batches = Box::pin(stream::iter([Ok(self.0.clone())]));
        Ok(BatchStream { schema: self.0.schema(), batches })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use arrow::datatypes::TimestampMicrosecondType;

    use super::*;

    fn events(values: &[&str]) -> Vec<Record> {
        let record = |(offset, value): (usize, &&str)| Record {
            offset: offset as u64,
            key: None,
            value: value.as_bytes().to_vec(),
            at_millis: 1_700_000_000_000,
        };
        values.iter().enumerate().map(record).collect()
    }

    fn types(values: &[&str]) -> BTreeMap<String, DataType> {
        let rows = project("t", &events(values)).unwrap().rows;
        let schema = rows.schema();
        schema.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect()
    }

    #[test]
    fn fields_become_columns_of_the_narrowest_type() {
        let types = types(&[
            r#"{"a": 1, "b": true, "c": 1, "d": 1, "e": [1], "f": null, "g": 1e3, "h": 1}"#,
            r#"{"a": 2, "b": null, "c": 2.5, "d": "x", "e": {"y": 2}, "h": true}"#,
        ]);
        let expected = [
            ("a", DataType::Int64),
            ("b", DataType::Boolean),
            ("c", DataType::Float64),
            ("d", DataType::Utf8),
            ("e", DataType::Utf8),
            ("f", DataType::Utf8),
            ("g", DataType::Float64),
            ("h", DataType::Utf8),
        ];
        for (name, data_type) in expected {
            assert_eq!(types[name], data_type, "of {name}");
        }
    }

    #[test]
    fn known_fields_are_there_in_an_empty_and_in_an_odd_batch() {
        for values in [&[][..], &[r#"{"x": 1}"#], &[r#"{"label": 3, "key": 7}"#]] {
            let types = types(values);
            for (name, field_type) in KNOWN_FIELDS {
                let expected = field_type.column(&[]).data_type().clone();
                assert_eq!(types[name], expected, "of {name} in {values:?}");
            }
            assert!(matches!(types[AT], DataType::Timestamp(_, Some(_))));
        }
        assert_eq!(types(&[r#"{"version": "v1"}"#])["version"], DataType::Utf8);
    }

    #[test]
    fn an_event_without_id_or_time_gets_those_of_its_record() {
        let values =
            [r#"{"event_id": "e", "at": "2024-05-01T12:00:00.25+02:00"}"#, r#"{"at": null}"#];
        let rows = project("clicks", &events(&values)).unwrap().rows;
        let ids = rows.column_by_name("event_id").unwrap().as_string::<i32>();
        assert_eq!((ids.value(0), ids.value(1)), ("e", "clicks/0/1"));
        let times = rows.column_by_name("at").unwrap().as_primitive::<TimestampMicrosecondType>();
        assert_eq!(times.values(), &[1_714_557_600_250_000, 1_700_000_000_000_000]);
    }

    #[test]
    fn what_is_no_object_is_a_dead_letter() {
        let wide: Vec<_> = (0..COLUMNS_MAX).map(|i| format!("\"c{i}\": 1")).collect();
        let wide = format!("{{{}}}", wide.join(","));
        let values = ["{", "[1]", "7", r#"{"at": "noon"}"#, &wide, "\u{fffd}", r#"{"ok": 1}"#];
        let projection = project("t", &events(&values)).unwrap();
        assert_eq!((projection.rows.num_rows(), projection.dead.len()), (1, 6));
    }
}
