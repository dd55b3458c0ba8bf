//! A project with its environment opened.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_connect::registry::SourceContext;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::step::Refresh;
use millstream_dbt::select::PreviousManifest;
use millstream_guard::StoredToken;
use millstream_ledger::{Actor, TokenRecord, Via};
use millstream_project::{DatabaseRef, Project, Selection};
use millstream_run::{Executor, Pace, RunRequest};

use super::backends::{Backends, threads_of};
use super::{python, required_project, secrets};
use crate::cli::{Global, SelectArgs};
use crate::exit::Failure;

/// A project with its environment opened.
#[derive(Debug)]
pub struct Opened {
    /// The project.
    pub project: Project,
    /// The back ends of its environment, which it derefs to.
    pub backends: Backends,
    command: String,
}

impl Deref for Opened {
    type Target = Backends;

    fn deref(&self) -> &Backends {
        &self.backends
    }
}

impl Opened {
    /// Reads the project and opens its environment.
    pub async fn open(global: &Global, command: &str) -> Result<Self, Failure> {
        let project = required_project(global)?;
        let functions = project.dbt.python_functions();
        let (environment, root) = (&project.environment, &project.root);
        let backends = Backends::open(environment, root, functions, python::traced()).await?;
        Ok(Self { project, backends, command: command.to_owned() })
    }

    /// What a selection on the command line asks for.
    pub fn request(&self, cause: &str, args: &SelectArgs) -> Result<RunRequest, Failure> {
        let state =
            args.state.as_deref().map(|folder| self.earlier_manifest(folder)).transpose()?;
        let selection =
            Selection { select: &args.select, exclude: &args.exclude, state: state.as_ref() };
        let selected = self.project.select(&selection)?;
        let refresh = if args.full_refresh { Refresh::Full } else { Refresh::Incremental };
        let selection = (!args.select.is_empty()).then(|| args.select.join(" "));
        let by = Some(user());
        Ok(RunRequest { selection, refresh, by, ..RunRequest::new(cause, selected) })
    }

    /// The manifest of another run of dbt's commands.
    fn earlier_manifest(&self, folder: &Path) -> CoreResult<PreviousManifest> {
        let path = self.project.root.join(folder).join("manifest.json");
        let refused = |problem: String| {
            let hint = "name the folder of the artifacts of an earlier `millstream dbt` command";
            let message = format!("{}: {problem}", path.display());
            Plain::user("select.state_unreadable", message).with_hint(hint)
        };
        let bytes = std::fs::read(&path).map_err(|error| refused(error.to_string()))?;
        Ok(PreviousManifest::read(&bytes).map_err(|error| refused(error.to_string()))?)
    }

    /// An executor of the project's steps.
    pub async fn executor(&self, threads: Option<usize>) -> CoreResult<Executor> {
        let parallel = threads.unwrap_or_else(|| threads_of(&self.project.environment));
        let pace = Pace {
            parallel_steps: parallel,
            run_timeout: self.project.environment.shared.run_timeout,
            ..Pace::default()
        };
        Ok(self.backends.executor(&self.command, self.steps().await?, pace))
    }

    /// What sources are given.
    pub fn source_context(&self) -> CoreResult<SourceContext> {
        use millstream_connect::registry::OperationalLocation;
        let operational = match &self.project.environment.operational {
            Some(DatabaseRef::Postgres(url)) => {
                OperationalLocation::Postgres(secrets::resolve(url)?)
            }
            other => OperationalLocation::Sqlite(self.operational_file(other.as_ref())),
        };
        Ok(SourceContext {
            project_root: self.project.root.clone(),
            clock: self.clock.clone(),
            secrets: Arc::new(secrets::resolve),
            operational: Some(operational),
        })
    }

    /// Where functions write.
    pub fn operational_location(&self) -> CoreResult<millstream_stream::OperationalLocation> {
        use millstream_stream::OperationalLocation;
        Ok(match &self.project.environment.operational {
            Some(DatabaseRef::Postgres(url)) => {
                OperationalLocation::Postgres(secrets::resolve(url)?)
            }
            other => OperationalLocation::Sqlite(self.operational_file(other.as_ref())),
        })
    }

    fn operational_file(&self, reference: Option<&DatabaseRef>) -> PathBuf {
        match reference {
            Some(DatabaseRef::Sqlite(path)) => path.clone(),
            _ => self.project.environment.root.join("operational.db"),
        }
    }
}

/// Who types, for the record.
pub fn user() -> Actor {
    let name = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
    Actor { name: name.unwrap_or_else(|_| "cli".to_owned()), via: Via::CommandLine }
}

/// A token as the ledger keeps it.
pub fn token_record(token: StoredToken) -> TokenRecord {
    TokenRecord {
        id: token.id,
        name: token.name,
        hash: token.secret_sha256.into_bytes(),
        scopes: token.scopes.iter().map(|scope| scope.word().to_owned()).collect(),
        created_at: token.created_at,
        expires_at: token.expires_at,
    }
}
