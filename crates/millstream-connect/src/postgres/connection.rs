//! Connects to a database whose address is a secret.

use std::path::PathBuf;
use std::time::Duration;

use millstream_core::error::Result;
use millstream_core::secret::{Secret, SecretRef};
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config};

use super::tls::TlsSettings;
use crate::records::error::SourceError;
use crate::registry::SecretResolver;

/// The longest that connecting to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Set in every session, so that texts and moments mean the same everywhere. A read is as long as
/// it is; waiting for a lock is not.
const SESSION: &str = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; \
    set intervalstyle = 'iso_8601'; set extra_float_digits = 1; \
    set standard_conforming_strings = on; set client_encoding = 'UTF8'; \
    set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; \
    set lock_timeout = '30s'";

/// Where a database is.
#[derive(Clone)]
pub(super) struct Address {
    place: Place,
}

#[derive(Clone)]
enum Place {
    Known(Secret),
    /// A reference of a source, by name.
    Reference(String, SecretRef, SecretResolver),
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.place {
            Place::Known(secret) => f.debug_tuple("Address").field(secret).finish(),
            Place::Reference(_, reference, _) => f.debug_tuple("Address").field(reference).finish(),
        }
    }
}

/// An open connection, with words for errors.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    what: String,
}

impl Address {
    pub(super) fn known(url: Secret) -> Self {
        Self { place: Place::Known(url) }
    }

    /// The address of a source, found when it is needed.
    pub(super) fn by_reference(
        source: &str,
        reference: SecretRef,
        secrets: SecretResolver,
    ) -> Self {
        Self { place: Place::Reference(source.to_owned(), reference, secrets) }
    }

    /// Connects, and sets up the session.
    pub(super) async fn connect(&self) -> Result<Session> {
        let (config, tls) = self.settings()?;
        let what = name(&config);
        let unreachable = |cause| SourceError::Unreachable { what: what.clone(), cause };
        let connector = tls.connector().map_err(|error| unreachable(error.into()))?;
        let (client, connection) = match config.connect(connector).await {
            Ok(connected) => connected,
            Err(error) if is_denied(&error) => {
                return Err(SourceError::Denied { what, cause: error.into() }.into());
            }
            Err(error) => return Err(unreachable(error.into()).into()),
        };
        // It ends with the client. What it has to say, the client's questions are answered with.
        tokio::spawn(connection);
        let session = Session { client, what };
        session.run(SESSION).await?;
        Ok(session)
    }
}

impl Address {
    /// What the address says.
    fn settings(&self) -> Result<(Config, TlsSettings), SourceError> {
        let (what, secret) = match &self.place {
            Place::Known(secret) => {
                ("the address of the operational database".to_owned(), secret.clone())
            }
            Place::Reference(source, reference, secrets) => {
                let what = format!("`url` of source `{source}`");
                match secrets(reference) {
                    Ok(secret) => (what, secret),
                    Err(cause) => return Err(SourceError::Secret { what, cause }),
                }
            }
        };
        parse(secret.expose()).map_err(|message| SourceError::Address { what, message })
    }
}

impl Session {
    /// Runs statements without an answer.
    pub(super) async fn run(&self, sql: &str) -> Result<()> {
        Ok(self.client.batch_execute(sql).await.map_err(|error| self.failure(error))?)
    }

    /// The server's version.
    pub(super) async fn version(&self) -> Result<String> {
        let row = self.client.query_one("select current_setting('server_version')", &[]).await;
        Ok(row.and_then(|row| row.try_get(0)).map_err(|error| self.failure(error))?)
    }

    /// An error of the server or the connection as one of the source.
    pub(super) fn failure(&self, error: tokio_postgres::Error) -> SourceError {
        let what = self.what.clone();
        if is_denied(&error) {
            return SourceError::Denied { what, cause: error.into() };
        }
        SourceError::Read { what, cause: error.into() }
    }
}

/// The parts of an address. An address that cannot be read is not repeated: it has a password.
fn parse(text: &str) -> Result<(Config, TlsSettings), &'static str> {
    let (rest, mode, roots) = split_tls(text.trim());
    let tls = TlsSettings::new(mode.as_deref(), roots.map(PathBuf::from));
    let tls = tls.ok_or("sslmode is disable, prefer, require, verify-ca or verify-full")?;
    let mut config: Config = rest.parse().map_err(|_| "it is no address of PostgreSQL")?;
    config.ssl_mode(tls.mode).connect_timeout(CONNECT_TIMEOUT).application_name("millstream");
    Ok((config, tls))
}

