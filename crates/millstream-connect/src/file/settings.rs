//! Settings of the `file` connector.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::csv::Dialect;
use crate::error::SyncError;

/// Settings of a source whose connector is `file`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    /// Folder or address under which the paths of the streams lie. The default is the folder of
    /// the project.
    pub root: Option<String>,
}

/// Settings of a stream of a `file` source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FileStreamSettings {
    /// Path of a file, pattern with `*`, `?`, `[...]` or `**`, or `http(s)://` address. A relative
    /// path starts at the project's folder; a path may lie outside of it.
    pub path: String,
    /// Form of the content. Told by the extension, then by the first bytes, when left out.
    /// Compression (gzip, Zstandard) is always told by the first bytes.
    pub format: Option<FileFormat>,
    /// Byte between the fields of a CSV. The default is `,`, and a tab for `.tsv`.
    pub delimiter: Option<String>,
    /// Byte around fields of a CSV that contain delimiters, quotes or line ends. The default is
    /// `"`; an empty text means that nothing is quoted.
    pub quote: Option<String>,
    /// Whether the first record of a CSV names the columns. The default is yes. Without, they are
    /// named by `columns`, or `column_1`, `column_2` and so on.
    pub header: Option<bool>,
    /// Encoding of text. Only UTF-8 is read, with or without a byte order mark.
    pub encoding: Option<Encoding>,
}

/// Form of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Records in lines, fields between delimiters.
    Csv,
    /// One JSON object per line.
    Jsonl,
    /// Apache Parquet.
    Parquet,
}

/// Encoding of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8.
    #[serde(rename = "utf-8", alias = "utf8", alias = "UTF-8")]
    Utf8,
}

impl FileSettings {
    /// Reads the settings of a source.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, SyncError> {
        serde_json::from_value(Value::Object(settings.clone())).map_err(|error| bad(&error))
    }
}

impl FileStreamSettings {
    /// Reads the settings of a stream.
    pub fn read(settings: &Map<String, Value>) -> Result<Self, SyncError> {
        let read: Self =
            serde_json::from_value(Value::Object(settings.clone())).map_err(|error| bad(&error))?;
        if read.path.is_empty() {
            return Err(SyncError::BadSetting {
                key: "path".to_owned(),
                message: "every stream of a file source needs one".to_owned(),
            });
        }
        read.dialect("")?;
        Ok(read)
    }

    /// How the records of a CSV are marked. The name of the file decides what is not set.
    pub(crate) fn dialect(&self, name: &str) -> Result<Dialect, SyncError> {
        let is_tsv = name.to_ascii_lowercase().contains(".tsv");
        let by_name = if is_tsv { b'\t' } else { b',' };
        let delimiter = one_byte("delimiter", self.delimiter.as_deref())?.unwrap_or(by_name);
        let quote = match self.quote.as_deref() {
            Some("") => None,
            other => Some(one_byte("quote", other)?.unwrap_or(b'"')),
        };
        if quote == Some(delimiter) {
            return Err(SyncError::BadSetting {
                key: "quote".to_owned(),
                message: "is also the delimiter".to_owned(),
            });
        }
        Ok(Dialect { delimiter, quote, terminator: b'\n' })
    }

    /// Whether the first record of a CSV names the columns.
    pub(crate) fn has_header(&self) -> bool {
        self.header.unwrap_or(true)
    }
}

fn one_byte(key: &str, text: Option<&str>) -> Result<Option<u8>, SyncError> {
    let Some(text) = text else { return Ok(None) };
    match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(Some(*byte)),
        b"\\t" => Ok(Some(b'\t')),
        _ => Err(SyncError::BadSetting {
            key: key.to_owned(),
            message: format!("`{text}` is not one character of ASCII"),
        }),
    }
}

fn bad(error: &serde_json::Error) -> SyncError {
    SyncError::BadSetting { key: "settings".to_owned(), message: error.to_string() }
}
