//! How data files are made of row groups, and when they begin to be made durable.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use millstream_core::error::Result;
use millstream_core::table::DataFile;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::encode::{Destination, EncodedGroup, Encoder, OpenFile};
use crate::error::{EngineError, from_io};
use crate::file_target::{FileTarget, FileTargets};
use crate::lake::Lake;
use crate::syncs::sync_names;

/// How files are made, and where. What it does blocks.
#[derive(Clone)]
pub(crate) struct Making {
    pub(crate) lake: Arc<Lake>,
    pub(crate) target: FileTarget,
    pub(crate) encoder: Arc<Encoder>,
    pub(crate) runtime: Handle,
}

impl Making {
    /// Makes one file of one row group.
    pub(crate) fn one_file(self, rows: Vec<RecordBatch>) -> Result<Vec<DataFile>> {
        let (give, batches) = mpsc::channel(rows.len());
        for batch in rows {
            give.try_send(batch).map_err(|_| stopped("an encoder"))?;
        }
        drop(give);
        let group = self.encoder.encode(batches);
        self.files(std::iter::once(group))
    }

    /// Puts finished row groups into files, in the order in which they began.
    pub(crate) fn files(
        self,
        groups: impl Iterator<Item = Result<EncodedGroup>>,
    ) -> Result<Vec<DataFile>> {
        let targets = FileTargets::of(self.target.size);
        let mut files = Vec::new();
        let mut open: Option<OpenFile> = None;
        for group in groups {
            let mut file = match open.take() {
                Some(file) => file,
                None => self.open(files.len())?,
            };
            file.append(group?)?;
            if targets.reached(&file) {
                let (file, unsynced) = file.finish()?;
                files.push(file);
                if let Some(unsynced) = unsynced.filter(|_| self.target.stays()) {
                    unsynced.sync_all().map_err(|error| from_io(&error))?;
                }
            } else {
                open = Some(file);
            }
        }
        let (last, unsynced) = open.map(OpenFile::finish).transpose()?.unzip();
        files.extend(last);
        if !files.is_empty() {
            self.begin_sync(unsynced.flatten());
        }
        Ok(files)
    }

    fn open(&self, number: usize) -> Result<OpenFile> {
        let name = self.target.name(number);
        let relation = &self.target.relation;
        let destination = if let Some(folders) = &self.lake.store.folders {
            let root = folders.of_table(relation);
            std::fs::create_dir_all(&root).map_err(|error| from_io(&error))?;
            Destination::Local(root.join(&name))
        } else {
            let path = Lake::table_path(relation).join(name.as_str());
            Destination::Remote(Arc::clone(&self.lake.store.lake), path)
        };
        OpenFile::create(name, destination, &self.encoder, &self.runtime)
    }

    /// Begins to make the last file durable, and the names of all.
    fn begin_sync(self, last: Option<File>) {
        let Self { lake, target, runtime, .. } = self;
        let Some(folders) = lake.store.folders.clone().filter(|_| target.stays()) else { return };
        let root = folders.of_table(&target.relation);
        lake.syncs.begin(target.attempt, &runtime, move || {
            last.map_or(Ok(()), |last| last.sync_all())?;
            sync_names(&folders, &root)
        });
    }
}

/// One of those who make files is gone.
pub(crate) fn stopped(what: &str) -> EngineError {
    EngineError::Internal { message: format!("{what} stopped before its end") }
}
