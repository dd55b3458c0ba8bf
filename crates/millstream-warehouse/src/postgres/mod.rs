//! PostgreSQL, and what speaks its protocol.
//!
//! Statements go by the simple query protocol: one text may hold several of them, and values come
//! back as text. Reading order: `settings`, `socket` and `startup` open a [`PostgresConnection`];
//! `connection` runs statements on it and `answer` reads what comes back.

mod answer;
mod connection;
mod error;
mod point;
mod settings;
mod socket;
mod startup;
#[cfg(test)]
mod test_certificates;
#[cfg(test)]
mod test_cluster;
#[cfg(test)]
mod tests;
mod tls;
mod types;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use millstream_core::error::Result;
use millstream_core::sql::{SqlConnection, SqlWarehouse};
use serde_json::{Map, Value};

pub use connection::PostgresConnection;
pub use error::PostgresError;

use self::settings::Settings;
use self::startup::{BackendKey, Session};

/// A PostgreSQL database.
#[derive(Debug)]
pub struct PostgresWarehouse {
    settings: Arc<Settings>,
    open: Arc<OpenSessions>,
}

impl PostgresWarehouse {
    /// The database that an output of profiles.yml names: `host`, `user`, `password` (or `pass`),
    /// `port`, `dbname` (or `database`) and their companions. Does not connect.
    pub fn from_fields(fields: &Map<String, Value>) -> Result<Self> {
        let settings = Arc::new(Settings::from_fields(fields)?);
        Ok(Self { settings, open: Arc::default() })
    }

    /// Opens a connection, as often as the settings allow it to be tried.
    pub fn open(&self, name: &str) -> Result<PostgresConnection> {
        let mut attempt = 0;
        loop {
            match startup::open(&self.settings, name) {
                Ok(session) => return Ok(self.admit(session)?),
                Err(error) if error.may_pass() && attempt < self.settings.retries => {
                    attempt += 1;
                    std::thread::sleep(Duration::from_secs(u64::from(attempt * attempt)));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn admit(&self, session: Session) -> Result<PostgresConnection, PostgresError> {
        let place = self.open.enter(session.key);
        let settings = Arc::clone(&self.settings);
        let mut connection = PostgresConnection::new(session, settings, place);
        if let Some(role) = &self.settings.role {
            connection.set_role(role)?;
        }
        Ok(connection)
    }
}

impl SqlWarehouse for PostgresWarehouse {
    fn kind(&self) -> &'static str {
        "postgres"
    }

    fn connect(&self, name: &str) -> Result<Box<dyn SqlConnection>> {
        Ok(Box::new(self.open(name)?))
    }

    fn cancel(&self) {
        for key in self.open.keys() {
            if let Err(error) = startup::cancel(&self.settings, key) {
                tracing::warn!(%error, "a statement could not be cancelled");
            }
        }
    }
}

/// The sessions that are open, to find what to cancel.
#[derive(Debug, Default)]
struct OpenSessions {
    keys: Mutex<(u64, BTreeMap<u64, BackendKey>)>,
}

impl OpenSessions {
    fn enter(self: &Arc<Self>, key: BackendKey) -> Place {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.0 += 1;
        let number = keys.0;
        keys.1.insert(number, key);
        Place { number, sessions: Arc::clone(self) }
    }

    fn keys(&self) -> Vec<BackendKey> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.1.values().copied().collect()
    }
}

/// A session's entry among those that are open; leaves with the value.
#[derive(Debug)]
struct Place {
    number: u64,
    sessions: Arc<OpenSessions>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut keys = self.sessions.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.1.remove(&self.number);
    }
}
