//! Which connectors exist, and how one is made from its file.
//!
//! Paths of input are read below the project's folder when they are relative. Unlike every other
//! path of a project they may be absolute or lead out of it by `..`, because data usually lies
//! elsewhere; nothing is ever written there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_core::error::Result;
use millstream_core::kind::KindInfo;
use millstream_core::secret::{Secret, SecretRef};
use millstream_core::spec::SourceSpec;

use crate::error::SyncError;
use crate::settings::bad_setting;
use crate::source::Source;
use crate::{demo_shop, file, postgres, sqlite};

/// Gives the value of a secret.
pub type SecretResolver = Arc<dyn Fn(&SecretRef) -> Result<Secret> + Send + Sync>;

/// What connectors are given by their surroundings.
#[derive(Clone)]
pub struct SourceContext {
    /// The project's folder; relative paths of input start there.
    pub project_root: PathBuf,
    /// Tells the time.
    pub clock: Clock,
    /// Gives the values of secrets.
    pub secrets: SecretResolver,
    /// The environment's operational database, for sources that read it back.
    pub operational: Option<OperationalLocation>,
}

impl std::fmt::Debug for SourceContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SourceContext")
            .field("project_root", &self.project_root)
            .field("operational", &self.operational)
            .finish_non_exhaustive()
    }
}

/// Where the operational database of the environment is.
#[derive(Debug, Clone)]
pub enum OperationalLocation {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database.
    Postgres(Secret),
}

/// All connectors, by name.
pub fn connectors() -> Vec<KindInfo> {
    vec![demo_shop::info(), file::info(), postgres::info(), sqlite::info()]
}

/// Makes the source that a file of the project describes. Does no I/O.
pub fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Arc<dyn Source>> {
    match spec.connector.as_str() {
        "demo_shop" => demo_shop::open(spec, context),
        "file" => file::open(spec, context),
        "postgres" => postgres::open(spec, context),
        "sqlite" => sqlite::open(spec, context),
        _ => {
            let known: Vec<&str> = connectors().iter().map(|info| info.kind).collect();
            let connector = spec.connector.clone();
            Err(SyncError::UnknownConnector { connector, known: known.join(", ") }.into())
        }
    }
}

/// The files that a source reads now and that are named from the project's folder on. What cannot be
/// read is none of them.
pub fn input_files(spec: &SourceSpec, project_root: &Path) -> Vec<PathBuf> {
    match spec.connector.as_str() {
        "file" => file::input_files(spec, project_root),
        "sqlite" => sqlite::input_files(spec, project_root),
        _ => Vec::new(),
    }
}

/// Makes the source that reads the operational database of an environment, wherever that is.
/// `schema` is that of its tables in PostgreSQL.
pub(crate) fn open_operational(context: &SourceContext, schema: &str) -> Result<Arc<dyn Source>> {
    match &context.operational {
        Some(OperationalLocation::Sqlite(path)) => Ok(sqlite::open_operational(path.clone())),
        Some(OperationalLocation::Postgres(url)) => Ok(postgres::open_operational(url, schema)),
        None => {
            let message = "this environment has no operational database".to_owned();
            Err(bad_setting("operational", message).into())
        }
    }
}
