//! What is known of one asset: its versions, columns, rows, checks and lineage.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use millstream_core::asset::AssetKey;
use millstream_core::name::Relation;
use millstream_core::step::InputVersion;
use millstream_ledger::AssetVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::assets::declared_checks;
use super::board::CheckCounts;
use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{Page, limit, limit_within};
use super::rows::{Column, Rows, columns_of};
use super::steps::{AssetAt, Stats};
use super::{Answer, Api, LineageDirection, LineageRequest, asset_key};

/// Versions whose checks are shown beside those of the newest.
const CHECKED_VERSIONS: usize = 30;
/// Rows of a sample, unless the request says otherwise.
const SAMPLE_ROWS: usize = 20;
/// The most rows of a sample.
const SAMPLE_ROWS_MAX: usize = 200;
/// The most assets that lineage is followed over.
const DEPTH_MAX: usize = 1000;

/// A part of a list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Part {
    #[schemars(range(min = 1, max = 500))]
    pub(super) limit: Option<usize>,
    pub(super) cursor: Option<String>,
}

/// A version of an asset.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Version {
    version: u64,
    at: Moment,
    /// The run that made it.
    run: String,
    attempt: String,
    /// Counts of the attempt.
    stats: Stats,
    checks: CheckCounts,
    note: Option<String>,
    definition: String,
    /// The versions that it was made from.
    inputs: Vec<AssetAt>,
    /// When a later attempt found nothing to publish.
    rekeyed_at: Option<Moment>,
}

/// The columns of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Columns {
    asset: String,
    columns: Vec<DescribedColumn>,
}

/// A column with what is said of it.
#[derive(Debug, Serialize, JsonSchema)]
struct DescribedColumn {
    #[serde(flatten)]
    column: Column,
    description: Option<String>,
}

/// How many rows a sample has.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SampleSize {
    #[schemars(range(min = 1, max = 200))]
    rows: Option<usize>,
}

/// The checks of an asset.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Checks {
    asset: String,
    /// The version on which they were made; 0 before the first.
    version: u64,
    at: Option<Moment>,
    checks: Vec<Checked>,
    /// Counts of the latest versions.
    history: Vec<CheckedVersion>,
}

/// A check and how it went.
#[derive(Debug, Serialize, JsonSchema)]
struct Checked {
    name: String,
    /// `pass`, `warn` or `fail`; null if it was not made yet.
    outcome: Option<String>,
    failures: u64,
    message: Option<String>,
    severity: Option<String>,
    description: Option<String>,
    file: Option<String>,
}

/// How the checks of a version went.
#[derive(Debug, Serialize, JsonSchema)]
struct CheckedVersion {
    version: u64,
    at: Moment,
    #[serde(flatten)]
    counts: CheckCounts,
}

/// What lineage is asked for.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LineageAsked {
    /// `up` to where it comes from, `down` to what comes from it.
    #[serde(default)]
    direction: LineageDirection,
    column: Option<String>,
    /// Over how many assets; all without.
    #[schemars(range(min = 1, max = 1000))]
    depth: Option<usize>,
}

/// The versions of an asset, the newest first.
pub(super) async fn versions(
    State(api): State<Api>,
    Path(key): Path<String>,
    Query(part): Query<Part>,
) -> Answer<Page<Version>> {
    api.reading(move |api| {
        let (limit, asset) = (limit(part.limit)?, asset_key(&key)?);
        let before = match part.cursor.as_deref() {
            Some(text) => text.parse().map_err(|_| ApiError::bad("cursor", "it is no version"))?,
            None => u64::MAX,
        };
        let found = api.ledger().history_before(&asset, before, limit + 1)?;
        if found.is_empty() && api.facts().position(&asset).is_none() {
            return Err(ApiError::no_such("asset", key).into());
        }
        let page = Page::of(found, limit, |version| version.version.to_string());
        Ok(page.map(Version::from))
    })
    .await
}

/// The columns of a table or view.
pub(super) async fn columns(State(api): State<Api>, Path(key): Path<String>) -> Answer<Columns> {
    let relation = api.relation(&key)?;
    let schema = api.schema(&format!("select * from {}", relation.quoted())).await?;
    let said = said_of_columns(&api, &AssetKey::table(&relation));
    let columns = columns_of(&schema).into_iter().map(|column| DescribedColumn {
        description: said.get(column.name.as_str()).cloned(),
        column,
    });
    Ok(Json(Columns { asset: key, columns: columns.collect() }))
}

