//! Syncs of staged files. They go on while the ledger is told what was staged; the entry of a log,
//! which names the files for good, waits for them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, join_all};
use millstream_core::error::Result as CoreResult;
use millstream_core::id::AttemptId;
use millstream_core::table::{DataFile, StagedTable};
use tokio::runtime::Handle;

use crate::error::{EngineError, from_io};
use crate::file_target::attempt_of;
use crate::folders::Folders;
use crate::lake::{LOG_FOLDER, Lake};

/// The syncs that this process has begun and nobody has waited for yet: one for each table that an
/// attempt has written to.
#[derive(Debug, Default)]
pub(crate) struct Syncs(Mutex<HashMap<AttemptId, Vec<Begun>>>);

type Begun = Shared<BoxFuture<'static, Result<(), Arc<io::Error>>>>;

impl Syncs {
    /// Begins one.
    pub(crate) fn begin(
        &self,
        attempt: AttemptId,
        runtime: &Handle,
        sync: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) {
        let begun = runtime.spawn_blocking(sync);
        let ended = async { begun.await.unwrap_or_else(|error| Err(io::Error::other(error))) };
        let shared = ended.map(|ended| ended.map_err(Arc::new)).boxed().shared();
        self.lock().entry(attempt).or_default().push(shared);
    }

    /// Waits for those of an attempt. `None` if this process has begun none that were not waited for.
    pub(crate) async fn end(&self, attempt: AttemptId) -> Option<io::Result<()>> {
        let begun = self.lock().remove(&attempt)?;
        Some(ended(begun).await)
    }

    /// Waits for those of all attempts, whose own waiting finds them as they were.
    async fn all(&self) -> io::Result<()> {
        let begun: Vec<Begun> = self.lock().values().flatten().cloned().collect();
        ended(begun).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AttemptId, Vec<Begun>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for all of them, also if one fails.
async fn ended(syncs: Vec<Begun>) -> io::Result<()> {
    let ended: Result<(), _> = join_all(syncs).await.into_iter().collect();
    ended.map_err(|error| io::Error::new(error.kind(), error.to_string()))
}

impl Lake {
    /// Waits until all files of an attempt are durable, and their names: those of its other tables,
    /// too, because recovery publishes them once the first is published. Files of another process
    /// are synced here, if they are whole.
    pub(crate) async fn settle(&self, staged: &StagedTable) -> CoreResult<()> {
        let Some(folders) = self.store.folders.clone() else { return Ok(()) };
        let Some(attempt) = staged.add.first().and_then(|file| attempt_of(&file.path)) else {
            // It names no file that would tell the attempt, which may have written to other tables.
            return self.syncs.all().await.map_err(|error| from_io(&error));
        };
        if let Some(ended) = self.syncs.end(attempt).await {
            return ended.map_err(|error| from_io(&error));
        }
        let root = folders.of_table(&staged.relation);
        let files = staged.add.clone();
        let sync = move || {
            files.iter().try_for_each(|file| sync_whole(&root, file))?;
            sync_names(&folders, &root)
        };
        let synced = tokio::task::spawn_blocking(sync).await;
        let synced =
            synced.map_err(|error| EngineError::Internal { message: error.to_string() })?;
        Ok(synced.map_err(|error| EngineError::StagedLost {
            relation: staged.relation.clone(),
            message: error.to_string(),
        })?)
    }
}

/// Syncs a file that another process has written. One that a power cut has taken the end of is not
/// what was staged.
fn sync_whole(root: &Path, file: &DataFile) -> io::Result<()> {
    let found = File::open(root.join(&file.path))?;
    let bytes = found.metadata()?.len();
    if bytes != file.bytes {
        let message = format!("{} has {bytes} bytes, not {}", file.path, file.bytes);
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
    }
    found.sync_all()
}

/// Makes durable the name of a table's folder and the names in it. The log will be needed next; one
/// sync does for its name and those of the files.
pub(crate) fn sync_names(folders: &Folders, root: &Path) -> io::Result<()> {
    folders.make(root)?;
    folders.settle(root, LOG_FOLDER)
}
