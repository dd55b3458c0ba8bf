//! The ledger as the catalog: what names mean now, kept until something changes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use millstream_core::catalog::{Catalog, CatalogEntry, CatalogSnapshot};
use millstream_core::comments::Comments;
use millstream_core::step::Receipt;
use millstream_core::{AssetKey, Relation};
use rusqlite::Connection;
use serde::Deserialize as _;
use serde_json::Value;

use crate::columns::{Count, Json, Text};
use crate::error::Result;
use crate::ledger::Ledger;
use crate::open;

impl Catalog for Ledger {
    /// Tables and views by their current versions, and the aliases. A receipt whose detail has
    /// `view` is a view with that SQL, one with `dropped` names nothing. Sees what any process has
    /// committed; costs microseconds while nothing changes.
    fn snapshot(&self) -> millstream_core::Result<CatalogSnapshot> {
        Ok(self.names().present()?)
    }
}

/// Records, in the transaction of a change, that names mean something else from here on.
pub(crate) fn names_change(connection: &Connection) -> Result<()> {
    connection.prepare_cached("UPDATE ledger SET names_epoch = names_epoch + 1")?.execute([])?;
    Ok(())
}

/// Relations that may have changed since the last time that all were put together.
const CHANGED_MAX: usize = 32;

/// All relations. Snapshots share most of them: in a build of many models, a copy of all after
/// each would take longer than the ledger itself.
#[derive(Debug, Default)]
struct Relations {
    settled: Arc<BTreeMap<Relation, CatalogEntry>>,
    changed: BTreeMap<Relation, CatalogEntry>,
}

impl Relations {
    fn insert(&mut self, relation: Relation, entry: CatalogEntry) {
        self.changed.insert(relation, entry);
        if self.changed.len() > CHANGED_MAX {
            Arc::make_mut(&mut self.settled).append(&mut self.changed);
        }
    }

    fn remove(&mut self, relation: &Relation) {
        let settled = Arc::make_mut(&mut self.settled);
        settled.append(&mut self.changed);
        settled.remove(relation);
    }

    fn snapshot(&self, aliases: Aliases) -> CatalogSnapshot {
        CatalogSnapshot::layered(Arc::clone(&self.settled), self.changed.clone(), aliases)
    }
}

type Aliases = BTreeMap<(String, String), u64>;

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
    /// The last version that was read. Versions are only added.
    last_version: i64,
    relations: Relations,
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
        let (mut relations, mut last_version) = (Relations::default(), 0);
        read_relations(&transaction, CURRENT, &mut last_version, &mut relations)?;
        let snapshot = relations.snapshot(read_aliases(&transaction)?);
        drop(transaction);
        Ok(Self { connection, data_version, epoch, last_version, relations, snapshot })
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
            let (last, relations) = (&mut self.last_version, &mut self.relations);
            read_relations(&transaction, NEW, last, relations)?;
            self.snapshot = self.relations.snapshot(read_aliases(&transaction)?);
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

/// The current versions of tables that came after a version. A plain join would read all versions.
pub(crate) const CURRENT: &str = "SELECT v.rowid, v.asset, v.receipt FROM assets a
     CROSS JOIN versions v ON v.asset = a.asset AND v.version = a.version
     WHERE a.asset GLOB 'table:*' AND v.rowid > ?1";
/// All versions of tables that came after a version; each was current in its turn.
const NEW: &str = "SELECT rowid, asset, receipt FROM versions
     WHERE rowid > ?1 AND +asset GLOB 'table:*' ORDER BY rowid";

/// Takes versions into account that came after the last one.
fn read_relations(
    connection: &Connection,
    versions: &str,
    last_version: &mut i64,
    relations: &mut Relations,
) -> Result<()> {
    let mut statement = connection.prepare_cached(versions)?;
    let mut rows = statement.query([*last_version])?;
    while let Some(row) = rows.next()? {
        *last_version = row.get::<_, i64>(0)?.max(*last_version);
        let (asset, receipt) =
            (row.get::<_, Text<AssetKey>>(1)?.0, row.get::<_, Json<Receipt>>(2)?.0);
        let Some(relation) = asset.relation() else { continue };
        match entry(&receipt) {
            Some(entry) => relations.insert(relation, entry),
            None => relations.remove(&relation),
        }
    }
    Ok(())
}

fn read_aliases(connection: &Connection) -> Result<Aliases> {
    let mut statement = connection.prepare_cached(
        "SELECT model, alias, version FROM aliases
         WHERE position IN (SELECT max(position) FROM aliases GROUP BY model, alias)",
    )?;
    let aliases = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, Count>(2)?.0)))?;
    Ok(aliases.collect::<rusqlite::Result<_>>()?)
}

fn entry(receipt: &Receipt) -> Option<CatalogEntry> {
    let detail = &receipt.detail;
    if detail.get("dropped").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    Some(match receipt.view() {
        Some(sql) => {
            let comments = detail.get("comments").map(Comments::deserialize);
            let comments = comments.and_then(std::result::Result::ok).unwrap_or_default();
            CatalogEntry::View { sql: sql.to_owned(), comments: Arc::new(comments) }
        }
        None => CatalogEntry::Table { version: receipt.version },
    })
}
