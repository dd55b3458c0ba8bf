//! The operational database: tables by key, for applications, to which functions write.
//!
//! Rows and the mark of their effect are one transaction, so that a repeated publication is
//! recognised and a late one is refused. Tables are made and widened from the rows' schema; a
//! column is never removed or changed, since applications rely on it. Values that its type cannot
//! hold exactly are refused: a query says by `cast` what type each of its columns has.
//!
//! Reading order: `rows`, `fit`, `sqlite`, `postgres`; `read` is for whoever compares.

mod error;
mod fit;
mod postgres;
mod read;
mod rows;
mod sqlite;
mod tls;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod test_cluster;

use std::path::PathBuf;
use std::sync::Arc;

use millstream_core::clock::Clock;
use millstream_core::error::Result;
use millstream_core::operational::OperationalDatabase;
use millstream_core::secret::Secret;

pub use error::OperationalError;
pub use read::each_row;
pub(crate) use rows::check as check_rows;

/// The table of the marks: the last effect of every application.
const EFFECTS_TABLE: &str = "millstream_effects";
/// The schema in a table's name that stands for the database itself.
pub const OPERATIONAL_SCHEMA: &str = "operational";

/// Where an operational database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationalLocation {
    /// A file, made if it is missing.
    Sqlite(PathBuf),
    /// A PostgreSQL address: `postgresql://user:password@host/database`.
    Postgres(Secret),
}

/// Opens an operational database. SQLite's file is opened here; PostgreSQL is first reached when
/// it is used.
pub async fn open(
    location: &OperationalLocation,
    clock: Clock,
) -> Result<Arc<dyn OperationalDatabase>> {
    Ok(match location {
        OperationalLocation::Sqlite(path) => {
            Arc::new(sqlite::SqliteDatabase::open(path.clone(), clock).await?)
        }
        OperationalLocation::Postgres(address) => {
            Arc::new(postgres::PostgresDatabase::new(address, clock)?)
        }
    })
}
