//! Materialization: [`ModelStep`] turns the compiled SQL of a model into a view or a table.

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::step::{Attempt, Receipt, Refresh, Staged, Step, StepSpec, StepStats, Target};
use millstream_core::table::{TablePayload, WriteMode, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};
use serde_json::json;

use crate::project::{Materialization, SqlModel, Strategy};

/// The step of a SQL model.
#[derive(Debug)]
pub struct ModelStep {
    spec: StepSpec,
    model: SqlModel,
    warehouse: Arc<dyn Warehouse>,
}

impl ModelStep {
    /// A step that builds the model in the warehouse.
    pub fn new(spec: StepSpec, model: SqlModel, warehouse: Arc<dyn Warehouse>) -> Self {
        Self { spec, model, warehouse }
    }

    /// The model's SQL and how its rows meet those of the table.
    fn work(&self, attempt: &Attempt) -> (Refresh, WriteMode) {
        let exists = attempt.previous.version > 0;
        match &self.model.materialization {
            Materialization::Incremental { strategy }
                if exists && attempt.refresh == Refresh::Incremental =>
            {
                let mode = match strategy {
                    Strategy::Append => WriteMode::Append,
                    Strategy::Merge { unique_key } => WriteMode::merge(unique_key.clone()),
                };
                (Refresh::Incremental, mode)
            }
            _ => (Refresh::Full, WriteMode::Replace),
        }
    }

    async fn stage_view(&self, query: Query) -> Result<Staged> {
        // Planning the query is what makes a broken view fail here and not at its readers.
        self.warehouse.schema(&query).await?;
        let payload = TablePayload::View { view: query.sql };
        Ok(self.staged(&payload, StepStats::default()))
    }

    async fn stage_table(&self, query: Query, mode: WriteMode, id: AttemptId) -> Result<Staged> {
        let request = WriteRequest::new(self.model.relation.clone(), mode, id);
        let table = self.warehouse.stage_query(&query, &request).await?;
        let stats =
            StepStats { rows_out: table.rows, bytes_out: table.bytes, ..StepStats::default() };
        Ok(self.staged(&TablePayload::Files((*table).clone()), stats))
    }

    fn staged(&self, payload: &TablePayload, stats: StepStats) -> Staged {
        let asset = AssetKey::table(&self.model.relation);
        let target = Target { asset, payload: payload.to_value() };
        Staged { targets: vec![target], stats, ..Staged::default() }
    }

    fn relation(&self) -> &Relation {
        &self.model.relation
    }
}

impl Step for ModelStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let (refresh, write_mode) = self.work(attempt);
            let query = Query {
                sql: self.model.sql(refresh).to_owned(),
                catalog: attempt.catalog.clone(),
                now: attempt.claimed_at,
            };
            match self.model.materialization {
                Materialization::View => self.stage_view(query).await,
                _ => self.stage_table(query, write_mode, attempt.id).await,
            }
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            match TablePayload::read(&target.payload)? {
                // A view is published by the commit of the ledger itself.
                TablePayload::View { view } => {
                    Ok(Receipt { version: effect.sequence, detail: json!({ "view": view }) })
                }
                TablePayload::Files(staged) => {
                    let version = self.warehouse.publish(&staged, effect).await?;
                    Ok(Receipt { version, detail: json!({ "rows": staged.rows }) })
                }
            }
        })
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            let TablePayload::Files(staged) = TablePayload::read(&target.payload)? else {
                return Ok(None);
            };
            let found = self.warehouse.find(self.relation(), effect).await?;
            Ok(found.map(|version| Receipt { version, detail: json!({ "rows": staged.rows }) }))
        })
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        match self.model.materialization {
            Materialization::View => Box::pin(async { Ok(0) }),
            _ => self.warehouse.sequence(self.relation(), application),
        }
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        match self.model.materialization {
            Materialization::View => Box::pin(async { Ok(()) }),
            _ => self.warehouse.discard(self.relation(), attempt),
        }
    }
}
