//! One connection: TLS if there is any, then HTTP/1.1 with keep-alive.

use std::pin::pin;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use crate::server::Answers;

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may wait for the next request and its headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(75);
/// The most bytes of headers.
const HEADER_BYTES_MAX: usize = 64 * 1024;

/// Serves a connection until the client leaves or `stop` becomes true and the request in flight is
/// answered. Errors are the client's: they end this connection only.
pub(crate) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    current: watch::Receiver<Answers>,
    stop: watch::Receiver<bool>,
) {
    // Answers are small: waiting for more bytes to send would only delay them.
    if let Err(cause) = stream.set_nodelay(true) {
        debug!(%cause, "connection lost before its first request");
        return;
    }
    let Some(tls) = tls else { return speak(stream, current, stop).await };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
        Ok(Ok(stream)) => speak(stream, current, stop).await,
        Ok(Err(cause)) => debug!(%cause, "tls handshake failed"),
        Err(_) => debug!("tls handshake took too long"),
    }
}

async fn speak<S>(stream: S, current: watch::Receiver<Answers>, stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let Answers(router) = current.borrow().clone();
        TowerToHyperService::new(router.into_service::<Incoming>()).call(request)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        debug!(%cause, "connection ended");
    }
}

/// Ends when the value becomes true, or when the server is gone.
async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}
