//! An environment, opened: its ledger, lake, topics, models and operational database.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream_connect::raw::RawStore;
use millstream_connect::registry::SourceContext;
use millstream_core::catalog::{Catalog, CatalogEntry, CatalogSnapshot};
use millstream_core::clock::Clock;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::name::{Relation, TOPIC_SCHEMA};
use millstream_core::secret::Secret;
use millstream_core::step::{Refresh, Step};
use millstream_engine::{Engine, EngineConfig, LakeLocation};
use millstream_guard::StoredToken;
use millstream_ledger::{Holder, Ledger, TokenRecord};
use millstream_model::{LoadedModels, Registry};
use millstream_project::{DatabaseRef, Environment, Project};
use millstream_run::{Executor, Pace, RunRequest};
use millstream_stream::{TopicScan, Topics};

use url::Url;

use super::{folder, required_project, secrets};
use crate::cli::{Global, SelectArgs};
use crate::exit::Failure;

/// Memory of queries before they spill, unless the environment says otherwise.
const MEMORY_LIMIT_BYTES: u64 = 1 << 30;
/// Spilled rows on the disk at one time.
const SPILL_LIMIT_BYTES: u64 = 256 << 30;
/// Settings of an object store are read from these variables, as AWS's own tools do.
const STORE_VARIABLES: [(&str, &str); 5] = [
    ("AWS_REGION", "region"),
    ("AWS_ENDPOINT_URL", "endpoint"),
    ("AWS_ACCESS_KEY_ID", "access_key_id"),
    ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
    ("AWS_SESSION_TOKEN", "session_token"),
];
/// How long a process may stop before others take over what it works on.
const LEASE: Duration = Duration::from_secs(15);

/// A project with its environment opened.
#[derive(Debug)]
pub struct Opened {
    /// The project.
    pub project: Project,
    /// The book of record.
    pub ledger: Ledger,
    /// Tables and SQL.
    pub engine: Arc<Engine>,
    /// Topics.
    pub topics: Topics,
    /// Model versions on disk.
    pub registry: Registry,
    /// Model versions in memory.
    pub models: Arc<LoadedModels>,
    /// Raw input.
    pub raw: RawStore,
    /// Tells the time.
    pub clock: Clock,
    command: String,
}

impl Opened {
    /// Reads the project and opens its environment.
    pub async fn open(global: &Global, command: &str) -> Result<Self, Failure> {
        let project = required_project(global)?;
        let clock = Clock::System;
        let environment = &project.environment;
        folder::prepare(&environment.root)?;
        let ledger = ledger_of(environment, &clock).await?;
        let registry = Registry::new(environment.root.join("models"));
        let models = Arc::new(LoadedModels::new(registry.clone()));
        let engine = Engine::open(EngineConfig {
            lake: lake_of(environment)?,
            memory_limit_bytes: memory_limit(environment),
            spill_limit_bytes: SPILL_LIMIT_BYTES,
            threads: threads_of(environment),
            spill_dir: environment.root.join("spill"),
            models: Some(models.clone()),
            clock: clock.clone(),
        })?;
        let topics = Topics::open(&environment.root.join("topics"))?;
        let raw = RawStore::new(environment.root.join("raw"));
        let engine = Arc::new(engine);
        let command = command.to_owned();
        Ok(Self { project, ledger, engine, topics, registry, models, raw, clock, command })
    }

    /// What a selection on the command line asks for.
    pub fn request(&self, cause: &str, args: &SelectArgs) -> Result<RunRequest, Failure> {
        let selected =
            self.project.graph.select_without(&args.select.join(" "), &args.exclude.join(" "))?;
        let refresh = if args.full_refresh { Refresh::Full } else { Refresh::Incremental };
        let selection = (!args.select.is_empty()).then(|| args.select.join(" "));
        Ok(RunRequest { cause: cause.to_owned(), selection, selected, refresh })
    }

    /// An executor of the project's steps.
    pub async fn executor(&self, threads: Option<usize>) -> CoreResult<Executor> {
        let parallel_steps = threads.unwrap_or_else(|| threads_of(&self.project.environment));
        let pace = Pace { parallel_steps, lease: LEASE };
        let steps: Vec<Arc<dyn Step>> = self.steps().await?;
        let holder = Holder::current(&format!("millstream {}", self.command));
        Ok(Executor::new(self.ledger.clone(), steps, holder, pace))
    }

    /// All names that a query may use: tables, views, topics and system tables.
    pub fn catalog(&self) -> CoreResult<CatalogSnapshot> {
        let mut catalog = self.ledger.snapshot()?;
        for (relation, scan) in self.ledger.system_tables() {
            catalog = catalog.with(relation, CatalogEntry::Scan(scan));
        }
        for name in self.topics.list()? {
            if let (Ok(relation), Some(topic)) =
                (Relation::new(TOPIC_SCHEMA, &name), self.topics.existing(&name)?)
            {
                let scan = Arc::new(TopicScan::new(topic));
                catalog = catalog.with(relation, CatalogEntry::Scan(scan));
            }
        }
        Ok(catalog)
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

/// Opens the ledger alone, for verbs that need no more.
pub async fn open_ledger(global: &Global) -> Result<Ledger, Failure> {
    let project = required_project(global)?;
    folder::prepare(&project.environment.root)?;
    Ok(ledger_of(&project.environment, &Clock::System).await?)
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

async fn ledger_of(environment: &Environment, clock: &Clock) -> CoreResult<Ledger> {
    let path = environment.root.join("ledger.db");
    Ok(Ledger::open(&path, &environment.name, clock.clone()).await?)
}

fn lake_of(environment: &Environment) -> CoreResult<LakeLocation> {
    let Some(text) = &environment.lake else {
        return Ok(LakeLocation::Folder(environment.root.join("lake")));
    };
    let url = Url::parse(text).map_err(|error| {
        Plain::user("project.lake_url", format!("the lake's root `{text}`: {error}"))
            .with_hint("a URL such as s3://bucket/path")
    })?;
    let settings = STORE_VARIABLES.iter().filter_map(|(variable, name)| {
        let value = std::env::var(variable).ok()?;
        Some(((*name).to_owned(), Secret::new(value)))
    });
    Ok(LakeLocation::Remote { url, settings: settings.collect() })
}

fn memory_limit(environment: &Environment) -> usize {
    let bytes = environment.memory_limit_bytes.unwrap_or(MEMORY_LIMIT_BYTES);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn threads_of(environment: &Environment) -> usize {
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    environment.threads.unwrap_or_else(cores)
}
