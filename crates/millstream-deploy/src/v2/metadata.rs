//! What the protocol says about the server and its models.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millstream_core::model::{InputType, Scorer, Task};
use schemars::JsonSchema;
use serde::Serialize;

use super::tensor::Datatype;
use super::{Answered, Shared};
use crate::realtime::Deployments;

/// What the server is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServerMetadata {
    name: &'static str,
    version: &'static str,
    extensions: Vec<&'static str>,
}

/// Whether the server lives.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Live {
    live: bool,
}

/// Whether the server can answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Ready {
    ready: bool,
}

/// Whether a deployment can answer.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelReady {
    name: String,
    ready: bool,
}

/// What a deployment takes and gives.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ModelMetadata {
    /// The deployment.
    name: String,
    /// The version that answers.
    versions: Vec<String>,
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// A tensor of a request or an answer.
#[derive(Debug, Serialize, JsonSchema)]
struct TensorMetadata {
    name: String,
    datatype: Datatype,
    /// -1 stands for the number of rows.
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<LabelsOfScores>,
}

/// What the columns of scores mean.
#[derive(Debug, Serialize, JsonSchema)]
struct LabelsOfScores {
    labels: Vec<String>,
}

/// As many as there are rows.
const ROWS: i64 = -1;

pub(super) async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: "millstream",
        version: env!("CARGO_PKG_VERSION"),
        extensions: vec!["binary_tensor_data"],
    })
}

pub(super) async fn live() -> Json<Live> {
    Json(Live { live: true })
}

pub(super) async fn ready(State(deployments): Shared) -> Response {
    // A version that was promoted since then counts from here on.
    deployments.refresh().await;
    let ready = deployments.are_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Ready { ready })).into_response()
}

pub(super) async fn model_ready(
    deployments: &Deployments,
    name: &str,
    version: Option<&str>,
) -> Answered {
    deployments.get(name)?.scorer(version).await?;
    Ok(Json(ModelReady { name: name.to_owned(), ready: true }).into_response())
}

pub(super) async fn model(
    deployments: &Deployments,
    name: &str,
    version: Option<&str>,
) -> Answered {
    let scorer = deployments.get(name)?.scorer(version).await?;
    let inputs = scorer.signature().inputs.iter().map(|input| {
        let datatype = match input.r#type {
            InputType::Text | InputType::Category => Datatype::Bytes,
            InputType::Number => Datatype::Fp64,
        };
        TensorMetadata::of_rows(&input.name, datatype)
    });
    let metadata = ModelMetadata {
        name: name.to_owned(),
        versions: vec![scorer.version().to_string()],
        platform: "millstream",
        inputs: inputs.collect(),
        outputs: outputs(&*scorer),
    };
    Ok(Json(metadata).into_response())
}

fn outputs(scorer: &dyn Scorer) -> Vec<TensorMetadata> {
    let label = |datatype| TensorMetadata::of_rows("label", datatype);
    let labels = &scorer.signature().labels;
    match scorer.signature().task {
        Task::Regression => vec![label(Datatype::Fp64)],
        Task::Classification => {
            let columns = i64::try_from(labels.len()).unwrap_or(ROWS);
            let scores = TensorMetadata {
                shape: vec![ROWS, columns],
                parameters: Some(LabelsOfScores { labels: labels.clone() }),
                ..TensorMetadata::of_rows("scores", Datatype::Fp64)
            };
            vec![label(Datatype::Bytes), scores]
        }
    }
}

impl TensorMetadata {
    /// One value a row.
    fn of_rows(name: &str, datatype: Datatype) -> Self {
        Self { name: name.to_owned(), datatype, shape: vec![ROWS], parameters: None }
    }
}
