//! The ledger as the catalog: what names mean now, kept until something changes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use millstream_core::catalog::{Catalog, CatalogEntry, CatalogSnapshot};
use millstream_core::step::Receipt;
use millstream_core::{AssetKey, Relation};
use rusqlite::Connection;
use serde_json::Value;

use crate::columns::{Count, Json, Text};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::open;

impl Catalog for Ledger {
    /// Tables and views by their current versions, and the aliases. A receipt whose detail has
    /// `view` is a view with that SQL, one with `dropped` names nothing. Sees what any process has committed; costs microseconds
    /// while nothing changes.
    fn snapshot(&self) -> millstream_core::Result<CatalogSnapshot> {
        Ok(self.names().present()?)
    }
}

/// Records, in the transaction of a change, that names mean something else from here on.
pub(crate) fn names_change(connection: &Connection) -> Result<()> {
    connection.prepare_cached("UPDATE ledger SET names_epoch = names_epoch + 1")?.execute([])?;
    Ok(())
}

/// The last snapshot, with what tells whether it still holds.
#[derive(Debug)]
pub(crate) struct Names {
    path: PathBuf,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    /// Its own connection, because `data_version` compares what one connection saw.
    connection: Connection,
    /// Differs when any other connection, of any process, has committed.
    data_version: i64,
    /// Differs when names changed: most commits are leases and records of runs.
    epoch: i64,
    snapshot: CatalogSnapshot,
}

impl Names {
    /// Nothing kept yet.
    pub(crate) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), kept: Mutex::new(None) }
    }

    /// The names as they are now.
    fn present(&self) -> Result<CatalogSnapshot> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = match kept.take() {
            Some(known) => kept.insert(known.refreshed()?),
            None => kept.insert(Kept::read(open::open_reader(&self.path)?)?),
        };
        Ok(kept.snapshot.clone())
    }
}

impl Kept {
    fn read(connection: Connection) -> Result<Self> {
        let data_version = data_version(&connection)?;
        let transaction = connection.unchecked_transaction()?;
        let epoch = epoch(&transaction)?;
        let snapshot = read_names(&transaction)?;
        drop(transaction);
        Ok(Self { connection, data_version, epoch, snapshot })
    }

    /// Itself if nothing has changed. An error drops it, so that the next call starts anew.
    fn refreshed(mut self) -> Result<Self> {
        let data_version = data_version(&self.connection)?;
        if data_version == self.data_version {
            return Ok(self);
        }
        let transaction = self.connection.unchecked_transaction()?;
        let epoch = epoch(&transaction)?;
        if epoch != self.epoch {
            self.snapshot = read_names(&transaction)?;
            self.epoch = epoch;
        }
        drop(transaction);
        // Read before the names: a commit in between is looked at once more, never missed.
        self.data_version = data_version;
        Ok(self)
    }
}

fn data_version(connection: &Connection) -> Result<i64> {
    Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

fn epoch(connection: &Connection) -> Result<i64> {
    let mut statement = connection.prepare_cached("SELECT names_epoch FROM ledger")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

fn read_names(connection: &Connection) -> Result<CatalogSnapshot> {
    let mut relations: BTreeMap<Relation, CatalogEntry> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT v.asset, v.receipt FROM assets a
         JOIN versions v ON v.asset = a.asset AND v.version = a.version
         WHERE a.asset GLOB 'table:*'",
    )?;
    let current = statement.query_map([], |row| {
        Ok((row.get::<_, Text<AssetKey>>(0)?.0, row.get::<_, Json<Receipt>>(1)?.0))
    })?;
    for row in current {
        let (asset, receipt) = row?;
        if let (Some(relation), Some(entry)) = (asset.relation(), entry(&receipt)) {
            relations.insert(relation, entry);
        }
    }
    let aliases = connection
        .prepare_cached(
            "SELECT model, alias, version FROM aliases
             WHERE position IN (SELECT max(position) FROM aliases GROUP BY model, alias)",
        )?
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, Count>(2)?.0)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(CatalogSnapshot::new(relations, aliases))
}

fn entry(receipt: &Receipt) -> Option<CatalogEntry> {
    let detail = &receipt.detail;
    if detail.get("dropped").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    Some(match detail.get("view").and_then(Value::as_str) {
        Some(sql) => CatalogEntry::View { sql: sql.to_owned() },
        None => CatalogEntry::Table { version: receipt.version },
    })
}
