//! Aliases of model versions: where they stand, where they stood, and the two ways to move them.

use millstream_core::AssetKey;
use millstream_core::clock::Timestamp;
use rusqlite::{Connection, Params, Row, params};
use serde::{Deserialize, Serialize};

use crate::audit::{Action, Deed, audit};
use crate::catalog::names_change;
use crate::columns::{At, Count, Word};
use crate::error::{LedgerError, Result};
use crate::ledger::Ledger;
use crate::versions::find_version;

/// A move of an alias; the last one says where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AliasRecord {
    /// The registered model.
    pub model: String,
    /// The alias.
    pub alias: String,
    /// The version of the model's asset that it names from here on.
    pub version: u64,
    /// How it got there.
    pub change: Change,
    /// Who moved it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// How an alias got to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// By the gate or a promotion.
    Moved,
    /// Back to what it named before.
    RolledBack,
}

impl Ledger {
    /// Where an alias stands.
    pub fn alias(&self, model: &str, alias: &str) -> Result<Option<AliasRecord>> {
        self.read(|connection| current(connection, model, alias))
    }

    /// Where all aliases stand, by model and alias.
    pub fn aliases(&self) -> Result<Vec<AliasRecord>> {
        self.read(|connection| {
            select(
                connection,
                "WHERE position IN (SELECT max(position) FROM aliases GROUP BY model, alias)
                 ORDER BY model, alias",
                [],
            )
        })
    }

    /// All moves of the aliases of a model, the newest first.
    pub fn alias_history(&self, model: &str) -> Result<Vec<AliasRecord>> {
        self.read(|connection| {
            select(connection, "WHERE model = ?1 ORDER BY position DESC", [model])
        })
    }

    /// Moves an alias to a version of a model, or makes it. An alias that is there already stays
    /// as it is, without a new record.
    ///
    /// Fails with `ledger.unknown_version` if there is no such version.
    pub async fn move_alias(
        &self,
        model: &str,
        alias: &str,
        version: u64,
        by: &str,
        reason: &str,
    ) -> Result<AliasRecord> {
        let (now, actor) = (self.now(), self.actor());
        let [model, alias, by, reason] = [model, alias, by, reason].map(str::to_owned);
        self.write(move |connection| {
            let wanted = Move {
                model: &model,
                alias: &alias,
                version,
                change: Change::Moved,
                by: &by,
                reason: &reason,
            };
            audit(connection, actor.as_deref(), now, || wanted.deed(Action::ModelPromote))?;
            record_move(connection, &wanted, now)
        })
        .await
    }

    /// Moves an alias back to the version that it named before the present one. Going back twice
    /// goes back two versions: a version that was rolled back from is not returned to.
    ///
    /// Fails with `ledger.no_earlier_version` if there is none.
    pub async fn roll_back_alias(
        &self,
        model: &str,
        alias: &str,
        by: &str,
        reason: &str,
    ) -> Result<AliasRecord> {
        let (now, actor) = (self.now(), self.actor());
        let [model, alias, by, reason] = [model, alias, by, reason].map(str::to_owned);
        self.write(move |connection| {
            let moves = select(
                connection,
                "WHERE model = ?1 AND alias = ?2 ORDER BY position",
                [&model, &alias],
            )?;
            let Some(version) = earlier_version(&moves) else {
                return Err(LedgerError::NoEarlierVersion { model, alias });
            };
            let wanted = Move {
                model: &model,
                alias: &alias,
                version,
                change: Change::RolledBack,
                by: &by,
                reason: &reason,
            };
            audit(connection, actor.as_deref(), now, || wanted.deed(Action::ModelRollback))?;
            record_move(connection, &wanted, now)
        })
        .await
    }
}

/// A move that is wanted.
pub(crate) struct Move<'a> {
    pub(crate) model: &'a str,
    pub(crate) alias: &'a str,
    pub(crate) version: u64,
    pub(crate) change: Change,
    pub(crate) by: &'a str,
    pub(crate) reason: &'a str,
}

