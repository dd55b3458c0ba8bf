//! What the interface `/api/v1` is made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::error::{Plain, Result};
use millstream_core::topic::Topic;
use millstream_deploy::{Deployments, TrafficSeen};
use millstream_ledger::{Action, AuditOutcome, Deed, Ledger};
use millstream_notify::Notifier;
use millstream_run::api::{
    ApiConfig, LineageDirection, LineageRequest, ReleaseDifference, ReleaseDifferences,
    ReleasePair, ReleasePlans, Served, Traffic, actor,
};
use millstream_run::{Conductor, Scheduler};
use millstream_server::{Witness, Witnessed, WitnessedEvent};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::Opened;
use super::notices::telling;
use super::release_change::{Releases, as_error, plan_by};
use super::schedules::scheduler_config;
use crate::cli::Global;
use crate::cmd::lineage;
use crate::exit::Failure;

/// The interface of an opened project. `stop` ends its streams.
pub fn api_config(
    global: &Global,
    opened: &Arc<Opened>,
    conductor: &Conductor,
    scheduler: &Scheduler,
    deployments: &Arc<Deployments>,
    notifier: &Notifier,
    stop: &CancellationToken,
) -> Result<ApiConfig> {
    let (names, topics) = (Arc::clone(opened), Arc::clone(opened));
    let (columns, served) = (Arc::clone(opened), Arc::clone(deployments));
    Ok(ApiConfig {
        ledger: opened.ledger.clone(),
        conductor: conductor.clone(),
        project: Arc::new(opened.project.clone()),
        scheduler: scheduler_config(opened)?,
        fresh: scheduler.found_fresh(),
        warehouse: opened.engine.clone(),
        names: Arc::new(move || names.catalog()),
        topics: Arc::new(move || {
            let found = topics.topics.all()?.into_iter();
            Ok(found.map(|topic| topic as Arc<dyn Topic>).collect())
        }),
        lineage: Arc::new(move |request| {
            let opened = Arc::clone(&columns);
            Box::pin(async move { lineage_of(&opened, &request).await })
        }),
        served: Arc::new(move |name| {
            let deployment = served.get(name).ok()?;
            let traffic = traffic(&deployment.traffic());
            Some(Served { version: deployment.version(), traffic })
        }),
        telling: telling(opened, notifier),
        releases: differences(Releases::of(global, &opened.project.home)),
        release_plans: plans(Releases::of(global, &opened.project.home)),
        release: opened.release.as_ref().map(|release| release.release),
        logs: opened.logs.clone(),
        clock: opened.clock.clone(),
        stop: stop.clone(),
    })
}

/// What differs between releases. Projects are read where that may take a while.
fn differences(releases: Releases) -> ReleaseDifferences {
    Arc::new(move |ReleasePair { before, after }| {
        let releases = releases.clone();
        Box::pin(async move {
            let work = move || -> Result<ReleaseDifference, Failure> {
                let project = releases.project(&after)?;
                let change = releases.change(before.as_ref(), &after, &project)?;
                let files = change.files.into_iter();
                Ok(ReleaseDifference {
                    files: files.map(|file| (file.path, file.change.word())).collect(),
                    project: change.project,
                })
            };
            let done = tokio::task::spawn_blocking(work).await;
            let done = done.map_err(|panic| Plain::internal("api.defect", panic.to_string()))?;
            done.map_err(as_error)
        })
    })
}

/// What would run by the files of a release. Its back ends are opened beside those of the server,
/// so that it is asked for one at a time.
fn plans(releases: Releases) -> ReleasePlans {
    let turn = Arc::new(Mutex::new(()));
    Arc::new(move |tree| {
        let (releases, turn) = (releases.clone(), Arc::clone(&turn));
        Box::pin(async move {
            let _turn = turn.lock().await;
            let read = tokio::task::spawn_blocking(move || releases.project(&tree)).await;
            let read = read.map_err(|panic| Plain::internal("api.defect", panic.to_string()))?;
            plan_by(read.map_err(as_error)?).await.map_err(as_error)
        })
    })
}

/// Writes what only the server sees into the audit record.
pub fn witness(ledger: Ledger) -> Witness {
    Arc::new(move |Witnessed { principal, event }| {
        let (ledger, actor, deed) = (ledger.clone(), actor(&principal), deed(event));
        tokio::spawn(async move {
            if let Err(error) = ledger.record(actor, deed).await {
                tracing::warn!(%error, "the audit record cannot be written");
            }
        });
    })
}

async fn lineage_of(opened: &Opened, request: &LineageRequest) -> Result<Value> {
    let LineageRequest { asset, column, direction, depth } = request;
    let target = match column {
        Some(column) => format!("{asset}.{column}"),
        None => asset.to_string(),
    };
    let direction = match direction {
        LineageDirection::Up => lineage::Direction::Up,
        LineageDirection::Down => lineage::Direction::Down,
    };
    lineage::described(opened, &target, direction, *depth).await
}

fn traffic(seen: &TrafficSeen) -> Traffic {
    let shares = [50, 95, 99].into_iter().filter_map(|share| {
        let micros = seen.percentile(share)?;
        Some((format!("p{share}"), micros as f64 / 1000.0))
    });
    Traffic {
        requests: seen.requests,
        failures: seen.failures,
        rows: seen.rows,
        latency_ms: shares.collect::<BTreeMap<_, _>>(),
    }
}

fn deed(event: WitnessedEvent) -> Deed {
    match event {
        WitnessedEvent::SessionOpened => Deed::new(Action::SessionOpen, "session"),
        WitnessedEvent::InVain { request, status, code } => {
            let outcome = match status {
                401 | 403 => AuditOutcome::Refused,
                _ => AuditOutcome::Failed,
            };
            Deed::new(Action::Request, request).with(&code).that(outcome)
        }
    }
}
