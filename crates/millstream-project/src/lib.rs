//! The project folder in, the resolved asset graph out.
//!
//! [`load`] reads every file of a project once and gives either a [`Project`] or all that is wrong
//! with it, each problem with its file, line and column. No I/O but reading those files: what a
//! project needs to know of connectors, trainers, gates and the process environment is handed in
//! by [`LoadOptions`].
//!
//! Reading order: `load` drives; `files` and `yaml` read; `packages`, `macros` and `jinja` render; `sources`,
//! `seeds`, `models`, `checks` and `resolve` turn what was read into steps; `graph` orders and selects them;
//! `materialize` is the step that runs a model.

mod audit;
mod checks;
mod config;
mod declared;
mod environment;
mod explanations;
mod graph;
mod jinja;
mod load;
mod macros;
mod materialize;
mod models;
mod packages;
mod placement;
mod project;
mod properties;
mod resolve;
mod schemas;
mod seeds;
mod settings;
mod sources;
mod spec;
mod template;
mod yaml_values;

#[cfg(test)]
mod tests;

pub use environment::{DatabaseRef, Environment, state_dir};
pub use explanations::EXPLANATIONS;
pub use graph::{Depth, Graph, Node, SelectError};
pub use load::{EnvVar, LoadOptions, Loaded, load, load_environment};
pub use materialize::ModelStep;
pub use project::{
    Check, CheckSeverity, ColumnDoc, Materialization, Project, ResolvedDeployment,
    ResolvedTraining, Seed, SqlModel, Strategy, Threshold,
};
pub use schemas::json_schemas;
pub use template::init_files;
