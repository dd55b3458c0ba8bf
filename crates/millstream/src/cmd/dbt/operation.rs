//! `dbt run-operation`: calls a macro, or runs a statement.

use std::sync::Arc;
use std::time::Instant;

use millstream_dbt::artifacts::{RunResult, Status};
use millstream_dbt::context::{Failure as Refusal, Session, Worker};
use millstream_dbt::manifest::UniqueId;
use millstream_dbt::parse::yaml_map;
use millstream_dbt::run::{JobEnd, lines};
use serde_json::{Map, Value};

use super::Context;
use super::project;
use super::{artifacts, inline};
use crate::exit::{Failure, Outcome};

/// What is done.
#[derive(Debug, Clone)]
enum Operation {
    /// A macro is called with arguments.
    Macro { name: String, args: Vec<(String, Value)> },
    /// A statement is run.
    Statement(String),
}

/// Does what flags name.
pub async fn run(
    context: &Context<'_>,
    name: Option<&str>,
    args: &str,
    sql: Option<&str>,
) -> Outcome {
    let operation = match wanted(name, yaml_map(args, "--args")?, sql) {
        Ok(operation) => operation,
        Err(message) => {
            context.log.error(&format!("Runtime Error\n  {message}"));
            return Err(Failure::Status(super::UNHANDLED));
        }
    };
    let (project, open) = project::read_and_open(context).await?;
    let session = Arc::new(project::session(context.place, project, open.warehouse.clone()));
    let begun = Instant::now();
    if matches!(operation, Operation::Statement(_)) {
        context.log.say(&lines::started(1, 1, "executing inline_query", lines::WIDTH));
    }
    let done = {
        let (session, operation) = (Arc::clone(&session), operation.clone());
        super::aside(move || operation.run(&session)).await?
    };
    let seconds = begun.elapsed().as_secs_f64();
    let failed = done.as_ref().err().map(ToString::to_string);
    if let Some(message) = &failed {
        context.log.error("Encountered an error while running operation:");
        context.log.error(message);
    }
    if matches!(operation, Operation::Statement(_)) {
        say_ended(context, done.as_ref().ok(), seconds);
    }
    let end = JobEnd {
        results: vec![RunResult {
            status: if failed.is_some() { Status::Error } else { Status::Success },
            message: failed.clone(),
            failures: Some(i64::from(failed.is_some())),
            unique_id: operation.id(&session),
            adapter_response: done.unwrap_or_default(),
            thread_id: "MainThread".to_owned(),
            execution_time: seconds,
            ..RunResult::default()
        }],
        elapsed: seconds,
        ..JobEnd::default()
    };
    artifacts::write(context, &session, &end)?;
    open.end(failed.is_none()).await?;
    if failed.is_some() { Err(Failure::Status(super::HANDLED)) } else { Ok(()) }
}

fn wanted(
    name: Option<&str>,
    args: Map<String, Value>,
    sql: Option<&str>,
) -> Result<Operation, &'static str> {
    match (name, sql) {
        (None, None) => Err("Either a macro name or --sql must be passed to run-operation"),
        (Some(_), Some(_)) => Err("Cannot specify both a macro name and --sql for run-operation"),
        (None, Some(_)) if !args.is_empty() => {
            Err("--args cannot be used with --sql; pass arguments directly in the SQL")
        }
        (None, Some(sql)) => Ok(Operation::Statement(sql.to_owned())),
        (Some(name), None) => {
            Ok(Operation::Macro { name: name.to_owned(), args: args.into_iter().collect() })
        }
    }
}

fn say_ended(context: &Context<'_>, answer: Option<&Map<String, Value>>, seconds: f64) {
    let (word, status) = match answer {
        Some(answer) => ("OK executed", answer["_message"].as_str().unwrap_or("OK")),
        None => ("ERROR executing", "ERROR"),
    };
    let text = format!("{word} inline_query");
    context.log.say(&lines::told(1, 1, &text, status, seconds, lines::WIDTH));
}

impl Operation {
    /// Does it, each statement for itself. Gives what the warehouse said of a statement.
    fn run(&self, session: &Arc<Session>) -> Result<Map<String, Value>, Refusal> {
        let worker = Worker::new(Arc::clone(session), "MainThread");
        match self {
            Self::Macro { name, args } => {
                worker.commit()?;
                worker.call(name, args, None)?;
                Ok(Map::new())
            }
            Self::Statement(sql) => {
                let code = worker.compile(&inline::node(session, sql))?.code;
                worker.commit()?;
                let answer = worker.execute(&code)?;
                let rows = answer.rows_affected.map(|rows| ("rows_affected", Value::from(rows)));
                let said = [("_message", answer.status.into()), ("code", answer.code.into())];
                let fields = said.into_iter().chain(rows);
                Ok(fields.map(|(key, value)| (key.to_owned(), value)).collect())
            }
        }
    }

    fn id(&self, session: &Session) -> UniqueId {
        let project = &session.around.project_name;
        UniqueId::new(match self {
            Self::Macro { name, .. } => format!("operation.{project}.{name}"),
            Self::Statement(_) => format!("sql_operation.{project}.{}", inline::NAME),
        })
    }
}
