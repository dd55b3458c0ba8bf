//! What templates see.
//!
//! While a project is read, [`capture`] renders a text with `execute` false, to learn what it refers
//! to and how it configures itself. While it runs, the same names answer for real.
//!
//! [`Surroundings`] are the project and the command; `names` says how a name is looked up: macros of
//! the package, of the project and of dbt, then dbt's own names.

mod caller;
mod capture;
mod common;
mod config_call;
mod contract;
mod ctes;
mod data;
mod env_var;
mod exceptions;
mod failure;
mod foreign_keys;
mod functions;
mod generated_names;
mod graph;
mod inline;
mod invocation;
mod link;
mod log;
mod materialize;
mod model;
mod names;
mod parse_caller;
mod python_model;
mod query_comment;
mod questions;
mod references;
mod resolve;
mod results;
mod run_config;
mod run_files;
mod run_result;
mod run_state;
mod seed;
mod session;
mod surroundings;
mod test_kwargs;
mod time_filter;
mod unit_test;
mod vars;
mod warnings;
mod worker;
mod yaml;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::manifest::{RefArgs, SourceArgs, UniqueId};

pub use capture::{CaptureSubject, ParseSession, capture};
pub use ctes::InjectedCte;
pub use env_var::{EnvVar, SECRET_PREFIX};
pub use failure::{Failure, FailureKind, Raised, Subject, Whereabouts, raise};
pub use generated_names::{NamePart, generated_name};
pub use invocation::{DBT_VERSION, Invocation};
pub use log::{LogEvent, LogLevel, LogSink};
pub use materialize::MadeRelations;
pub use questions::SourceAge;
pub use references::{Found, References};
pub use run_files::{path_of, write_text};
pub use run_result::RunResultValue;
pub use session::{Deferred, Resumed, Session};
pub use surroundings::{MomentWatch, Surroundings};
pub use unit_test::UnitTestRun;
pub use vars::Vars;
pub use warnings::{Verdict, Warnings};
pub use worker::{Batch, CompiledNode, Standing, Worker};

/// What a text says of itself when it is rendered while the project is read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Captured {
    /// `ref`s, in order, as often as they are called.
    pub refs: Vec<RefArgs>,
    /// `source`s, in order.
    pub sources: Vec<SourceArgs>,
    /// `metric`s.
    pub metrics: Vec<Vec<String>>,
    /// `function`s, in order, as often as they are called.
    pub functions: Vec<Vec<String>>,
    /// What `config()` said; lists and dicts that add up in dbt are already added up.
    pub config: Map<String, Value>,
    /// The arguments of the first `config()` as they are written, if the text itself has one.
    pub config_written: Option<Map<String, Value>>,
    /// Macros that were called from the text itself.
    pub macros: Vec<UniqueId>,
    /// The rendered text.
    #[serde(skip)]
    pub text: String,
    /// Whether the text saw what is different in every command: flags, the time.
    #[serde(skip)]
    pub is_volatile: bool,
}
