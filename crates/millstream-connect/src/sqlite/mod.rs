//! SQLite databases: files of applications, and the environment's operational database.
//!
//! A sync reads one snapshot. With `merge` and a `cursor` it reads the rows whose cursor is at
//! least the greatest that the last sync saw: the greatest ones again, because a row of the same
//! cursor may have been written since, which merging by key makes harmless. Rows without a cursor
//! are read every time for the same reason. SQLite has one writer at a time, so that a greater
//! cursor is not seen before a smaller one, as long as the writer draws it inside its transaction.
//!
//! In WAL mode readers and the writer do not meet. In the older journal modes a reader keeps the
//! writer from committing; there the rows are first copied to a temporary table, which takes as
//! long as the disk needs and not as long as the rest of the sync.

mod batch;
mod cursor;
mod database;
mod discover;
mod probe;
mod read;
mod scan;
mod settings;
mod survey;
#[cfg(test)]
mod tests;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::kind::KindInfo;
use millstream_core::spec::{SourceSpec, StreamSpec};
use serde_json::Value;

use self::database::Database;
use self::settings::{SqliteSettings, SqliteStreamSettings};
use crate::postgres::SCHEMA_DEFAULT;
use crate::raw::RawLoad;
use crate::records::handover::blocking;
use crate::records::presence::Presence;
use crate::records::replay::replay;
use crate::registry::{self, SourceContext};
use crate::review::review;
use crate::settings::bad_setting;
use crate::source::{DiscoveredStream, Source, SourceRead};

/// What the project's reader must know of the connector.
pub fn info() -> KindInfo {
    KindInfo {
        kind: "sqlite",
        schema: crate::settings::schema::<SqliteSettings>(),
        stream_schema: Some(crate::settings::schema::<SqliteStreamSettings>()),
        validate: settings::validate,
        review,
    }
}

/// Opens a source; does no I/O. The operational database may be PostgreSQL in this environment:
/// then the source reads that.
pub fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Arc<dyn Source>> {
    let settings: SqliteSettings = crate::settings::parse(&spec.settings)?;
    match (settings.path, settings.operational) {
        (Some(path), false) => {
            let database = Database::new(context.project_root.join(path));
            Ok(Arc::new(SqliteSource { database, presence: Presence::Required }))
        }
        (None, true) => registry::open_operational(context, SCHEMA_DEFAULT),
        _ => {
            let message = "a database is named by either `path` or `operational`".to_owned();
            Err(bad_setting("path", message).into())
        }
    }
}

/// The file of the database, and those that lie beside it while it is in use.
pub(crate) fn input_files(spec: &SourceSpec, project_root: &Path) -> Vec<PathBuf> {
    let settings: Result<SqliteSettings, _> = crate::settings::parse(&spec.settings);
    let Some(path) = settings.ok().and_then(|settings| settings.path) else { return Vec::new() };
    let path = project_root.join(path);
    let beside = ["", "-wal", "-shm", "-journal"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    beside.into()
}

/// Opens the operational database of an environment.
pub(crate) fn open_operational(path: PathBuf) -> Arc<dyn Source> {
    Arc::new(SqliteSource { database: Database::new(path), presence: Presence::Later })
}

#[derive(Debug)]
struct SqliteSource {
    database: Database,
    presence: Presence,
}

impl Source for SqliteSource {
    fn check(&self) -> BoxFuture<'_, Result<String>> {
        let (database, presence) = (self.database.clone(), self.presence);
        Box::pin(blocking("check", move || {
            if presence == Presence::Later && !database.exists() {
                return Ok("the operational database is made by the first function".to_owned());
            }
            let tables = database.connect()?.tables()?;
            Ok(format!("SQLite database with {} tables and views", tables.len()))
        }))
    }

    fn discover(&self) -> BoxFuture<'_, Result<Vec<DiscoveredStream>>> {
        let (database, presence) = (self.database.clone(), self.presence);
        Box::pin(blocking("discover", move || {
            if presence == Presence::Later && !database.exists() {
                return Ok(Vec::new());
            }
            discover::discover(&database)
        }))
    }

    fn probe<'a>(
        &'a self,
        stream: &'a StreamSpec,
        _checkpoint: Option<&'a Value>,
    ) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        let (database, presence, spec) = (self.database.clone(), self.presence, stream.clone());
        Box::pin(blocking(&stream.name, move || probe::probe(&database, presence, &spec)))
    }

    fn read<'a>(
        &'a self,
        stream: &'a StreamSpec,
        checkpoint: Option<&'a Value>,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        let (database, presence) = (self.database.clone(), self.presence);
        let (spec, checkpoint, raw) = (stream.clone(), checkpoint.cloned(), raw.clone());
        Box::pin(async move {
            let prepare =
                move || read::prepare(&database, presence, &spec, checkpoint.as_ref(), raw);
            Ok(read::start(blocking(&stream.name, prepare).await?))
        })
    }

    fn replay<'a>(
        &'a self,
        stream: &'a StreamSpec,
        raw: &'a RawLoad,
    ) -> BoxFuture<'a, Result<SourceRead>> {
        Box::pin(replay(raw, stream))
    }
}