/// Takes `sslmode` and `sslrootcert` out of an address; the driver does not know all modes.
fn split_tls(text: &str) -> (String, Option<String>, Option<String>) {
    let (mut mode, mut roots) = (None, None);
    let mut take = |pair: &str| match pair.split_once('=') {
        Some(("sslmode", value)) => {
            mode = Some(value.trim_matches('\'').to_owned());
            false
        }
        Some(("sslrootcert", value)) => {
            roots = Some(decoded(value.trim_matches('\'')));
            false
        }
        _ => true,
    };
    let rest = if text.contains("://") {
        let (address, query) = text.split_once('?').unwrap_or((text, ""));
        let kept: Vec<_> = query.split('&').filter(|pair| !pair.is_empty() && take(pair)).collect();
        let mark = if kept.is_empty() { "" } else { "?" };
        format!("{address}{mark}{}", kept.join("&"))
    } else {
        let kept: Vec<_> = text.split(' ').filter(|pair| take(pair)).collect();
        kept.join(" ")
    };
    (rest, mode, roots)
}

/// A path with `%2F` and the like resolved.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = hex.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Host and database, for errors.
fn name(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().map_or_else(String::new, |port| format!(":{port}"));
    format!("PostgreSQL database `{}` at {host}{port}", config.get_dbname().unwrap_or_default())
}

/// Wrong user, password or database, or missing rights: trying again does not help.
fn is_denied(error: &tokio_postgres::Error) -> bool {
    const DENIED: [SqlState; 4] = [
        SqlState::INVALID_PASSWORD,
        SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
        SqlState::INVALID_CATALOG_NAME,
        SqlState::INSUFFICIENT_PRIVILEGE,
    ];
    error.code().is_some_and(|code| DENIED.contains(code))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use millstream_core::error::Plain;
    use tokio_postgres::config::SslMode;

    use super::super::tls::Trust;
    use super::*;

    #[test]
    fn all_modes_of_tls_are_known() {
        let settings = |text: &str| parse(text).unwrap().1;
        let plain = settings("postgres://u:p@h/d");
        assert_eq!((plain.mode, plain.trust), (SslMode::Prefer, Trust::Anyone));
        let full = settings("postgres://u@h/d?sslmode=verify-full&connect_timeout=3");
        assert_eq!((full.mode, full.trust), (SslMode::Require, Trust::Host));
        let file = settings("host=h user=u sslmode=require sslrootcert='/etc/ca.pem'");
        assert_eq!((file.trust, file.roots), (Trust::Signed, Some("/etc/ca.pem".into())));
        let encoded = settings("postgres://u@h/d?sslmode=verify-ca&sslrootcert=%2Fca%20s.pem");
        assert_eq!(encoded.roots, Some("/ca s.pem".into()));
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_read_is_not_shown() {
        for text in ["postgres://u:hush@h:port/d", "hush", "host=h sslmode=hush password=hush"] {
            let secrets: SecretResolver = Arc::new(move |_| Ok(Secret::new(text)));
            let address = Address::by_reference("shop", SecretRef::Env("URL".into()), secrets);
            let error = address.connect().await.unwrap_err();
            assert_eq!(error.code(), "sync.bad_setting");
            assert!(error.to_string().contains("`url` of source `shop`"), "{error}");
            assert!(error.hint().unwrap().contains("postgres://"), "{error}");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_secret_that_is_not_set_is_told_with_its_place() {
        let missing = || Plain::user("test.missing", "`URL` is not set").with_hint("set it");
        let secrets: SecretResolver = Arc::new(move |_| Err(missing().into()));
        let address = Address::by_reference("shop", SecretRef::Env("URL".into()), secrets);
        let error = address.connect().await.unwrap_err();
        assert_eq!(error.to_string(), "`url` of source `shop` has no value: `URL` is not set");
        assert_eq!((error.code(), error.hint().as_deref()), ("test.missing", Some("set it")));
    }
}
