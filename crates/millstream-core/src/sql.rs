//! The contract of a warehouse in which SQL runs as it is written: what dbt's macros need of a
//! database, and no more. A new warehouse is one implementation of [`SqlWarehouse`] and a package
//! of macros for its dialect.
//!
//! Calls block: macros are rendered step by step and wait for each answer. Every thread of a run
//! has a connection of its own.

use serde::{Deserialize, Serialize};

use crate::comments::Comments;
use crate::error::Result;
use crate::slot::Slot;

/// A warehouse that takes SQL text.
pub trait SqlWarehouse: Send + Sync + std::fmt::Debug {
    /// Its type, after which macros are dispatched: `postgres`.
    fn kind(&self) -> &'static str;

    /// Opens a connection. `name` says what it is used for, to find it among those of the server.
    fn connect(&self, name: &str) -> Result<Box<dyn SqlConnection>>;

    /// Stops what all its connections are running. They answer with an error then.
    fn cancel(&self);

    /// What the warehouse makes without macros, if it can.
    fn materializer(&self) -> Option<&dyn Materializer> {
        None
    }
}

/// A connection: statements of one thread, in order.
pub trait SqlConnection: Send + std::fmt::Debug {
    /// Runs one or several statements; the answer is that of the last one.
    fn execute(&mut self, sql: &str) -> Result<SqlAnswer>;

    /// Takes many rows at once, if it can.
    fn loader(&mut self) -> Option<&mut dyn SqlLoad> {
        None
    }
}

/// Loads rows faster than statements do.
pub trait SqlLoad {
    /// Runs a statement that asks for rows (`copy t from stdin`), and gives it those of `rows`, in
    /// the form that the statement names. If reading them fails, nothing is loaded.
    fn load(&mut self, sql: &str, rows: &mut dyn std::io::Read) -> Result<SqlAnswer>;
}

/// What a statement gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SqlAnswer {
    /// Columns of the rows; none if the statement gives no rows.
    pub columns: Vec<SqlColumn>,
    /// The rows.
    pub rows: Vec<Vec<SqlValue>>,
    /// What the warehouse calls what it did: `SELECT`, `INSERT`, `CREATE TABLE`.
    pub code: String,
    /// Its whole status: `INSERT 0 5`.
    pub status: String,
    /// Rows that were read, written or removed, where the warehouse says so.
    pub rows_affected: Option<u64>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its type as the warehouse calls it: `integer`, `character varying`.
    pub data_type: String,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// An exact number, as it is written.
    Decimal(String),
    /// A number with a fraction.
    Float(f64),
    /// Text, and every value of another type in the warehouse's own writing.
    Text(String),
    /// A day: `2026-11-21`.
    Date(String),
    /// A moment, with zone or without: `2026-11-21 08:30:00.5+00:00`.
    Timestamp(String),
}

/// Makes relations without macros: the short way of a warehouse that Millstream itself is.
pub trait Materializer: Send + Sync + std::fmt::Debug {
    /// Makes a relation. Nothing is replaced if it fails. The slot is given back as soon as what is
    /// left waits for the disk.
    fn materialize(&self, request: &MaterializeRequest, slot: Slot) -> Result<Materialized>;

    /// How many rows, or values, break a rule; `None` if that takes a query.
    fn count(&self, question: &Question) -> Result<Option<u64>>;

    /// Relations that may wait for the disk at the same time, beside those that are being made.
    fn settling_max(&self) -> usize;
}

/// A question about one column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Schema of the relation.
    pub schema: String,
    /// Name of the relation.
    pub identifier: String,
    /// Name of the column.
    pub column: String,
    /// What is counted.
    pub counted: Counted,
}

/// What is counted of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Rows without a value.
    Nulls,
    /// Values that more than one row has.
    RepeatedValues,
}

/// What is to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MaterializeRequest {
    /// The node in dbt's manifest.
    pub unique_id: String,
    /// Schema of the relation.
    pub schema: String,
    /// Name of the relation.
    pub identifier: String,
    /// How: `view`, `table`, `incremental`, `snapshot`, `seed`.
    pub materialization: String,
    /// The query; of a seed the path of its file; or a program.
    pub code: String,
    /// The file of the program that makes the rows, if it is one and not a query.
    #[serde(default)]
    pub program: Option<String>,
    /// The configuration of the node.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// What is said of it, and kept with it.
    #[serde(default)]
    pub comments: Comments,
    /// What its rows have to obey: if they do not, what is there stays.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// The condition that the rows of the batch meet that is made, if one is.
    pub batch: Option<String>,
    /// Whether what is there is to be ignored.
    pub refresh: crate::step::Refresh,
}

/// What the rows of a relation have to obey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// What is said of it: `not null (id)`.
    pub name: String,
    /// A query that gives a row for everything that breaks it.
    pub broken: String,
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Materialized {
    /// What to call it: `CREATE TABLE`, `CREATE VIEW`, `MERGE`.
    pub code: String,
    /// Rows written.
    pub rows: Option<u64>,
    /// Columns that have a comment and are not there.
    pub missing_columns: Vec<String>,
}
