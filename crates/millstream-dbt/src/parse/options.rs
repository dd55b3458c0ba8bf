//! What reading a project needs to be told, and what it gives.

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_core::diagnostic::Diagnostic;
use serde_json::{Map, Value};

use super::inputs::Fingerprint;
use crate::context::{EnvVar, Invocation, LogSink, Surroundings, Vars};
use crate::macros::{BuiltinFile, Registry};
use crate::manifest::Manifest;
use crate::target::Target;

/// How spellings that dbt has given up are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// As dbt 1 takes them: with a warning at most.
    #[default]
    Lenient,
    /// As dbt 2 takes them: they are errors.
    Strict,
}

/// A kind of warehouse that a profile may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterKind {
    /// `type` in the profile: `postgres`.
    pub name: String,
    /// What templates see as the type, and after which macros are dispatched, nearest first:
    /// `postgres`.
    pub dialects: Vec<String>,
    /// Packages that come with it, the nearest first: `dbt_postgres`, `dbt`.
    pub packages: Vec<Arc<str>>,
}

impl AdapterKind {
    /// The kinds that Millstream has. The embedded engine stands in for `DuckDB`; its SQL is
    /// PostgreSQL's, and macros for either are found.
    pub fn all() -> Vec<Self> {
        let kind = |name: &str, dialects: &[&str], packages: &[&str]| Self {
            name: name.to_owned(),
            dialects: dialects.iter().map(|dialect| (*dialect).to_owned()).collect(),
            packages: packages.iter().map(|package| Arc::from(*package)).collect(),
        };
        let embedded = ["dbt_millstream", "dbt_postgres", "dbt"];
        vec![
            kind("postgres", &["postgres"], &["dbt_postgres", "dbt"]),
            kind("millstream", &["millstream", "postgres"], &embedded),
            kind("duckdb", &["millstream", "duckdb", "postgres"], &embedded),
        ]
    }
}

/// What reading a project needs to be told.
#[derive(Debug, Clone)]
pub struct ParseOptions {
    /// The folder of `profiles.yml`; else it is looked for where dbt looks for it.
    pub profiles_dir: Option<PathBuf>,
    /// The profile; that of `dbt_project.yml` when absent.
    pub profile: Option<String>,
    /// The output of the profile; the profile's own choice when absent.
    pub target: Option<String>,
    /// Where the project runs when there is no `profiles.yml` at all.
    pub fallback: Option<Target>,
    /// The kinds of warehouses that a profile may name.
    pub adapters: Vec<AdapterKind>,
    /// The folder of packages; that of `dbt_project.yml` when absent.
    pub packages_install_path: Option<PathBuf>,
    /// Variables of the command line.
    pub vars: Map<String, Value>,
    /// Reads variables of the process.
    pub env_var: EnvVar,
    /// How old spellings are taken.
    pub strictness: Strictness,
    /// The command that the project is read for.
    pub invocation: Arc<Invocation>,
    /// The macros that come with Millstream.
    pub builtin: Vec<BuiltinFile>,
    /// Takes what templates say while the project is read.
    pub log: LogSink,
    /// Says when the project is read.
    pub clock: Clock,
    /// Threads that read.
    pub threads: usize,
    /// The project around the one of dbt, if there is one.
    pub host: Option<Host>,
}

/// A project that has more than dbt's files.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Its name, which is the project's where there is no `dbt_project.yml`.
    pub name: String,
    /// Where it runs, whatever profiles say.
    pub target: Option<Target>,
    /// Tables that it fills and models read.
    pub tables: Vec<HostTable>,
}

/// A table that `source` finds beside those of property files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostTable {
    /// Name of the source.
    pub source: String,
    /// Name of the table in the source.
    pub table: String,
    /// Where it is.
    pub schema: String,
    /// Its name there.
    pub identifier: String,
    /// The file that declares it.
    pub file: PathBuf,
}

/// What reading a project gave.
#[derive(Debug)]
pub struct Parsed {
    /// The project; `None` exactly when there is a diagnostic of severity error.
    pub project: Option<ParsedProject>,
    /// All problems, in the order of their places.
    pub diagnostics: Vec<Diagnostic>,
}

/// A project that was read, and what rendering its templates needs.
#[derive(Debug)]
pub struct ParsedProject {
    /// The project.
    pub manifest: Manifest,
    /// Where it runs.
    pub target: Arc<Target>,
    /// Its macros, by the rules by which they are found.
    pub macros: Arc<Registry>,
    /// Its variables.
    pub vars: Arc<Vars>,
    /// What its templates see.
    pub around: Surroundings,
    /// What tells this state of the project from others; `None` if it has to be read every time.
    pub fingerprint: Option<Fingerprint>,
}
