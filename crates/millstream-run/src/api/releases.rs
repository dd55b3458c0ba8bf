//! Releases: shown, compared, approved, rejected and rolled back.

use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use millstream_core::ContentHash;
use millstream_guard::{Object, Principal};
use millstream_ledger::{LedgerError, NewRelease, Release, ReleaseState};
use millstream_project::{AssetChange, NamedChange, ProjectChange};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Refusal, word};
use super::moment::Moment;
use super::page::{Page, limit};
use super::plans::PlanView;
use super::versions::Part;
use super::{Answer, Api, actor};

/// The longest message and the longest reason, in characters.
const TEXT_CHARS_MAX: usize = 2000;

/// Two releases, by their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleasePair {
    /// The earlier one; all is new without.
    pub before: Option<ContentHash>,
    /// The later one.
    pub after: ContentHash,
}

/// What is different in a later release.
#[derive(Debug)]
pub struct ReleaseDifference {
    /// Paths of files, each with `added`, `removed` or `changed`.
    pub files: Vec<(String, &'static str)>,
    /// What that means.
    pub project: ProjectChange,
}

/// A release.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReleaseView {
    release: u64,
    /// `proposed`, `current`, `superseded`, `rolled_back`, `rejected`, `outdated` or `left`.
    state: String,
    /// Whether this server runs by it.
    is_served: bool,
    message: Option<String>,
    by: String,
    /// The hash of the list of its files.
    tree: String,
    files: u64,
    bytes: u64,
    commit: Option<String>,
    branch: Option<String>,
    /// Whether files differed from the commit: `clean`, `dirty` or `unknown`.
    changes: String,
    /// The release whose place it takes or took.
    base: Option<u64>,
    /// The earlier release whose files it has, of a rollback.
    restores: Option<u64>,
    approvals_needed: u32,
    approvals: Vec<ApprovalView>,
    proposed_at: Moment,
    current_at: Option<Moment>,
    ended_at: Option<Moment>,
    /// Why it was rejected or left.
    reason: Option<String>,
    /// When its files were given up: it cannot be gone back to.
    removed_at: Option<Moment>,
}

/// That somebody agrees to a release.
#[derive(Debug, Serialize, JsonSchema)]
struct ApprovalView {
    by: String,
    at: Moment,
}

/// What is different in a release.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReleaseDiff {
    release: u64,
    /// The release with which it is compared; all is new without.
    against: Option<u64>,
    files: Vec<FileDiff>,
    assets: Vec<AssetDiff>,
    schedules: Vec<NamedDiff>,
    deployments: Vec<NamedDiff>,
    notifications: Vec<NamedDiff>,
}

/// What is different of a file.
#[derive(Debug, Serialize, JsonSchema)]
struct FileDiff {
    path: String,
    /// `added`, `removed` or `changed`.
    change: String,
}

/// What is different of an asset.
#[derive(Debug, Serialize, JsonSchema)]
struct AssetDiff {
    asset: String,
    kind: String,
    /// `added`, `removed` or `changed`.
    change: String,
    /// What of it: `definition`, `checks`, `freshness`, `execution`, `partitions`.
    of: Vec<String>,
    /// `none`, `additive` or `breaking` for those who read it; null if nobody can tell.
    means: Option<String>,
    downstream: Vec<String>,
}

/// What is different of something that has a name.
#[derive(Debug, Serialize, JsonSchema)]
struct NamedDiff {
    name: String,
    /// `added`, `removed` or `changed`.
    change: String,
}

/// With what a release is compared.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Against {
    /// The number of another release; the one whose place it takes or took if left out.
    against: Option<u64>,
}

/// Why a release is rejected.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rejection {
    /// For the record.
    #[schemars(length(min = 1, max = 2000))]
    reason: String,
}

/// Why an earlier release is wanted again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackAsked {
    /// For the record.
    #[schemars(length(max = 2000))]
    message: Option<String>,
}

/// Releases, the newest first.
pub(super) async fn list(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<ReleaseView>> {
    api.reading(move |api| {
        let limit = limit(part.limit)?;
        let before = part.cursor.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| ApiError::bad("cursor", "it cannot be read"))?;
        let found = api.ledger().releases(before, limit + 1)?;
        let page = Page::of(found, limit, |release| release.release.to_string());
        Ok(page.map(|release| api.release_view(release)))
    })
    .await
}

/// One release.
pub(super) async fn one(
    State(api): State<Api>,
    Path(release): Path<String>,
) -> Answer<ReleaseView> {
    api.reading(move |api| Ok(api.release_view(api.release(&release)?))).await
}

/// What is different in a release.
pub(super) async fn diff(
    State(api): State<Api>,
    Path(release): Path<String>,
    Query(Against { against }): Query<Against>,
) -> Answer<ReleaseDiff> {
    let release = api.release(&release)?;
    let against = against.or(release.base);
    let earlier = against.map(|number| api.release(&number.to_string())).transpose()?;
    let difference = api.difference(earlier.as_ref(), &release).await?;
    let ProjectChange { assets, schedules, deployments, notifications } = difference.project;
    let named = |changes: Vec<NamedChange>| changes.into_iter().map(NamedDiff::from).collect();
    let file = |(path, change): (String, &str)| FileDiff { path, change: change.to_owned() };
    Ok(Json(ReleaseDiff {
        release: release.release,
        against,
        files: difference.files.into_iter().map(file).collect(),
        assets: assets.into_iter().map(AssetDiff::from).collect(),
        schedules: named(schedules),
        deployments: named(deployments),
        notifications: named(notifications),
    }))
}

