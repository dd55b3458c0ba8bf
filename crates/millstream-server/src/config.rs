//! What the wiring tells the server.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::clock::Clock;
use millstream_core::limits::{REQUEST_BODY_BYTES_MAX, REQUEST_TIMEOUT};
use millstream_guard::{Guard, Principal};
use serde::Serialize;

/// Connections that may be open at the same time, unless the settings say otherwise.
pub const CONNECTIONS_MAX: usize = 4096;
/// How long requests in flight may go on after a shutdown was asked for, unless the settings say
/// otherwise.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(30);

/// Settings of a server.
#[derive(Clone)]
pub struct ServerConfig {
    /// Address and port; port 0 takes a free one, see [`crate::Server::address`].
    pub listen: SocketAddr,
    /// Who may come in. Without it everybody on this machine may, and nobody else.
    pub guard: Option<Guard>,
    /// Certificate and key; plain HTTP without them.
    pub tls: Option<TlsFiles>,
    /// The largest body of a request, in bytes.
    pub body_bytes_max: usize,
    /// The longest a request may take.
    pub request_timeout: Duration,
    /// How long requests in flight may go on after a shutdown was asked for.
    pub shutdown_grace: Duration,
    /// Connections that may be open at the same time; more wait.
    pub connections_max: usize,
    /// What `GET /api/v1/info` says.
    pub info: ServerInfo,
    /// Is told of sessions that begin, and of changes that were asked for in vain.
    pub witness: Option<Witness>,
    /// Times requests for the log.
    pub clock: Clock,
}

impl ServerConfig {
    /// A server at this address with the default limits, without guard and TLS.
    pub fn new(listen: SocketAddr, info: ServerInfo) -> Self {
        Self {
            listen,
            guard: None,
            tls: None,
            body_bytes_max: REQUEST_BODY_BYTES_MAX,
            request_timeout: REQUEST_TIMEOUT,
            shutdown_grace: SHUTDOWN_GRACE,
            connections_max: CONNECTIONS_MAX,
            info,
            witness: None,
            clock: Clock::System,
        }
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { listen, guard, tls, info, .. } = self;
        let mut shown = f.debug_struct("ServerConfig");
        shown.field("listen", listen).field("guard", guard).field("tls", tls).field("info", info);
        shown.finish_non_exhaustive()
    }
}

/// Writes down what it is told. Must not block.
pub type Witness = Arc<dyn Fn(Witnessed) + Send + Sync>;

/// Something that belongs into the audit record and that no handler writes there.
#[derive(Debug, Clone)]
pub struct Witnessed {
    /// Who asked.
    pub principal: Principal,
    /// For what.
    pub event: WitnessedEvent,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WitnessedEvent {
    /// A session began.
    SessionOpened,
    /// A changing request was refused or failed.
    InVain {
        /// `POST /api/v1/runs`.
        request: String,
        /// What it was answered with.
        status: u16,
        /// The code of the error.
        code: String,
    },
}

/// PEM files for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    /// The private key of the certificate.
    pub key: PathBuf,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ServerInfo {
    /// Version of the product.
    pub version: String,
    /// Name of the project.
    pub project: String,
    /// Name of the environment.
    pub environment: String,
}
