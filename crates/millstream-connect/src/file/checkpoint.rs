//! What the checkpoint of a file stream keeps: which files were read, and what they showed.

use millstream_core::hash::ContentHash;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shape::{Known, Shape, ShapeColumn};

/// The state of a stream after a sync.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FileCheckpoint {
    /// Files that were read.
    #[serde(default)]
    pub files: Vec<FileMark>,
    /// Columns that they had.
    #[serde(default, deserialize_with = "readable_columns")]
    pub shape: Shape,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileMark {
    /// As people know it.
    pub place: String,
    /// Size.
    pub bytes: u64,
    /// When it was changed, in microseconds since 1970.
    pub modified: Option<i64>,
    /// Hash of its bytes.
    pub hash: ContentHash,
}

impl FileCheckpoint {
    /// Reads a checkpoint; one of another form, as of another connector before, is none.
    pub(crate) fn read(checkpoint: Option<&Value>) -> Self {
        checkpoint.and_then(|value| serde_json::from_value(value.clone()).ok()).unwrap_or_default()
    }

    /// What was noted of a file.
    pub(crate) fn file(&self, place: &str) -> Option<&FileMark> {
        self.files.iter().find(|mark| mark.place == place)
    }

    /// Notes a file, in place of what was noted of it before.
    pub(crate) fn note(&mut self, mark: FileMark) {
        self.files.retain(|known| known.place != mark.place);
        self.files.push(mark);
    }

    /// The checkpoint as the ledger keeps it.
    pub(crate) fn to_value(&self) -> Value {
        serde_json::to_value(self).expect("a checkpoint is plain data, which is always JSON")
    }
}

/// Columns of types that have no SQL name, as lists in Parquet, are taken from the files alone.
fn readable_columns<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Shape, D::Error> {
    #[derive(Deserialize)]
    struct Loose {
        name: String,
        original: String,
        known: Value,
    }
    let columns = Vec::<Loose>::deserialize(deserializer)?.into_iter().filter_map(|column| {
        let known: Known = serde_json::from_value(column.known).ok()?;
        Some(ShapeColumn { name: column.name, original: column.original, known })
    });
    Ok(Shape { columns: columns.collect() })
}
