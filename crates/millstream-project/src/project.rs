//! What a project is once it is read and resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::batch::BoxFuture;
use millstream_core::comments::Comments;
use millstream_core::diagnostic::Place;
use millstream_core::flow::Flow;
use millstream_core::partition::Partitions;
use millstream_core::program::Limits;
use millstream_core::spec::{
    CommandSpec, DeploymentSpec, ExecutionSpec, FunctionSpec, SourceSpec, TrainingSpec,
};
use millstream_core::step::{Input, Refresh};
use millstream_core::text::{Scene, SqlText};
use millstream_core::{AssetKey, ContentHash, Relation, Result};
use millstream_dbt::manifest::{Language, UniqueId};
use millstream_dbt::step::Making;
use serde::Serialize;

use crate::dbt::DbtProject;
use crate::environment::Environment;
use crate::graph::Graph;
use crate::notification::Notifications;
use crate::schedule::{Period, Scenario, Schedule};

/// A project: everything its files say, resolved for one environment.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// The folder of its files, absolute, links resolved.
    pub root: PathBuf,
    /// The folder where what it makes lies, and where relative paths of data start: the same, unless
    /// its files are those of a release.
    pub home: PathBuf,
    /// Where it runs.
    pub environment: Environment,
    /// The names of the environments that its file declares, and `dev`, in order.
    pub environments: Vec<String>,
    /// Where records come from.
    pub sources: Vec<SourceSpec>,
    /// Seeds, in order of their names.
    pub seeds: Vec<Seed>,
    /// What is dbt's of it.
    pub dbt: DbtProject,
    /// SQL models and snapshots, in order of their names.
    pub models: Vec<SqlModel>,
    /// Checks, in order of their names.
    pub checks: Vec<Check>,
    /// What is learned.
    pub trainings: Vec<ResolvedTraining>,
    /// What is served.
    pub deployments: Vec<ResolvedDeployment>,
    /// What handles events.
    pub functions: Vec<FunctionSpec>,
    /// What runs as a process of its own.
    pub commands: Vec<ResolvedCommand>,
    /// The steps, in the order in which they run.
    pub graph: Graph,
    /// When they run by themselves.
    pub schedules: Vec<Schedule>,
    /// The tests of that.
    pub scenarios: Vec<Scenario>,
    /// Who is told what of it.
    pub notifications: Notifications,
}

/// A seed: a CSV file of the project that is a table.
#[derive(Debug, Clone, Serialize)]
pub struct Seed {
    /// Its id in dbt's manifest.
    pub id: UniqueId,
    /// Its name in `ref`.
    pub name: String,
    /// Its table.
    pub relation: Relation,
    /// Its file, relative to the project's root.
    pub file: PathBuf,
    /// What it is, for people.
    pub description: Option<String>,
    /// Its tags, its own and those of its folders.
    pub tags: BTreeSet<String>,
    /// What is said of its columns.
    pub columns: Vec<ColumnDoc>,
    /// What of all that is kept with the table.
    pub comments: Comments,
    /// What stands between fields.
    pub delimiter: char,
    /// Whether names of columns stay as they are written, instead of becoming small letters.
    pub quote_columns: bool,
    /// SQL types of columns, by their names in the header.
    pub column_types: Vec<(String, String)>,
    /// Hash of its content and of the configuration that decides its rows.
    pub definition: ContentHash,
}

/// A model or snapshot: a query whose rows are a table or a view, or a program that makes those of a
/// table.
#[derive(Debug, Clone)]
pub struct SqlModel {
    /// Its id in dbt's manifest.
    pub id: UniqueId,
    /// Its name in `ref`.
    pub name: String,
    /// Its table or view.
    pub relation: Relation,
    /// Its file, relative to the project's root.
    pub file: PathBuf,
    /// What it is, for people.
    pub description: Option<String>,
    /// How its rows are kept.
    pub making: Making,
    /// dbt's word for that: `view`, `table`, `incremental`, `snapshot`.
    pub materialized: String,
    /// Its tags, its own and those of its folders.
    pub tags: BTreeSet<String>,
    /// How old its rows may become.
    pub fresh_within: Option<Period>,
    /// How it is executed, if it says so, and where that is.
    pub execution: Option<(ExecutionSpec, Place)>,
    /// How it is divided, if each of its partitions is made on its own.
    pub partitions: Option<Partitions>,
    /// The columns that say when a row of an input happened, of those that say so.
    pub clocks: BTreeMap<AssetKey, String>,
    /// The tables it reads, in the order in which it names them.
    pub inputs: Vec<AssetKey>,
    /// What is said of its columns.
    pub columns: Vec<ColumnDoc>,
    /// What of all that is kept with the table or view.
    pub comments: Comments,
    /// Hash of its text and of the configuration that decides its rows. The time of the run, where
    /// the SQL asks for it, does not count.
    pub definition: ContentHash,
    /// The query, or the program.
    pub text: Text,
    /// What it is written in.
    pub language: Language,
    /// What its program may take.
    pub limits: Limits,
}

