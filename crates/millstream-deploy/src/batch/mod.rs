//! Scoring of a relation into a table, as a step, with its events.

mod error;
mod events;
mod output;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt as _;
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::catalog::{Catalog, CatalogSnapshot};
use millstream_core::effect::EffectId;
use millstream_core::id::AttemptId;
use millstream_core::model::{Models, Scorer};
use millstream_core::spec::DeploymentSpec;
use millstream_core::step::{
    Attempt, Previous, Receipt, Refresh, Staged, Step, StepSpec, StepStats, Target,
};
use millstream_core::table::{StagedTable, WriteMode, WriteRequest};
use millstream_core::topic::Topic;
use millstream_core::warehouse::{Query, Warehouse};
use millstream_core::{AssetKey, AssetKind, ContentHash, Relation, Result};
use serde_json::json;

use crate::limits::KNOWN_EVENTS_MAX;
use crate::reference::ModelReference;
pub use error::ScoringError;
use events::{EventFile, EventsPayload, SharedWriter};
use output::{KnownEvents, Scoring};

/// What a scoring step is made of.
#[derive(Debug, Clone)]
pub struct ScoringConfig {
    /// The deployment; it has a `batch` part.
    pub deployment: DeploymentSpec,
    /// The rows to score.
    pub over: Relation,
    /// The table of the answers.
    pub into: Relation,
    /// What is known of the step. Its outputs are the table and, if `topic` is there, the topic.
    pub step: StepSpec,
    /// The SQL engine.
    pub warehouse: Arc<dyn Warehouse>,
    /// The model versions.
    pub models: Arc<dyn Models>,
    /// The present names, for what the alias names now.
    pub catalog: Arc<dyn Catalog>,
    /// Where the predictions are recorded.
    pub topic: Option<Arc<dyn Topic>>,
    /// Folder for events between staging and publication, `<environment>/deployments/.staging`.
    pub staging: PathBuf,
}

/// Scores a relation with the version that an alias names at the claim. The table is replaced; an
/// event is appended for each prediction that the last scoring did not record.
#[derive(Debug)]
pub struct ScoringStep {
    config: ScoringConfig,
    reference: ModelReference,
    key: String,
}

impl ScoringStep {
    /// Makes the step. Fails with `deploy.bad_reference` or `scoring.no_batch` if the deployment
    /// cannot be scored in batch, and with `scoring.key_reserved` if its key has the name of a
    /// column that the scoring writes.
    pub fn new(config: ScoringConfig) -> Result<Self> {
        let name = &config.deployment.name;
        let reference = config.deployment.model.parse().map_err(|cause| {
            crate::DeployError::BadReference { deployment: name.clone(), cause }
        })?;
        let batch = config.deployment.batch.as_ref();
        let batch = batch.ok_or_else(|| ScoringError::NoBatch { deployment: name.clone() })?;
        let key = batch.key.clone();
        output::check_key(&key)?;
        Ok(Self { config, reference, key })
    }

    /// The version that the alias names in the snapshot, loaded.
    async fn scorer(&self, catalog: &CatalogSnapshot) -> Result<Arc<dyn Scorer>> {
        let version = self.reference.version(catalog).ok_or_else(|| ScoringError::NoVersion {
            reference: self.reference.to_string(),
            remedy: self.reference.remedy(catalog),
        })?;
        let reference = self.reference.at(version).to_string();
        let (models, catalog) = (Arc::clone(&self.config.models), catalog.clone());
        blocking(move || models.resolve(&reference, &catalog)).await
    }

