//! The Open Inference Protocol, version 2, over REST, with binary tensors.
//!
//! Inputs are tensors of shape `[n]` or `[n, 1]`, named as in the training; outputs are `label`
//! and `scores`. The optional input `key` says what each row is, for the record.

mod description;
mod metadata;
mod request;
mod response;
mod tensor;

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use millstream_guard::{Operation, Scope};

use crate::error::DeployError;
use crate::http::{Refusal, Route, read_body};
use crate::realtime::Deployments;
use description::{InferAnswer, Packed};
use metadata::{Live, ModelMetadata, ModelReady, Ready, ServerMetadata};
use request::{InferRequest, JSON_BYTES_HEADER, JsonRequest};

type Shared = State<Arc<Deployments>>;
type Answered = Result<Response, Refusal>;

/// The routes about the server, about models, and for inference.
pub(crate) fn routes() -> Vec<Route> {
    let about = |path| {
        let text = "What the server is, and which extensions of the protocol it speaks.";
        (of_scorers(path, text).gives::<ServerMetadata>(200), get(metadata::server))
    };
    let mut all = vec![about("/v2"), about("/v2/")];
    all.extend(of_health());
    all.extend(of_models());
    all.extend(of_versions());
    all
}

fn of_scorers(path: &'static str, about: &'static str) -> Operation {
    Operation::get(path, Scope::Score, about).of_group("inference")
}

fn of_health() -> [Route; 2] {
    let open = |path, about| Operation::get(path, None, about).of_group("inference");
    [
        (
            open("/v2/health/live", "Whether the server lives.").gives::<Live>(200),
            get(metadata::live),
        ),
        (
            open("/v2/health/ready", "Whether every deployment can answer.")
                .gives::<Ready>(200)
                .gives::<Ready>(503),
            get(metadata::ready),
        ),
    ]
}

fn of_models() -> [Route; 3] {
    [
        (
            of_scorers("/v2/models/{model}", "What a deployment takes and gives.")
                .gives::<ModelMetadata>(200),
            get(about_model),
        ),
        (
            of_scorers("/v2/models/{model}/ready", "Whether a deployment can answer.")
                .gives::<ModelReady>(200),
            get(model_ready),
        ),
        (
            inference(
                "/v2/models/{model}/infer",
                "Predictions of the version that the deployment serves now.",
            ),
            post(infer),
        ),
    ]
}

fn of_versions() -> [Route; 3] {
    [
        (
            of_scorers(
                "/v2/models/{model}/versions/{version}",
                "What a version of a deployment takes and gives.",
            )
            .gives::<ModelMetadata>(200),
            get(about_version),
        ),
        (
            of_scorers(
                "/v2/models/{model}/versions/{version}/ready",
                "Whether a version of a deployment can answer.",
            )
            .gives::<ModelReady>(200),
            get(version_ready),
        ),
        (
            inference("/v2/models/{model}/versions/{version}/infer", "Predictions of a version."),
            post(infer_version),
        ),
    ]
}

fn inference(path: &'static str, about: &'static str) -> Operation {
    Operation::post(path, Scope::Score, about)
        .of_group("inference")
        .header(
            JSON_BYTES_HEADER,
            "How many bytes of the body are JSON; tensors that are packed follow.",
        )
        .takes::<JsonRequest<'static>>()
        .takes_as::<Packed>("application/octet-stream")
        .gives::<InferAnswer>(200)
        .gives_as::<Packed>(200, "application/octet-stream")
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
