//! Functions of the project that are written in another language than SQL.
//!
//! A query thread waits while such a function works on a batch; the other threads of the query do
//! the same for their batches, so that it runs as often as the query has threads. What answers the
//! calls belongs to the query, and ends with it, also when nobody waits for its rows any more.
//! Nothing is called while a query is planned.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{FunctionRegistry as _, SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectName, ObjectNamePart, VisitMut as _, VisitorMut,
};
use futures::StreamExt as _;
use millstream_core::scalar::{self, ScalarCalls, ScalarFunction, ScalarFunctions};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::error::{EngineError, relay};
use crate::sql_types::sql_type;
use crate::workers::is_query_thread;

/// Stands between the name of a function and its version; cannot stand in a name of SQL that is
/// not quoted.
const AT: char = '@';

/// The functions of a project, with their types.
#[derive(Debug)]
pub(crate) struct Outside {
    functions: Arc<dyn ScalarFunctions>,
    typed: Vec<Arc<Typed>>,
}

#[derive(Debug)]
struct Typed {
    function: Arc<ScalarFunction>,
    /// What is wrong with a type, if it is none.
    types: std::result::Result<Types, String>,
}

#[derive(Debug)]
struct Types {
    arguments: SchemaRef,
    returns: DataType,
}

impl Outside {
    pub(crate) fn new(functions: Arc<dyn ScalarFunctions>) -> Self {
        let typed = functions.all().iter().map(|function| {
            let function = Arc::clone(function);
            Arc::new(Typed { types: Types::of(&function), function })
        });
        Self { typed: typed.collect(), functions }
    }

    /// Adds them to the session of a query. A name that the engine itself has stays the engine's.
    pub(crate) fn register(
        &self,
        state: &mut SessionState,
        workers: &Handle,
    ) -> Result<Option<Arc<Calls>>> {
        if self.typed.is_empty() {
            return Ok(None);
        }
        let calls = Arc::new(Calls {
            functions: Arc::clone(&self.functions),
            idle: Mutex::default(),
            over: watch::Sender::new(false),
            workers: workers.clone(),
        });
        for typed in &self.typed {
            let name = &typed.function.name;
            let present = format!("{AT}{name}");
            let is_free = !is_known(state, name);
            let name = if is_free { name.clone() } else { present.clone() };
            let aliases = vec![present, typed.function.versioned_name()];
            let (typed, calls) = (Arc::clone(typed), Arc::clone(&calls));
            let signature = if typed.function.arguments.is_empty() {
                Signature::nullary(Volatility::Volatile)
            } else {
                Signature::user_defined(Volatility::Volatile)
            };
            let called = Called { name, aliases, signature, typed, calls };
            state.register_udf(Arc::new(ScalarUDF::from(called)))?;
        }
        Ok(Some(calls))
    }
}

fn is_known(state: &SessionState, name: &str) -> bool {
    state.scalar_functions().contains_key(name)
        || state.aggregate_functions().contains_key(name)
        || state.window_functions().contains_key(name)
}

/// Lets calls of a version that is not there any more mean the present one: a view that was made
/// of another version goes on until it is made again.
pub(crate) fn take_present(state: &SessionState, statement: &mut Statement) {
    if let Statement::Statement(statement) = statement {
        let _: ControlFlow<()> = statement.visit(&mut Present { state });
    }
}

/// The name of a function, whether its version is said or not.
pub(crate) fn without_version(name: &str) -> &str {
    name.split_once(AT).map_or(name, |(plain, _)| plain)
}

struct Present<'a> {
    state: &'a SessionState,
}

impl VisitorMut for Present<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some((name, _)) = quoted(&function.name).and_then(|name| name.split_once(AT))
            && !is_known(self.state, quoted(&function.name).unwrap_or_default())
        {
            let present = Ident::with_quote('"', format!("{AT}{name}"));
            if is_known(self.state, &present.value) {
                function.name = ObjectName(vec![ObjectNamePart::Identifier(present)]);
            }
        }
        ControlFlow::Continue(())
    }
}

fn quoted(name: &ObjectName) -> Option<&str> {
    let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else { return None };
    ident.quote_style.map(|_| ident.value.as_str())
}

impl Types {
    fn of(function: &ScalarFunction) -> std::result::Result<Self, String> {
        let field = |argument: &scalar::ScalarArgument| {
            let data_type = sql_type(&argument.data_type)?;
            Ok(Field::new(&argument.name, data_type, true))
        };
        let fields = function.arguments.iter().map(field);
        let fields = fields.collect::<std::result::Result<Vec<_>, String>>()?;
        Ok(Self { arguments: Arc::new(Schema::new(fields)), returns: sql_type(&function.returns)? })
    }
}

