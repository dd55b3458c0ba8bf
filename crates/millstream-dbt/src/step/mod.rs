//! The steps that make and change relations in the embedded warehouse, through the protocol of an
//! attempt: dbt's materializations without a macro, and the statements of its users.

mod change;
mod origin;
mod partition;
mod plan;
mod program;
mod relations;
mod snapshot;
mod strategy;

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::id::AttemptId;
use millstream_core::log::{AttemptLog, Level};
use millstream_core::name::Relation;
use millstream_core::slot::Weight;
use millstream_core::step::{
    Attempt, Evidence, Previous, Prints, Receipt, Staged, Step, StepSpec, StepStats, Target,
    described,
};
use millstream_core::table::{TablePayload, WriteMode};
use millstream_core::text::Scene;
use millstream_core::warehouse::{Warehouse, describe_table, evidence, note_missing};
use serde_json::Value;

pub use change::ChangeStep;
pub use origin::Origin;
pub use plan::{Existing, Making, Work, Writing};
pub use program::{ProgramText, Source};
pub use relations::{Prepared, Reading, Relations};
pub use snapshot::SnapshotPlan;
pub use strategy::Strategy;

/// The step of a model or snapshot.
#[derive(Debug)]
pub struct RelationStep {
    spec: StepSpec,
    relation: Relation,
    making: Making,
    source: Source,
    relations: Relations,
    /// The columns that say when a row of an input happened, of those that say so.
    clocks: BTreeMap<AssetKey, String>,
    comments: Comments,
}

impl RelationStep {
    /// A step that makes a relation.
    pub fn new(
        spec: StepSpec,
        relation: Relation,
        making: Making,
        source: Source,
        warehouse: Arc<dyn Warehouse>,
    ) -> Self {
        let (relations, clocks) = (Relations(warehouse), BTreeMap::new());
        let comments = Comments::default();
        Self { spec, relation, making, source, relations, clocks, comments }
    }

    /// With what is said of the relation, and kept with it.
    #[must_use]
    pub fn with_comments(mut self, comments: Comments) -> Self {
        self.comments = comments;
        self
    }

    /// With the columns that say when a row of an input happened.
    #[must_use]
    pub fn with_clocks(mut self, clocks: BTreeMap<AssetKey, String>) -> Self {
        self.clocks = clocks;
        self
    }

    /// The comments that work leaves behind. A table to which rows come keeps those that somebody
    /// else wrote, until the project says something.
    fn said(&self, work: &Work, attempt: &Attempt) -> Option<Comments> {
        let is_new = match work {
            Work::Table { writing, .. } => writing.mode == WriteMode::Replace,
            Work::View { .. } | Work::Drop => true,
        };
        let is_ours = !self.comments.is_empty() || attempt.previous.described().is_some();
        (is_new || is_ours).then(|| self.comments.clone())
    }

    /// What was staged, and what was left out.
    fn staged(&self, prepared: Prepared, checkpoint: Option<Value>, log: &AttemptLog) -> Staged {
        let Prepared { target, stats, missing_columns } = prepared;
        let checkpoint = described(checkpoint, &self.comments);
        let staged = Staged { targets: vec![target], stats, checkpoint, ..Staged::default() };
        note_missing(staged, missing_columns, &self.relation, log)
    }
}

impl Step for RelationStep {
    fn spec(&self) -> &StepSpec {
        &self.spec
    }

    fn prints<'a>(
        &'a self,
        input: &'a AssetKey,
        catalog: &'a CatalogSnapshot,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Prints>>> {
        Box::pin(async move {
            match &self.spec.partitions {
                Some(partitions) => partition::prints(self, partitions, input, catalog, now).await,
                None => Ok(None),
            }
        })
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            if let (Some(partitions), Some(key)) = (&self.spec.partitions, &attempt.partition) {
                return partition::stage(self, partitions, key, attempt).await;
            }
            let reading = Reading::of(attempt);
            let existing = if self.making.asks_what_exists() {
                self.relations.existing(&self.relation, &reading).await?
            } else {
                Existing::Nothing
            };
            let refresh = self.making.refresh(&existing, attempt.refresh);
            let (catalog, now) = (reading.catalog.clone(), reading.now);
            let scene = Scene { catalog, now, refresh, part: None };
            let text = self.source.text().render(&scene).await?;
            let work = self.making.work(&self.relation, &text, &existing, refresh)?;
            reading.log.tell(Level::Debug, format!("runs\n{}", text.trim()));
            let reading = reading.saying(self.said(&work, attempt));
            let (relation, relations) = (&self.relation, &self.relations);
            let (prepared, checkpoint) = match &self.source {
                Source::Query(_) => (
                    relations.stage(relation, work, &reading).await?,
                    Origin { refresh, sql: text }.to_value(),
                ),
                Source::Program(program) => {
                    (relations.stage_program(relation, work, program, &reading).await?, None)
                }
            };
            Ok(self.staged(prepared, checkpoint, &reading.log))
        })
    }

    fn is_redescribed(&self, previous: &Previous) -> bool {
        previous.is_redescribed(&self.comments)
    }

    fn describe<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let reading = Reading::of(attempt);
            let (previous, comments) = (&attempt.previous, &self.comments);
            let view = previous.receipt.as_ref().and_then(Receipt::view);
            let Some(view) = view else {
                let warehouse = &*self.relations.0;
                return describe_table(warehouse, &self.relation, comments, attempt).await;
            };
            let missing_columns = if comments.columns.is_empty() {
                Vec::new()
            } else {
                comments.missing(&self.relations.columns_of(view, &reading).await?)
            };
            let (view, comments) = (view.to_owned(), comments.clone());
            let rows_of = previous.rows_version();
            let payload = TablePayload::View { view, comments, rows_of }.to_value();
            let target = Target { asset: AssetKey::table(&self.relation), payload };
            let prepared = Prepared { target, stats: StepStats::default(), missing_columns };
            Ok(self.staged(prepared, previous.checkpoint.clone(), &reading.log))
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(self.relations.publish(target, effect))
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(self.relations.find(target, effect))
    }

    fn weight(&self) -> Weight {
        match (&self.making, &self.source) {
            (Making::View, Source::Query(_)) => Weight::Light,
            _ => Weight::Heavy,
        }
    }

    fn evidence(&self, staged: &Staged) -> Evidence {
        evidence(staged)
    }

    fn sequence<'a>(
        &'a self,
        _output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        match self.making {
            Making::View => Box::pin(async { Ok(0) }),
            _ => self.relations.0.sequence(&self.relation, application),
        }
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        match self.making {
            Making::View => Box::pin(async { Ok(()) }),
            _ => self.relations.0.discard(&self.relation, attempt),
        }
    }
}
