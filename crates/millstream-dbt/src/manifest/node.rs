//! What dbt calls a node: a model, seed, snapshot, test, analysis, function or hook.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;
use millstream_core::diagnostic::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Config, Function};

/// The id of a resource: `model.jaffle_shop.orders`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UniqueId(Arc<str>);

impl UniqueId {
    /// An id from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first dot: `model`, `source`, `test`.
    pub fn resource_type(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

impl std::borrow::Borrow<str> for UniqueId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A node of the graph.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// `model.package.name`.
    pub unique_id: UniqueId,
    /// What it is, with what only that kind has.
    pub kind: NodeKind,
    /// Its name; of a versioned model the name without version.
    pub name: String,
    /// The package that has it.
    pub package_name: Arc<str>,
    /// Its file below the folder of its kind: `staging/stg_orders.sql`.
    pub path: PathBuf,
    /// Its file below the root of its package: `models/staging/stg_orders.sql`.
    pub original_file_path: PathBuf,
    /// Package, folders and name, for selection and configuration.
    pub fqn: Vec<Arc<str>>,
    /// Its text as it stands in the file; empty for a seed.
    pub raw_code: Arc<str>,
    /// The language of the text.
    pub language: Language,
    /// Of the file's content.
    pub checksum: Checksum,
    /// The merged configuration, every default of its kind included.
    pub config: Config,
    /// The same before templates in it were rendered.
    pub unrendered_config: Config,
    /// What the file's own `config()` said, in order.
    pub config_call: Config,
    /// Where its relation is.
    pub database: Option<Arc<str>>,
    /// Where its relation is.
    pub schema: Arc<str>,
    /// The name of its relation.
    pub alias: String,
    /// The whole name of its relation, quoted; `None` for what has none (ephemeral, tests).
    pub relation_name: Option<String>,
    /// What it is, for people.
    pub description: String,
    /// What is said of its columns, by name.
    pub columns: IndexMap<String, Column>,
    /// Constraints of the whole relation.
    pub constraints: Vec<Value>,
    /// The file of properties: `package://models/schema.yml`.
    pub patch_path: Option<String>,
    /// The group that owns it.
    pub group: Option<String>,
    /// Its tags: those of its configuration and, of a test, those of what it tests.
    pub tags: Vec<String>,
    /// Who may refer to it.
    pub access: Access,
    /// Its version.
    pub version: Option<Value>,
    /// The version that `ref` without one means.
    pub latest_version: Option<Value>,
    /// When it ends.
    pub deprecation_date: Option<String>,
    /// Columns that its constraints or tests say are its primary key.
    pub primary_key: Vec<String>,
    /// `ref`s, in order, as often as they are called.
    pub refs: Vec<RefArgs>,
    /// `source`s, in order.
    pub sources: Vec<SourceArgs>,
    /// `metric`s.
    pub metrics: Vec<Vec<String>>,
    /// `function`s, in order, each once: a name, or a package and a name.
    pub functions: Vec<Vec<String>>,
    /// What it needs.
    pub depends_on: DependsOn,
    /// Docs blocks that its description is made of.
    pub doc_blocks: Vec<UniqueId>,
    /// What makes it a time spine of the semantic layer: `standard_granularity_column`,
    /// `custom_granularities`.
    pub time_spine: Option<Value>,
    /// Seconds since 1970 when it was read.
    pub created_at: f64,
    /// Where it stands in a file of properties, if that is all there is of it.
    pub place: Option<Place>,
}

/// What kind of node it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum NodeKind {
    /// A query that becomes a relation.
    #[default]
    Model,
    /// A file of rows.
    Seed {
        /// The folder of its package.
        root_path: PathBuf,
    },
    /// A history of a relation.
    Snapshot,
    /// A query whose rows are failures.
    Test(TestOf),
    /// A query that is compiled only.
    Analysis,
    /// A function that models call.
    Function(Box<Function>),
    /// A hook of the project.
    Operation {
        /// Its place among those of its kind.
        index: usize,
    },
}

impl NodeKind {
    /// dbt's word, which its unique id begins with.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Seed { .. } => "seed",
            Self::Snapshot => "snapshot",
            Self::Test(_) => "test",
            Self::Analysis => "analysis",
            Self::Function(_) => "function",
            Self::Operation { .. } => "operation",
        }
    }
}

/// Where a test comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum TestOf {
    /// A file under `tests/`.
    Singular,
    /// A test with arguments, from a file of properties.
    Generic(Box<TestTarget>),
}

/// A generic test, and what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct TestTarget {
    /// `unique`.
    pub name: String,
    /// `dbt_utils` of `dbt_utils.at_least_one`.
    pub namespace: Option<String>,
    /// The arguments; `model` is a template such as `{{ get_where_subquery(ref('orders')) }}`.
    pub kwargs: Map<String, Value>,
    /// The column under which it stands.
    pub column_name: Option<String>,
    /// The node under which it stands; `None` for a source.
    pub attached_node: Option<UniqueId>,
    /// The name in the file of properties, for `file_key_name`: `models.orders`.
    pub file_key_name: String,
}

/// The language of a node's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// SQL with Jinja.
    #[default]
    Sql,
    /// Python.
    Python,
    /// JavaScript.
    JavaScript,
}

impl Language {
    /// dbt's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Python => "python",
            Self::JavaScript => "javascript",
        }
    }
}

/// Who may refer to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Models of the same group.
    Private,
    /// Models of the same project.
    #[default]
    Protected,
    /// Anyone.
    Public,
}

/// Hash of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// `sha256`, `path` for a seed that is too large, `none`.
    pub name: String,
    /// The hash in hexadecimal.
    pub checksum: String,
}

/// What is said of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// More, as the project pleases.
    pub meta: Map<String, Value>,
    /// Its type.
    pub data_type: Option<String>,
    /// What must hold for it.
    pub constraints: Vec<Value>,
    /// Whether its name is quoted.
    pub quote: Option<bool>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Docs blocks that its description is made of.
    pub doc_blocks: Vec<UniqueId>,
    /// What else is said of it: `granularity`, `dimension`, `entity`, and more as the project
    /// pleases.
    pub extra: Map<String, Value>,
}

/// The arguments of a `ref`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefArgs {
    /// The model, seed or snapshot.
    pub name: String,
    /// Its package, if it is named.
    pub package: Option<String>,
    /// Its version, if it is named.
    pub version: Option<Value>,
}

/// The arguments of a `source`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SourceArgs {
    /// The source.
    pub source: String,
    /// Its table.
    pub table: String,
}

/// What a node needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DependsOn {
    /// Macros that its text calls, in the order of the calls.
    pub macros: Vec<UniqueId>,
    /// Nodes and sources that it reads.
    pub nodes: Vec<UniqueId>,
}
