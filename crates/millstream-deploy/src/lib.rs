//! Deployments: real time and batch scoring, prediction events.
//!
//! [`Deployments`] answers requests with the version that an alias names at the moment and records
//! each answer before it is given; [`routes`] puts it behind the Open Inference Protocol and
//! MLflow's scoring formats, each route with its description. [`ScoringStep`] does the same to a whole relation, as a step.
//!
//! Not here: listening and authentication (the server), training and loading models.
//!
//! Reading order: `reference`, `rows`, `event`, `live`, `realtime`, then `v2` and `mlflow`, then
//! `batch`.

pub mod batch;
pub mod error;
pub mod event;
pub mod explain;
#[cfg(test)]
mod fakes;
mod http;
pub mod limits;
pub mod live;
mod mlflow;
pub mod realtime;
pub mod reference;
pub mod rows;
mod traffic;
mod v2;

pub use batch::{ScoringConfig, ScoringStep};
pub use error::DeployError;
pub use event::PredictionEvent;
pub use explain::EXPLANATIONS;
pub use http::routes;
pub use realtime::{DeploymentConfig, Deployments};
pub use reference::ModelReference;
pub use traffic::TrafficSeen;
