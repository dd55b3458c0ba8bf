//! The back ends of an environment: its ledger, lake, topics, models and raw input.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use millstream_connect::raw::RawStore;
use millstream_core::batch::Scan;
use millstream_core::catalog::{Catalog, CatalogEntry, CatalogSnapshot};
use millstream_core::clock::Clock;
use millstream_core::error::{Plain, Result as CoreResult};
use millstream_core::name::{Relation, TOPIC_SCHEMA};
use millstream_core::program::Programs;
use millstream_core::scalar::ScalarFunction;
use millstream_core::secret::Secret;
use millstream_core::step::Step;
use millstream_core::topic::Topic;
use millstream_engine::{Engine, EngineConfig, LakeLocation};
use millstream_ledger::{Deed, Holder, Ledger, LedgerError, Release};
use millstream_model::{LoadedModels, Registry};
use millstream_project::{Environment, state_dir};
use millstream_python::{LineSink, PythonFunctions, PythonHost, PythonPool, Warm};
use millstream_run::{Executor, Logs, Pace, Steps};
use millstream_stream::{TopicScan, Topics};
use tokio::task::JoinHandle;
use url::Url;

use super::frozen::LEDGER;
use super::warehouse::TableSteps;
use super::{folder, python, required_project};
use crate::cli::Global;
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

/// The folders of a project, which are the same unless its files are those of a release.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// Where its files lie.
    pub files: &'a Path,
    /// Where it is at home: there is its interpreter.
    pub home: &'a Path,
}

/// The ledger of an environment while it is opened, which is done elsewhere: it is much work where
/// there was none yet, and waits for the disk.
#[derive(Debug)]
pub struct OpeningLedger(JoinHandle<CoreResult<Ledger>>);

impl OpeningLedger {
    /// Begins to open it, and makes the folder of the environment if it is missing. An environment
    /// that may not be opened is refused at once, before anything of it is touched.
    pub fn begin(environment: &Environment) -> CoreResult<Self> {
        let environment = environment.clone();
        let is_prepared = folder::is_prepared(&environment.root)?;
        Ok(Self(tokio::spawn(async move {
            if !is_prepared {
                folder::prepare(&environment.root)?;
            }
            ledger_of(&environment, &Clock::System).await
        })))
    }

    async fn opened(self) -> CoreResult<Ledger> {
        self.0.await.map_err(|_| LedgerError::Closed)?
    }
}

/// The back ends of an environment.
#[derive(Debug)]
pub struct Backends {
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
    /// Models that are not written in SQL.
    pub programs: Arc<dyn Programs>,
    /// Runs the functions in Python that steps call.
    pub tasks: Arc<PythonHost>,
    /// What attempts say.
    pub logs: Logs,
    /// Tells the time.
    pub clock: Clock,
    system_tables: Vec<(Relation, Arc<dyn Scan>)>,
}

impl Backends {
    /// Opens those of a project beside its ledger; its queries may call these functions, and what
    /// its programs print goes to `lines`.
    pub async fn open(
        environment: &Environment,
        ledger: OpeningLedger,
        folders: Folders<'_>,
        functions: Vec<ScalarFunction>,
        lines: LineSink,
    ) -> CoreResult<Self> {
        let clock = Clock::System;
        let registry = Registry::new(environment.root.join("models"));
        let models = Arc::new(LoadedModels::new(registry.clone()));
        let tasks = python::host(folders, lines.clone(), Warm::Bare);
        let host = python::host(folders, lines, Warm::Arrow);
        let functions = PythonFunctions::new(Arc::clone(&host), functions);
        let config = EngineConfig {
            lake: lake_of(environment)?,
            memory_limit_bytes: memory_limit(environment),
            spill_limit_bytes: SPILL_LIMIT_BYTES,
            threads: threads_of(environment),
            spill_dir: environment.root.join("spill"),
            models: Some(models.clone()),
            functions: Some(Arc::new(functions)),
            clock: clock.clone(),
        };
        let engine = Engine::open(config);
        let (ledger, engine) = (ledger.opened().await?, engine?);
        let topics = Topics::within(environment.root.join("topics"));
        let raw = RawStore::new(environment.root.join("raw"));
        let engine = Arc::new(engine);
        let programs: Arc<dyn Programs> = Arc::new(PythonPool::new(host, engine.clone()));
        let logs = logs_of(environment, &clock);
        let system_tables = ledger.system_tables();
        Ok(Self {
            ledger,
            engine,
            topics,
            registry,
            models,
            raw,
            programs,
            tasks,
            logs,
            clock,
            system_tables,
        })
    }

