//! Assets: the list, and one in full.

use axum::extract::{Path, Query, State};
use millstream_core::asset::AssetKey;
use millstream_core::step::{Refresh, StepKind};
use millstream_project::{Project, Text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::board::{Asset, AssetState};
use super::error::{ApiError, Problem, Refusal, word};
use super::facts::Fact;
use super::page::{Page, limit};
use super::{Answer, Api, asset_key};

/// Which assets are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AssetFilter {
    /// `table`, `model`, `deployment`, `topic`, `operational` or `step`.
    kind: Option<String>,
    /// The kind of step that makes it.
    step: Option<String>,
    tag: Option<String>,
    state: Option<WantedState>,
    owner: Option<String>,
    /// Looked for in name, description and owner, in capital or small letters.
    text: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A state that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WantedState {
    Current,
    NeverMade,
    Late,
    Failing,
    Blocked,
    Running,
}

/// An asset in full.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AssetDetail {
    #[serde(flatten)]
    asset: Asset,
    upstream: Vec<Neighbor>,
    downstream: Vec<Neighbor>,
    /// Hash of what the project says that decides what its step makes.
    definition: Option<String>,
    fresh_within: Option<String>,
    /// The text of a model.
    sql: Option<String>,
    /// `sql` or `python`.
    language: Option<String>,
    checks_declared: Vec<DeclaredCheck>,
    used_by: Users,
    /// Whether it is divided into partitions, which are made each on its own.
    partitioned: bool,
    /// Why its last step failed.
    error: Option<Problem>,
}

/// An asset beside another.
#[derive(Debug, Serialize, JsonSchema)]
struct Neighbor {
    asset: String,
    /// `data`, `feedback`, `after` or `basis`.
    edge: String,
}

/// A check that the project declares.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DeclaredCheck {
    pub(super) name: String,
    /// `error` or `warn`.
    pub(super) severity: String,
    pub(super) file: String,
    pub(super) description: Option<String>,
}

/// What uses an asset, beside models.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Users {
    deployments: Vec<String>,
    trainings: Vec<String>,
    functions: Vec<String>,
}

/// Assets by name.
pub(super) async fn list(
    State(api): State<Api>,
    Query(filter): Query<AssetFilter>,
) -> Answer<Page<Asset>> {
    api.reading(move |api| {
        let limit = limit(filter.limit)?;
        let (board, now) = (api.board()?, api.config.clock.now());
        let text = filter.text.as_deref().map(str::to_lowercase);
        let mut found: Vec<&Fact> = api.facts().assets.iter().collect();
        found.retain(|fact| {
            let after = filter.cursor.as_deref().is_none_or(|after| *fact.key.to_string() > *after);
            let state = filter.state.is_none_or(|wanted| match wanted {
                WantedState::Running => board.is_running(fact),
                wanted => wanted.state() == Some(board.state(fact, now)),
            });
            after && state && filter.means(fact) && text.as_deref().is_none_or(|it| fact.says(it))
        });
        found.sort_by_cached_key(|fact| fact.key.to_string());
        found.truncate(limit + 1);
        let page = Page::of(found, limit, |fact| fact.key.to_string());
        Ok(page.map(|fact| api.asset(fact, &board)))
    })
    .await
}

/// One asset, with what it is made of and what is made of it.
pub(super) async fn one(State(api): State<Api>, Path(key): Path<String>) -> Answer<AssetDetail> {
    api.reading(move |api| {
        let (position, fact) = api.fact(&key)?;
        let board = api.board()?;
        let asset = api.asset(fact, &board);
        let error = match (asset.state, board.last(fact)) {
            (AssetState::Failing, Some(last)) => api.ledger().last_error(last.run, &fact.of)?,
            _ => None,
        };
        let project = api.project();
        let node = fact.node.map(|node| &project.graph.nodes()[node]);
        let model =
            project.models.iter().find(|model| AssetKey::table(&model.relation) == fact.key);
        let neighbor = |position: usize, edge| Neighbor {
            asset: api.facts().assets[position].key.to_string(),
            edge: word(&edge),
        };
        let links = || api.facts().links.iter();
        let before = links().filter(|link| link.to == position);
        let behind = links().filter(|link| link.from == position);
        Ok(AssetDetail {
            upstream: before.map(|link| neighbor(link.from, link.edge)).collect(),
            downstream: behind.map(|link| neighbor(link.to, link.edge)).collect(),
            definition: node.map(|node| node.definition.to_string()),
            fresh_within: fact.fresh_within.map(|period| period.to_string()),
            sql: model.and_then(|model| text_of(project, model)),
            language: model.map(|model| model.language.word().to_owned()),
            checks_declared: declared_checks(project, &fact.key),
            used_by: users(project, &fact.key),
            partitioned: api.divided(&fact.of).is_some(),
            error: error.map(Problem::from),
            asset,
        })
    })
    .await
}

impl AssetFilter {
    fn means(&self, fact: &Fact) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| Some(wanted) == found)
        };
        is(&self.kind, Some(fact.key.kind.word()))
            && is(&self.step, fact.step.map(StepKind::word))
            && is(&self.owner, fact.owner.as_deref())
            && self.tag.as_ref().is_none_or(|tag| fact.tags.contains(tag))
    }
}

impl WantedState {
    fn state(self) -> Option<AssetState> {
        match self {
            Self::Current => Some(AssetState::Current),
            Self::NeverMade => Some(AssetState::NeverMade),
            Self::Late => Some(AssetState::Late),
            Self::Failing => Some(AssetState::Failing),
            Self::Blocked => Some(AssetState::Blocked),
            Self::Running => None,
        }
    }
}

impl Api {
    /// What the project says of the asset of a path.
    pub(super) fn fact(&self, key: &str) -> Result<(usize, &Fact), Refusal> {
        let position = self.facts().position(&asset_key(key)?);
        let position = position.ok_or_else(|| ApiError::no_such("asset", key))?;
        Ok((position, &self.facts().assets[position]))
    }
}

/// The checks of an asset.
pub(super) fn declared_checks(project: &Project, asset: &AssetKey) -> Vec<DeclaredCheck> {
    let checks = project.checks.iter().filter(|check| check.asset == *asset);
    let declared = checks.map(|check| DeclaredCheck {
        name: check.name.clone(),
        severity: check.severity.word().to_owned(),
        file: check.file.display().to_string(),
        description: check.description.clone(),
    });
    declared.collect()
}

/// The text of a model, rendered if that needs no warehouse.
fn text_of(project: &Project, model: &millstream_project::SqlModel) -> Option<String> {
    if let Some(sql) = model.sql(Refresh::Incremental) {
        return Some(sql.to_owned());
    }
    let id = match &model.text {
        Text::Late(id) => id,
        Text::Known(_) => &model.id,
    };
    project.dbt.manifest.nodes.get(id).map(|node| node.raw_code.to_string())
}

fn users(project: &Project, asset: &AssetKey) -> Users {
    let mut users = Users::default();
    for deployment in &project.deployments {
        let over = deployment.over.as_ref().map(AssetKey::table);
        if AssetKey::model(&deployment.model) == *asset || over.as_ref() == Some(asset) {
            users.deployments.push(deployment.spec.name.clone());
        }
    }
    for training in &project.trainings {
        if AssetKey::table(&training.data) == *asset {
            users.trainings.push(training.spec.name.clone());
        }
    }
    for function in &project.functions {
        if AssetKey::topic(&function.on.topic) == *asset {
            users.functions.push(function.name.clone());
        }
    }
    users
}
