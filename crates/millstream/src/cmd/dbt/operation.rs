//! `dbt run-operation`: calls a macro.

use std::sync::Arc;
use std::time::Instant;

use millstream_dbt::artifacts::{RunResult, Status};
use millstream_dbt::context::Worker;
use millstream_dbt::manifest::UniqueId;
use millstream_dbt::parse::yaml_map;
use millstream_dbt::run::JobEnd;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::artifacts;
use super::project::{self, OpenWarehouse};
use crate::exit::{Failure, Outcome};

/// Calls a macro with arguments.
pub async fn run(context: &Context<'_>, name: &str, args: &str) -> Outcome {
    let args: Vec<_> = yaml_map(args, "--args")?.into_iter().collect();
    let project = project::read(context.global, context.cli, context.place, context.log)?;
    let cancel = CancellationToken::new();
    let open = OpenWarehouse::open(context.global, context.place, &project.target, cancel).await?;
    let session = Arc::new(project::session(context.place, project, open.warehouse.clone()));
    let called = {
        let (session, name) = (Arc::clone(&session), name.to_owned());
        super::aside(move || {
            let begun = Instant::now();
            let worker = Worker::new(session, "MainThread");
            let done = worker.commit().and_then(|()| worker.call(&name, &args, None));
            (done, begun.elapsed())
        })
    };
    let (done, took) = called.await?;
    let failed = done.as_ref().err().map(ToString::to_string);
    let end = JobEnd {
        results: vec![RunResult {
            status: if failed.is_some() { Status::Error } else { Status::Success },
            message: failed.clone(),
            unique_id: UniqueId::new(format!("operation.{}.{name}", session.around.project_name)),
            thread_id: "MainThread".to_owned(),
            execution_time: took.as_secs_f64(),
            ..RunResult::default()
        }],
        elapsed: took.as_secs_f64(),
        ..JobEnd::default()
    };
    artifacts::write(context, &session, &end)?;
    open.end(failed.is_none()).await?;
    match failed {
        None => Ok(()),
        Some(message) => {
            context.log.error("Encountered an error while running operation:");
            context.log.error(&message);
            Err(Failure::Status(super::HANDLED))
        }
    }
}
