//! The project folder in, the resolved asset graph out.
//!
//! [`load`] reads every file of a project once and gives either a [`Project`] or all that is wrong
//! with it, each problem with its file, line and column. No I/O but reading those files: what a
//! project needs to know of connectors, trainers, gates and the process environment is handed in
//! by [`LoadOptions`].
//!
//! Reading order: `load` drives; `dbt` reads what is dbt's through `millstream-dbt`, and makes models,
//! seeds and checks of it; `sources` and `resolve` turn Millstream's own files into steps; `graph` orders
//! and selects them; `schedule` says when they run by themselves, `notification` who is told what; `compare` says what is
//! different in another version of a project.

mod branch;
mod compare;
mod dbt;
mod declared;
mod environment;
mod execution;
mod explanations;
mod expression;
mod graph;
mod load;
mod names;
pub mod notification;
mod owner;
mod project;
mod resolve;
pub mod schedule;
mod schemas;
mod settings;
mod sources;
mod spec;
mod sql;
mod template;
mod values;

#[cfg(test)]
mod tests;

pub use branch::{BRANCH_FILE, Branch, is_environment_name};
pub use compare::{AssetChange, Changed, Meaning, NamedChange, ProjectChange, compare};
pub use dbt::DbtProject;
pub use environment::{DatabaseRef, Environment, Releases, Traces, Unreleased, state_dir};
pub use execution::{Executed, Shared};
pub use explanations::EXPLANATIONS;
pub use graph::{Depth, Graph, Node, SelectError, Selection};
pub use load::{HostProject, LoadOptions, Loaded, load, load_host};
pub use project::{
    Check, CheckSeverity, ColumnDoc, KnownText, Project, ResolvedCommand, ResolvedDeployment,
    ResolvedPython, ResolvedTraining, Seed, SqlModel, Text,
};
pub use schemas::json_schemas;
pub use template::init_files;
