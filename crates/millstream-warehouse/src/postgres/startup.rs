//! From a socket to a session: who is there, and may they come in?

use std::io::{self, Read, Write};

use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use millstream_core::secret::Secret;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::error::{PostgresError, ServerError};
use super::settings::Settings;
use super::socket::{self, Socket};
use super::tls::Encryption;

const READ_BYTES: usize = 64 * 1024;
/// A session's name in the server's lists is cut by the server; it need not travel longer.
const NAME_CHARACTERS_MAX: usize = 63;

/// Messages to the server and from it.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    incoming: BytesMut,
    chunk: Box<[u8]>,
}

/// By what the server knows a session that is to be interrupted.
#[derive(Debug, Clone, Copy)]
pub(super) struct BackendKey {
    process: i32,
    secret: i32,
}

/// A session that is open.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) key: BackendKey,
}

/// Opens a session, encrypted or plain as the settings prefer.
pub(super) fn open(settings: &Settings, name: &str) -> Result<Session, PostgresError> {
    let mut failure = None;
    for encryption in settings.tls.attempts {
        match open_with(settings, name, *encryption) {
            Err(error) if error.is_about_encryption() => failure = failure.or(Some(error)),
            done => return done,
        }
    }
    Err(failure.unwrap_or_else(|| PostgresError::Tls("there is no way to connect".to_owned())))
}

/// Asks the server to stop what a session is running.
pub(super) fn cancel(settings: &Settings, key: BackendKey) -> Result<(), PostgresError> {
    let first = settings.tls.attempts.first().copied().unwrap_or(Encryption::Plain);
    let mut socket = Socket::open(settings, first)?;
    let mut request = BytesMut::new();
    frontend::cancel_request(key.process, key.secret, &mut request);
    socket.write_all(&request).and_then(|()| socket.flush()).map_err(PostgresError::Lost)?;
    // The server hangs up when it has passed the request on.
    let _ = socket.read(&mut [0]);
    Ok(())
}

impl Wire {
    fn new(socket: Socket) -> Self {
        let chunk = vec![0; READ_BYTES].into_boxed_slice();
        Self { socket, incoming: BytesMut::new(), chunk }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), PostgresError> {
        let sent = self.socket.write_all(bytes).and_then(|()| self.socket.flush());
        sent.map_err(PostgresError::Lost)
    }

    pub(super) fn receive(&mut self) -> Result<Message, PostgresError> {
        loop {
            let message = Message::parse(&mut self.incoming)
                .map_err(|error| PostgresError::Answer(error.to_string()))?;
            if let Some(message) = message {
                return Ok(message);
            }
            let length = self.socket.read(&mut self.chunk).map_err(PostgresError::Lost)?;
            if length == 0 {
                let closed = io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "server closed the connection unexpectedly",
                );
                return Err(PostgresError::Lost(closed));
            }
            self.incoming.extend_from_slice(&self.chunk[..length]);
        }
    }
}

fn open_with(
    settings: &Settings,
    name: &str,
    encryption: Encryption,
) -> Result<Session, PostgresError> {
    let mut wire = Wire::new(Socket::open(settings, encryption)?);
    wire.send(&greeting(settings, name)?)?;
    authenticate(&mut wire, settings)?;
    let key = await_ready(&mut wire, settings)?;
    wire.socket.wait_without_end().map_err(PostgresError::Lost)?;
    Ok(Session { wire, key })
}

fn greeting(settings: &Settings, name: &str) -> Result<BytesMut, PostgresError> {
    let called = settings.application_name.clone().unwrap_or_else(|| format!("millstream {name}"));
    let called: String = called.chars().take(NAME_CHARACTERS_MAX).collect();
    let mut parameters = vec![
        ("user", settings.user.as_str()),
        ("database", settings.database.as_str()),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO"),
        ("application_name", called.as_str()),
    ];
    // A parameter of its own, so that nothing in it has to be escaped.
    parameters.extend(settings.search_path.as_deref().map(|path| ("search_path", path)));
    let mut message = BytesMut::new();
    frontend::startup_message(parameters, &mut message)
        .map_err(|error| PostgresError::setting(error.to_string()))?;
    Ok(message)
}

