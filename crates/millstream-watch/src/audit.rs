//! [`Audited`]: any step whose tables are checked between staging and publication (DESIGN 2,
//! "Checks audit before they let pass").

use std::sync::Arc;

use arrow_array::Array;
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
use millstream_core::slot::Weight;
use millstream_core::step::{
    Attempt, CheckOutcome, CheckResult, Evidence, Previous, Prints, Receipt, Refresh, Staged, Step,
    StepSpec, Target,
};
use millstream_core::table::TablePayload;
use millstream_core::text::{Scene, SqlText};
use millstream_core::warehouse::{Query, Warehouse};

/// A check: a query that judges rows.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    /// Its name, unique in the project.
    pub name: String,
    /// The query, with relations by their full names. Its one row has the number of `failures`, and
    /// whether to warn (`should_warn`) and to fail (`should_error`).
    pub text: Arc<dyn SqlText>,
    /// The worst that failures can do.
    pub worst: CheckOutcome,
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
                if let Some(entry) = payload.into_entry() {
                    catalog = catalog.with(relation, entry);
                }
            }
        }
        Ok(catalog)
    }

    async fn audited(&self, attempt: &Attempt, mut staged: Staged) -> Result<Staged> {
        let catalog = Self::after_publication(attempt, &staged)?;
        for check in &self.checks {
            let result = self.make(check, &catalog, attempt.claimed_at).await?;
            staged.checks.push(result);
        }
        Ok(staged)
    }

    async fn make(
        &self,
        check: &CheckSpec,
        catalog: &CatalogSnapshot,
        now: Timestamp,
    ) -> Result<CheckResult> {
        let verdict = self.verdict(check, catalog, now).await;
        let verdict = verdict.map_err(|error| broken(check, &error))?;
        let outcome = match verdict {
            Verdict { should_error: true, .. } if check.worst == CheckOutcome::Fail => {
                CheckOutcome::Fail
            }
            Verdict { should_warn: true, .. } => CheckOutcome::Warn,
            _ => CheckOutcome::Pass,
        };
        let failures = verdict.failures;
        Ok(CheckResult { name: check.name.clone(), outcome, failures, message: None })
    }

    async fn verdict(
        &self,
        check: &CheckSpec,
        catalog: &CatalogSnapshot,
        now: Timestamp,
    ) -> Result<Verdict> {
        let scene = Scene { catalog: catalog.clone(), now, refresh: Refresh::Full, part: None };
        let sql = format!(
            "select cast(failures as bigint), cast(should_warn as boolean), \
             cast(should_error as boolean) from (\n{}\n) as judged",
            check.text.render(&scene).await?
        );
        let rows = self.warehouse.query(&Query { sql, catalog: scene.catalog, now }).await?;
        let batches: Vec<_> = rows.batches.try_collect().await?;
        let Some(row) = batches.iter().find(|batch| batch.num_rows() > 0) else {
            return Ok(Verdict::default());
        };
        let failures = row.column(0).as_primitive_opt::<Int64Type>();
        let failures = failures.filter(|column| column.is_valid(0)).map(|column| column.value(0));
        let is_true = |index: usize| {
            let column = row.column(index).as_boolean_opt();
            column.is_some_and(|column| column.is_valid(0) && column.value(0))
        };
        Ok(Verdict {
            failures: failures.unwrap_or_default().unsigned_abs(),
            should_warn: is_true(1),
            should_error: is_true(2),
        })
    }
}

impl Step for Audited {
    fn spec(&self) -> &StepSpec {
        self.inner.spec()
    }

    fn probe<'a>(&'a self, previous: &'a Previous) -> BoxFuture<'a, Result<Option<ContentHash>>> {
        self.inner.probe(previous)
    }

    fn prints<'a>(
        &'a self,
        input: &'a AssetKey,
        catalog: &'a CatalogSnapshot,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Prints>>> {
        self.inner.prints(input, catalog, now)
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let staged = self.inner.stage(attempt).await?;
            self.audited(attempt, staged).await
        })
    }

    fn is_redescribed(&self, previous: &Previous) -> bool {
        self.inner.is_redescribed(previous)
    }

    fn describe<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(async move {
            let staged = self.inner.describe(attempt).await?;
            if staged.targets.is_empty() { Ok(staged) } else { self.audited(attempt, staged).await }
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

    /// Checks are queries over the rows.
    fn weight(&self) -> Weight {
        if self.checks.is_empty() { self.inner.weight() } else { Weight::Heavy }
    }

    fn evidence(&self, staged: &Staged) -> Evidence {
        self.inner.evidence(staged)
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

/// What a check says of the rows.
#[derive(Debug, Clone, Copy, Default)]
struct Verdict {
    failures: u64,
    should_warn: bool,
    should_error: bool,
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
