//! What a project is once it is read and resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use millstream_core::spec::{DeploymentSpec, FunctionSpec, SourceSpec, TrainingSpec};
use millstream_core::step::{CheckOutcome, Input, Refresh};
use millstream_core::{AssetKey, ContentHash, Relation};
use serde::Serialize;
use serde_json::Value;

use crate::environment::Environment;
use crate::graph::Graph;

/// A project: everything its files say, resolved for one environment.
#[derive(Debug, Clone)]
pub struct Project {
    /// Its name.
    pub name: String,
    /// Its folder, absolute, links resolved.
    pub root: PathBuf,
    /// Where it runs.
    pub environment: Environment,
    /// Where records come from.
    pub sources: Vec<SourceSpec>,
    /// Seeds, in order of their names.
    pub seeds: Vec<Seed>,
    /// SQL models, in order of their names.
    pub models: Vec<SqlModel>,
    /// Checks, in order of their names.
    pub checks: Vec<Check>,
    /// What is learned.
    pub trainings: Vec<ResolvedTraining>,
    /// What is served.
    pub deployments: Vec<ResolvedDeployment>,
    /// What handles events.
    pub functions: Vec<FunctionSpec>,
    /// The steps, in the order in which they run.
    pub graph: Graph,
}

/// A seed: a CSV file of the project that is a table.
#[derive(Debug, Clone, Serialize)]
pub struct Seed {
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
    /// What stands between fields.
    pub delimiter: char,
    /// Whether names of columns stay as they are written, instead of becoming small letters.
    pub quote_columns: bool,
    /// SQL types of columns, by their names in the header.
    pub column_types: Vec<(String, String)>,
    /// Hash of its content and of the configuration that decides its rows.
    pub definition: ContentHash,
}

/// A SQL model: a query whose rows are a table or a view.
#[derive(Debug, Clone, Serialize)]
pub struct SqlModel {
    /// Its name in `ref`.
    pub name: String,
    /// Its table or view.
    pub relation: Relation,
    /// Its file, relative to the project's root.
    pub file: PathBuf,
    /// What it is, for people.
    pub description: Option<String>,
    /// How its rows are kept.
    pub materialization: Materialization,
    /// Its tags, its own and those of its folders.
    pub tags: BTreeSet<String>,
    /// The tables it reads, in the order in which it names them.
    pub inputs: Vec<AssetKey>,
    /// What is said of its columns.
    pub columns: Vec<ColumnDoc>,
    /// All its configuration, defaults of folders included.
    pub config: BTreeMap<String, Value>,
    /// Hash of its SQL and of the configuration that decides its rows. The time of the run, where
    /// the SQL asks for it, does not count.
    pub definition: ContentHash,
    pub(crate) incremental_sql: String,
    pub(crate) full_sql: String,
}

impl SqlModel {
    /// The query: for a run that builds on the rows of the last one, or for one that starts over.
    /// They differ only where the model asks `is_incremental()`.
    pub fn sql(&self, refresh: Refresh) -> &str {
        match refresh {
            Refresh::Incremental => &self.incremental_sql,
            Refresh::Full => &self.full_sql,
        }
    }
}

/// How the rows of a SQL model are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Materialization {
    /// As its SQL; rows are made when they are read.
    View,
    /// As a table that each run replaces.
    Table,
    /// As a table to which each run adds.
    Incremental {
        /// How new rows meet those that are there.
        strategy: Strategy,
    },
}

/// How the new rows of an incremental model meet those that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Strategy {
    /// They are added.
    Append,
    /// A new row takes the place of the one with the same key.
    Merge {
        /// Columns that identify a row; at least one.
        unique_key: Vec<String>,
    },
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

/// A check: a query whose rows are failures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Its name, unique in the project.
    pub name: String,
    /// The asset whose publication waits for it. Of the tables that it reads, the one that is made
    /// last.
    pub asset: AssetKey,
    /// All tables that it reads.
    pub inputs: Vec<AssetKey>,
    /// The query. Tables are named plainly, so that the staged version can stand in for one.
    pub sql: String,
    /// The worst that a failure can do.
    pub severity: CheckSeverity,
    /// Number of failures from which on it warns.
    pub warn_if: Threshold,
    /// Number of failures from which on it fails, if its severity is `Error`.
    pub error_if: Threshold,
    /// The file that declares it.
    pub file: PathBuf,
    /// What it is for, for people.
    pub description: Option<String>,
}

impl Check {
    /// What so many failures mean.
    pub fn outcome(&self, failures: u64) -> CheckOutcome {
        if self.severity == CheckSeverity::Error && self.error_if.holds(failures) {
            CheckOutcome::Fail
        } else if self.warn_if.holds(failures) {
            CheckOutcome::Warn
        } else {
            CheckOutcome::Pass
        }
    }
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

/// A condition on the number of failures, as `> 10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "compare", content = "to")]
pub enum Threshold {
    /// `= n`
    Equal(u64),
    /// `!= n`
    NotEqual(u64),
    /// `> n`
    Above(u64),
    /// `>= n`
    AtLeast(u64),
    /// `< n`
    Below(u64),
    /// `<= n`
    AtMost(u64),
}

impl Threshold {
    /// Any failure at all.
    pub const ANY: Self = Self::NotEqual(0);

    /// Reads `!= 0`, `> 10`, `between 1 and 2` is not known.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let split = text.find(|c: char| c.is_ascii_digit())?;
        let number = text[split..].trim().parse().ok()?;
        match text[..split].trim() {
            "=" | "==" => Some(Self::Equal(number)),
            "!=" | "<>" => Some(Self::NotEqual(number)),
            ">" => Some(Self::Above(number)),
            ">=" => Some(Self::AtLeast(number)),
            "<" => Some(Self::Below(number)),
            "<=" => Some(Self::AtMost(number)),
            _ => None,
        }
    }

    /// Whether so many failures meet it.
    pub fn holds(self, failures: u64) -> bool {
        match self {
            Self::Equal(number) => failures == number,
            Self::NotEqual(number) => failures != number,
            Self::Above(number) => failures > number,
            Self::AtLeast(number) => failures >= number,
            Self::Below(number) => failures < number,
            Self::AtMost(number) => failures <= number,
        }
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, number) = match self {
            Self::Equal(number) => ("=", number),
            Self::NotEqual(number) => ("!=", number),
            Self::Above(number) => (">", number),
            Self::AtLeast(number) => (">=", number),
            Self::Below(number) => ("<", number),
            Self::AtMost(number) => ("<=", number),
        };
        write!(f, "{sign} {number}")
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
