//! The interface for people's pages and scripts: `/api/v1`.
//!
//! Handlers read the ledger and the project, and start and stop runs through the conductor. What
//! needs more comes through the contracts of `core`, or as a function that the wiring hands over.
//!
//! Not here: who may come in, and how long and large a request may be. That is the server's.
//!
//! Reading order: `table` lists all routes; `moment`, `page` and `error` are what all share; `board` says how assets stand,
//! and `overview`, `assets`, `versions`, `partitions` and `graph` show it; then `runs`, `steps`,
//! `grid`, `logs`, `actions`, `approvals`, `backfills`, `plans`, `schedules`, `releases`, `notifications`, `sources`, `models`,
//! `rows`, `events`, `audit`, `tokens`, `metrics`.

#![expect(clippy::struct_field_names, reason = "fields have the names that the answers have")]

mod actions;
mod approvals;
mod assets;
mod audit;
mod backfills;
mod board;
mod error;
mod events;
mod facts;
mod graph;
mod grid;
mod layout;
mod logs;
mod metrics;
mod models;
mod moment;
mod notifications;
mod overview;
mod page;
mod partitions;
mod plans;
mod releases;
mod rows;
mod runs;
mod schedules;
mod serving;
mod sources;
mod steps;
mod table;
mod tokens;
mod versions;

use std::fmt;
use std::sync::Arc;

use axum::{Json, Router};
use millstream_core::batch::BoxFuture;
use millstream_core::catalog::CatalogSnapshot;
use millstream_core::clock::Clock;
use millstream_core::error::Result;
use millstream_core::topic::Topic;
use millstream_core::warehouse::Warehouse;
use millstream_core::{AssetKey, ContentHash};
use millstream_guard::{Entrance, Operation, Principal};
use millstream_ledger::{Actor, Ledger, Via};
use millstream_project::Project;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::conductor::Conductor;
use crate::logs::Logs;
use crate::plan::Plan;
use crate::scheduler::{FoundFresh, SchedulerConfig};

pub use error::{ApiError, EXPLANATIONS};
pub use notifications::{Message, Notice, NoticeQuestion, Telling};
pub use releases::{ReleaseDifference, ReleasePair};
pub use serving::{Served, Traffic};

use board::BoardCache;
pub(crate) use error::ERROR_CODE_HEADER;
use error::Refusal;
use graph::GraphCache;

/// What the interface is made of.
pub struct ApiConfig {
    /// The book of record.
    pub ledger: Ledger,
    /// Starts and stops runs.
    pub conductor: Conductor,
    /// The project as the server read it.
    pub project: Arc<Project>,
    /// What schedules are decided with, to explain them.
    pub scheduler: SchedulerConfig,
    /// What the scheduler found fresh without a record.
    pub fresh: FoundFresh,
    /// Rows.
    pub warehouse: Arc<dyn Warehouse>,
    /// What names mean now.
    pub names: Names,
    /// The topics that there are.
    pub topics: TopicsNow,
    /// Where columns come from.
    pub lineage: LineageOf,
    /// What is served in real time.
    pub served: ServedNow,
    /// What people are told.
    pub telling: Telling,
    /// What differs between releases.
    pub releases: ReleaseDifferences,
    /// What a release would make.
    pub release_plans: ReleasePlans,
    /// The release by which the server runs, if it runs by one.
    pub release: Option<u64>,
    /// What attempts said.
    pub logs: Logs,
    /// The time.
    pub clock: Clock,
    /// Ends the streams of events.
    pub stop: CancellationToken,
}

impl fmt::Debug for ApiConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiConfig").finish_non_exhaustive()
    }
}

/// Gives what names mean now.
pub type Names = Arc<dyn Fn() -> Result<CatalogSnapshot> + Send + Sync>;
/// Gives the topics that there are.
pub type TopicsNow = Arc<dyn Fn() -> Result<Vec<Arc<dyn Topic>>> + Send + Sync>;
/// Gives how a deployment does that answers requests; `None` for one that does not.
pub type ServedNow = Arc<dyn Fn(&str) -> Option<Served> + Send + Sync>;
/// Gives the lineage of an asset as JSON.
pub type LineageOf = Arc<dyn Fn(LineageRequest) -> BoxFuture<'static, Result<Value>> + Send + Sync>;
/// Gives what differs between two releases.
pub type ReleaseDifferences =
    Arc<dyn Fn(ReleasePair) -> BoxFuture<'static, Result<ReleaseDifference>> + Send + Sync>;

/// Gives what would run by the files of a release now.
pub type ReleasePlans = Arc<dyn Fn(ContentHash) -> BoxFuture<'static, Result<Plan>> + Send + Sync>;

/// What lineage is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineageRequest {
    /// The asset.
    pub asset: AssetKey,
    /// One of its columns; all of it without.
    pub column: Option<String>,
    /// To what comes from it, or to where it comes from.
    pub direction: LineageDirection,
    /// Over how many assets.
    pub depth: Option<usize>,
}

/// Where lineage is followed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineageDirection {
    /// To where it comes from.
    #[default]
    Up,
    /// To what comes from it.
    Down,
}

/// The routes of the interface, each with its description.
pub fn routes(config: ApiConfig) -> Vec<(Operation, Router)> {
    let config = Arc::new(config);
    let api = Api {
        board: Arc::default(),
        graph: Arc::new(GraphCache::new(&config.project)),
        streams: events::Streams::new(&config.ledger, config.stop.clone()),
        config,
    };
    let all = table::reads().into_iter().chain(table::changes());
    all.map(|(operation, handler)| {
        let router = Router::new().route(operation.path(), handler);
        (operation, router.with_state(api.clone()))
    })
    .collect()
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
struct Api {
    config: Arc<ApiConfig>,
    board: Arc<BoardCache>,
    graph: Arc<GraphCache>,
    streams: events::Streams,
}

/// What a handler answers.
type Answer<T> = std::result::Result<Json<T>, Refusal>;

impl Api {
    fn ledger(&self) -> &Ledger {
        &self.config.ledger
    }

    fn project(&self) -> &Project {
        &self.config.project
    }

    /// The ledger in the name of whoever sent a request.
    fn ledger_of(&self, principal: &Principal) -> Ledger {
        self.config.ledger.acting_for(actor(principal))
    }

    /// Answers with what is read where reading may block.
    async fn reading<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> std::result::Result<T, Refusal> + Send + 'static,
    ) -> Answer<T> {
        let api = self.clone();
        let read = tokio::task::spawn_blocking(move || work(&api)).await;
        read.unwrap_or_else(|_| Err(ApiError::Defect.into())).map(Json)
    }
}

/// Who sent a request, for the record.
pub fn actor(principal: &Principal) -> Actor {
    let via = match principal.entrance() {
        Entrance::Loopback => Via::Loopback,
        Entrance::Token => Via::Token,
        Entrance::Session => Via::Session,
    };
    Actor { name: principal.name().to_owned(), via }
}

/// Reads the key of an asset of a path.
fn asset_key(text: &str) -> std::result::Result<AssetKey, ApiError> {
    text.parse().map_err(|_| ApiError::no_such("asset", text))
}
