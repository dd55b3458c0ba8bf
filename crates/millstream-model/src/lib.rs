//! Trains models, keeps their versions, takes them through gates, and scores.
//!
//! A training reads the rows of a relation, holds some out by a stable hash, judges a twin fitted
//! on the others, compares it with the present champion's twin on the same rows, and then refits
//! on all rows what the registry keeps.
//!
//! Not here: SQL, the recovery protocol, serving.
//!
//! Reading order: `training_step` drives `train`; that uses `frame`, `split`, `trainer` (`text`,
//! `tabular`), `held_out` (`metrics`) and `gate` (`bootstrap`); `registry` keeps a `manifest` and
//! an `artifact`; `scorer` asks them; `reproduce` trains again.

mod artifact;
#[cfg(test)]
mod artifact_tests;
mod bootstrap;
#[cfg(test)]
mod bootstrap_tests;
mod codec;
mod durable;
mod error;
mod explain;
#[cfg(test)]
mod fixture;
mod frame;
pub mod gate;
mod held_out;
pub mod manifest;
pub mod metrics;
mod near;
mod registry;
mod reproduce;
mod review;
mod rng;
mod scorer;
mod split;
mod tabular;
mod text;
mod train;
mod trainer;
mod training_step;
#[cfg(test)]
mod training_tests;

pub use artifact::ARTIFACT_FORMAT;
pub use error::ModelError;
pub use explain::EXPLANATIONS;
pub use frame::{LABELS_MAX, TRAINING_BYTES_MAX};
pub use manifest::{GitState, Manifest, TreeState};
pub use registry::Registry;
pub use reproduce::{Reproduction, reproduce};
pub use scorer::{LOADED_MODELS_MAX, LoadedModels, version_of};
pub use split::{StratumCount, is_held_out};
pub use tabular::settings::{TabularGbdtSettings, TaskChoice};
pub use text::settings::{ClassWeight, LinearModel, TextLinearSettings};
pub use trainer::{TABULAR_GBDT, TEXT_LINEAR, trainers};
pub use training_step::{CHAMPION, TrainingConfig, TrainingStep};

/// Whether the text is a gate rule; else why not. For the reader of the project.
pub fn check_gate(rule: &str) -> Result<(), String> {
    gate::parse(rule).map(drop).map_err(|error| match error {
        ModelError::Gate { message, .. } => message,
        other => other.to_string(),
    })
}
