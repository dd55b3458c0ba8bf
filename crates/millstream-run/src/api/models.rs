//! Registered models: their versions, metrics, gates and aliases, and moving those.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use millstream_core::asset::{AssetKey, AssetKind};
use millstream_guard::{Object, Principal};
use millstream_ledger::{AliasRecord, AssetVersion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{Page, limit};
use super::steps::AssetAt;
use super::versions::Part;
use super::{Answer, Api};

/// The alias that deployments follow unless they say otherwise.
const CHAMPION: &str = "champion";

/// A registered model.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Model {
    model: String,
    /// The version that `champion` names.
    champion: Option<u64>,
    /// The version that each alias names.
    aliases: BTreeMap<String, u64>,
    versions: u64,
    latest: Option<ModelVersion>,
    /// The training that makes it; null if the project has none any more.
    training: Option<String>,
    deployments: Vec<String>,
}

/// A registered model in full.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelDetail {
    #[serde(flatten)]
    model: Model,
    /// Versions, the newest first.
    items: Vec<ModelVersion>,
    next_cursor: Option<String>,
    /// The latest moves of its aliases, the newest first.
    moves: Vec<AliasMoved>,
}

/// A model version.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelVersion {
    version: u64,
    at: Moment,
    run: String,
    aliases: Vec<String>,
    /// On the held-out rows, by name.
    metrics: BTreeMap<String, f64>,
    gate: Option<GateResult>,
    note: Option<String>,
    inputs: Vec<AssetAt>,
}

/// How a version did at its gate.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct GateResult {
    passed: bool,
    rules: Vec<RuleResult>,
}

/// How a version did at one rule.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
struct RuleResult {
    rule: String,
    passed: bool,
    /// The numbers behind it.
    evidence: String,
}

/// A move of an alias.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AliasMoved {
    model: String,
    alias: String,
    version: u64,
    /// `moved` or `rolled_back`.
    change: String,
    by: String,
    reason: String,
    at: Moment,
}

/// Where an alias is to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Promotion {
    version: u64,
    #[serde(default = "champion")]
    alias: String,
    #[serde(default)]
    reason: String,
}

/// Which alias is to go back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    #[serde(default = "champion")]
    alias: String,
    #[serde(default)]
    reason: String,
}

fn champion() -> String {
    CHAMPION.to_owned()
}

/// Moves of aliases that are shown.
const MOVES_MAX: usize = 100;

/// All registered models, by name.
pub(super) async fn list(State(api): State<Api>, Query(part): Query<Part>) -> Answer<Page<Model>> {
    api.reading(move |api| {
        let names = api.model_names()?.into_iter().collect();
        let page = Page::within(names, limit(part.limit)?, part.cursor.as_deref())?;
        page.try_map(|name: String| api.model(&name))
    })
    .await
}

/// One registered model with its versions.
pub(super) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
    Query(part): Query<Part>,
) -> Answer<ModelDetail> {
    api.reading(move |api| {
        let limit = limit(part.limit)?;
        if !api.model_names()?.contains(&name) {
            return Err(ApiError::no_such("model", name).into());
        }
        let model = api.model(&name)?;
        let before = match part.cursor.as_deref() {
            Some(text) => text.parse().map_err(|_| ApiError::bad("cursor", "it is no version"))?,
            None => u64::MAX,
        };
        let asset = AssetKey::model(&name);
        let found = api.ledger().history_before(&asset, before, limit + 1)?;
        let page = Page::of(found, limit, |version| version.version.to_string());
        let (items, next_cursor) =
            page.map(|version| ModelVersion::of(version, &model.aliases)).into_parts();
        let moves = api.ledger().alias_history(&name)?.into_iter().take(MOVES_MAX);
        let moves = moves.map(AliasMoved::from).collect();
        Ok(ModelDetail { model, items, next_cursor, moves })
    })
    .await
}

/// Moves an alias to a version.
pub(super) async fn promote(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(model): Path<String>,
    Json(Object(asked)): Json<Object<Promotion>>,
) -> Answer<AliasMoved> {
    let Promotion { version, alias, reason } = asked;
    let ledger = api.ledger_of(&principal);
    let moved = ledger.move_alias(&model, &alias, version, principal.name(), &reason).await?;
    Ok(Json(AliasMoved::from(moved)))
}

/// Moves an alias back to the version that it named before.
pub(super) async fn rollback(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(model): Path<String>,
    Json(Object(asked)): Json<Object<Rollback>>,
) -> Answer<AliasMoved> {
    let Rollback { alias, reason } = asked;
    let ledger = api.ledger_of(&principal);
    let moved = ledger.roll_back_alias(&model, &alias, principal.name(), &reason).await?;
    Ok(Json(AliasMoved::from(moved)))
}

impl Api {
    /// The models that the project trains, and those that the ledger has.
    fn model_names(&self) -> Result<BTreeSet<String>, Refusal> {
        let trainings = self.project().trainings.iter();
        let mut names: BTreeSet<String> =
            trainings.map(|training| training.spec.name.clone()).collect();
        names.extend(self.ledger().names_of(AssetKind::Model)?);
        Ok(names)
    }

    fn model(&self, name: &str) -> Result<Model, Refusal> {
        let all = self.ledger().aliases()?.into_iter().filter(|alias| alias.model == name);
        let aliases: BTreeMap<String, u64> =
            all.map(|alias| (alias.alias, alias.version)).collect();
        let latest = self.ledger().current(&AssetKey::model(name))?;
        let project = self.project();
        let training = project.trainings.iter().find(|training| training.spec.name == name);
        let deployments = project.deployments.iter().filter(|it| it.model == name);
        Ok(Model {
            model: name.to_owned(),
            champion: aliases.get(CHAMPION).copied(),
            versions: latest.as_ref().map_or(0, |version| version.version),
            latest: latest.map(|version| ModelVersion::of(version, &aliases)),
            aliases,
            training: training.map(|training| training.spec.name.clone()),
            deployments: deployments.map(|it| it.spec.name.clone()).collect(),
        })
    }
}

impl ModelVersion {
    fn of(version: AssetVersion, aliases: &BTreeMap<String, u64>) -> Self {
        let named = aliases.iter().filter(|(_, named)| **named == version.version);
        let detail = &version.receipt.detail;
        Self {
            version: version.version,
            at: Moment(version.at),
            run: version.run.to_string(),
            aliases: named.map(|(alias, _)| alias.clone()).collect(),
            metrics: numbers(&detail["metrics"]),
            gate: serde_json::from_value(detail["gate"].clone()).ok(),
            note: version.note,
            inputs: version.inputs.into_iter().map(AssetAt::from).collect(),
        }
    }
}

fn numbers(metrics: &Value) -> BTreeMap<String, f64> {
    let all = metrics.as_object().into_iter().flatten();
    all.filter_map(|(name, value)| Some((name.clone(), value.as_f64()?))).collect()
}

impl From<AliasRecord> for AliasMoved {
    fn from(record: AliasRecord) -> Self {
        let AliasRecord { model, alias, version, change, by, reason, at } = record;
        Self { model, alias, version, change: word(&change), by, reason, at: Moment(at) }
    }
}
