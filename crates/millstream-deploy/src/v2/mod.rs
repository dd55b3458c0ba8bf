//! The Open Inference Protocol, version 2, over REST, with binary tensors.
//!
//! Inputs are tensors of shape `[n]` or `[n, 1]`, named as in the training; outputs are `label`
//! and `scores`. The optional input `key` says what each row is, for the record.

mod metadata;
mod request;
mod response;
mod tensor;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::error::DeployError;
use crate::http::{Refusal, read_body};
use crate::realtime::Deployments;
use request::InferRequest;

type Shared = State<Arc<Deployments>>;
type Answered = Result<Response, Refusal>;

/// The routes about models and for inference.
pub(crate) fn router() -> Router<Arc<Deployments>> {
    Router::new()
        .route("/v2", get(metadata::server))
        .route("/v2/", get(metadata::server))
        .route("/v2/models/{model}", get(about_model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(about_version))
        .route("/v2/models/{model}/versions/{version}/ready", get(version_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer_version))
}

/// The routes that say whether the server lives and is ready.
pub(crate) fn health_router() -> Router<Arc<Deployments>> {
    Router::new()
        .route("/v2/health/live", get(metadata::live))
        .route("/v2/health/ready", get(metadata::ready))
}

async fn about_model(State(deployments): Shared, Path(model): Path<String>) -> Answered {
    metadata::model(&deployments, &model, None).await
}

async fn about_version(
    State(deployments): Shared,
    Path((model, version)): Path<(String, String)>,
) -> Answered {
    metadata::model(&deployments, &model, Some(&version)).await
}

async fn model_ready(State(deployments): Shared, Path(model): Path<String>) -> Answered {
    metadata::model_ready(&deployments, &model, None).await
}

async fn version_ready(
    State(deployments): Shared,
    Path((model, version)): Path<(String, String)>,
) -> Answered {
    metadata::model_ready(&deployments, &model, Some(&version)).await
}

async fn infer(
    State(deployments): Shared,
    Path(model): Path<String>,
    request: Request,
) -> Answered {
    Ok(answer(&deployments, &model, None, request).await?)
}

async fn infer_version(
    State(deployments): Shared,
    Path((model, version)): Path<(String, String)>,
    request: Request,
) -> Answered {
    Ok(answer(&deployments, &model, Some(&version), request).await?)
}

async fn answer(
    deployments: &Deployments,
    model: &str,
    version: Option<&str>,
    request: Request,
) -> Result<Response, DeployError> {
    let deployment = deployments.get(model)?;
    let json_bytes = request::json_bytes(request.headers())?;
    let body = read_body(request).await?;
    let request = InferRequest::parse(&body, json_bytes)?;
    let scorer = deployment.scorer(version).await?;
    let (rows, wanted) = request.into_rows(scorer.signature())?;
    let answer = deployment.answer(&scorer, &rows).await?;
    Ok(response::write(deployment.name(), &*scorer, &rows, &answer, &wanted).into_response())
}

#[cfg(test)]
mod tests;
