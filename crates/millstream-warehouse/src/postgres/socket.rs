//! The bytes between here and the server: TCP or a local socket, encrypted or not.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};

use super::error::PostgresError;
use super::settings::Settings;
use super::tls::Encryption;

/// A connection without meaning yet.
pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
    #[cfg(unix)]
    Local(std::os::unix::net::UnixStream),
}

impl std::fmt::Debug for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Socket::Tcp",
            Self::Tls(_) => "Socket::Tls",
            #[cfg(unix)]
            Self::Local(_) => "Socket::Local",
        })
    }
}

impl Socket {
    /// Connects. No step of it takes longer than the settings allow, until
    /// [`Socket::wait_without_end`] is called.
    pub(super) fn open(settings: &Settings, encryption: Encryption) -> Result<Self, PostgresError> {
        if settings.host.starts_with('/') {
            return local(settings);
        }
        let stream = tcp(settings).map_err(|cause| unreachable(settings, cause))?;
        match encryption {
            Encryption::Plain => Ok(Self::Tcp(stream)),
            Encryption::IfOffered | Encryption::Required => encrypted(settings, stream, encryption),
        }
    }

    /// A statement may take as long as it likes.
    pub(super) fn wait_without_end(&self) -> io::Result<()> {
        self.set_timeout(None)
    }

    fn set_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
            Self::Tls(stream) => stream.sock.set_read_timeout(timeout),
            #[cfg(unix)]
            Self::Local(stream) => stream.set_read_timeout(timeout),
        }
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
            #[cfg(unix)]
            Self::Local(stream) => stream.read(buffer),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buffer),
            Self::Tls(stream) => stream.write(buffer),
            #[cfg(unix)]
            Self::Local(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
            #[cfg(unix)]
            Self::Local(stream) => stream.flush(),
        }
    }
}

/// Host and port, for messages.
pub(super) fn address(settings: &Settings) -> String {
    format!("{}:{}", settings.host, settings.port)
}

fn unreachable(settings: &Settings, cause: io::Error) -> PostgresError {
    PostgresError::Unreachable { address: address(settings), cause }
}

fn tcp(settings: &Settings) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in (settings.host.as_str(), settings.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, settings.connect_timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(settings.connect_timeout))?;
                keep_alive(&stream, settings.keepalives_idle)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn keep_alive(stream: &TcpStream, idle: Option<Duration>) -> io::Result<()> {
    let keepalive = TcpKeepalive::new();
    let keepalive = idle.map_or(keepalive.clone(), |idle| keepalive.with_time(idle));
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

#[cfg(unix)]
fn local(settings: &Settings) -> Result<Socket, PostgresError> {
    let path = Path::new(&settings.host).join(format!(".s.PGSQL.{}", settings.port));
    let open = || {
        let stream = std::os::unix::net::UnixStream::connect(path)?;
        stream.set_read_timeout(Some(settings.connect_timeout))?;
        Ok(Socket::Local(stream))
    };
    open().map_err(|cause| unreachable(settings, cause))
}

#[cfg(not(unix))]
fn local(_: &Settings) -> Result<Socket, PostgresError> {
    Err(PostgresError::setting("`host` is a folder, which needs a Unix system".to_owned()))
}

/// Asks the server whether it speaks TLS, and shakes hands if it does.
fn encrypted(
    settings: &Settings,
    mut stream: TcpStream,
    encryption: Encryption,
) -> Result<Socket, PostgresError> {
    let mut request = BytesMut::new();
    frontend::ssl_request(&mut request);
    let mut answer = [0];
    stream
        .write_all(&request)
        .and_then(|()| stream.read_exact(&mut answer))
        .map_err(|cause| unreachable(settings, cause))?;
    match (&answer, encryption) {
        (b"S", _) => shake_hands(settings, stream, settings.tls.config()?),
        (_, Encryption::IfOffered) => Ok(Socket::Tcp(stream)),
        _ => Err(PostgresError::Tls("the server does not offer it".to_owned())),
    }
}

fn shake_hands(
    settings: &Settings,
    mut stream: TcpStream,
    config: ClientConfig,
) -> Result<Socket, PostgresError> {
    let wrong = |error: &dyn std::fmt::Display| PostgresError::Tls(error.to_string());
    let name = ServerName::try_from(settings.host.clone()).map_err(|error| wrong(&error))?;
    let mut client =
        ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(&error))?;
    while client.is_handshaking() {
        client.complete_io(&mut stream).map_err(|error| wrong(&error))?;
    }
    Ok(Socket::Tls(Box::new(StreamOwned::new(client, stream))))
}
