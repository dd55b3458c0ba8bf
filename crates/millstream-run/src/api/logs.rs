//! What the attempts of a run said.

use axum::extract::{Path, Query, State};
use millstream_core::log::{Level, Origin};
use millstream_ledger::RunState;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::{ApiError, Refusal};
use super::moment::Moment;
use super::page::{Page, limit, position};
use super::{Answer, Api};
use crate::logs::{LogEntry, LogQuery, Start};

/// Which lines are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct LogAsked {
    /// Those of the step of this asset.
    asset: Option<String>,
    /// Those of the attempt of this number.
    attempt: Option<u32>,
    /// Those that matter as much as this, or more; `info` without.
    level: Option<Level>,
    /// Where to begin, if there is no cursor.
    #[serde(default)]
    from: From,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Where a log is read from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum From {
    /// Its beginning.
    #[default]
    Start,
    /// Its last lines.
    Tail,
}

/// A line of a log.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LogLine {
    at: Moment,
    level: Level,
    asset: String,
    /// The number of the attempt; 0 of a step that was not attempted.
    attempt: u32,
    from: Origin,
    text: String,
    /// The numbers and names in the text.
    fields: Map<String, Value>,
}

/// The log of a run. While the run is at work there is always a next page, which may be empty.
pub(super) async fn logs(
    State(api): State<Api>,
    Path(run): Path<String>,
    Query(asked): Query<LogAsked>,
) -> Answer<Page<LogLine>> {
    api.reading(move |api| {
        let id = api.run(&run)?;
        // Before the lines: what a run says, it says before it ends.
        let found = api.ledger().run_head(id)?;
        let (listed, _) = found.ok_or_else(|| ApiError::no_such("run", run))?;
        let page = api.config.logs.read(id, &asked.query()?)?;
        let is_over = page.is_end && listed.head.state != RunState::Running;
        let next = (!is_over).then(|| page.next.to_string());
        Ok(Page::followed_by(page.entries.into_iter().map(LogLine::from).collect(), next))
    })
    .await
}

impl LogAsked {
    fn query(self) -> Result<LogQuery, Refusal> {
        let start = match (self.cursor.as_deref(), self.from) {
            (None, From::Tail) => Start::Tail,
            (cursor, _) => Start::At(position(cursor)? as u64),
        };
        let level = self.level.unwrap_or(Level::Info);
        let limit = limit(self.limit)?;
        Ok(LogQuery { asset: self.asset, attempt: self.attempt, level, start, limit })
    }
}

impl std::convert::From<LogEntry> for LogLine {
    fn from(entry: LogEntry) -> Self {
        let LogEntry { at, level, asset, attempt, from, text, fields } = entry;
        Self { at: Moment(at), level, asset: asset.to_string(), attempt, from, text, fields }
    }
}
