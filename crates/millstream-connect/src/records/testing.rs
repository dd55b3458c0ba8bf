//! What the tests of these connectors share. Every read is replayed, and has to be the same.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use futures::StreamExt;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::secret::Secret;
use millstream_core::spec::{SourceSpec, StreamSpec};
use serde_json::Value;
use tempfile::TempDir;

use super::fit::text;
use crate::columns::type_name;
use crate::raw::{RawLoad, RawStore, Retention};
use crate::registry::{OperationalLocation, SourceContext};
use crate::source::{DiscoveredStream, RefusedRecord, Source, SourceEvent, SourceRead};

/// What a sync read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// `name type` of each column.
    pub(crate) columns: Vec<String>,
    /// Values of each row, separated by `|`; `~` is null.
    pub(crate) rows: Vec<String>,
    pub(crate) refused: Vec<RefusedRecord>,
    pub(crate) checkpoint: Option<Value>,
}

/// A folder with a raw store.
#[derive(Debug)]
pub(crate) struct Workbench {
    folder: TempDir,
}

impl Workbench {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn context(&self, operational: Option<OperationalLocation>) -> SourceContext {
        SourceContext {
            project_root: self.path().to_owned(),
            clock: Clock::fixed(Timestamp::from_micros(0)),
            secrets: Arc::new(|reference| Ok(Secret::new(format!("{reference:?}")))),
            operational,
        }
    }

    fn load(&self) -> RawLoad {
        let store = RawStore::new(self.path().join("raw"));
        let retention = Retention::parse(None).unwrap();
        store.begin("s", "t", AttemptId::new(), Timestamp::from_micros(0), retention).unwrap()
    }

    /// Reads a stream, and its kept records again.
    pub(crate) async fn read(
        &self,
        source: &dyn Source,
        stream: &StreamSpec,
        checkpoint: Option<&Value>,
    ) -> Result<Seen> {
        let raw = self.load();
        let seen = drain(source.read(stream, checkpoint, &raw).await?).await?;
        let again = drain(source.replay(stream, &raw).await?).await?;
        assert_eq!(seen, again, "a replay gives the same");
        Ok(seen)
    }
}

/// A stream from its YAML, as JSON.
pub(crate) fn stream(value: Value) -> StreamSpec {
    serde_json::from_value(value).unwrap()
}

/// A source from its YAML, as JSON; without streams.
pub(crate) fn source_spec(mut value: Value) -> SourceSpec {
    let object = value.as_object_mut().unwrap();
    object.insert("name".to_owned(), "s".into());
    object.insert("streams".to_owned(), Value::Array(Vec::new()));
    serde_json::from_value(value).unwrap()
}

/// `name type` of each column of a discovered stream.
pub(crate) fn discovered_columns(stream: &DiscoveredStream) -> Vec<String> {
    let columns = stream.columns.iter();
    columns.map(|column| format!("{} {}", column.name, column.data_type)).collect()
}

async fn drain(read: SourceRead) -> Result<Seen> {
    let mut seen = Seen { columns: columns(&read.schema), ..Seen::default() };
    let mut events = read.events;
    while let Some(event) = events.next().await {
        match event? {
            SourceEvent::Rows(batch) => {
                assert_eq!(batch.schema(), read.schema);
                seen.rows.extend(rows(&batch));
            }
            SourceEvent::Refused(records) => seen.refused.extend(records),
            SourceEvent::Checkpoint(checkpoint) => {
                assert!(seen.checkpoint.replace(checkpoint).is_none(), "one checkpoint");
            }
        }
    }
    Ok(seen)
}

fn columns(schema: &Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    fields.map(|field| format!("{} {}", field.name(), type_name(field.data_type()))).collect()
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let value = |column, row| text(column, row).unwrap_or_else(|| "~".to_owned());
    let row = |row| batch.columns().iter().map(|c| value(c, row)).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}
