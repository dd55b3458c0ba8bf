//! [`Audited`]: any step whose tables are checked between staging and publication (DESIGN 2,
//! "Checks audit before they let pass").

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use futures::TryStreamExt;
use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::effect::EffectId;
use millstream_core::error::{Error, Plain, Result};
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::step::{
    Attempt, CheckOutcome, CheckResult, Previous, Receipt, Staged, Step, StepSpec, Target,
};
use millstream_core::table::TablePayload;
use millstream_core::warehouse::{Query, Warehouse};

/// What so many failures mean.
pub type Judge = Arc<dyn Fn(u64) -> CheckOutcome + Send + Sync>;

/// A check: a query whose rows are the failures.
#[derive(Clone)]
pub struct CheckSpec {
    /// Its name, unique in the project.
    pub name: String,
    /// The query; relations by their full names.
    pub sql: String,
    /// Its severity and thresholds.
    pub judge: Judge,
}

impl std::fmt::Debug for CheckSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckSpec").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A step whose staged tables pass through checks.
#[derive(Debug)]
pub struct Audited {
    inner: Arc<dyn Step>,
    checks: Vec<CheckSpec>,
    warehouse: Arc<dyn Warehouse>,
}

impl Audited {
    /// The step with these checks.
    pub fn new(
        inner: Arc<dyn Step>,
        checks: Vec<CheckSpec>,
        warehouse: Arc<dyn Warehouse>,
    ) -> Self {
        Self { inner, checks, warehouse }
    }

    /// The names as they will be once the step is published.
    fn after_publication(attempt: &Attempt, staged: &Staged) -> Result<CatalogSnapshot> {
        let mut catalog = attempt.catalog.clone();
        for target in &staged.targets {
            if let Some(relation) = target.asset.relation() {
                let payload = TablePayload::read(&target.payload)?;
                catalog = catalog.with(relation, payload.into_entry());
            }
        }
        Ok(catalog)
    }

    async fn make(
        &self,
        check: &CheckSpec,
        catalog: &CatalogSnapshot,
        now: Timestamp,
    ) -> Result<CheckResult> {
        let query = Query {
            sql: format!("select count(*) as failures from (\n{}\n) as failing", check.sql),
            catalog: catalog.clone(),
            now,
        };
        let failures = self.count(&query).await.map_err(|error| broken(check, &error))?;
        let outcome = (check.judge)(failures);
        Ok(CheckResult { name: check.name.clone(), outcome, failures, message: None })
    }

    async fn count(&self, query: &Query) -> Result<u64> {
        let rows = self.warehouse.query(query).await?;
        let batches: Vec<_> = rows.batches.try_collect().await?;
        let counted = batches.iter().find(|batch| batch.num_rows() > 0);
        let column = counted.and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>());
        Ok(column.map_or(0, |column| column.value(0).unsigned_abs()))
    }
}

impl Step for Audited {
    fn spec(&self) -> &StepSpec {
        self.inner.spec()
    }

    fn probe<'a>(&'a self, previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        self.inner.probe(previous)
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let mut staged = self.inner.stage(attempt).await?;
            let catalog = Self::after_publication(attempt, &staged)?;
            for check in &self.checks {
                let result = self.make(check, &catalog, attempt.claimed_at).await?;
                staged.checks.push(result);
            }
            Ok(staged)
        })
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        self.inner.publish(target, effect)
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        self.inner.find(target, effect)
    }

    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        self.inner.sequence(output, application)
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        self.inner.discard(attempt)
    }

    fn clean(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        self.inner.clean(attempt)
    }
}

/// A check that cannot even run names itself.
fn broken(check: &CheckSpec, error: &Error) -> Error {
    Plain {
        code: error.code(),
        fault: error.fault(),
        retry: error.retry(),
        message: format!("check `{}`: {error}", check.name),
        hint: error.hint(),
    }
    .into()
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
