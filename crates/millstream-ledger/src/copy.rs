//! A copy of a ledger's file: what it knows of publications, and how it becomes the ledger of an
//! environment again.
//!
//! Whoever copies an environment copies the ledger first, and of every target what this copy knows.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use millstream_core::AssetKey;
use millstream_core::effect::EffectId;
use millstream_core::id::AttemptId;
use millstream_core::step::Receipt;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::columns::{Count, Json, Text};
use crate::error::{LedgerError, Result};
use crate::holder::Holder;
use crate::open;

/// The copy of a ledger, for reading.
#[derive(Debug)]
pub struct LedgerCopy {
    connection: Mutex<Connection>,
}

/// An attempt that had said what it would publish when the ledger was copied, and had not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intended {
    /// Its id.
    pub attempt: AttemptId,
    /// The effects in the order in which they are published.
    pub effects: Vec<(AssetKey, EffectId)>,
}

impl LedgerCopy {
    /// Opens the copy. Fails as [`crate::Ledger::open`] does, and never makes a file.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { connection: Mutex::new(open::open_copy(path)?) })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The environment whose ledger was copied.
    pub fn environment(&self) -> Result<String> {
        let sql = "SELECT environment FROM ledger";
        Ok(self.connection().query_row(sql, [], |row| row.get(0))?)
    }

    /// Whether nothing was ever run, nor anybody given a token.
    pub fn is_unused(&self) -> Result<bool> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM runs) AND NOT EXISTS (SELECT 1 FROM tokens)";
        Ok(self.connection().query_row(sql, [], |row| row.get(0))?)
    }

    /// The attempts that may be publishing.
    pub fn intended(&self) -> Result<Vec<Intended>> {
        let running: Vec<(AttemptId, Vec<AssetKey>)> = self
            .connection()
            .prepare(
                "SELECT attempt, outputs FROM attempts
                 WHERE state = 'running' AND intended_at IS NOT NULL ORDER BY attempt",
            )?
            .query_map([], |row| {
                Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Json<Vec<AssetKey>>>(1)?.0))
            })?
            .collect::<rusqlite::Result<_>>()?;
        running
            .into_iter()
            .map(|(attempt, outputs)| {
                let effects: Result<Vec<_>> = outputs
                    .into_iter()
                    .filter_map(|asset| self.effect(attempt, asset).transpose())
                    .collect();
                Ok(Intended { attempt, effects: effects? })
            })
            .collect()
    }

    fn effect(&self, attempt: AttemptId, asset: AssetKey) -> Result<Option<(AssetKey, EffectId)>> {
        let sql = "SELECT application, sequence FROM effects WHERE attempt = ?1 AND asset = ?2";
        let found = self
            .connection()
            .prepare_cached(sql)?
            .query_row(params![Text(attempt), Text(&asset)], |row| {
                let sequence = row.get::<_, Count>(1)?.0;
                Ok(EffectId { application: row.get(0)?, sequence })
            })
            .optional()?;
        Ok(found.map(|effect| (asset, effect)))
    }

    /// Whether the effect is that of an attempt that had ended.
    pub fn has_ended(&self, effect: &EffectId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM effects JOIN attempts USING (attempt)
                   WHERE application = ?1 AND sequence = ?2 AND state <> 'running')";
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement
            .query_row(params![effect.application, Count(effect.sequence)], |r| r.get(0))?)
    }

    /// Whether the attempt had ended.
    pub fn has_ended_attempt(&self, attempt: AttemptId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM attempts
                   WHERE attempt = ?1 AND state <> 'running')";
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row([Text(attempt)], |row| row.get(0))?)
    }

    /// What the target said of the current version of an asset; `None` before the first.
    pub fn current(&self, asset: &AssetKey) -> Result<Option<Receipt>> {
        let sql = "SELECT v.receipt FROM versions v JOIN assets a USING (asset)
                   WHERE a.asset = ?1 AND v.version = a.version";
        let connection = self.connection();
        let mut statement = connection.prepare_cached(sql)?;
        let found = statement.query_row([Text(asset)], |row| row.get::<_, Json<Receipt>>(0));
        Ok(found.optional()?.map(|receipt| receipt.0))
    }
}

/// Makes a copied file the ledger of an environment. The processes that wrote the original work on
/// that one, alive or not: what was running is left to recovery.
pub fn settle_copy(path: &Path, environment: &str) -> Result<()> {
    let mut connection = open::open_copy(path)?;
    open::use_write_ahead_log(&connection)?;
    let transaction = connection.transaction()?;
    transaction.execute("UPDATE ledger SET environment = ?1", [environment])?;
    transaction
        // Nobody publishes into a copy what the original was about to.
        .execute(
            "UPDATE attempts SET owner = '', lease_until = 0, lease_uptime = 0, holder = ?1
             WHERE state = 'running'",
            [Json(Holder::nobody())],
        )?;
    transaction.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'", [])?;
    transaction.execute("DELETE FROM waits", [])?;
    transaction.commit()?;
    // All of it into the file itself, which is moved without its log.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(LedgerError::from)?;
    Ok(())
}
