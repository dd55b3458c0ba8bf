//! Binding, accepting, and stopping without breaking a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use millstream_core::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use crate::config::ServerConfig;
use crate::connection;
use crate::error::ServerError;
use crate::layers::layered;
use crate::routes::Routes;
use crate::tls;

/// Pause after an accept failed, as it does when the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A server that has its port and does not answer yet.
#[derive(Debug)]
pub struct Server {
    config: Arc<ServerConfig>,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptorDebug>,
}

impl Server {
    /// Takes the port. Clients that connect wait until [`Server::serve`].
    ///
    /// Refuses to listen outside loopback without a guard (`server.unauthenticated_listener`);
    /// fails with `server.listen` or `server.tls`.
    pub async fn bind(config: ServerConfig) -> Result<Self> {
        let listen = config.listen;
        if config.guard.is_none() && !listen.ip().to_canonical().is_loopback() {
            return Err(ServerError::UnauthenticatedListener(listen).into());
        }
        let tls = config.tls.as_ref().map(tls::acceptor).transpose()?.map(TlsAcceptorDebug);
        let failed = |source| ServerError::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { config: Arc::new(config), listener, address, tls })
    }

    /// The address with the port that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes what [`Server::serve_current`] answers by.
    pub fn answers(&self) -> AnswerMaker {
        AnswerMaker { config: Arc::clone(&self.config) }
    }

    /// Answers requests by the same routes until `shutdown` ends, then finishes those in flight.
    ///
    /// `ready` decides what `GET /api/v1/health` answers; it is called for each such request.
    pub async fn serve(
        self,
        routes: Routes,
        ready: impl Fn() -> bool + Send + Sync + 'static,
        shutdown: impl Future<Output = ()>,
    ) -> Result<()> {
        let (_same, current) = watch::channel(self.answers().make(routes, ready));
        self.serve_current(current, shutdown).await
    }

    /// The same, but each request is answered by what is current when it comes.
    pub async fn serve_current(
        self,
        current: watch::Receiver<Answers>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<()> {
        info!(address = %self.address, tls = self.tls.is_some(), "listening");
        let (stop, stopped) = watch::channel(false);
        let connections = self.accept_until(current, stopped, shutdown).await;
        // Nobody listens for the signal when no connection is open.
        let _ = stop.send(true);
        finish(connections, self.config.shutdown_grace).await;
        info!("server stopped");
        Ok(())
    }

    /// The open connections when `shutdown` ended.
    async fn accept_until(
        &self,
        current: watch::Receiver<Answers>,
        stopped: watch::Receiver<bool>,
        shutdown: impl Future<Output = ()>,
    ) -> JoinSet<()> {
        let slots = Arc::new(Semaphore::new(self.config.connections_max));
        let mut connections = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => return connections,
                Some(_) = connections.join_next() => {}
                (stream, slot) = accept(&self.listener, &slots) => {
                    let tls = self.tls.as_ref().map(|tls| tls.0.clone());
                    let (current, stopped) = (current.clone(), stopped.clone());
                    connections.spawn(async move {
                        connection::serve(stream, tls, current, stopped).await;
                        drop(slot);
                    });
                }
            }
        }
    }
}

/// Makes what answers requests, with the settings of a server.
#[derive(Debug, Clone)]
pub struct AnswerMaker {
    config: Arc<ServerConfig>,
}

impl AnswerMaker {
    /// What answers requests by these routes.
    ///
    /// `ready` decides what `GET /api/v1/health` answers; it is called for each such request.
    pub fn make(
        &self,
        routes: Routes,
        ready: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Answers {
        let (guarded, open) = routes.into_parts(&self.config, ready);
        Answers(layered(&self.config, guarded, open))
    }
}

/// What answers requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Answers(pub(crate) Router);

/// The next connection, once there is a slot for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, OwnedSemaphorePermit) {
    let slot = Arc::clone(slots).acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(cause) => {
                warn!(%cause, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn finish(mut connections: JoinSet<()>, grace: Duration) {
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all).await.is_err() {
        warn!(connections = connections.len(), "requests were cut off at shutdown");
        connections.shutdown().await;
    }
}

struct TlsAcceptorDebug(TlsAcceptor);

impl std::fmt::Debug for TlsAcceptorDebug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

#[cfg(test)]
mod tests;
