//! What a server does by one version of the project: what it answers, starts, and tells.

use std::sync::Arc;
use std::time::Duration;

use millstream_core::catalog::Catalog;
use millstream_core::topic::Topic;
use millstream_deploy::{DeploymentConfig, Deployments};
use millstream_notify::Notifier;
use millstream_run::{Conductor, Scheduler};
use millstream_server::{AnswerMaker, Answers, Routes};
use millstream_trace::Exporter;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::functions::{run_functions, topics};
use crate::cli::Global;
use crate::cmd::run::stop_signal;
use crate::exit::Failure;
use crate::wire::{Opened, api_config, exporter, lateness, notifier, scheduler, webhooks};

/// How often aliases are looked at, so that a promoted version is loaded before it is asked for.
const ALIAS_POLL: Duration = Duration::from_millis(100);

/// One that can start: all that may fail has been done.
#[derive(Debug)]
pub(super) struct Generation {
    opened: Arc<Opened>,
    deployments: Arc<Deployments>,
    conductor: Conductor,
    scheduler: Scheduler,
    notifier: Notifier,
    traces: Option<Exporter>,
    topics: Vec<Arc<dyn Topic>>,
    answers: Answers,
    retired: CancellationToken,
    stop: CancellationToken,
}

/// One that is at work.
#[derive(Debug)]
pub(super) struct Started {
    opened: Arc<Opened>,
    conductor: Conductor,
    retired: CancellationToken,
    /// Ends those who tell what happened.
    told: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    telling: [JoinHandle<()>; 2],
}

impl Generation {
    /// Opens what a version of the project needs. The runs that an earlier one has going are known
    /// to this one, too. `stop` ends the process.
    pub(super) async fn prepare(
        global: &Global,
        opened: &Arc<Opened>,
        earlier: Option<&Conductor>,
        maker: &AnswerMaker,
        stop: &CancellationToken,
    ) -> Result<Self, Failure> {
        let deployments = Arc::new(deployments(opened)?);
        deployments.refresh().await;
        let executor = opened.executor(None).await?;
        let conductor = match earlier {
            Some(earlier) => earlier.with_executor(executor),
            None => Conductor::new(executor),
        };
        let scheduler = scheduler(opened, &conductor)?;
        scheduler.begin().await?;
        let notifier = notifier(opened, Some(lateness(opened, scheduler.found_fresh())));
        notifier.begin().await?;
        let retired = stop.child_token();
        let routes =
            routes(global, opened, &conductor, &scheduler, &deployments, &notifier, &retired)?;
        let ready = Arc::clone(&deployments);
        Ok(Self {
            opened: Arc::clone(opened),
            deployments,
            conductor,
            scheduler,
            notifier,
            traces: exporter(opened).await,
            topics: topics(opened)?,
            answers: maker.make(routes, move || ready.are_ready()),
            retired,
            stop: stop.clone(),
        })
    }

    /// What answers requests.
    pub(super) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    /// Starts what is due from now on.
    pub(super) fn start(self) -> Started {
        let Self {
            opened,
            deployments,
            conductor,
            scheduler,
            notifier,
            traces,
            topics,
            retired,
            stop,
            ..
        } = self;
        // It goes on until the runs have ended, so that they are told, too.
        let told = CancellationToken::new();
        let notices = tokio::spawn(notifier.run(told.clone()));
        let traces = tokio::spawn(export(traces, told.clone()));
        let executor = conductor.executor().clone();
        let tasks = vec![
            tokio::spawn(run_functions(executor, topics, retired.clone(), stop)),
            tokio::spawn(scheduler.run(retired.clone())),
            tokio::spawn(follow_aliases(deployments, retired.clone())),
        ];
        Started { opened, conductor, retired, told, tasks, telling: [notices, traces] }
    }
}

impl Started {
    /// What it was made of.
    pub(super) fn opened(&self) -> &Opened {
        &self.opened
    }

    /// Starts runs, and knows which are going.
    pub(super) fn conductor(&self) -> &Conductor {
        &self.conductor
    }

    /// Starts nothing more. Its runs go on to their end by the version of the project by which they
    /// began.
    pub(super) fn retire(&self) {
        self.retired.cancel();
    }

    /// Ends when what it does beside runs has ended.
    pub(super) async fn leave(self) {
        self.retire();
        self.told.cancel();
        ended(self.tasks.into_iter().chain(self.telling)).await;
    }

    /// Ends when all runs have, also those of earlier ones, and that is settled and told. What goes
    /// on for longer than the patience, or until it is asked to stop once more, is stopped.
    pub(super) async fn finish(self, patience: Duration) {
        self.retire();
        tokio::select! {
            () = self.conductor.idle() => {}
            () = tokio::time::sleep(patience) => {}
            _ = stop_signal() => {}
        }
        self.conductor.finish().await;
        self.told.cancel();
        ended(self.tasks.into_iter().chain(self.telling)).await;
    }
}

async fn ended(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        if let Err(error) = task.await {
            tracing::error!(%error, "a background task broke down");
        }
    }
}

fn routes(
    global: &Global,
    opened: &Arc<Opened>,
    conductor: &Conductor,
    scheduler: &Scheduler,
    deployments: &Arc<Deployments>,
    notifier: &Notifier,
    retired: &CancellationToken,
) -> Result<Routes, Failure> {
    let api = api_config(global, opened, conductor, scheduler, deployments, notifier, retired)?;
    let mut routes = Routes::new();
    let hook = webhooks(opened)?.route();
    let all = millstream_run::api::routes(api).into_iter().chain([hook]);
    for (operation, router) in all.chain(millstream_deploy::routes(deployments)) {
        routes = routes.with_operation(operation, router);
    }
    Ok(routes)
}

fn deployments(opened: &Opened) -> Result<Deployments, Failure> {
    let mut configs = Vec::new();
    for deployment in opened.project.deployments.iter().filter(|d| d.spec.realtime) {
        let record: Option<Arc<dyn Topic>> = match &deployment.spec.record {
            Some(record) => Some(opened.topics.topic(&record.topic)?),
            None => None,
        };
        configs.push(DeploymentConfig {
            name: deployment.spec.name.clone(),
            model_reference: deployment.spec.model.clone(),
            record,
        });
    }
    let catalog: Arc<dyn Catalog> = Arc::new(opened.ledger.clone());
    let models = opened.models.clone();
    Ok(Deployments::new(configs, models, catalog, opened.clock.clone())?)
}

async fn export(exporter: Option<Exporter>, stop: CancellationToken) {
    if let Some(exporter) = exporter {
        exporter.run(stop).await;
    }
}

async fn follow_aliases(deployments: Arc<Deployments>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        deployments.refresh().await;
        tokio::select! {
            () = tokio::time::sleep(ALIAS_POLL) => {}
            () = stop.cancelled() => {}
        }
    }
}
