//! What an output of profiles.yml says of a PostgreSQL server.

use std::path::PathBuf;
use std::time::Duration;

use millstream_core::secret::Secret;
use serde_json::{Map, Value};

use super::error::PostgresError;
use super::tls::TlsSettings;

const PORT: u16 = 5432;
const CONNECT_TIMEOUT_SECONDS: u64 = 10;
/// Like dbt: a connection is tried once more.
const RETRIES: u32 = 1;
/// Trying takes the square of its number in seconds; more than this makes no sense.
const RETRIES_MAX: u32 = 60;

/// How to connect.
#[derive(Debug)]
pub(super) struct Settings {
    /// A name, an address, or the folder of a socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) password: Option<Secret>,
    pub(super) database: String,
    pub(super) connect_timeout: Duration,
    pub(super) retries: u32,
    pub(super) keepalives_idle: Option<Duration>,
    pub(super) search_path: Option<String>,
    pub(super) role: Option<String>,
    pub(super) application_name: Option<String>,
    pub(super) tls: TlsSettings,
}

impl Settings {
    pub(super) fn from_fields(fields: &Map<String, Value>) -> Result<Self, PostgresError> {
        let fields = Fields(fields);
        let password = match fields.text("password")? {
            Some(password) => Some(password),
            None => fields.text("pass")?,
        };
        let database = match fields.text("dbname")? {
            Some(database) => Some(database),
            None => fields.text("database")?,
        };
        let retries = fields.number("retries")?.map_or(RETRIES, |count| count as u32);
        Ok(Self {
            host: fields.text("host")?.ok_or_else(|| missing("host"))?,
            port: fields.port()?,
            user: fields.text("user")?.ok_or_else(|| missing("user"))?,
            password: password.map(Secret::new),
            database: database.ok_or_else(|| missing("dbname"))?,
            connect_timeout: Duration::from_secs(
                fields.number("connect_timeout")?.unwrap_or(CONNECT_TIMEOUT_SECONDS).max(1),
            ),
            retries: retries.min(RETRIES_MAX),
            keepalives_idle: fields
                .number("keepalives_idle")?
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            search_path: fields.text("search_path")?.filter(|path| !path.is_empty()),
            role: fields.text("role")?.filter(|role| !role.is_empty()),
            application_name: fields.text("application_name")?,
            tls: TlsSettings::new(
                fields.text("sslmode")?.as_deref(),
                fields.text("sslrootcert")?.map(PathBuf::from),
                fields.text("sslcert")?.map(PathBuf::from),
                fields.text("sslkey")?.map(PathBuf::from),
            )?,
        })
    }
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    /// Text, or what YAML takes for something else: a password may look like a number.
    fn text(&self, name: &'static str) -> Result<Option<String>, PostgresError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(PostgresError::setting(format!("`{name}` is to be text"))),
        }
    }

    fn number(&self, name: &'static str) -> Result<Option<u64>, PostgresError> {
        let number = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_u64(),
        };
        let wrong = || PostgresError::setting(format!("`{name}` is to be a whole number"));
        number.map(Some).ok_or_else(wrong)
    }

    fn port(&self) -> Result<u16, PostgresError> {
        let Some(number) = self.number("port")? else { return Ok(PORT) };
        let wrong = || PostgresError::setting(format!("`port` is to be below 65536, not {number}"));
        u16::try_from(number).map_err(|_| wrong())
    }
}

fn missing(name: &str) -> PostgresError {
    PostgresError::setting(format!("`{name}` is missing"))
}
