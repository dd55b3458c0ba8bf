//! The step that moves one stream of a source into its table, and what does not fit into the
//! quarantine table.

mod contract;
mod latest;
mod quarantine;
mod replay;
mod row_ids;
mod rows;
mod stage;

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::name::{BadName, Relation, snake_case};
use millstream_core::spec::{Keys, StreamSpec, SyncMode};
use millstream_core::step::{Attempt, Evidence, Previous, Receipt, Staged, Step, StepSpec, Target};
use millstream_core::table::{StagedTable, TablePayload};
use millstream_core::warehouse::{Warehouse, evidence};

use self::contract::SyncCheckpoint;
pub(crate) use self::rows::row_text;
use crate::error::SyncError;
use crate::raw::{RawStore, Retention};
use crate::source::Source;

/// Column with the id of the load, which is that of the attempt.
pub const LOAD_ID: &str = "_load_id";
/// Column with the moment of the claim.
pub const LOADED_AT: &str = "_loaded_at";
/// Column with the id of the row. Made of the key if the stream has one, else of the place of the
/// row in its input; the same input gives the same ids.
pub const ROW_ID: &str = "_row_id";
/// Key of the batch metadata under which a source may say what makes the ids of its rows unique:
/// a text that depends on the input only, as the identity of a file.
pub const ROW_PREFIX: &str = "millstream.row_prefix";
/// Key of the batch metadata for the number of the batch's first row under its prefix.
pub const ROW_FIRST: &str = "millstream.row_first";

/// What a sync is made of.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// The configured connector.
    pub source: Arc<dyn Source>,
    /// Name of the source.
    pub source_name: String,
    /// The stream.
    pub stream: StreamSpec,
    /// How long raw input is kept.
    pub retention: Retention,
    /// Where rows go.
    pub warehouse: Arc<dyn Warehouse>,
    /// Where raw input goes.
    pub raw: RawStore,
    /// The step as the graph has it; its outputs are the table and the quarantine table.
    pub step: StepSpec,
}

/// Moves one stream into its table.
#[derive(Debug, Clone)]
pub struct SyncStep {
    source: Arc<dyn Source>,
    source_name: String,
    stream: StreamSpec,
    retention: Retention,
    warehouse: Arc<dyn Warehouse>,
    raw: RawStore,
    relation: Relation,
    key: Vec<String>,
    spec: StepSpec,
    input: Feed,
}

/// Where the records of an attempt come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Feed {
    /// The source.
    Source,
    /// Kept raw input, by load id.
    Raw(Vec<String>),
}

impl SyncStep {
    /// The step of a stream. Its outputs are the table and the quarantine table.
    pub fn new(config: SyncConfig) -> Result<Self> {
        let SyncConfig { source, source_name, stream, retention, warehouse, raw, step } = config;
        let relation =
            Relation::new(&source_name, &stream.name).map_err(|error| bad_name(&error))?;
        let key = stream.key.as_ref().map(Keys::columns).unwrap_or_default();
        let key: Vec<String> = key.iter().map(|column| snake_case(column)).collect();
        if stream.sync == SyncMode::Merge && key.is_empty() {
            return Err(SyncError::MissingKey { stream: stream.name }.into());
        }
        let outputs = [AssetKey::table(&relation), AssetKey::table(&relation.quarantine())];
        if step.outputs != outputs {
            let message = format!("the step of {relation} has other outputs than its two tables");
            return Err(Plain::internal("sync.outputs_wrong", message).into());
        }
        let input = Feed::Source;
        Ok(Self {
            source,
            source_name,
            stream,
            retention,
            warehouse,
            raw,
            relation,
            key,
            spec: step,
            input,
        })
    }

    /// The same step, but it rebuilds the table from these loads of raw input, oldest first, and
    /// leaves the checkpoint as it is. The rows are those that the loads brought.
    #[must_use]
    pub fn with_replay(mut self, loads: Vec<String>) -> Self {
        self.input = Feed::Raw(loads);
        self
    }
}

impl Step for SyncStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn probe<'a>(&'a self, previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async move {
            if let Feed::Raw(loads) = &self.input {
                return Ok(Some(ContentHash::of_parts(loads)));
            }
            let checkpoint = SyncCheckpoint::read(previous.checkpoint.as_ref());
            self.source.probe(&self.stream, checkpoint.source.as_ref()).await
        })
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            match &self.input {
                Feed::Source => stage::from_source(self, attempt).await,
                Feed::Raw(loads) => replay::from_raw(self, attempt, loads).await,
            }
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            let staged = staged_table(target)?;
            let version = self.warehouse.publish(&staged, effect).await?;
            Ok(receipt(version))
        })
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            let relation = relation_of(&target.asset)?;
            Ok(self.warehouse.find(&relation, effect).await?.map(receipt))
        })
    }

    fn evidence(&self, staged: &Staged) -> Evidence {
        evidence(staged)
    }

    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move { self.warehouse.sequence(&relation_of(output)?, application).await })
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.warehouse.discard(&self.relation, attempt).await?;
            self.warehouse.discard(&self.relation.quarantine(), attempt).await?;
            // Also when it is complete: the next attempt brings the same input once more.
            let (raw, source) = (self.raw.clone(), self.source_name.clone());
            let stream = self.stream.name.clone();
            stage::blocking(move || raw.remove(&source, &stream, &attempt.to_string())).await?;
            Ok(())
        })
    }
}

fn receipt(version: u64) -> Receipt {
    Receipt { version, detail: serde_json::Value::Null }
}

fn staged_table(target: &Target) -> Result<StagedTable> {
    match TablePayload::read(&target.payload)? {
        TablePayload::Files(staged) => Ok(staged),
        TablePayload::View { .. } | TablePayload::Dropped { .. } => {
            Err(Plain::internal("sync.shape", "a sync publishes files").into())
        }
    }
}

fn relation_of(asset: &AssetKey) -> Result<Relation> {
    asset.relation().ok_or_else(|| {
        Plain::internal("sync.shape", format!("`{asset}` is not a table of a sync")).into()
    })
}

fn bad_name(error: &BadName) -> SyncError {
    SyncError::BadSetting { key: "name".to_owned(), message: error.to_string() }
}

#[cfg(test)]
mod tests;
