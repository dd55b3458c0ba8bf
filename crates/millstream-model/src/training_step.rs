//! The step that trains a model version and takes it through its gate.

use std::sync::Arc;

use millstream_core::asset::AssetKey;
use millstream_core::batch::BoxFuture;
use millstream_core::effect::EffectId;
use millstream_core::error::Result;
use millstream_core::hash::ContentHash;
use millstream_core::id::AttemptId;
use millstream_core::spec::TrainingSpec;
use millstream_core::step::{
    AliasMove, Attempt, CheckOutcome, CheckResult, Receipt, Staged, Step, StepSpec, StepStats,
    Target,
};
use millstream_core::warehouse::Warehouse;
use millstream_core::{Error, Relation};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::info;

use crate::bootstrap;
use crate::error::ModelError;
use crate::gate::{self, Champion, GateRule, Verdict};
use crate::manifest::{ArtifactRef, Draft, GitState, MANIFEST_FORMAT, Manifest};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::split;
use crate::train::{Plan, Reading, Rows, Trained, on_worker};

/// The alias that gates move.
pub const CHAMPION: &str = "champion";

/// What a training step is made of.
#[derive(Debug, Clone)]
pub struct TrainingConfig {
    /// The declaration.
    pub spec: TrainingSpec,
    /// The relation that its `data` names.
    pub data: Relation,
    /// Where versions are kept.
    pub registry: Registry,
    /// Where the rows are read.
    pub warehouse: Arc<dyn Warehouse>,
    /// What the executor knows of the step.
    pub step: StepSpec,
    /// The state of the project's git folder, for the manifest.
    pub git: GitState,
}

/// Trains one model version. Its own fitting runs on a blocking thread; it cannot be interrupted
/// there, only abandoned.
#[derive(Debug)]
pub struct TrainingStep {
    plan: Plan,
    registry: Registry,
    warehouse: Arc<dyn Warehouse>,
    step: StepSpec,
    git: GitState,
}

/// What a target of this step says: recovery publishes from this and the staging alone.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    model: String,
    attempt: String,
    artifact: ArtifactRef,
}

impl TrainingStep {
    /// A step from its parts. Fails where the declaration does not make sense.
    pub fn new(config: TrainingConfig) -> Result<Self, ModelError> {
        let TrainingConfig { spec, data, registry, warehouse, step, git } = config;
        Ok(Self { plan: Plan::new(spec, data)?, registry, warehouse, step, git })
    }

    async fn train(&self, attempt: &Attempt) -> Result<Staged> {
        let reading = Reading {
            warehouse: Arc::clone(&self.warehouse),
            catalog: attempt.catalog.clone(),
            now: attempt.claimed_at,
        };
        let rival = self.rival(attempt, &reading).await?;
        let champion_plan = match &rival {
            Some(Rival { plan: Ok(plan), .. }) => Some(plan.clone()),
            _ => None,
        };
        let rows = self.plan.read(&reading, champion_plan.as_ref()).await?;
        let (plan, registry) = (self.plan.clone(), self.registry.clone());
        let attempt = attempt.clone();
        let (definition, git) = (self.step.definition, self.git.clone());
        let staged = on_worker(move || {
            let trained = plan.train(&rows)?;
            let champion =
                rival.map_or(Ok(Champion::None), |rival| rival.judge(&plan, &rows, &trained))?;
            let asked = plan.rules.contains(&GateRule::NotWorseThanChampion);
            let verdict =
                gate::judge(&plan.rules, &trained.held_out.metrics, asked.then_some(champion));
            let draft = draft(&plan, &rows, &trained, verdict, &attempt, definition, git);
            registry.stage(attempt.id, &draft, &trained.artifact)?;
            info!(model = %draft.model, rows = draft.rows.all, "model version staged");
            Ok(staged(&draft, &attempt))
        });
        Ok(staged.await?)
    }

