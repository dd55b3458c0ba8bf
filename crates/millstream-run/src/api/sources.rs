//! Sources and their streams.

use axum::extract::{Query, State};
use millstream_core::spec::{SourceSpec, StreamSpec};
use schemars::JsonSchema;
use serde::Serialize;

use super::board::{Asset, Board};
use super::error::word;
use super::facts::stream_asset;
use super::page::{Page, limit};
use super::versions::Part;
use super::{Answer, Api};

/// A source.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Source {
    source: String,
    connector: String,
    description: Option<String>,
    streams: Vec<Stream>,
}

/// A stream of a source.
#[derive(Debug, Serialize, JsonSchema)]
struct Stream {
    stream: String,
    /// The table that its sync makes.
    asset: Option<Asset>,
    /// `replace`, `append` or `merge`.
    sync: String,
    key: Vec<String>,
    /// The column by which changes are found.
    cursor: Option<String>,
    /// `evolve` or `freeze`.
    contract: String,
}

/// All sources with their streams, by name.
pub(super) async fn sources(
    State(api): State<Api>,
    Query(part): Query<Part>,
) -> Answer<Page<Source>> {
    api.reading(move |api| {
        let board = api.board()?;
        let mut all: Vec<&SourceSpec> = api.project().sources.iter().collect();
        all.sort_by_key(|source| &source.name);
        let page = Page::within(all, limit(part.limit)?, part.cursor.as_deref())?;
        Ok(page.map(|source| Source {
            source: source.name.clone(),
            connector: source.connector.clone(),
            description: source.description.clone(),
            streams: source.streams.iter().map(|it| stream(api, &board, source, it)).collect(),
        }))
    })
    .await
}

fn stream(api: &Api, board: &Board, source: &SourceSpec, stream: &StreamSpec) -> Stream {
    let asset = stream_asset(&source.name, &stream.name);
    let position = asset.and_then(|asset| api.facts().position(&asset));
    Stream {
        stream: stream.name.clone(),
        asset: position.map(|position| api.asset(&api.facts().assets[position], board)),
        sync: word(&stream.sync),
        key: stream.key.as_ref().map(|key| key.columns().to_vec()).unwrap_or_default(),
        cursor: stream.cursor.clone(),
        contract: word(&stream.contract),
    }
}
