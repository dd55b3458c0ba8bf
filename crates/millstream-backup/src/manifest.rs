//! What a backup is made of.

use millstream_core::ContentHash;
use millstream_core::clock::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{BackupError, Result};

/// The format of manifests and of the folder that this version writes, and the newest it reads.
pub(crate) const FORMAT: u32 = 1;

/// What is copied, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The version of Millstream.
    pub release: String,
    /// When the backup began; what was acknowledged before is in it.
    pub began_at: Timestamp,
}

/// A backup: its files by path and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of this form.
    pub format: u32,
    /// Names the backup in its folder.
    pub id: String,
    /// What was copied.
    #[serde(flatten)]
    pub about: About,
    /// When all was there.
    pub ended_at: Timestamp,
    /// Files whose content was not there before.
    pub new_files: u64,
    /// Bytes whose content was not there before.
    pub new_bytes: u64,
    /// What the backup does not have, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// All files, by path.
    pub files: Vec<StoredFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Where it lies in the environment.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, which is the name of its content.
    pub hash: ContentHash,
    /// When the original was last changed, in nanoseconds since 1970; only of files that never
    /// change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
}

/// A backup in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupSummary {
    /// Names the backup.
    pub id: String,
    /// `complete` or `unfinished`.
    pub state: &'static str,
    /// The environment; absent of what is unfinished.
    pub environment: Option<String>,
    /// When it began.
    pub began_at: Option<Timestamp>,
    /// When all was there.
    pub ended_at: Option<Timestamp>,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that it added to the folder.
    pub new_bytes: u64,
}

impl BackupManifest {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// What a list shows of it.
    pub fn summary(&self) -> BackupSummary {
        BackupSummary {
            id: self.id.clone(),
            state: "complete",
            environment: Some(self.about.environment.clone()),
            began_at: Some(self.about.began_at),
            ended_at: Some(self.ended_at),
            files: self.files.len() as u64,
            bytes: self.bytes(),
            new_bytes: self.new_bytes,
        }
    }

    /// The text of its file: the hash of what follows, then itself.
    pub(crate) fn to_text(&self) -> String {
        let body = serde_json::to_string(self)
            .expect("a manifest has only texts, numbers and lists of them");
        format!("{}\n{body}\n", ContentHash::of(body.as_bytes()))
    }

    /// Reads the text of its file; `None` if it is not what was written.
    pub(crate) fn read(text: &str) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Some((hash, body)) = text.split_once('\n') else { return Ok(None) };
        let body = body.trim_end_matches('\n');
        if ContentHash::of(body.as_bytes()).to_string() != hash {
            return Ok(None);
        }
        let Ok(Format { format }) = serde_json::from_str(body) else { return Ok(None) };
        if format > FORMAT {
            return Err(BackupError::NewerFormat { found: format, known: FORMAT });
        }
        Ok(serde_json::from_str(body).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> BackupManifest {
        BackupManifest {
            format: FORMAT,
            id: "dev-1".to_owned(),
            about: About {
                project: "shop".to_owned(),
                environment: "dev".to_owned(),
                release: "0.1.0".to_owned(),
                began_at: Timestamp::from_micros(1),
            },
            ended_at: Timestamp::from_micros(2),
            new_files: 0,
            new_bytes: 0,
            left_out: Vec::new(),
            files: vec![StoredFile {
                path: "format".to_owned(),
                bytes: 2,
                hash: ContentHash::of(b"1\n"),
                modified: None,
            }],
        }
    }

    #[test]
    fn a_manifest_that_was_changed_is_none() {
        let text = manifest().to_text();
        assert_eq!(BackupManifest::read(&text).unwrap(), Some(manifest()));
        assert_eq!(BackupManifest::read(&text.replace("dev-1", "dev-2")).unwrap(), None);
        assert_eq!(BackupManifest::read(&text[..text.len() / 2]).unwrap(), None);
    }

    #[test]
    fn a_newer_manifest_is_refused() {
        let newer = BackupManifest { format: FORMAT + 1, ..manifest() };
        let error = BackupManifest::read(&newer.to_text()).unwrap_err();
        assert!(matches!(error, BackupError::NewerFormat { found: 2, known: 1 }));
    }
}