    /// The present champion, if a rule asks for it.
    async fn rival(&self, attempt: &Attempt, reading: &Reading) -> Result<Option<Rival>> {
        if !self.plan.rules.contains(&GateRule::NotWorseThanChampion) {
            return Ok(None);
        }
        let model = self.plan.spec.name.clone();
        let Some(version) = attempt.catalog.alias(&model, CHAMPION) else { return Ok(None) };
        let registry = self.registry.clone();
        let manifest = on_worker(move || registry.manifest(&model, version)).await?;
        let schema = self.plan.schema(reading).await?;
        let plan = self.rival_plan(manifest, |column| schema.field_with_name(column).is_ok());
        Ok(Some(Rival { version, plan }))
    }

    /// The plan of the champion's twin on the rows of this training, or why there is none.
    fn rival_plan(
        &self,
        manifest: Manifest,
        has_column: impl Fn(&str) -> bool,
    ) -> Result<Plan, String> {
        let spec = manifest.draft.training;
        if spec.label != self.plan.spec.label {
            return Err(format!("it predicts `{}`", spec.label));
        }
        let plan = Plan::new(spec, self.plan.data.clone()).map_err(|error| error.to_string())?;
        match plan.inputs.iter().find(|(column, _)| !has_column(column)) {
            Some((column, _)) => Err(format!("the data has no column `{column}` any more")),
            None => Ok(plan),
        }
    }
}

/// The present champion as a rival on the same rows.
struct Rival {
    version: u64,
    /// The plan of its twin, or why it cannot be judged.
    plan: Result<Plan, String>,
}

impl Rival {
    fn judge(self, plan: &Plan, rows: &Rows, trained: &Trained) -> Result<Champion, ModelError> {
        let Self { version, plan: rival } = self;
        let rival = match rival {
            Ok(rival) => rival,
            Err(reason) => return Ok(Champion::NotComparable { version, reason }),
        };
        if rival.learns_alike(plan) {
            return Ok(Champion::SameDefinition { version });
        }
        let twin = match rival.judge(rows) {
            Ok(twin) => twin,
            Err(error) => {
                return Ok(Champion::NotComparable { version, reason: error.to_string() });
            }
        };
        let preferred = gate::preferred_metric(&plan.rules);
        let seed = plan.spec.split.seed;
        let comparison = bootstrap::compare(&trained.held_out, &twin, preferred, seed);
        Ok(comparison.map_or_else(
            || {
                let reason = "it predicts another kind of answer".to_owned();
                Champion::NotComparable { version, reason }
            },
            |comparison| Champion::Compared { version, comparison },
        ))
    }
}

impl Step for TrainingStep {
    fn spec(&self) -> &StepSpec {
        &self.step
    }

    fn stage<'a>(&'a self, attempt: &'a Attempt) -> BoxFuture<'a, Result<Staged>> {
        Box::pin(self.train(attempt))
    }

    fn publish<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Receipt>> {
        Box::pin(async move {
            let Payload { model, attempt, .. } = payload(target)?;
            let (registry, effect) = (self.registry.clone(), effect.clone());
            let attempt = attempt_id(&model, &attempt)?;
            let manifest = on_worker(move || registry.publish(&model, attempt, &effect)).await?;
            Ok(receipt(&manifest))
        })
    }

    fn find<'a>(
        &'a self,
        target: &'a Target,
        effect: &'a EffectId,
    ) -> BoxFuture<'a, Result<Option<Receipt>>> {
        Box::pin(async move {
            let Payload { model, .. } = payload(target)?;
            let (registry, effect) = (self.registry.clone(), effect.clone());
            let found = on_worker(move || registry.find(&model, &effect)).await?;
            Ok(found.as_ref().map(receipt))
        })
    }

    fn sequence<'a>(
        &'a self,
        output: &'a AssetKey,
        application: &'a str,
    ) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let (registry, model) = (self.registry.clone(), output.name.clone());
            let application = application.to_owned();
            Ok(on_worker(move || registry.sequence(&model, &application)).await?)
        })
    }

    fn discard(&self, attempt: AttemptId) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let registry = self.registry.clone();
            Ok(on_worker(move || registry.discard(attempt)).await?)
        })
    }
}

