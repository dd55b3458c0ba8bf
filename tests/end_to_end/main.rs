//! End-to-end tests: the real binary on real projects.

mod api;
mod bad_input;
mod chaos;
mod command_line;
mod dbt_commands;
mod dbt_docs;
mod dbt_environments;
mod dbt_functions;
mod dbt_manifest;
mod dbt_models;
mod dbt_project;
mod dbt_python;
mod dbt_snapshots;
mod dbt_statements;
mod delivery;
mod execution;
mod flows;
#[cfg(target_os = "linux")]
mod full_disk;
mod labeled;
mod lineage;
mod notifications;
mod object_store;
mod partitions;
#[cfg(target_os = "linux")]
mod power_cut;
mod python_functions;
mod python_steps;
mod questions;
mod readers;
mod releases;
mod runs;
mod schedules;
mod screens;
mod serving;
mod sharing;
mod shop;
mod traces;
mod undisturbed;
mod wheel;