    /// The query for key and inputs, after a look at the columns that there are.
    async fn query(&self, attempt: &Attempt, scorer: &dyn Scorer) -> Result<Query> {
        let query = |sql| Query { sql, catalog: attempt.catalog.clone(), now: attempt.claimed_at };
        let over = &self.config.over;
        let all = query(format!("select * from {}", over.quoted()));
        let schema = self.config.warehouse.schema(&all).await?;
        let inputs = scorer.signature().inputs.iter().map(|input| input.name.as_str());
        let columns: Vec<&str> = std::iter::once(self.key.as_str()).chain(inputs).collect();
        let missing = columns.iter().find(|column| schema.index_of(column).is_err());
        if let Some(column) = missing {
            return Err(ScoringError::ColumnMissing {
                relation: over.to_string(),
                column: (*column).to_owned(),
                known: schema
                    .fields()
                    .iter()
                    .map(|f| f.name().as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            }
            .into());
        }
        let select: Vec<String> =
            columns.iter().enumerate().map(|(i, c)| format!("{} as \"c{i}\"", quoted(c))).collect();
        Ok(query(format!("select {} from {}", select.join(", "), over.quoted())))
    }

    /// The ids that the last scoring recorded in the same topic; none if there are too many.
    async fn known_events(&self, attempt: &Attempt, topic: &str) -> Result<KnownEvents> {
        let recorded = attempt.previous.checkpoint.as_ref().and_then(|c| c.get("recorded"));
        let into = &self.config.into;
        if attempt.refresh == Refresh::Full
            || recorded.and_then(|name| name.as_str()) != Some(topic)
            || attempt.catalog.get(into).is_none()
        {
            return Ok(KnownEvents::default());
        }
        let sql = format!("select \"event_id\" from {}", into.quoted());
        let query = Query { sql, catalog: attempt.catalog.clone(), now: attempt.claimed_at };
        let mut batches = self.config.warehouse.query(&query).await?.batches;
        let mut known = HashSet::new();
        while let Some(batch) = batches.next().await {
            output::collect_ids(&batch?, &mut known)?;
            if known.len() > KNOWN_EVENTS_MAX {
                return Ok(KnownEvents::default());
            }
        }
        Ok(Arc::new(known))
    }

    async fn stage_scoring(&self, attempt: &Attempt) -> Result<Staged> {
        let scorer = self.scorer(&attempt.catalog).await?;
        let query = self.query(attempt, &*scorer).await?;
        let rows = self.config.warehouse.query(&query).await?;
        let (known, writer) = match &self.config.topic {
            None => (KnownEvents::default(), None),
            Some(topic) => {
                let known = self.known_events(attempt, topic.name()).await?;
                let file = self.file(attempt.id).create(attempt.claimed_at).await?;
                (known, Some(SharedWriter::new(file)))
            }
        };
        let scoring = Arc::new(Scoring {
            scorer: Arc::clone(&scorer),
            deployment: self.config.deployment.name.clone(),
            known,
            at: attempt.claimed_at,
            record: writer.is_some().into(),
            schema: output::schema(&self.key, rows.schema.field(0), &*scorer),
        });
        let scored = scoring.scored(rows, writer.clone());
        let into = self.config.into.clone();
        let request = WriteRequest::new(into, WriteMode::Replace, attempt.id);
        let scored = BatchStream { schema: Arc::clone(&scoring.schema), batches: scored };
        let table = self.config.warehouse.stage_batches(scored, &request).await?;
        let events = match writer {
            None => None,
            Some(writer) => Some(writer.finish(attempt.id).await?),
        };
        millstream_core::crash::point("scoring.staged");
        self.staged(&*scorer, &table, events)
    }

    fn staged(
        &self,
        scorer: &dyn Scorer,
        table: &StagedTable,
        events: Option<EventsPayload>,
    ) -> Result<Staged> {
        let asset = AssetKey::table(&self.config.into);
        let mut targets = vec![Target { asset, payload: to_payload(table)? }];
        let mut note =
            format!("{} rows scored by {}@{}", table.rows, scorer.model(), scorer.version());
        let mut checkpoint = None;
        if let (Some(topic), Some(events)) = (&self.config.topic, events) {
            note = format!("{note}, {} new events", events.events);
            checkpoint = Some(json!({ "recorded": topic.name() }));
            if events.events > 0 {
                let asset = AssetKey::topic(topic.name());
                targets.push(Target { asset, payload: to_payload(&events)? });
            }
        }
        let stats = StepStats {
            rows_in: table.rows,
            rows_out: table.rows,
            rows_quarantined: 0,
            bytes_out: table.bytes,
        };
        Ok(Staged { targets, stats, checkpoint, note: Some(note), ..Staged::default() })
    }

    fn file(&self, attempt: AttemptId) -> EventFile {
        EventFile::new(&self.config.staging, attempt)
    }

    fn topic(&self) -> Result<&Arc<dyn Topic>> {
        let deployment = &self.config.deployment.name;
        let missing = || ScoringError::NoTopic { deployment: deployment.clone() };
        Ok(self.config.topic.as_ref().ok_or_else(missing)?)
    }

    /// Publishes the staged events; after it nothing of them is left in the staging.
    async fn publish_events(&self, events: &EventsPayload, effect: &EffectId) -> Result<Receipt> {
        let topic = self.topic()?;
        let end = match topic.find(effect).await? {
            Some(end) => end,
            None => events::append(&self.file(events.attempt), events, &**topic, effect).await?,
        };
        self.file(events.attempt).remove().await?;
        Ok(events.receipt(end))
    }
}

impl Step for ScoringStep {
    fn spec(&self) -> &StepSpec {
        &self.config.step
    }

    /// What the alias names: a promotion or a rollback makes the scoring due without a new version
    /// of the model.
    fn probe<'a>(&'a self, _: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        Box::pin(async {
            let version = self.reference.version(&self.config.catalog.snapshot()?);
            let version = version.map_or_else(|| "none".to_owned(), |version| version.to_string());
            Ok(Some(ContentHash::of_parts([self.reference.model.as_str(), &version])))
        })
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(self.stage_scoring(attempt))
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            if target.asset.kind == AssetKind::Topic {
                return self.publish_events(&from_payload(target)?, effect).await;
            }
            let table: StagedTable = from_payload(target)?;
            let version = self.config.warehouse.publish(&table, effect).await?;
            Ok(table_receipt(&table, version))
        })
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            if target.asset.kind == AssetKind::Topic {
                let events: EventsPayload = from_payload(target)?;
                return Ok(self.topic()?.find(effect).await?.map(|end| events.receipt(end)));
            }
            let table: StagedTable = from_payload(target)?;
            let version = self.config.warehouse.find(&table.relation, effect).await?;
            Ok(version.map(|version| table_receipt(&table, version)))
        })
    }

    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            match output.kind {
                AssetKind::Topic => self.topic()?.sequence(application).await,
                _ => self.config.warehouse.sequence(&self.config.into, application).await,
            }
        })
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.file(attempt).remove().await?;
            self.config.warehouse.discard(&self.config.into, attempt).await
        })
    }

    fn clean(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.file(attempt).remove().await })
    }
}

fn table_receipt(table: &StagedTable, version: u64) -> Receipt {
    Receipt { version, detail: json!({ "rows": table.rows }) }
}

fn to_payload<T: serde::Serialize>(value: &T) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(value).map_err(|cause| ScoringError::Payload(cause.to_string()))?)
}

fn from_payload<T: serde::de::DeserializeOwned>(target: &Target) -> Result<T> {
    let value = T::deserialize(&target.payload);
    Ok(value.map_err(|cause| ScoringError::Payload(cause.to_string()))?)
}

fn quoted(column: &str) -> String {
    format!("\"{}\"", column.replace('"', "\"\""))
}

/// Runs work that computes or waits for the disk away from the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(cause) => Err(ScoringError::Died(cause.to_string()).into()),
    }
}

#[cfg(test)]
mod tests;
