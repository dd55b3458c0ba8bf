//! What the tests run programs in.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use futures::{TryStreamExt as _, stream};
use millstream_core::batch::{BatchStream, BoxFuture};
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Timestamp;
use millstream_core::comments::Comments;
use millstream_core::effect::EffectId;
use millstream_core::error::{Plain, Result};
use millstream_core::id::AttemptId;
use millstream_core::log::AttemptLog;
use millstream_core::name::Relation;
use millstream_core::program::{Limits, Program, Programs as _};
use millstream_core::scalar::ScalarFunction;
use millstream_core::table::{StagedTable, WriteRequest};
use millstream_core::warehouse::{Query, Warehouse};

use crate::{Interpreter, LineSink, PythonFunctions, PythonHost, PythonPool, PythonSettings, Warm};

/// Stands below every model, as what compiles models writes it.
const BELOW: &str = r"

class dbtObj:
    def __init__(self, load_df_function):
        self.ref = lambda name: load_df_function(name)
        self.is_incremental = False
";

/// A pool, and what its programs printed.
pub(super) struct House {
    pub(super) pool: PythonPool,
    pub(super) lines: Arc<Mutex<Vec<String>>>,
    pub(super) folder: tempfile::TempDir,
    pub(super) host: Arc<PythonHost>,
}

pub(super) fn house() -> House {
    house_of(python())
}

/// A house whose warm process has imported nothing.
pub(super) fn bare_house() -> House {
    house_with(python(), Warm::Bare)
}

pub(super) fn house_of(interpreter: PathBuf) -> House {
    house_with(interpreter, Warm::Arrow)
}

fn house_with(interpreter: PathBuf, warm: Warm) -> House {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let folder = tempfile::tempdir().unwrap();
    let settings = PythonSettings {
        interpreter: Interpreter::Found(interpreter),
        folder: folder.path().to_owned(),
        lines: LineSink::new(move |_, line| told.lock().unwrap().push(line.to_owned())),
        warm,
    };
    let host = Arc::new(PythonHost::new(settings));
    let pool = PythonPool::new(Arc::clone(&host), Arc::new(Numbers));
    House { pool, lines, folder, host }
}

pub(super) fn program(code: &str) -> Program {
    Program {
        name: "models/a.py".to_owned(),
        code: format!("{code}{BELOW}"),
        catalog: CatalogSnapshot::default(),
        now: Timestamp::from_micros(0),
        limits: Limits { timeout: Some(Duration::from_mins(1)), memory_bytes: None },
        log: AttemptLog::default(),
    }
}

impl House {
    /// Functions that run beside its programs.
    pub(super) fn functions(&self, functions: Vec<ScalarFunction>) -> PythonFunctions {
        PythonFunctions::new(Arc::clone(&self.host), functions)
    }

    pub(super) async fn run(&self, program: &Program) -> Result<Vec<RecordBatch>> {
        self.pool.run(program).await?.batches.try_collect().await
    }

    /// All rows of a model's only column.
    pub(super) async fn numbers(&self, code: &str) -> Vec<i64> {
        let batches = self.run(&program(code)).await.unwrap();
        let column = |batch: &RecordBatch| -> Vec<i64> {
            let column = batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap();
            column.values().to_vec()
        };
        batches.iter().flat_map(column).collect()
    }

    /// The error of a model.
    pub(super) async fn error(&self, code: &str) -> millstream_core::Error {
        self.run(&program(code)).await.unwrap_err()
    }
}

fn python() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let usual = || package.join("../../target/python/bin/python");
    std::env::var_os("MILLSTREAM_TEST_PYTHON").map_or_else(usual, PathBuf::from)
}

/// A warehouse in which `N` has the numbers below N, in batches of a thousand.
#[derive(Debug)]
struct Numbers;

impl Numbers {
    fn rows(sql: &str) -> Result<BatchStream> {
        let count = sql.split(|c: char| !c.is_ascii_digit()).find_map(|word| word.parse().ok());
        let Some(count) = count else {
            let error = Plain::user("sql.unknown_table", format!("no table in `{sql}`"));
            return Err(error.with_hint("name a number").into());
        };
        let count: i64 = count;
        let batch = move |start: i64| {
            let end = count.min(start + 1000);
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(start..end));
            RecordBatch::try_from_iter([("n", numbers)]).unwrap()
        };
        let schema = batch(0).schema();
        let batches = (0..count).step_by(1000).map(move |start| Ok(batch(start)));
        Ok(BatchStream { schema, batches: Box::pin(stream::iter(batches)) })
    }
}

impl Warehouse for Numbers {
    fn schema<'a>(
        &'a self,
        query: &'a Query,
    ) -> BoxFuture<'a, Result<arrow::datatypes::SchemaRef>> {
        Box::pin(async { Self::rows(&query.sql).map(|rows| rows.schema) })
    }

    fn query<'a>(&'a self, query: &'a Query) -> BoxFuture<'a, Result<BatchStream>> {
        Box::pin(async { Self::rows(&query.sql) })
    }

    fn stage_query<'a>(
        &'a self,
        _query: &'a Query,
        _request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("programs only read")
    }

    fn stage_batches<'a>(
        &'a self,
        _rows: BatchStream,
        _request: &'a WriteRequest,
    ) -> BoxFuture<'a, Result<Arc<StagedTable>>> {
        unreachable!("programs only read")
    }

    fn stage_comments<'a>(
        &'a self,
        _: &'a Relation,
        _: &'a Comments,
    ) -> BoxFuture<'a, Result<Option<StagedTable>>> {
        unreachable!("programs only read")
    }

    fn publish<'a>(
        &'a self,
        _staged: &'a StagedTable,
        _effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<u64>> {
        unreachable!("programs only read")
    }

    fn find<'a>(
        &'a self,
        _relation: &'a Relation,
        _effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<u64>>> {
        unreachable!("programs only read")
    }

    fn sequence<'a>(
        &'a self,
        _relation: &'a Relation,
        _application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        unreachable!("programs only read")
    }

    fn discard<'a>(
        &'a self,
        _relation: &'a Relation,
        _attempt: AttemptId,
    ) -> BoxFuture<'a, Result<()>> {
        unreachable!("programs only read")
    }
}
