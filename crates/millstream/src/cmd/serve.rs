//! `millstream serve`

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use millstream_core::catalog::Catalog;
use millstream_core::step::StepKind;
use millstream_core::topic::Topic;
use millstream_deploy::{DeploymentConfig, Deployments, health_router, router};
use millstream_guard::{Guard, Scope, StoredToken};
use millstream_ledger::{Ledger, TokenRecord};
use millstream_run::{Executor, RunRequest};
use millstream_server::{Routes, Server, ServerConfig, ServerInfo, TlsFiles};
use millstream_trace::Exporter;
use tokio_util::sync::CancellationToken;

use crate::cli::{Global, ServeArgs};
use crate::cmd::run::stop_signal;
use crate::exit::Outcome;
use crate::output::print_line;
use crate::wire::{Opened, api_config, exporter, lateness, notifier, scheduler, webhooks, witness};

/// How often the topics of functions are looked at.
const FUNCTION_POLL: Duration = Duration::from_millis(200);
/// How often aliases are looked at, so that a promoted version is loaded before it is asked for.
const ALIAS_POLL: Duration = Duration::from_millis(100);

/// Serves models, runs functions as events come, and starts what is due.
pub async fn run(global: &Global, args: &ServeArgs) -> Outcome {
    let opened = Arc::new(Opened::open(global, "serve").await?);
    let deployments = Arc::new(deployments(&opened)?);
    deployments.refresh().await;
    let server = Server::bind(config(&opened, args)).await?;
    let scheme = if args.tls_certificate.is_some() { "https" } else { "http" };
    print_line(&format!("serving {} on {scheme}://{}", opened.project.name, server.address()))?;
    let stop = CancellationToken::new();
    let functions =
        tokio::spawn(run_functions(opened.executor(None).await?, topics(&opened)?, stop.clone()));
    let (conductor, scheduler) = scheduler(&opened).await?;
    let notifier = notifier(&opened, Some(lateness(&opened, scheduler.found_fresh())));
    let api = api_config(&opened, &conductor, &scheduler, &deployments, &notifier, &stop)?;
    notifier.begin().await?;
    // It goes on until the runs have ended, so that they are told, too.
    let told = CancellationToken::new();
    let notices = tokio::spawn(notifier.run(told.clone()));
    let traces = exporter(&opened).await;
    let traces = tokio::spawn(export(traces, told.clone()));
    let schedules = tokio::spawn(scheduler.run(stop.clone()));
    let aliases = tokio::spawn(follow_aliases(Arc::clone(&deployments), stop.clone()));
    let ready = Arc::clone(&deployments);
    let mut routes = Routes::new();
    for (operation, router) in millstream_run::api::routes(api) {
        routes = routes.with_operation(operation, router);
    }
    let (hook, requests) = webhooks(&opened)?.route();
    let routes = routes
        .with_operation(hook, requests)
        .with(Scope::Score, router(Arc::clone(&deployments)))
        .with_open(health_router(deployments));
    let stopped = stop.clone();
    let shutdown = async move {
        if let Err(error) = stop_signal().await {
            tracing::warn!(%error, "no signal can be received");
            std::future::pending::<()>().await;
        }
        stopped.cancel();
    };
    let served = server.serve(routes, move || ready.are_ready(), shutdown).await;
    stop.cancel();
    conductor.finish().await;
    told.cancel();
    for task in [functions, schedules, aliases, notices, traces] {
        if let Err(error) = task.await {
            tracing::error!(%error, "a background task broke down");
        }
    }
    Ok(served?)
}

fn deployments(opened: &Opened) -> Result<Deployments, crate::exit::Failure> {
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

fn config(opened: &Opened, args: &ServeArgs) -> ServerConfig {
    let info = ServerInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        project: opened.project.name.clone(),
        environment: opened.project.environment.name.clone(),
    };
    let mut config = ServerConfig::new(args.listen, info);
    config.witness = Some(witness(opened.ledger.clone()));
    if let (Some(certificate), Some(key)) = (&args.tls_certificate, &args.tls_key) {
        config.tls = Some(TlsFiles { certificate: certificate.clone(), key: key.clone() });
    }
    let tokens = opened.ledger.tokens().is_ok_and(|tokens| !tokens.is_empty());
    if args.require_token || (tokens && !args.listen.ip().is_loopback()) {
        config.guard = Some(guard(opened.ledger.clone(), opened));
    }
    config
}

fn guard(ledger: Ledger, opened: &Opened) -> Guard {
    let lookup = move |id: &str| Ok(ledger.token(id)?.map(stored_token));
    Guard::new(Arc::new(lookup), opened.clock.clone())
}

fn stored_token(record: TokenRecord) -> StoredToken {
    let scopes: BTreeSet<Scope> =
        record.scopes.iter().filter_map(|word| word.parse().ok()).collect();
    StoredToken {
        id: record.id,
        name: record.name,
        secret_sha256: String::from_utf8_lossy(&record.hash).into_owned(),
        scopes,
        created_at: record.created_at,
        expires_at: record.expires_at,
    }
}

/// The topics that functions read.
fn topics(opened: &Opened) -> Result<Vec<Arc<dyn Topic>>, crate::exit::Failure> {
    let names: BTreeSet<&str> =
        opened.project.functions.iter().map(|function| function.on.topic.as_str()).collect();
    Ok(opened.topics_named(&names)?)
}

/// Runs the functions whenever one of their topics has grown.
async fn run_functions(executor: Executor, topics: Vec<Arc<dyn Topic>>, stop: CancellationToken) {
    let selected: BTreeSet<_> = executor
        .steps()
        .iter()
        .filter(|step| step.spec().kind == StepKind::Function)
        .map(|step| step.spec().asset().clone())
        .collect();
    if selected.is_empty() {
        return;
    }
    let request = RunRequest::new("serve", selected);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    while !stop.is_cancelled() {
        if has_grown(&topics, &mut seen).await {
            let ran = executor.run(&request, &stop, |_| {}).await;
            match ran {
                Ok(report) if report.succeeded() => {}
                Ok(_) => seen.clear(),
                Err(error) => {
                    tracing::warn!(%error, "functions did not run");
                    seen.clear();
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(FUNCTION_POLL) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn has_grown(topics: &[Arc<dyn Topic>], seen: &mut BTreeMap<String, u64>) -> bool {
    let mut grown = false;
    for topic in topics {
        match topic.end().await {
            Ok(end) => grown |= seen.insert(topic.name().to_owned(), end) != Some(end),
            Err(error) => tracing::warn!(topic = topic.name(), %error, "topic cannot be read"),
        }
    }
    grown
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
