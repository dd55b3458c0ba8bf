//! Answering requests: score, record, answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use millstream_core::catalog::Catalog;
use millstream_core::clock::Clock;
use millstream_core::id::EventId;
use millstream_core::model::{Models, Predictions, Scorer};
use millstream_core::topic::{NewRecord, Topic};
use tracing::warn;

use crate::error::DeployError;
use crate::event::{About, PredictionKind, Scored};
use crate::live::LiveModel;
use crate::reference::ModelReference;
use crate::rows::Rows;
use crate::traffic::{TrafficLog, TrafficSeen};

/// What a deployment is made of.
#[derive(Debug, Clone)]
pub struct DeploymentConfig {
    /// The name in its routes.
    pub name: String,
    /// `tagger@champion`, `tagger@3` or `tagger`.
    pub model_reference: String,
    /// Where each prediction is recorded before it is given.
    pub record: Option<Arc<dyn Topic>>,
}

/// The deployments that answer requests.
#[derive(Debug)]
pub struct Deployments {
    by_name: BTreeMap<String, Deployment>,
}

impl Deployments {
    /// Takes the deployments up; models are loaded by [`Deployments::refresh`] or when they are
    /// first asked for. Fails on a reference that cannot be read and on a name that comes twice.
    #[expect(clippy::needless_pass_by_value, reason = "what keeps a thing takes it by value")]
    pub fn new(
        configs: Vec<DeploymentConfig>,
        models: Arc<dyn Models>,
        catalog: Arc<dyn Catalog>,
        clock: Clock,
    ) -> Result<Self, DeployError> {
        let mut by_name = BTreeMap::new();
        for DeploymentConfig { name, model_reference, record } in configs {
            let reference: ModelReference = model_reference
                .parse()
                .map_err(|cause| DeployError::BadReference { deployment: name.clone(), cause })?;
            let live = LiveModel::new(
                name.clone(),
                reference,
                Arc::clone(&models),
                Arc::clone(&catalog),
                clock.clone(),
            );
            let traffic = TrafficLog::default();
            let clock = clock.clone();
            let deployment = Deployment { name: name.clone(), live, record, clock, traffic };
            if by_name.insert(name.clone(), deployment).is_some() {
                return Err(DeployError::NameTwice(name));
            }
        }
        Ok(Self { by_name })
    }

    /// The deployment of this name.
    pub fn get(&self, name: &str) -> Result<&Deployment, DeployError> {
        self.by_name.get(name).ok_or_else(|| DeployError::Unknown {
            name: name.to_owned(),
            known: self.names().collect::<Vec<_>>().join(", "),
        })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// Whether every deployment has a version loaded.
    pub fn are_ready(&self) -> bool {
        self.by_name.values().all(|deployment| deployment.live.loaded().is_some())
    }

    /// Loads what the aliases name now: at the start, and whenever it is called, so that a
    /// promoted version is there before the first request asks. Problems are logged; the version
    /// that was loaded stays.
    pub async fn refresh(&self) {
        for deployment in self.by_name.values() {
            match deployment.live.current().await {
                Ok(_) | Err(DeployError::NoVersion { .. }) => {}
                Err(cause) => warn!(deployment = deployment.name, %cause, "no version is loaded"),
            }
        }
    }
}

/// One deployment.
#[derive(Debug)]
pub struct Deployment {
    name: String,
    live: Arc<LiveModel>,
    record: Option<Arc<dyn Topic>>,
    clock: Clock,
    traffic: TrafficLog,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// What the model says.
    pub predictions: Predictions,
    /// The ids of the events, one for each row; empty when nothing is recorded.
    pub event_ids: Vec<String>,
}

impl Deployment {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that answers now, or the one asked for.
    pub async fn scorer(&self, version: Option<&str>) -> Result<Arc<dyn Scorer>, DeployError> {
        let Some(text) = version.filter(|text| !text.is_empty()) else {
            return self.live.current().await;
        };
        match text.parse() {
            Ok(version) => self.live.at(version).await,
            Err(_) => Err(DeployError::VersionUnknown {
                deployment: self.name.clone(),
                version: text.to_owned(),
                reason: "a version is a number".to_owned(),
            }),
        }
    }

    /// Scores rows and records the predictions. When this returns, the events are durable; if
    /// they cannot be made so, there is no answer.
    pub async fn answer(
        &self,
        scorer: &Arc<dyn Scorer>,
        rows: &Rows,
    ) -> Result<Answer, DeployError> {
        let began = self.clock.now();
        let answer = self.scored(scorer, rows).await;
        match &answer {
            Ok(_) => {
                let micros = self.clock.now().micros_since(began);
                self.traffic.answered(rows.len, u64::try_from(micros).unwrap_or(0));
            }
            Err(_) => self.traffic.failed(),
        }
        answer
    }

    /// What was asked of it so far.
    pub fn traffic(&self) -> TrafficSeen {
        self.traffic.seen()
    }

    /// The version that is loaded.
    pub fn version(&self) -> Option<u64> {
        self.live.loaded().map(|scorer| scorer.version())
    }

    async fn scored(&self, scorer: &Arc<dyn Scorer>, rows: &Rows) -> Result<Answer, DeployError> {
        let predictions = score(scorer, rows).await?;
        let scored = Scored::new(&**scorer, &rows.inputs, &predictions)?;
        let Some(topic) = &self.record else {
            return Ok(Answer { predictions, event_ids: Vec::new() });
        };
        let event_ids: Vec<String> = (0..rows.len).map(|row| event_id(rows, row)).collect();
        let records = self.records(&scored, rows, &event_ids);
        topic.append(records).await.map_err(DeployError::NotRecorded)?;
        Ok(Answer { predictions, event_ids })
    }

    fn records(&self, scored: &Scored<'_>, rows: &Rows, event_ids: &[String]) -> Vec<NewRecord> {
        let now = self.clock.now();
        let at = now.to_string();
        let record = |(row, event_id): (usize, &String)| {
            let key = rows.key(row);
            let about = About {
                event_id,
                deployment: &self.name,
                key,
                at: &at,
                kind: PredictionKind::Realtime,
            };
            let value = scored.event(row, &about).to_json();
            NewRecord { key: Some(key.unwrap_or(event_id).as_bytes().to_vec()), value, at: now }
        };
        event_ids.iter().enumerate().map(record).collect()
    }
}

async fn score(scorer: &Arc<dyn Scorer>, rows: &Rows) -> Result<Predictions, DeployError> {
    if rows.are_few() {
        return Ok(scorer.score(&rows.inputs)?);
    }
    let (scorer, inputs) = (Arc::clone(scorer), rows.inputs.clone());
    let model = format!("{}@{}", scorer.model(), scorer.version());
    match tokio::task::spawn_blocking(move || scorer.score(&inputs)).await {
        Ok(predictions) => Ok(predictions?),
        Err(_) => Err(DeployError::ModelDefect { model, reason: "scoring died".to_owned() }),
    }
}

/// The client's id makes a repeated request recognisable; of several rows each gets its own.
fn event_id(rows: &Rows, row: usize) -> String {
    match &rows.request_id {
        None => EventId::new().to_string(),
        Some(id) if rows.len == 1 => id.clone(),
        Some(id) => format!("{id}:{row}"),
    }
}

#[cfg(test)]
mod tests;