impl SqlModel {
    /// Its query, if it is one that is known.
    pub fn sql(&self, refresh: Refresh) -> Option<&str> {
        match self.language {
            Language::Sql => self.text.known(refresh),
            Language::Python | Language::JavaScript => None,
        }
    }
}

/// The SQL of a model or of a check.
#[derive(Debug, Clone)]
pub enum Text {
    /// Rendered while the project was read.
    Known(Arc<KnownText>),
    /// Its template asks the warehouse: [`DbtProject::render`] renders this node when it runs.
    Late(UniqueId),
}

impl Text {
    /// The text, if it is known.
    pub fn known(&self, refresh: Refresh) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text.of(refresh)),
            Self::Late(_) => None,
        }
    }
}

/// SQL that was rendered while the project was read: for rows that come to those of a table, and for
/// a table that starts over. They differ only where a model asks `is_incremental()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownText {
    pub(crate) full: String,
    pub(crate) incremental: String,
}

impl KnownText {
    fn of(&self, refresh: Refresh) -> &str {
        match refresh {
            Refresh::Incremental => &self.incremental,
            Refresh::Full => &self.full,
        }
    }
}

impl SqlText for KnownText {
    fn render<'a>(&'a self, scene: &'a Scene) -> BoxFuture<'a, Result<String>> {
        Box::pin(async { Ok(self.of(scene.refresh).to_owned()) })
    }
}

/// What is said of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnDoc {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Its SQL type, for people.
    pub data_type: Option<String>,
}

/// A check: a query that judges rows. Its one row says how many `failures` there are, and whether
/// that is worth a warning (`should_warn`) and an error (`should_error`).
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The asset whose publication waits for it. Of the tables that it reads, the one that is made
    /// last.
    pub asset: AssetKey,
    /// All tables that it reads.
    pub inputs: Vec<AssetKey>,
    /// The query. Tables are named plainly, so that the staged version can stand in for one.
    pub text: Text,
    /// The worst that a failure can do.
    pub severity: CheckSeverity,
    /// Hash of what decides its result.
    pub definition: ContentHash,
    /// The file that declares it.
    pub file: PathBuf,
    /// What it is for, for people.
    pub description: Option<String>,
}

/// The worst that failures of a check can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSeverity {
    /// The new version is not published.
    Error,
    /// The new version is published, with a warning.
    Warn,
}

impl CheckSeverity {
    /// dbt's word for it, in any case.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word.to_ascii_lowercase().as_str() {
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            _ => None,
        }
    }

    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
        }
    }
}

/// A training whose references are resolved.
#[derive(Debug, Clone, Serialize)]
pub struct ResolvedTraining {
    /// What its file says.
    pub spec: TrainingSpec,
    /// The file that declares it.
    pub file: PathBuf,
    /// The table or view it learns from.
    pub data: Relation,
    /// Hash of all that decides what is learned.
    pub definition: ContentHash,
    /// What it reads.
    pub inputs: Vec<Input>,
}

/// A step that runs a command, whose references are resolved.
#[derive(Debug, Clone, Serialize)]
pub struct ResolvedCommand {
    /// What its file says.
    pub spec: CommandSpec,
    /// The file that declares it.
    pub file: PathBuf,
    /// The function that it calls, of a step that is no command.
    pub python: Option<ResolvedPython>,
    /// Hash of what its file says that decides what it does, and of the function that it calls.
    pub definition: ContentHash,
    /// What it reads, and what else must be made before it.
    pub inputs: Vec<Input>,
    /// Whether, and how often, it runs.
    pub flow: Flow,
}

/// A function in Python that a step calls.
#[derive(Debug, Clone, Serialize)]
pub struct ResolvedPython {
    /// The file, from the folder of the project.
    pub file: String,
    /// The function.
    pub entry_point: String,
    /// The text of the file when the project was read.
    #[serde(skip)]
    pub code: Arc<str>,
}

/// A deployment whose references are resolved.
#[derive(Debug, Clone, Serialize)]
pub struct ResolvedDeployment {
    /// What its file says.
    pub spec: DeploymentSpec,
    /// The file that declares it.
    pub file: PathBuf,
    /// The table or view that it scores, if it does so in batches.
    pub over: Option<Relation>,
    /// The table of the answers, if it scores in batches.
    pub into: Option<Relation>,
    /// The registered model.
    pub model: String,
    /// Its alias (`champion`) or version (`3`).
    pub alias_or_version: String,
    /// Hash of all that decides what the batch gives.
    pub definition: ContentHash,
}