impl Move<'_> {
    fn deed(&self, action: Action) -> Deed {
        let Self { model, alias, version, reason, .. } = self;
        let detail = format!("{alias} to version {version}: {reason}");
        Deed::new(action, format!("model:{model}")).with(&detail)
    }
}

/// Records a move unless the alias is there already.
pub(crate) fn record_move(
    connection: &Connection,
    wanted: &Move<'_>,
    now: Timestamp,
) -> Result<AliasRecord> {
    let asset = AssetKey::model(wanted.model);
    if find_version(connection, &asset, wanted.version)?.is_none() {
        return Err(LedgerError::UnknownVersion { asset, version: wanted.version });
    }
    if let Some(present) = current(connection, wanted.model, wanted.alias)?
        && present.version == wanted.version
    {
        return Ok(present);
    }
    connection
        .prepare_cached(
            "INSERT INTO aliases (model, alias, version, change, by, reason, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            wanted.model,
            wanted.alias,
            Count(wanted.version),
            Word(wanted.change),
            wanted.by,
            wanted.reason,
            At(now),
        ])?;
    names_change(connection)?;
    Ok(AliasRecord {
        model: wanted.model.to_owned(),
        alias: wanted.alias.to_owned(),
        version: wanted.version,
        change: wanted.change,
        by: wanted.by.to_owned(),
        reason: wanted.reason.to_owned(),
        at: now,
    })
}

/// The version before the present one: every move lays a version on a stack, every rollback takes
/// one off.
fn earlier_version(moves: &[AliasRecord]) -> Option<u64> {
    let mut versions = Vec::new();
    for record in moves {
        match record.change {
            Change::Moved => versions.push(record.version),
            Change::RolledBack => {
                versions.pop();
            }
        }
    }
    versions.pop()?;
    versions.last().copied()
}

fn current(connection: &Connection, model: &str, alias: &str) -> Result<Option<AliasRecord>> {
    let found = select(
        connection,
        "WHERE model = ?1 AND alias = ?2 ORDER BY position DESC LIMIT 1",
        [model, alias],
    )?;
    Ok(found.into_iter().next())
}

fn select(
    connection: &Connection,
    rest: &str,
    parameters: impl Params,
) -> Result<Vec<AliasRecord>> {
    let records = connection
        .prepare_cached(&format!(
            "SELECT model, alias, version, change, by, reason, at FROM aliases {rest}"
        ))?
        .query_map(parameters, record)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(records)
}

fn record(row: &Row<'_>) -> rusqlite::Result<AliasRecord> {
    Ok(AliasRecord {
        model: row.get(0)?,
        alias: row.get(1)?,
        version: row.get::<_, Count>(2)?.0,
        change: row.get::<_, Word<_>>(3)?.0,
        by: row.get(4)?,
        reason: row.get(5)?,
        at: row.get::<_, At>(6)?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves(changes: &[(Change, u64)]) -> Vec<AliasRecord> {
        let record = |&(change, version): &(Change, u64)| AliasRecord {
            model: "tagger".to_owned(),
            alias: "champion".to_owned(),
            version,
            change,
            by: "ada".to_owned(),
            reason: String::new(),
            at: Timestamp::from_micros(0),
        };
        changes.iter().map(record).collect()
    }

    #[test]
    fn a_rollback_goes_to_the_version_before_and_never_to_one_left_behind() {
        use Change::{Moved, RolledBack};
        for (changes, earlier) in [
            (vec![], None),
            (vec![(Moved, 1)], None),
            (vec![(Moved, 1), (Moved, 2)], Some(1)),
            (vec![(Moved, 1), (Moved, 2), (Moved, 3), (RolledBack, 2)], Some(1)),
            (vec![(Moved, 1), (Moved, 2), (RolledBack, 1)], None),
            (vec![(Moved, 1), (Moved, 2), (RolledBack, 1), (Moved, 3)], Some(1)),
        ] {
            assert_eq!(earlier_version(&moves(&changes)), earlier, "after {changes:?}");
        }
    }
}