fn draft(
    plan: &Plan,
    rows: &Rows,
    trained: &Trained,
    gate: Verdict,
    attempt: &Attempt,
    definition: ContentHash,
    git: GitState,
) -> Draft {
    Draft {
        format: MANIFEST_FORMAT,
        model: plan.spec.name.clone(),
        created_at: attempt.claimed_at,
        release: env!("CARGO_PKG_VERSION").to_owned(),
        git,
        training: plan.spec.clone(),
        data: plan.data.clone(),
        inputs: attempt.inputs.clone(),
        definition,
        rows: rows.counts(),
        strata: split::strata(&rows.frame, &rows.split),
        signature: trained.signature.clone(),
        metrics: trained.held_out.metrics.clone(),
        gate,
        refitted_on_all_rows: true,
        artifact: ArtifactRef {
            hash: ContentHash::of(&trained.artifact),
            bytes: trained.artifact.len() as u64,
        },
    }
}

/// What the ledger is told. A failed gate lets the version through, and keeps the alias.
fn staged(draft: &Draft, attempt: &Attempt) -> Staged {
    let payload = Payload {
        model: draft.model.clone(),
        attempt: attempt.id.to_string(),
        artifact: draft.artifact,
    };
    let alias = draft.gate.passed.then(|| AliasMove {
        model: draft.model.clone(),
        alias: CHAMPION.to_owned(),
        reason: reason(&draft.gate),
    });
    let check = |rule: &gate::RuleVerdict| CheckResult {
        name: rule.rule.clone(),
        outcome: if rule.passed { CheckOutcome::Pass } else { CheckOutcome::Warn },
        failures: u64::from(!rule.passed),
        message: Some(rule.evidence.clone()),
    };
    Staged {
        targets: vec![Target { asset: AssetKey::model(&draft.model), payload: json!(payload) }],
        stats: StepStats {
            rows_in: draft.rows.all,
            rows_out: 0,
            rows_quarantined: 0,
            bytes_out: draft.artifact.bytes,
        },
        checks: draft.gate.rules.iter().map(check).collect(),
        alias,
        note: Some(note(&draft.metrics, &draft.gate)),
        ..Staged::default()
    }
}

fn reason(gate: &Verdict) -> String {
    if gate.rules.is_empty() {
        return "the training has no gate".to_owned();
    }
    let evidence: Vec<&str> = gate.rules.iter().map(|rule| rule.evidence.as_str()).collect();
    format!("gate passed: {}", evidence.join("; "))
}

fn note(metrics: &Metrics, gate: &Verdict) -> String {
    let main = ["f1_weighted", "rmse"]
        .into_iter()
        .find_map(|metric| Some(format!("{metric} {:.3}; ", metrics.values.get(metric)?)));
    let failed = gate.rules.iter().find(|rule| !rule.passed);
    let gate = match failed {
        Some(rule) => format!("gate refused: {} ({})", rule.rule, rule.evidence),
        None => "gate passed".to_owned(),
    };
    main.unwrap_or_default() + &gate
}

fn receipt(manifest: &Manifest) -> Receipt {
    let Draft { metrics, gate, rows, artifact, .. } = &manifest.draft;
    let detail: Value = json!({
        "metrics": metrics.values,
        "gate": gate,
        "rows": rows,
        "artifact": artifact,
    });
    Receipt { version: manifest.version, detail }
}

fn payload(target: &Target) -> Result<Payload, ModelError> {
    Payload::deserialize(&target.payload).map_err(ModelError::Payload)
}

fn attempt_id(model: &str, attempt: &str) -> Result<AttemptId, Error> {
    let lost = |_| ModelError::StagingLost { model: model.to_owned(), attempt: attempt.to_owned() };
    Ok(attempt.parse().map_err(lost)?)
}
