//! The step that makes the relation of a node in the embedded warehouse, through the protocol of
//! an attempt: dbt's materializations without a macro.

mod origin;
mod plan;
mod snapshot;
mod strategy;

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::CatalogEntry;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::step::{Attempt, Receipt, Staged, Step, StepSpec, StepStats, Target};
use millstream_core::table::{SchemaChange, TablePayload, WriteMode, WriteRequest};
use millstream_core::text::{Scene, SqlText};
use millstream_core::warehouse::{Query, Warehouse};
use serde_json::json;

pub use origin::Origin;
pub use plan::{Existing, Making, Work};
pub use snapshot::SnapshotPlan;
pub use strategy::Strategy;

/// The step of a model or snapshot.
#[derive(Debug)]
pub struct RelationStep {
    spec: StepSpec,
    relation: Relation,
    making: Making,
    text: Arc<dyn SqlText>,
    warehouse: Arc<dyn Warehouse>,
}

impl RelationStep {
    /// A step that makes a relation of a query.
    pub fn new(
        spec: StepSpec,
        relation: Relation,
        making: Making,
        text: Arc<dyn SqlText>,
        warehouse: Arc<dyn Warehouse>,
    ) -> Self {
        Self { spec, relation, making, text, warehouse }
    }

    async fn stage_view(&self, query: Query) -> Result<Staged> {
        // Planning the query is what makes a broken view fail here and not at its readers.
        self.warehouse.schema(&query).await?;
        let payload = TablePayload::View { view: query.sql };
        Ok(self.staged(&payload, StepStats::default()))
    }

    async fn stage_table(
        &self,
        query: Query,
        mode: WriteMode,
        schema_change: SchemaChange,
        id: AttemptId,
    ) -> Result<Staged> {
        let relation = self.relation.clone();
        let request = WriteRequest { relation, mode, schema_change, attempt: id };
        let table = self.warehouse.stage_query(&query, &request).await?;
        let stats =
            StepStats { rows_out: table.rows, bytes_out: table.bytes, ..StepStats::default() };
        Ok(self.staged(&TablePayload::Files((*table).clone()), stats))
    }

    fn staged(&self, payload: &TablePayload, stats: StepStats) -> Staged {
        let asset = AssetKey::table(&self.relation);
        let target = Target { asset, payload: payload.to_value() };
        Staged { targets: vec![target], stats, ..Staged::default() }
    }

    /// What there is, as far as the next version depends on it.
    async fn existing(&self, attempt: &Attempt) -> Result<Existing> {
        match attempt.catalog.get(&self.relation) {
            Some(CatalogEntry::Table { .. }) => {
                let all = format!("select * from {}", self.relation.quoted());
                let schema = self.warehouse.schema(&query(all, attempt)).await?;
                let names = schema.fields().iter().map(|field| field.name().clone());
                Ok(Existing::Table { columns: names.collect() })
            }
            Some(_) => Ok(Existing::View),
            None => Ok(Existing::Nothing),
        }
    }
}

impl Step for RelationStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let existing = if self.making.asks_what_exists() {
                self.existing(attempt).await?
            } else {
                Existing::Nothing
            };
            let refresh = self.making.refresh(&existing, attempt.refresh);
            let scene =
                Scene { catalog: attempt.catalog.clone(), now: attempt.claimed_at, refresh };
            let sql = self.text.render(&scene).await?;
            let work = self.making.work(&self.relation, &sql, &existing, refresh)?;
            let checkpoint = Origin { refresh, sql }.to_value();
            let staged = match work {
                Work::View { sql } => self.stage_view(query(sql, attempt)).await?,
                Work::Table { sql, mode, schema_change } => {
                    let query = query(sql, attempt);
                    self.stage_table(query, mode, schema_change, attempt.id).await?
                }
            };
            Ok(Staged { checkpoint, ..staged })
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
            let found = self.warehouse.find(&self.relation, effect).await?;
            Ok(found.map(|version| Receipt { version, detail: json!({ "rows": staged.rows }) }))
        })
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        match self.making {
            Making::View => Box::pin(async { Ok(0) }),
            _ => self.warehouse.sequence(&self.relation, application),
        }
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        match self.making {
            Making::View => Box::pin(async { Ok(()) }),
            _ => self.warehouse.discard(&self.relation, attempt),
        }
    }
}

fn query(sql: String, attempt: &Attempt) -> Query {
    Query { sql, catalog: attempt.catalog.clone(), now: attempt.claimed_at }
}
