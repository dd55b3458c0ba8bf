//! One listener: authentication, limits, health, the operator's screens; mounts the rooms' routers.
//!
//! Only this crate knows listening, TLS and authentication. Rooms bring routers, each with the
//! description of its route, which says what scope it needs:
//!
//! ```no_run
//! # async fn example(config: millstream_server::ServerConfig, scoring: axum::Router)
//! # -> millstream_core::Result<()> {
//! use millstream_guard::{Operation, Scope};
//! use millstream_server::{Routes, Server};
//!
//! let server = Server::bind(config).await?;
//! tracing::info!(address = %server.address(), "listening");
//! let score = Operation::post("/score", Scope::Score, "Predicts.").gives::<Vec<f64>>(200);
//! let routes = Routes::new().with_operation(score, scoring);
//! server.serve(routes, || true, std::future::pending()).await
//! # }
//! ```

pub mod config;
mod connection;
pub mod error;
mod layers;
pub mod routes;
pub mod server;
mod session;
mod tls;
mod ui;

pub use config::{ServerConfig, ServerInfo, TlsFiles, Witness, Witnessed, WitnessedEvent};
pub use error::{EXPLANATIONS, ServerError, coded_response, error_response};
pub use routes::Routes;
pub use server::{AnswerMaker, Answers, Server};