fn authenticate(wire: &mut Wire, settings: &Settings) -> Result<(), PostgresError> {
    let unknown = |method: &str| {
        let address = socket::address(settings);
        Err(PostgresError::Method { address, method: method.to_owned() })
    };
    loop {
        match wire.receive()? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword => {
                send_password(wire, password(settings)?.as_bytes())?;
            }
            Message::AuthenticationMd5Password(body) => {
                let secret = password(settings)?.as_bytes();
                let hash = md5_hash(settings.user.as_bytes(), secret, body.salt());
                send_password(wire, hash.as_bytes())?;
            }
            Message::AuthenticationSasl(body) => scram(wire, settings, &body)?,
            Message::AuthenticationGss => return unknown("GSSAPI"),
            Message::AuthenticationSspi => return unknown("SSPI"),
            Message::AuthenticationKerberosV5 => return unknown("Kerberos"),
            Message::AuthenticationScmCredential => return unknown("SCM credentials"),
            Message::ErrorResponse(body) => return Err(refused(settings, body.fields())),
            Message::NoticeResponse(_) | Message::ParameterStatus(_) => {}
            _ => return Err(unexpected()),
        }
    }
}

fn scram(
    wire: &mut Wire,
    settings: &Settings,
    body: &AuthenticationSaslBody,
) -> Result<(), PostgresError> {
    let wrong = |error: io::Error| PostgresError::Answer(error.to_string());
    let mut mechanisms = body.mechanisms();
    let mut offered = Vec::new();
    while let Some(mechanism) = mechanisms.next().map_err(wrong)? {
        offered.push(mechanism.to_owned());
    }
    if !offered.iter().any(|mechanism| mechanism == SCRAM_SHA_256) {
        let address = socket::address(settings);
        return Err(PostgresError::Method { address, method: offered.join(", ") });
    }
    let binding = ChannelBinding::unsupported();
    let mut scram = ScramSha256::new(password(settings)?.as_bytes(), binding);
    let mut message = BytesMut::new();
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut message).map_err(wrong)?;
    wire.send(&message)?;
    loop {
        match wire.receive()? {
            Message::AuthenticationSaslContinue(body) => {
                scram.update(body.data()).map_err(wrong)?;
                let mut message = BytesMut::new();
                frontend::sasl_response(scram.message(), &mut message).map_err(wrong)?;
                wire.send(&message)?;
            }
            // The server proves that it knows the password, too.
            Message::AuthenticationSaslFinal(body) => {
                return scram.finish(body.data()).map_err(wrong);
            }
            Message::ErrorResponse(body) => return Err(refused(settings, body.fields())),
            _ => return Err(unexpected()),
        }
    }
}

fn password(settings: &Settings) -> Result<&str, PostgresError> {
    let missing = || PostgresError::setting("`password` is missing".to_owned());
    settings.password.as_ref().map(Secret::expose).ok_or_else(missing)
}

fn send_password(wire: &mut Wire, password: &[u8]) -> Result<(), PostgresError> {
    let mut message = BytesMut::new();
    frontend::password_message(password, &mut message)
        .map_err(|error| PostgresError::setting(error.to_string()))?;
    wire.send(&message)
}

fn await_ready(wire: &mut Wire, settings: &Settings) -> Result<BackendKey, PostgresError> {
    // Poolers may send none; then a statement cannot be interrupted.
    let mut key = BackendKey { process: 0, secret: 0 };
    loop {
        match wire.receive()? {
            Message::BackendKeyData(body) => {
                key = BackendKey { process: body.process_id(), secret: body.secret_key() };
            }
            Message::ReadyForQuery(_) => return Ok(key),
            Message::ErrorResponse(body) => return Err(refused(settings, body.fields())),
            Message::NoticeResponse(_) | Message::ParameterStatus(_) => {}
            _ => return Err(unexpected()),
        }
    }
}

fn refused(
    settings: &Settings,
    fields: postgres_protocol::message::backend::ErrorFields<'_>,
) -> PostgresError {
    let cause = Box::new(ServerError::read(fields, None));
    PostgresError::Refused { address: socket::address(settings), cause }
}

pub(super) fn unexpected() -> PostgresError {
    PostgresError::Answer("a message that does not belong here".to_owned())
}