/// Some rows of a table or view.
pub(super) async fn sample(
    State(api): State<Api>,
    Path(key): Path<String>,
    Query(size): Query<SampleSize>,
) -> Answer<Rows> {
    let rows = limit_within("rows", size.rows, SAMPLE_ROWS, SAMPLE_ROWS_MAX)?;
    let relation = api.relation(&key)?;
    let sql = format!("select * from {} limit {rows}", relation.quoted());
    Ok(Json(api.rows(sql, rows).await?))
}

/// The checks of an asset, and how they went.
pub(super) async fn checks(State(api): State<Api>, Path(key): Path<String>) -> Answer<Checks> {
    api.reading(move |api| {
        let (_, fact) = api.fact(&key)?;
        let versions = api.ledger().history_before(&fact.key, u64::MAX, CHECKED_VERSIONS)?;
        Ok(Checks {
            checks: checked(api, &fact.key, versions.first()),
            version: versions.first().map_or(0, |newest| newest.version),
            at: versions.first().map(|newest| Moment(newest.at)),
            history: versions.iter().map(CheckedVersion::of).collect(),
            asset: key,
        })
    })
    .await
}

/// Where the columns of an asset come from, or what comes from them.
pub(super) async fn lineage(
    State(api): State<Api>,
    Path(key): Path<String>,
    Query(asked): Query<LineageAsked>,
) -> Answer<Value> {
    let asset = api.fact(&key)?.1.key.clone();
    let LineageAsked { direction, column, depth } = asked;
    let depth = depth.map(|depth| limit_within("depth", Some(depth), 1, DEPTH_MAX)).transpose()?;
    let request = LineageRequest { asset, column, direction, depth };
    Ok(Json((api.config.lineage)(request).await?))
}

impl Api {
    /// The table or view of the asset of a path.
    fn relation(&self, key: &str) -> Result<Relation, Refusal> {
        let relation = asset_key(key)?.relation();
        let relation = relation.ok_or_else(|| ApiError::NoColumns(key.to_owned()))?;
        let names = (self.config.names)()?;
        match names.get(&relation) {
            Some(_) => Ok(relation),
            None if self.fact(key).is_ok() => Err(ApiError::NoColumns(key.to_owned()).into()),
            None => Err(ApiError::no_such("asset", key).into()),
        }
    }
}

impl From<AssetVersion> for Version {
    fn from(version: AssetVersion) -> Self {
        let asset_at = |input: InputVersion| AssetAt::from(input);
        Self {
            version: version.version,
            at: Moment(version.at),
            run: version.run.to_string(),
            attempt: version.attempt.to_string(),
            stats: version.stats.into(),
            checks: CheckCounts::of(&version.checks),
            note: version.note,
            definition: version.definition.to_string(),
            inputs: version.inputs.into_iter().map(asset_at).collect(),
            rekeyed_at: version.rekeyed.map(|rekeyed| Moment(rekeyed.at)),
        }
    }
}

impl CheckedVersion {
    fn of(version: &AssetVersion) -> Self {
        let counts = CheckCounts::of(&version.checks);
        Self { version: version.version, at: Moment(version.at), counts }
    }
}

/// The checks that are declared, with their results, and results of checks that are gone.
fn checked(api: &Api, asset: &AssetKey, newest: Option<&AssetVersion>) -> Vec<Checked> {
    let results = newest.map(|version| version.checks.as_slice()).unwrap_or_default();
    let mut declared: BTreeMap<String, _> = declared_checks(api.project(), asset)
        .into_iter()
        .map(|check| (check.name.clone(), check))
        .collect();
    let mut checked: Vec<Checked> = Vec::new();
    for result in results {
        let check = declared.remove(&result.name);
        checked.push(Checked {
            name: result.name.clone(),
            outcome: Some(word(&result.outcome)),
            failures: result.failures,
            message: result.message.clone(),
            severity: check.as_ref().map(|check| check.severity.clone()),
            description: check.as_ref().and_then(|check| check.description.clone()),
            file: check.map(|check| check.file),
        });
    }
    checked.extend(declared.into_values().map(|check| Checked {
        name: check.name,
        outcome: None,
        failures: 0,
        message: None,
        severity: Some(check.severity),
        description: check.description,
        file: Some(check.file),
    }));
    checked
}

/// What the project says of the columns of a table.
fn said_of_columns(api: &Api, asset: &AssetKey) -> BTreeMap<String, String> {
    let project = api.project();
    let models = project.models.iter().map(|model| (&model.relation, &model.columns));
    let seeds = project.seeds.iter().map(|seed| (&seed.relation, &seed.columns));
    let said = models.chain(seeds).filter(|(relation, _)| AssetKey::table(relation) == *asset);
    said.flat_map(|(_, columns)| columns)
        .filter_map(|column| Some((column.name.clone(), column.description.clone()?)))
        .collect()
}
