//! What the entries of a table's log say of effects: who published what, and when.

use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::name::Relation;
use millstream_core::table::TableVersion;
use serde_json::Value;

use crate::error::{EngineError, from_delta};
use crate::lake::Lake;

/// Keys of our own in the commit info.
pub(crate) const APPLICATION_KEY: &str = "millstream.application";
/// See [`APPLICATION_KEY`].
pub(crate) const SEQUENCE_KEY: &str = "millstream.sequence";
/// See [`APPLICATION_KEY`].
pub(crate) const OPERATION_KEY: &str = "millstream.operation";
/// Versions that `history` gives at most, the newest.
const HISTORY_VERSIONS_MAX: usize = 10_000;

/// The highest sequence of an application; 0 if none.
///
/// Most tables have one writer, whom the newest entry names; to read the whole log takes the longer
/// the more versions there are.
pub(crate) async fn sequence(lake: &Lake, relation: &Relation, application: &str) -> Result<u64> {
    let Some(latest) = lake.latest_version(relation).await? else { return Ok(0) };
    if let Some(actions) = lake.read_entry(relation, latest).await?
        && let Some(reached) = actions.iter().find_map(|action| reached_by(action, application))
    {
        return Ok(reached);
    }
    let state = lake.at(relation, latest).await?;
    let log_store = lake.log_store(relation)?;
    let snapshot = lake.snapshot(relation, &state).await?;
    let version = snapshot.transaction_version(&log_store, application).await;
    let version = version.map_err(|error| from_delta(relation, &error))?;
    Ok(version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
}

/// The version that an effect made, which is durable when this returns. Entries that are gone into
/// a checkpoint are answered by the application's version, which a checkpoint keeps: then the
/// newest version stands for the one that is no longer told apart.
pub(crate) async fn find(
    lake: &Lake,
    relation: &Relation,
    effect: &EffectId,
) -> Result<Option<u64>> {
    let found = look_for(lake, relation, effect).await?;
    if found.is_some() {
        // Its writer may have been killed before it could sync the name that we see.
        lake.sync_log(relation).await?;
    }
    Ok(found)
}

async fn look_for(lake: &Lake, relation: &Relation, effect: &EffectId) -> Result<Option<u64>> {
    let entries = lake.entries(relation).await?;
    let Some(latest) = entries.last().copied() else { return Ok(None) };
    for version in entries.into_iter().rev() {
        let Some(actions) = lake.read_entry(relation, version).await? else { break };
        let reached = actions.iter().find_map(|action| reached_by(action, &effect.application));
        match reached {
            Some(reached) if reached == effect.sequence => return Ok(Some(version)),
            // Sequences of an application only grow.
            Some(reached) if reached < effect.sequence => return Ok(None),
            _ => {}
        }
    }
    let reached = sequence(lake, relation, &effect.application).await?;
    Ok((reached == effect.sequence).then_some(latest))
}

fn reached_by(action: &Value, application: &str) -> Option<u64> {
    let transaction = action.get("txn")?;
    if transaction["appId"].as_str() != Some(application) {
        return None;
    }
    transaction["version"].as_u64()
}

/// The versions of a table whose entries are there, newest first.
pub(crate) async fn history(lake: &Lake, relation: &Relation) -> Result<Vec<TableVersion>> {
    let mut history = Vec::new();
    for version in lake.entries(relation).await?.into_iter().rev().take(HISTORY_VERSIONS_MAX) {
        if let Some(actions) = lake.read_entry(relation, version).await? {
            history.push(describe(version, &actions));
        }
    }
    Ok(history)
}

/// The version that was current at a moment, in microseconds since 1970.
pub(crate) async fn version_at(
    lake: &Lake,
    relation: &Relation,
    at_micros: i64,
    shown: &str,
) -> Result<u64> {
    for version in lake.entries(relation).await?.into_iter().rev() {
        let Some(actions) = lake.read_entry(relation, version).await? else { break };
        if describe(version, &actions).at <= at_micros {
            return Ok(version);
        }
    }
    Err(EngineError::NoVersionAt { relation: relation.clone(), at: shown.to_owned() }.into())
}

/// The effect that made an entry, if it is one of ours.
pub(crate) fn effect_of(actions: &[Value]) -> Option<EffectId> {
    let info = actions.iter().find_map(|action| action.get("commitInfo"))?;
    let application = info[APPLICATION_KEY].as_str()?.to_owned();
    Some(EffectId { application, sequence: info[SEQUENCE_KEY].as_u64()? })
}

fn describe(version: u64, actions: &[Value]) -> TableVersion {
    let null = Value::Null;
    let info = actions.iter().find_map(|action| action.get("commitInfo")).unwrap_or(&null);
    let count = |kind: &str| actions.iter().filter(|action| action.get(kind).is_some()).count();
    let own = info[OPERATION_KEY].as_str().or(info["operation"].as_str());
    TableVersion {
        version,
        at: info["timestamp"].as_i64().unwrap_or_default() * 1000,
        operation: own.unwrap_or("unknown").to_ascii_lowercase(),
        effect: effect_of(actions).map(|effect| effect.to_string()),
        files_added: count("add") as u64,
        files_removed: count("remove") as u64,
    }
}
