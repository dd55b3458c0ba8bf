//! The contract of the operational database, to which functions write.

use arrow_array::RecordBatch;

use crate::batch::BoxFuture;
use crate::effect::EffectId;
use crate::error::Result;
use crate::name::Relation;

/// A database of rows by key, for applications. SQLite implements it, and PostgreSQL.
pub trait OperationalDatabase: Send + Sync + std::fmt::Debug {
    /// Writes rows and the effect's mark in one transaction. The table is made from the schema if
    /// it is missing. Rows whose key is there are left as they are. Gives the number of new rows;
    /// fails if the application has reached the sequence.
    fn insert_once<'a>(
        &'a self,
        table: &'a Relation,
        key: &'a str,
        rows: Vec<RecordBatch>,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>>;

    /// The number of rows that the effect wrote, if the database has its mark.
    fn find<'a>(&'a self, effect: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>>;

    /// The highest sequence of an application; 0 if none.
    fn sequence<'a>(&'a self, application: &'a str) -> BoxFuture<'a, Result<u64>>;
}
