//! Compaction of a table, through the same protocol as every other publication.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use millstream_core::asset::AssetKey;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::step::{Receipt, Staged, StepKind, StepStats, Target};
use millstream_core::table::TablePayload;
use millstream_core::warehouse::Warehouse;
use millstream_ledger::{ClaimOutcome, ClaimRequest, Holder, Memo, RunCause, RunState};
use serde_json::json;

use super::opened::Opened;

/// How long the table is held without a renewal; compaction of one table is short.
const LEASE: Duration = Duration::from_mins(10);

/// What a compaction did.
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
}

/// Packs small files of a table into large ones. The rows stay the same, so that the new version
/// keeps the memo of the old one, names its rows, and makes nothing due.
pub async fn optimize(opened: &Opened, relation: &Relation) -> Result<Packed> {
    let asset = AssetKey::table(relation);
    let Some(current) = opened.ledger.current(&asset)? else {
        return Err(Plain::user("table.unknown", format!("there is no table {relation}")).into());
    };
    let attempt = AttemptId::new();
    let Some(mut staged) = opened.engine.stage_optimize(relation, attempt).await? else {
        return Ok(Packed { files_before: 0, files_after: 0 });
    };
    Arc::make_mut(&mut staged).rows_of = Some(current.rows_version());
    let packed = Packed { files_before: staged.remove.len(), files_after: staged.add.len() };
    let application = EffectId::application(opened.ledger.environment(), &asset, "");
    let sequence = opened.engine.sequence(relation, &application).await?;
    let run = opened
        .ledger
        .begin_run(RunCause {
            command: "table optimize".to_owned(),
            selection: Some(relation.to_string()),
            plan: json!(null),
            fire: None,
            by: None,
            trace_parent: None,
        })
        .await?;
    let claim = opened
        .ledger
        .claim(ClaimRequest {
            run,
            attempt,
            number: 1,
            kind: StepKind::Model,
            outputs: vec![asset.clone()],
            holder: Holder::current("millstream table optimize"),
            target_sequences: BTreeMap::from([(asset.clone(), sequence)]),
            memo: Memo {
                key: current.memo_key,
                definition: current.definition,
                basis: current.basis,
                inputs: current.inputs,
                probe: current.probe,
            },
            reason: "optimize".to_owned(),
            lease: LEASE,
            shares: Vec::new(),
            priority: 0,
            due_at: None,
            partition: None,
        })
        .await?;
    let ClaimOutcome::Claimed(claim) = claim else {
        opened.engine.discard(relation, attempt).await?;
        opened.ledger.end_run(run, RunState::Failed).await?;
        let message = format!("{relation} is being worked on by another process");
        return Err(Plain::external("table.busy", message).with_hint("try again later").into());
    };
    let stats =
        StepStats { rows_out: staged.rows, bytes_out: staged.bytes, ..StepStats::default() };
    let payload = TablePayload::Files((*staged).clone()).to_value();
    let intent = Staged {
        targets: vec![Target { asset: asset.clone(), payload }],
        stats,
        checkpoint: current.checkpoint,
        ..Staged::default()
    };
    opened.ledger.intend(attempt, &intent).await?;
    let version = opened.engine.publish(&staged, &claim.effects[&asset]).await?;
    let mut detail = current.receipt.detail;
    detail["rows_of"] = json!(staged.rows_of);
    let receipt = Receipt { version, detail };
    opened.ledger.commit(attempt, vec![(asset, receipt)]).await?;
    opened.ledger.end_run(run, RunState::Succeeded).await?;
    Ok(packed)
}
