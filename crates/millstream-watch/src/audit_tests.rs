use std::collections::BTreeMap;
use std::time::Duration;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_schema::SchemaRef;
use futures::executor::block_on;
use futures::stream;
use millstream_core::batch::BatchStream;
use millstream_core::catalog::CatalogEntry;
use millstream_core::comments::Comments;
use millstream_core::error::{Fault, Retry};
use millstream_core::id::RunId;
use millstream_core::log::AttemptLog;
use millstream_core::name::Relation;
use millstream_core::step::{Refresh, StepKind};
use millstream_core::table::{StagedTable, WriteRequest};

use super::*;

/// A step that stages the view `main.orders`.
#[derive(Debug)]
struct StagesOrders(StepSpec);

impl Step for StagesOrders {
    fn spec(&self) -> &StepSpec {
        &self.0
    }

    fn stage<'a>(&'a self, _: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        let payload = TablePayload::view("select 1 as staged").to_value();
        let targets = vec![Target { asset: self.0.asset().clone(), payload }];
        Box::pin(async move { Ok(Staged { targets, ..Staged::default() }) })
    }

    fn publish<'a>(&'a self, _: &'a Target, _: &'a EffectId) -> BoxFuture<'a, Result<Receipt>> {
        unreachable!("these tests only stage")
    }

    fn find<'a>(
        &'a self,
        _: &'a Target,
        _: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        unreachable!("these tests only stage")
    }

    fn sequence<'a>(&'a self, _: &'a AssetKey, _: &'a str) -> BoxFuture<'a, Result<u64>> {
        unreachable!("these tests only stage")
    }

    fn discard(&self, _: AttemptId) -> BoxFuture<'_, Result<()>> {
        unreachable!("these tests only stage")
    }
}

/// Counts what it was told for a check's SQL, if the staged view is there to be read.
#[derive(Debug)]
struct Counts(BTreeMap<&'static str, i64>);

impl Counts {
    fn count(&self, query: &Query) -> Result<i64> {
        let staged = query.catalog.get(&orders());
        assert!(matches!(staged, Some(CatalogEntry::View { sql, .. }) if sql.contains("staged")));
        let known = self.0.iter().find(|(sql, _)| query.sql.contains(*sql));
        let unknown = || Plain::user("sql.unknown", "no such column").with_hint("look again");
        Ok(*known.ok_or_else(unknown)?.1)
    }
}

impl Warehouse for Counts {
    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async {
            let count = self.count(query)?;
            let failures: ArrayRef = Arc::new(Int64Array::from(vec![count]));
            let is_any: ArrayRef = Arc::new(BooleanArray::from(vec![count > 0]));
            let columns = [("failures", failures), ("warn", is_any.clone()), ("error", is_any)];
            let batch = RecordBatch::try_from_iter(columns).unwrap();
            let schema = batch.schema();
            Ok(BatchStream { schema, batches: Box::pin(stream::iter([Ok(batch)])) })
        })
    }

    fn schema<'a>(&'a self, _: &'a Query) -> BoxFuture<'a, Result<SchemaRef>> {
        unreachable!("a check is run")
    }

    fn stage_query<'a>(
        &'a self,
        _: &'a Query,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("a check writes nothing")
    }

    fn stage_batches<'a>(
        &'a self,
        _: BatchStream,
        _: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("a check writes nothing")
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        unreachable!("a check writes nothing")
    }

    fn publish<'a>(&'a self, _: &'a StagedTable, _: &'a EffectId) -> BoxFuture<'a, Result<u64>> {
        unreachable!("a check writes nothing")
    }

    fn find<'a>(&'a self, _: &'a Relation, _: &'a EffectId) -> BoxFuture<'a, Result<Option<u64>>> {
        unreachable!("a check writes nothing")
    }

    fn sequence<'a>(&'a self, _: &'a Relation, _: &'a str) -> BoxFuture<'a, Result<u64>> {
        unreachable!("a check writes nothing")
    }

    fn discard<'a>(&'a self, _: &'a Relation, _: AttemptId) -> BoxFuture<'a, Result<()>> {
        unreachable!("a check writes nothing")
    }
}

fn orders() -> Relation {
    "main.orders".parse().unwrap()
}

/// Stages with checks, each a name and its SQL.
fn stage(checks: &[(&str, &str)], worst: CheckOutcome) -> Result<Staged> {
    let spec = StepSpec {
        kind: StepKind::Model,
        outputs: vec![AssetKey::table(&orders())],
        inputs: Vec::new(),
        definition: ContentHash::of(b"definition"),
        timeout: Duration::from_mins(1),
        execution: millstream_core::execution::Execution::default(),
        partitions: None,
        flow: millstream_core::flow::Flow::default(),
    };
    let check = |&(name, sql): &(&str, &str)| CheckSpec {
        name: name.to_owned(),
        text: Arc::new(sql.to_owned()),
        worst,
    };
    let warehouse = Counts(BTreeMap::from([("no failures", 0), ("three failures", 3)]));
    let checks = checks.iter().map(check).collect();
    let audited = Audited::new(Arc::new(StagesOrders(spec)), checks, Arc::new(warehouse));
    block_on(audited.stage(&Attempt {
        run: RunId::new(),
        id: AttemptId::new(),
        claimed_at: Timestamp::from_micros(0),
        catalog: CatalogSnapshot::default(),
        inputs: Vec::new(),
        previous: Previous::default(),
        refresh: Refresh::Incremental,
        log: AttemptLog::default(),
        partition: None,
        results: millstream_core::flow::Results::new(),
        given: None,
        trace_parent: None,
    }))
}

#[test]
fn checks_read_what_is_staged_and_count_its_failures() {
    let checks = [("unique", "no failures"), ("not_null", "three failures")];
    let staged = stage(&checks, CheckOutcome::Fail).unwrap();
    let results: Vec<_> = staged.checks.iter().map(|r| (&*r.name, r.outcome, r.failures)).collect();
    let expected = [("unique", CheckOutcome::Pass, 0), ("not_null", CheckOutcome::Fail, 3)];
    assert_eq!(results, expected);
    assert_eq!(staged.targets.len(), 1, "what was staged is kept for the executor to judge");
}

#[test]
fn a_check_that_cannot_run_is_an_error_with_its_name() {
    let checks = [("unique", "no failures"), ("odd", "misspelled")];
    let error = stage(&checks, CheckOutcome::Fail).unwrap_err();
    assert_eq!(error.to_string(), "check `odd`: no such column");
    assert_eq!((error.code(), error.fault()), ("sql.unknown", Fault::User));
    assert_eq!((error.retry(), error.hint().as_deref()), (Retry::Never, Some("look again")));
}

#[test]
fn failures_of_a_check_that_only_warns_are_no_refusal() {
    let staged = stage(&[("not_null", "three failures")], CheckOutcome::Warn).unwrap();
    assert_eq!((staged.checks[0].outcome, staged.checks[0].failures), (CheckOutcome::Warn, 3));
}
