//! A project with its environment opened.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use millstream_connect::registry::SourceContext;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::step::Refresh;
use millstream_dbt::select::PreviousManifest;
use millstream_guard::StoredToken;
use millstream_ledger::{Actor, Release, TokenRecord, Via};
use millstream_project::{DatabaseRef, Project, Selection};
use millstream_run::{Executor, Pace, RunRequest};

use super::backends::{Backends, Folders, OpeningLedger, threads_of};
use super::project::{Found, expect_released, found_project};
use super::{python, secrets};
use crate::cli::{Global, SelectArgs};
use crate::exit::Failure;

/// A project with its environment opened.
#[derive(Debug)]
pub struct Opened {
    /// The project.
    pub project: Project,
    /// The release whose files it has; `None` of the project's folder.
    pub release: Option<Release>,
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
        Self::of(found_project(global)?, command).await
    }

    /// Opens the environment of a project that was read.
    pub async fn of(found: Found, command: &str) -> Result<Self, Failure> {
        let Found { project, release } = found;
        let folders = Folders { files: &project.root, home: &project.home };
        let ledger = OpeningLedger::begin(&project.environment)?;
        let functions = project.dbt.python_functions();
        let lines = python::traced();
        let backends =
            Backends::open(&project.environment, ledger, folders, functions, lines).await?;
        Ok(Self { project, release, backends, command: command.to_owned() })
    }

    /// The same, for what makes something: fails with `release.none` where nothing runs without a
    /// release, and there is none.
    pub async fn to_run(global: &Global, command: &str) -> Result<Self, Failure> {
        let found = found_project(global)?;
        expect_released(&found)?;
        Self::of(found, command).await
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
        let path = self.project.home.join(folder).join("manifest.json");
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
            project_root: self.project.home.clone(),
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
