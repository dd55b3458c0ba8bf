//! The formats of MLflow's scoring server, for each deployment under `/models/{name}`.

mod description;
mod frame;

use std::sync::Arc;

use arrow::array::Array;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use millstream_core::Coded as _;
use millstream_guard::{Operation, Scope};
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::error::DeployError;
use crate::event::Label;
use crate::http::{Route, check_encoding, read_body, with_code};
use crate::realtime::{Answer, Deployments};
use description::{Csv, Predictions, TableAsked};
use frame::Frame;

type Shared = State<Arc<Deployments>>;

/// The routes for predictions, and those that say whether the server is ready.
pub(crate) fn routes() -> Vec<Route> {
    let scorers = |path, about| Operation::get(path, Scope::Score, about).of_group("mlflow");
    let ready_of = |path| {
        (scorers(path, "Whether a deployment can answer.").gives_nothing(200), get(model_ping))
    };
    let ready = |path| {
        let operation = Operation::get(path, None, "Whether every deployment can answer.");
        (operation.of_group("mlflow").gives_nothing(200), get(ping))
    };
    let versioned = |path| {
        (scorers(path, "The version of the server.").gives_as::<String>(200, TEXT), get(version))
    };
    let predictions = Operation::post(
        "/models/{name}/invocations",
        Scope::Score,
        "Predictions of the version that the deployment serves now.",
    );
    vec![
        (
            predictions
                .of_group("mlflow")
                .takes::<TableAsked>()
                .takes_as::<Csv>("text/csv")
                .gives::<Predictions>(200),
            post(invocations),
        ),
        ready_of("/models/{name}/ping"),
        ready_of("/models/{name}/health"),
        ready("/ping"),
        ready("/health"),
        versioned("/models/{name}/version"),
        versioned("/version"),
    ]
}

const TEXT: &str = "text/plain; charset=utf-8";

async fn invocations(
    State(deployments): Shared,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, MlflowRefusal> {
    let deployment = deployments.get(&name)?;
    let format = Format::of(request.headers())?;
    let body = read_body(request).await?;
    let frame = match format {
        Format::Json => Frame::parse_json(&body)?,
        Format::Csv => Frame::parse_csv(&body)?,
    };
    let scorer = deployment.scorer(None).await?;
    let rows = frame.into_rows(scorer.signature())?;
    let answer = deployment.answer(&scorer, &rows).await?;
    Ok(Json(Reply { predictions: Labels(&answer) }).into_response())
}

/// What the body is written in.
enum Format {
    Json,
    Csv,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, DeployError> {
        check_encoding(headers)?;
        let value = headers.get(header::CONTENT_TYPE).map(|value| value.to_str());
        let value = value.transpose().ok().flatten().unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default().trim();
        match kind.to_ascii_lowercase().as_str() {
            "application/json" => Ok(Self::Json),
            "text/csv" => Ok(Self::Csv),
            _ => Err(DeployError::ContentType(value.to_owned())),
        }
    }
}

#[derive(Serialize)]
struct Reply<'a> {
    predictions: Labels<'a>,
}

struct Labels<'a>(&'a Answer);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let labels = &self.0.predictions.labels;
        serializer.collect_seq((0..labels.len()).map(|row| Label::of(labels, row)))
    }
}

/// As MLflow's server: an empty answer, and the status says it.
async fn ping(State(deployments): Shared) -> StatusCode {
    deployments.refresh().await;
    if deployments.are_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn model_ping(
    State(deployments): Shared,
    Path(name): Path<String>,
) -> Result<StatusCode, MlflowRefusal> {
    deployments.get(&name)?.scorer(None).await?;
    Ok(StatusCode::OK)
}

async fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// An error as MLflow writes it: `{"error_code", "message"}`; code and hint beside.
struct MlflowRefusal(DeployError);

impl From<DeployError> for MlflowRefusal {
    fn from(error: DeployError) -> Self {
        Self(error)
    }
}

impl IntoResponse for MlflowRefusal {
    fn into_response(self) -> Response {
        let error = self.0;
        let status = error.status();
        let error_code = match status {
            StatusCode::NOT_FOUND => "RESOURCE_DOES_NOT_EXIST",
            StatusCode::SERVICE_UNAVAILABLE => "TEMPORARILY_UNAVAILABLE",
            status if status.is_client_error() => "BAD_REQUEST",
            _ => "INTERNAL_ERROR",
        };
        let body = json!({
            "error_code": error_code,
            "message": error.to_string(),
            "code": error.code(),
            "hint": error.hint(),
        });
        with_code(&error, (status, Json(body)).into_response())
    }
}

#[cfg(test)]
mod tests;