impl Typed {
    fn types(&self) -> Result<&Types> {
        let refused = |problem: &String| {
            let message = format!("function `{}`: {problem}", self.function.name);
            relay(EngineError::Type { message })
        };
        self.types.as_ref().map_err(refused)
    }
}

/// A function as the planner sees it. It is never moved or called ahead: a call costs more than
/// what that would spare.
#[derive(Debug)]
struct Called {
    name: String,
    aliases: Vec<String>,
    signature: Signature,
    typed: Arc<Typed>,
    calls: Arc<Calls>,
}

impl PartialEq for Called {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.typed, &other.typed)
    }
}

impl Eq for Called {}

impl Hash for Called {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Called {
    fn name(&self) -> &str {
        &self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let fields = self.typed.types()?.arguments.fields();
        if given.len() != fields.len() {
            let (name, wanted) = (&self.typed.function.name, fields.len());
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            return Err(DataFusionError::Plan(format!(
                "`{name}` takes {wanted} arguments ({}), not {}",
                names.join(", "),
                given.len()
            )));
        }
        Ok(fields.iter().map(|field| field.data_type().clone()).collect())
    }

    fn return_type(&self, _given: &[DataType]) -> Result<DataType> {
        Ok(self.typed.types()?.returns.clone())
    }

    fn invoke_with_args(&self, given: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !is_query_thread() {
            return Err(DataFusionError::Plan("functions are called by queries that run".into()));
        }
        let types = self.typed.types()?;
        let mut values = given.args.iter();
        let is_constant = self.typed.function.volatility == scalar::Volatility::Stable
            && values.all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if is_constant { 1 } else { given.number_rows };
        if rows == 0 {
            return Ok(ColumnarValue::Array(new_empty_array(&types.returns)));
        }
        let columns = given.args.iter().map(|value| value.to_array(rows));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&types.arguments);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)?;
        let results =
            self.calls.call(&self.typed.function, &types.returns, batch).map_err(relay)?;
        if is_constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?));
        }
        Ok(ColumnarValue::Array(results))
    }
}

/// What answers the calls of one query.
#[derive(Debug)]
pub(crate) struct Calls {
    functions: Arc<dyn ScalarFunctions>,
    /// Those that have nothing to do, by the name of the version.
    idle: Mutex<HashMap<String, Vec<Box<dyn ScalarCalls>>>>,
    /// Whether nobody waits any more.
    over: watch::Sender<bool>,
    workers: Handle,
}

impl Calls {
    /// The results for a batch. Blocks the thread, whose other work goes to another.
    fn call(
        &self,
        function: &Arc<ScalarFunction>,
        returns: &DataType,
        batch: RecordBatch,
    ) -> millstream_core::error::Result<ArrayRef> {
        let mut over = self.over.subscribe();
        let answered = async {
            tokio::select! {
                answer = self.answer(function, returns, batch) => answer,
                _ = over.wait_for(|over| *over) => {
                    let message = "nobody waits for the query any more".to_owned();
                    Err(EngineError::Execution { message }.into())
                }
            }
        };
        tokio::task::block_in_place(|| self.workers.block_on(answered))
    }

    async fn answer(
        &self,
        function: &Arc<ScalarFunction>,
        returns: &DataType,
        batch: RecordBatch,
    ) -> millstream_core::error::Result<ArrayRef> {
        let name = function.versioned_name();
        let idle = self.idle().get_mut(&name).and_then(Vec::pop);
        let mut calls = match idle {
            Some(calls) => calls,
            None => self.functions.open(function, returns).await?,
        };
        let results = calls.call(batch).await?;
        if !*self.over.borrow() {
            self.idle().entry(name).or_default().push(calls);
        }
        Ok(results)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<String, Vec<Box<dyn ScalarCalls>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rows of a query, with which what answers its calls ends.
pub(crate) fn ending(
    rows: SendableRecordBatchStream,
    calls: Option<Arc<Calls>>,
) -> SendableRecordBatchStream {
    let Some(calls) = calls else { return rows };
    let (schema, end) = (rows.schema(), End(calls));
    let rows = rows.inspect(move |_| {
        let _held = &end;
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, rows))
}

struct End(Arc<Calls>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.over.send_replace(true);
        self.0.idle().clear();
    }
}
