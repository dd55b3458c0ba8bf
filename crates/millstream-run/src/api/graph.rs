//! The graph of all assets, placed once for each project, and their states in one letter each.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use millstream_core::ContentHash;
use millstream_project::Project;
use schemars::JsonSchema;
use serde::Serialize;

use super::board::AssetState;
use super::error::word;
use super::facts::{Facts, is_forward};
use super::layout::{NODE_HEIGHT, NODE_WIDTH, layout};
use super::{Answer, Api};

/// What the project says of assets, and where they stand in the graph.
#[derive(Debug)]
pub(super) struct GraphCache {
    pub(super) facts: Facts,
    plan: String,
    body: axum::body::Bytes,
}

/// All assets and edges. Position i of each list is node or edge i.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AssetGraph {
    /// Hash of all that decides the graph.
    plan: String,
    width: u32,
    height: u32,
    node_width: u32,
    node_height: u32,
    nodes: GraphNodes,
    edges: GraphEdges,
}

/// The nodes, in columns.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct GraphNodes {
    key: Vec<String>,
    kind: Vec<String>,
    /// The kind of step that makes it.
    step: Vec<Option<String>>,
    /// The schema of a table; else the kind.
    group: Vec<String>,
    x: Vec<u32>,
    y: Vec<u32>,
    rank: Vec<u32>,
}

/// The edges, in columns.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct GraphEdges {
    from: Vec<usize>,
    to: Vec<usize>,
    /// `data`, `feedback`, `after` or `basis`.
    edge: Vec<String>,
}

/// The states of all nodes of the graph.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct GraphStates {
    /// The graph whose nodes are meant.
    plan: String,
    /// The number of the latest event that is in it.
    sequence: u64,
    /// One letter for each node: `c`urrent, `f`ailing, `b`locked, `l`ate, `r`unning, `.` never
    /// made.
    states: String,
}

impl GraphCache {
    /// Gathers and places the assets of a project.
    pub(super) fn new(project: &Project) -> Self {
        let facts = Facts::of(project);
        let graph = placed(project, &facts);
        let plan = graph.plan.clone();
        let body = serde_json::to_vec(&graph).unwrap_or_default().into();
        Self { facts, plan, body }
    }
}

/// All assets and edges, with where they stand when they are drawn from left to right.
pub(super) async fn graph(State(api): State<Api>, headers: HeaderMap) -> Response {
    let tag = format!("\"{}\"", api.graph.plan);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known == Some(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let kind = [(header::CONTENT_TYPE, "application/json")];
        (kind, api.graph.body.clone()).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.extend(HeaderValue::from_str(&tag).ok().map(|tag| (header::ETAG, tag)));
    response
}

/// How the nodes of the graph stand.
pub(super) async fn states(State(api): State<Api>) -> Answer<GraphStates> {
    api.reading(|api| {
        let (board, now) = (api.board()?, api.config.clock.now());
        let letter = |fact| match board.state(fact, now) {
            _ if board.is_running(fact) => 'r',
            AssetState::Current => 'c',
            AssetState::NeverMade => '.',
            AssetState::Late => 'l',
            AssetState::Failing => 'f',
            AssetState::Blocked => 'b',
        };
        Ok(GraphStates {
            plan: api.graph.plan.clone(),
            sequence: board.sequence,
            states: api.facts().assets.iter().map(letter).collect(),
        })
    })
    .await
}

fn placed(project: &Project, facts: &Facts) -> AssetGraph {
    let forward: Vec<(usize, usize)> = facts
        .links
        .iter()
        .filter(|link| is_forward(&project.graph, facts, **link))
        .map(|link| (link.from, link.to))
        .collect();
    let layout = layout(facts.assets.len(), &forward);
    let mut nodes =
        GraphNodes { x: layout.x, y: layout.y, rank: layout.ranks, ..Default::default() };
    for fact in &facts.assets {
        nodes.key.push(fact.key.to_string());
        nodes.kind.push(fact.key.kind.word().to_owned());
        nodes.step.push(fact.step.map(|step| step.word().to_owned()));
        nodes.group.push(fact.group());
    }
    let mut edges = GraphEdges::default();
    for link in &facts.links {
        edges.from.push(link.from);
        edges.to.push(link.to);
        edges.edge.push(word(&link.edge));
    }
    let parts = nodes.key.iter().cloned().chain(
        edges
            .from
            .iter()
            .zip(&edges.to)
            .zip(&edges.edge)
            .map(|((from, to), edge)| format!("{from} {to} {edge}")),
    );
    AssetGraph {
        plan: ContentHash::of_parts(parts).to_string(),
        width: layout.width,
        height: layout.height,
        node_width: NODE_WIDTH,
        node_height: NODE_HEIGHT,
        nodes,
        edges,
    }
}
