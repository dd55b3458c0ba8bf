//! Who did what.

use axum::extract::{Query, State};
use millstream_ledger::{AuditFilter, AuditRecord};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, word};
use super::moment::{Moment, parse};
use super::page::{Page, limit};
use super::{Answer, Api};

/// Which lines of the audit record are meant.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AuditAsked {
    by: Option<String>,
    /// As in the lines: `run.start`.
    action: Option<String>,
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
    #[schemars(range(min = 1, max = 500))]
    limit: Option<usize>,
    cursor: Option<String>,
}

/// A line of the audit record.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AuditLine {
    sequence: u64,
    at: Moment,
    by: String,
    /// `command_line`, `loopback`, `token` or `session`.
    via: String,
    action: String,
    /// On what: `run:...`, `schedule:...`, `model:...`, `token:...`.
    target: String,
    /// `done`, `refused` or `failed`.
    outcome: String,
    detail: Option<String>,
}

/// The audit record, the newest line first.
pub(super) async fn list(
    State(api): State<Api>,
    Query(asked): Query<AuditAsked>,
) -> Answer<Page<AuditLine>> {
    api.reading(move |api| {
        let limit = limit(asked.limit)?;
        let bad = |name| ApiError::bad(name, "it cannot be read");
        let since = asked.since.as_deref();
        let since = since.map(|text| parse(text).ok_or_else(|| bad("since"))).transpose()?;
        let before = asked.cursor.as_deref().map(str::parse).transpose();
        let before = before.map_err(|_| bad("cursor"))?;
        let filter = AuditFilter { by: asked.by, action: asked.action, since, before };
        let found = api.ledger().audit_records(&filter, limit + 1)?;
        let page = Page::of(found, limit, |record| record.sequence.to_string());
        Ok(page.map(AuditLine::from))
    })
    .await
}

impl From<AuditRecord> for AuditLine {
    fn from(record: AuditRecord) -> Self {
        Self {
            sequence: record.sequence,
            at: Moment(record.at),
            by: record.by,
            via: word(&record.via),
            action: word(&record.action),
            target: record.target,
            outcome: word(&record.outcome),
            detail: record.detail,
        }
    }
}