/// What would run by the files of a release, and why. Asks the sources.
pub(super) async fn plan(State(api): State<Api>, Path(release): Path<String>) -> Answer<PlanView> {
    let tree = api.release(&release)?.tree;
    Ok(Json(PlanView::from((api.config.release_plans)(tree).await?)))
}

/// Agrees to a release that is proposed.
pub(super) async fn approve(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(release): Path<String>,
) -> Answer<ReleaseView> {
    let number = api.release(&release)?.release;
    let approved = api.ledger().approve_release(number, actor(&principal)).await?;
    Ok(Json(api.release_view(approved)))
}

/// Decides against a release that is proposed.
pub(super) async fn reject(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(release): Path<String>,
    Json(Object(Rejection { reason })): Json<Object<Rejection>>,
) -> Answer<ReleaseView> {
    let number = api.release(&release)?.release;
    if reason.is_empty() {
        return Err(ApiError::bad("reason", "it is not empty").into());
    }
    expect_short("reason", &reason)?;
    let rejected = api.ledger().reject_release(number, actor(&principal), &reason).await?;
    Ok(Json(api.release_view(rejected)))
}

/// Makes a new release with the files of an earlier one.
pub(super) async fn roll_back(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Path(release): Path<String>,
    Json(Object(RollbackAsked { message })): Json<Object<RollbackAsked>>,
) -> Answer<ReleaseView> {
    let earlier = api.release(&release)?;
    expect_short("message", message.as_deref().unwrap_or_default())?;
    let (number, state) = (earlier.release, earlier.state);
    if !matches!(state, ReleaseState::Superseded | ReleaseState::RolledBack | ReleaseState::Left) {
        return Err(LedgerError::ReleaseDecided { release: number, state }.into());
    }
    let current = api.ledger().current_release()?;
    // One that cannot be read any more is refused.
    api.difference(current.as_ref(), &earlier).await?;
    // Whoever takes that out of the files needs it once more.
    let asked = current.as_ref().map_or(0, |current| current.approvals_asked);
    let new = NewRelease {
        tree: earlier.tree,
        files: earlier.files,
        bytes: earlier.bytes,
        message,
        git: earlier.git,
        base: current.map(|current| current.release),
        restores: Some(number),
        approvals_needed: asked.max(earlier.approvals_asked),
        approvals_asked: earlier.approvals_asked,
        by: actor(&principal),
    };
    Ok(Json(api.release_view(api.ledger().add_release(new).await?)))
}

fn expect_short(name: &'static str, text: &str) -> Result<(), ApiError> {
    if text.chars().count() > TEXT_CHARS_MAX {
        return Err(ApiError::bad(name, format!("it has at most {TEXT_CHARS_MAX} characters")));
    }
    Ok(())
}

impl Api {
    fn release(&self, text: &str) -> Result<Release, Refusal> {
        let number = text.parse().ok();
        let found = number.map(|number| self.ledger().release(number)).transpose()?.flatten();
        Ok(found.ok_or_else(|| ApiError::no_such("release", text))?)
    }

    async fn difference(
        &self,
        before: Option<&Release>,
        after: &Release,
    ) -> Result<ReleaseDifference, Refusal> {
        let before = before.map(|release| release.tree);
        Ok((self.config.releases)(ReleasePair { before, after: after.tree }).await?)
    }

    /// The releases that wait for approvals, the earliest first.
    pub(super) fn proposed_releases(
        &self,
        limit: usize,
    ) -> millstream_ledger::Result<Vec<ReleaseView>> {
        let found = self.ledger().proposed_releases(limit)?.into_iter();
        Ok(found.map(|release| self.release_view(release)).collect())
    }

    fn release_view(&self, release: Release) -> ReleaseView {
        let approval =
            |it: millstream_ledger::Approval| ApprovalView { by: it.by, at: Moment(it.at) };
        ReleaseView {
            release: release.release,
            state: release.state.word().to_owned(),
            is_served: self.config.release == Some(release.release),
            message: release.message,
            by: release.by,
            tree: release.tree.to_string(),
            files: release.files,
            bytes: release.bytes,
            commit: release.git.commit,
            branch: release.git.branch,
            changes: word(&release.git.changes),
            base: release.base,
            restores: release.restores,
            approvals_needed: release.approvals_needed,
            approvals: release.approvals.into_iter().map(approval).collect(),
            proposed_at: Moment(release.proposed_at),
            current_at: release.current_at.map(Moment),
            ended_at: release.ended_at.map(Moment),
            reason: release.reason,
            removed_at: release.removed_at.map(Moment),
        }
    }
}

impl From<AssetChange> for AssetDiff {
    fn from(change: AssetChange) -> Self {
        Self {
            asset: change.asset.to_string(),
            kind: change.kind.word().to_owned(),
            change: change.change.word().to_owned(),
            of: change.of.into_iter().map(str::to_owned).collect(),
            means: change.means.map(|means| means.word().to_owned()),
            downstream: change.downstream.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<NamedChange> for NamedDiff {
    fn from(change: NamedChange) -> Self {
        Self { name: change.name, change: change.change.word().to_owned() }
    }
}
