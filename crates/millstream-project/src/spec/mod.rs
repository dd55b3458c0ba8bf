//! What the files say that only the project's reader knows: `millstream.yml`, `dbt_project.yml`,
//! the property files beside models, and the lists around the specs of `millstream_core::spec`.

pub(crate) mod dbt_project;
pub(crate) mod lists;
pub(crate) mod manifest;
pub(crate) mod properties;

pub(crate) use dbt_project::DbtProject;
pub(crate) use manifest::{Manifest, OperationalSpec};
