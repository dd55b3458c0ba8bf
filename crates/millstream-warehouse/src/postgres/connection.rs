//! Statements on an open session.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::BytesMut;
use millstream_core::error::Result;
use millstream_core::sql::{SqlAnswer, SqlConnection, SqlLoad, SqlValue};
use postgres_protocol::Oid;
use postgres_protocol::message::frontend::{self, CopyData};

use super::Place;
use super::answer::{Next, Reader};
use super::error::PostgresError;
use super::settings::Settings;
use super::startup::{self, BackendKey, Session, Wire};

/// Rows travel in pieces of this size.
const LOAD_BYTES: usize = 64 * 1024;

/// A session with a PostgreSQL server. Ends with the value.
///
/// Every text is sent as it is. Without `begin` in it, or in one before it, all its statements
/// are one transaction of the server's own.
#[derive(Debug)]
pub struct PostgresConnection {
    wire: Wire,
    key: BackendKey,
    settings: Arc<Settings>,
    /// Types that the database itself has made.
    type_names: HashMap<Oid, String>,
    _place: Place,
}

impl PostgresConnection {
    pub(super) fn new(session: Session, settings: Arc<Settings>, place: Place) -> Self {
        let Session { wire, key } = session;
        Self { wire, key, settings, type_names: HashMap::new(), _place: place }
    }

    /// Acts as another role from now on.
    pub(super) fn set_role(&mut self, role: &str) -> Result<(), PostgresError> {
        self.run(&format!("set role {role}"), &mut NoRows).map(drop)
    }

    fn run(
        &mut self,
        sql: &str,
        rows: &mut dyn Read,
    ) -> Result<(SqlAnswer, Vec<(usize, Oid)>), PostgresError> {
        let mut message = BytesMut::new();
        frontend::query(sql, &mut message).map_err(|error| unsendable(&error))?;
        self.wire.send(&message)?;
        let mut reader = Reader::default();
        loop {
            let message = self.wire.receive()?;
            match reader.take(message, sql)? {
                Next::More => {}
                // The rest still has to be read: the session goes on.
                Next::Stop => startup::cancel(&self.settings, self.key)?,
                Next::Rows => self.send_rows(rows)?,
                Next::Done => return reader.finish(),
            }
        }
    }

    fn refuse_rows(&mut self, why: &str) -> Result<(), PostgresError> {
        let mut message = BytesMut::new();
        frontend::copy_fail(why, &mut message).map_err(|error| unsendable(&error))?;
        self.wire.send(&message)
    }

    /// Finds the names of types that not every server has.
    fn name_types(
        &mut self,
        answer: &mut SqlAnswer,
        unknown: &[(usize, Oid)],
    ) -> Result<(), PostgresError> {
        for (column, oid) in unknown {
            let name = match self.type_names.get(oid) {
                Some(name) => name.clone(),
                None => self.ask_type_name(*oid)?,
            };
            answer.columns[*column].data_type = name;
        }
        Ok(())
    }

    fn ask_type_name(&mut self, oid: Oid) -> Result<String, PostgresError> {
        let question = format!("select pg_catalog.format_type({oid}, null)");
        let (answer, _) = self.run(&question, &mut NoRows)?;
        let name = match answer.rows.into_iter().flatten().next() {
            Some(SqlValue::Text(name)) => name,
            _ => "unknown".to_owned(),
        };
        self.type_names.insert(oid, name.clone());
        Ok(name)
    }

    fn send_rows(&mut self, rows: &mut dyn Read) -> Result<(), PostgresError> {
        let mut chunk = vec![0; LOAD_BYTES];
        loop {
            let length = match rows.read(&mut chunk) {
                Ok(length) => length,
                Err(error) => return self.refuse_rows(&error.to_string()),
            };
            let mut message = BytesMut::new();
            if length == 0 {
                frontend::copy_done(&mut message);
                return self.wire.send(&message);
            }
            let data = CopyData::new(&chunk[..length]).map_err(|error| unsendable(&error))?;
            data.write(&mut message);
            self.wire.send(&message)?;
        }
    }
}

impl SqlConnection for PostgresConnection {
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer> {
        let (mut answer, unknown) = self.run(sql, &mut NoRows)?;
        self.name_types(&mut answer, &unknown)?;
        Ok(answer)
    }

    fn loader(&mut self) -> Option<&mut dyn SqlLoad> {
        Some(self)
    }
}

impl SqlLoad for PostgresConnection {
    fn load(&mut self, sql: &str, rows: &mut dyn Read) -> Result<SqlAnswer> {
        Ok(self.run(sql, rows)?.0)
    }
}

impl Drop for PostgresConnection {
    fn drop(&mut self) {
        let mut message = BytesMut::new();
        frontend::terminate(&mut message);
        // Whoever hangs up does not wait for an answer.
        let _ = self.wire.send(&message);
    }
}

fn unsendable(error: &io::Error) -> PostgresError {
    PostgresError::setting(format!("a statement cannot be sent: {error}"))
}

/// For statements that are executed: one that asks for rows fails.
struct NoRows;

impl Read for NoRows {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("rows can only be loaded, not executed"))
    }
}