    /// An executor of steps, for the record in the name of a command.
    pub fn executor(&self, command: &str, steps: Vec<Arc<dyn Step>>, pace: Pace) -> Executor {
        let holder = Holder::current(&format!("millstream {command}"));
        let others = Arc::new(TableSteps(self.engine.clone()));
        let steps = Steps { project: Arc::new(steps), others };
        let executor = Executor::new(self.ledger.clone(), steps, holder, pace);
        executor.with_logs(self.logs.clone())
    }

    /// The topics of these names; made if they are not there yet.
    pub fn topics_named(&self, names: &BTreeSet<&str>) -> CoreResult<Vec<Arc<dyn Topic>>> {
        let mut topics: Vec<Arc<dyn Topic>> = Vec::new();
        for name in names {
            topics.push(self.topics.topic(name)?);
        }
        Ok(topics)
    }

    /// All names that a query may use: tables, views, topics and system tables.
    pub fn catalog(&self) -> CoreResult<CatalogSnapshot> {
        let mut catalog = self.ledger.snapshot()?;
        for (relation, scan) in &self.system_tables {
            catalog = catalog.with(relation.clone(), CatalogEntry::Scan(Arc::clone(scan)));
        }
        for topic in self.topics.all()? {
            if let Ok(relation) = Relation::new(TOPIC_SCHEMA, topic.name()) {
                let scan = Arc::new(TopicScan::new(topic));
                catalog = catalog.with(relation, CatalogEntry::Scan(scan));
            }
        }
        Ok(catalog)
    }
}

/// Opens the ledger alone, in the name of whoever types, for verbs that need no more.
pub async fn open_ledger(global: &Global) -> Result<Ledger, Failure> {
    let project = required_project(global)?;
    folder::prepare(&project.environment.root)?;
    let ledger = ledger_of(&project.environment, &Clock::System).await?;
    Ok(ledger.acting_for(super::user()))
}

/// Writes down what whoever types has done to the environment of a folder, if it was ever used.
pub async fn record_in(root: &Path, environment: &str, deed: Deed) -> CoreResult<()> {
    let path = root.join(LEDGER);
    if !path.exists() {
        return Ok(());
    }
    let ledger = Ledger::open(&path, environment, Clock::System).await?;
    Ok(ledger.record(super::user(), deed).await?)
}

/// Opens the ledger of an environment alone, with the release by which it runs: that can be decided
/// about also where its files cannot be read.
pub async fn open_current(
    home: &Path,
    environment: &str,
) -> Result<(Ledger, Option<Release>), Failure> {
    let root = state_dir(home, environment);
    folder::prepare(&root)?;
    let ledger = Ledger::open(&root.join(LEDGER), environment, Clock::System).await?;
    let current = ledger.current_release()?;
    Ok((ledger, current))
}

/// Opens the ledger and the logs, for verbs that need no more.
pub async fn open_records(global: &Global) -> Result<(Ledger, Logs), Failure> {
    let logs = logs_of(&required_project(global)?.environment, &Clock::System);
    Ok((open_ledger(global).await?, logs))
}

fn logs_of(environment: &Environment, clock: &Clock) -> Logs {
    Logs::new(environment.root.join("logs"), clock.clone())
}

async fn ledger_of(environment: &Environment, clock: &Clock) -> CoreResult<Ledger> {
    let path = environment.root.join(LEDGER);
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

pub(super) fn threads_of(environment: &Environment) -> usize {
    let cores = || std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    environment.threads.unwrap_or_else(cores)
}
