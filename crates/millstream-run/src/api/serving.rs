//! What is served, and the topics.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Query, State};
use millstream_project::{Project, ResolvedDeployment};
use schemars::JsonSchema;
use serde::Serialize;

use super::error::Refusal;
use super::page::{Page, limit};
use super::versions::Part;
use super::{Answer, Api};

/// How a deployment does that answers requests.
#[derive(Debug, Clone, PartialEq)]
pub struct Served {
    /// The version that is loaded.
    pub version: Option<u64>,
    /// What was asked of it since the server began.
    pub traffic: Traffic,
}

/// What was asked of a deployment since the server began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Traffic {
    /// Requests that were answered or refused.
    pub requests: u64,
    /// Requests that could not be answered.
    pub failures: u64,
    /// Rows that were scored.
    pub rows: u64,
    /// How long the latest requests took, by their share in hundredths: `p50`, `p95`, `p99`.
    pub latency_ms: BTreeMap<String, f64>,
}

/// A deployment.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Deployment {
    deployment: String,
    description: Option<String>,
    model: String,
    /// The alias or version that it follows.
    alias: String,
    /// The version that answers requests; without that, the one that the alias names.
    version: Option<u64>,
    realtime: bool,
    batch: Option<Batch>,
    /// The topic that takes its predictions.
    record: Option<String>,
    /// Null if it answers no requests.
    traffic: Option<Traffic>,
}

/// Scoring of a relation.
#[derive(Debug, Serialize, JsonSchema)]
struct Batch {
    over: Option<String>,
    key: String,
    into: Option<String>,
}

/// A topic.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TopicView {
    topic: String,
    /// The offset that the next event will have.
    end: u64,
    written_by: Vec<String>,
    read_by: Vec<String>,
}

/// All deployments, by name.
pub(super) async fn deployments(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<Deployment>> {
    api.reading(move |api| {
        let mut all: Vec<&ResolvedDeployment> = api.project().deployments.iter().collect();
        all.sort_by_key(|deployment| &deployment.spec.name);
        let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
        page.try_map(|deployment| api.deployment(deployment))
    })
    .await
}

/// All topics, by name.
pub(super) async fn topics(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<TopicView>> {
    let mut all = (api.config.topics)()?;
    all.sort_by(|a, b| a.name().cmp(b.name()));
    let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
    let mut ends = BTreeMap::new();
    for topic in page.items() {
        ends.insert(topic.name().to_owned(), topic.end().await?);
    }
    let project = api.project();
    Ok(Json(page.map(|topic| {
        let name = topic.name();
        TopicView {
            topic: name.to_owned(),
            end: ends.get(name).copied().unwrap_or(0),
            written_by: writers(project, name),
            read_by: readers(project, name),
        }
    })))
}

impl Api {
    fn deployment(&self, deployment: &ResolvedDeployment) -> Result<Deployment, Refusal> {
        let spec = &deployment.spec;
        let served = (self.config.served)(&spec.name);
        let alias = &deployment.alias_or_version;
        let named = match alias.parse() {
            Ok(version) => Some(version),
            Err(_) => self.ledger().alias(&deployment.model, alias)?.map(|found| found.version),
        };
        Ok(Deployment {
            deployment: spec.name.clone(),
            description: spec.description.clone(),
            model: deployment.model.clone(),
            alias: alias.clone(),
            version: served.as_ref().map_or(named, |served| served.version),
            realtime: spec.realtime,
            batch: spec.batch.as_ref().map(|batch| Batch {
                over: deployment.over.as_ref().map(ToString::to_string),
                key: batch.key.clone(),
                into: deployment.into.as_ref().map(ToString::to_string),
            }),
            record: spec.record.as_ref().map(|record| record.topic.clone()),
            traffic: served.map(|served| served.traffic),
        })
    }
}

fn writers(project: &Project, topic: &str) -> Vec<String> {
    let records = |deployment: &&ResolvedDeployment| {
        deployment.spec.record.as_ref().is_some_and(|record| record.topic == topic)
    };
    let all = project.deployments.iter().filter(records);
    all.map(|deployment| format!("deployment:{}", deployment.spec.name)).collect()
}

fn readers(project: &Project, topic: &str) -> Vec<String> {
    let all = project.functions.iter().filter(|function| function.on.topic == topic);
    all.map(|function| format!("function {}", function.name)).collect()
}
