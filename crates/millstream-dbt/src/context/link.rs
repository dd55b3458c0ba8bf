//! A worker's connection to the warehouse, with its transaction.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use millstream_core::error::Error;
use millstream_core::sql::{SqlAnswer, SqlConnection, SqlWarehouse};
use serde_json::{Map, Value, json};

use super::log::{LogEvent, LogLevel, LogSink};
use crate::adapter::Begin;
use crate::manifest::Node;

/// A connection that is opened when it is first needed.
///
/// Its transactions are those of dbt and its driver. The driver opens one before the first
/// statement, and again after it rolled back. dbt commits only what it began itself, and what is not
/// committed when a node ends is lost. Behind a commit, every statement stands for itself.
#[derive(Debug)]
pub(super) struct Link {
    warehouse: Arc<dyn SqlWarehouse>,
    name: String,
    log: LogSink,
    connection: RefCell<Option<Box<dyn SqlConnection>>>,
    /// Whether the driver opens a transaction before the next statement.
    opens: Cell<bool>,
    /// Whether dbt has begun a transaction that it has not ended.
    begun: Cell<bool>,
    /// Whether a statement ran since the last commit.
    dirty: Cell<bool>,
}

impl Link {
    pub(super) fn new(warehouse: Arc<dyn SqlWarehouse>, name: String, log: LogSink) -> Self {
        let (opens, begun, dirty) = (Cell::new(true), Cell::new(false), Cell::new(false));
        let connection = RefCell::default();
        Self { warehouse, name, log, connection, opens, begun, dirty }
    }

    /// Runs a statement.
    pub(super) fn execute(&self, sql: &str, begin: Begin) -> Result<SqlAnswer, Error> {
        self.execute_of(None, sql, begin)
    }

    /// Runs a statement of a node.
    pub(super) fn execute_of(
        &self,
        node: Option<&Node>,
        sql: &str,
        begin: Begin,
    ) -> Result<SqlAnswer, Error> {
        let begins = begin == Begin::IfNone && !self.begun.replace(true);
        if self.opens.replace(false) || begins {
            self.send("BEGIN", node)?;
        }
        self.dirty.set(true);
        let done = self.send(sql, node);
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    /// Commits what dbt began, if there is anything.
    pub(super) fn commit(&self) -> Result<(), Error> {
        if self.begun.replace(false) {
            self.send("COMMIT", None)?;
            self.dirty.set(false);
        }
        Ok(())
    }

    /// Commits whatever is open. What follows stands for itself until dbt begins something.
    pub(super) fn clear(&self) -> Result<(), Error> {
        self.begun.set(self.dirty.get());
        self.opens.set(false);
        self.commit()
    }

    /// Ends what a node began: what is not committed is lost.
    pub(super) fn release(&self) {
        if self.dirty.get() {
            self.roll_back();
        }
        self.opens.set(true);
        self.begun.set(false);
    }

    /// A connection that cannot even roll back is of no use any more.
    fn roll_back(&self) {
        let is_open = self.connection.borrow().is_some();
        if is_open && self.send("ROLLBACK", None).is_err() {
            self.connection.replace(None);
        }
        self.opens.set(true);
        self.begun.set(false);
        self.dirty.set(false);
    }

    fn send(&self, sql: &str, node: Option<&Node>) -> Result<SqlAnswer, Error> {
        let mut connection = self.connection.borrow_mut();
        let connection = match &mut *connection {
            Some(connection) => connection,
            none => none.insert(self.warehouse.connect(&self.name)?),
        };
        let text = format!("On {}: {sql}", self.name);
        let data = || self.described(sql, node);
        self.log.tell(LogLevel::Debug, &LogEvent { name: "SQLQuery", text: &text, data: &data });
        let answer = connection.execute(sql);
        if let Ok(answer) = &answer {
            let status = format!("SQL status: {}", answer.status);
            self.log.event(LogLevel::Debug, "SQLQueryStatus", &status);
        }
        answer
    }

    /// What programs read of a statement in the log.
    fn described(&self, sql: &str, node: Option<&Node>) -> Map<String, Value> {
        let node_info = node.map_or_else(
            || json!({}),
            |node| {
                json!({
                    "node_name": node.name,
                    "node_path": node.path.to_string_lossy(),
                    "unique_id": node.unique_id,
                    "resource_type": node.kind.word(),
                    "materialized": node.config.text("materialized"),
                    "node_relation": {
                        "database": node.database,
                        "schema": node.schema,
                        "alias": node.alias,
                        "relation_name": node.relation_name,
                    },
                })
            },
        );
        let fields =
            [("conn_name", json!(self.name)), ("sql", json!(sql)), ("node_info", node_info)];
        fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}
