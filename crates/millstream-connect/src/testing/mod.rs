//! What the tests of this crate share: a project folder, a source over it, rows as text.

pub(crate) mod warehouse;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::array_value_to_string;
use futures::StreamExt;
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::error::{Error, Plain, Result};
use millstream_core::spec::SourceSpec;
use serde_json::{Value, json};

use crate::columns::type_name;
use crate::raw::RawLoad;
use crate::registry::{SourceContext, open};
use crate::source::{RefusedRecord, Source, SourceEvent, SourceRead};

/// A project folder with input files.
pub(crate) struct Project {
    folder: tempfile::TempDir,
}

/// What a read gave, as text.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub types: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub refused: Vec<RefusedRecord>,
    pub checkpoint: Option<Value>,
}

impl Project {
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        for (name, bytes) in files {
            project.write(name, bytes);
        }
        project
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// The source of one stream, whose settings are JSON.
    pub(crate) fn source(&self, stream: &Value) -> (Arc<dyn Source>, SourceSpec) {
        let mut named = json!({"name": "things"});
        named.as_object_mut().unwrap().extend(stream.as_object().unwrap().clone());
        let spec = json!({"name": "files", "connector": "file", "streams": [named]});
        let spec: SourceSpec = serde_json::from_value(spec).unwrap();
        (open(&spec, &self.context()).unwrap(), spec)
    }

    pub(crate) fn context(&self) -> SourceContext {
        SourceContext {
            project_root: self.root().to_owned(),
            clock: Clock::fixed(Timestamp::from_micros(0)),
            secrets: Arc::new(|_| Err(Plain::user("test.no_secret", "no secrets here").into())),
            operational: None,
        }
    }

    /// Reads a stream from a checkpoint on.
    pub(crate) async fn read(&self, stream: Value, checkpoint: Option<&Value>) -> Result<Seen> {
        let (source, spec) = self.source(&stream);
        let load = RawLoad::scratch()?;
        see(source.read(&spec.streams[0], checkpoint, &load).await?).await
    }

    /// The code with which reading fails.
    pub(crate) async fn error(&self, stream: Value) -> Error {
        self.read(stream, None).await.expect_err("the read should fail")
    }
}

async fn see(mut read: SourceRead) -> Result<Seen> {
    let mut seen = Seen { types: types(&read.schema), ..Seen::default() };
    while let Some(event) = read.events.next().await.transpose()? {
        match event {
            SourceEvent::Rows(batch) => {
                assert_eq!(batch.schema().fields(), read.schema.fields());
                seen.rows.extend(rows(&batch));
            }
            SourceEvent::Refused(refused) => seen.refused.extend(refused),
            SourceEvent::Checkpoint(checkpoint) => seen.checkpoint = Some(checkpoint),
        }
    }
    Ok(seen)
}

/// The columns of a schema as `name type`.
pub(crate) fn types(schema: &SchemaRef) -> Vec<String> {
    let text = |field: &arrow::datatypes::FieldRef| {
        format!("{} {}", field.name(), type_name(field.data_type()))
    };
    schema.fields().iter().map(text).collect()
}

/// The rows of a batch as text; null is `~`, times are in UTC.
pub(crate) fn rows(batch: &RecordBatch) -> Vec<Vec<String>> {
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| match column.data_type() {
            DataType::Timestamp(unit, Some(_)) => {
                cast(column, &DataType::Timestamp(*unit, None)).unwrap()
            }
            _ => column.clone(),
        })
        .collect();
    let value = |column: &arrow::array::ArrayRef, row| {
        if column.is_null(row) {
            return "~".to_owned();
        }
        array_value_to_string(column, row).unwrap()
    };
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| value(column, row)).collect())
        .collect()
}
