//! What the protocol says about the server and its models.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use millstream_core::model::{InputType, Scorer, Task};
use serde_json::{Value, json};

use super::{Answered, Shared};
use crate::realtime::Deployments;

pub(super) async fn server() -> Json<Value> {
    Json(json!({
        "name": "millstream",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data"],
    }))
}

pub(super) async fn live() -> Json<Value> {
    Json(json!({ "live": true }))
}

pub(super) async fn ready(State(deployments): Shared) -> Response {
    // A version that was promoted since then counts from here on.
    let deployments: Arc<Deployments> = deployments;
    deployments.refresh().await;
    let ready = deployments.are_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready }))).into_response()
}

pub(super) async fn model_ready(
    deployments: &Deployments,
    name: &str,
    version: Option<&str>,
) -> Answered {
    deployments.get(name)?.scorer(version).await?;
    Ok(Json(json!({ "name": name, "ready": true })).into_response())
}

pub(super) async fn model(
    deployments: &Deployments,
    name: &str,
    version: Option<&str>,
) -> Answered {
    let scorer = deployments.get(name)?.scorer(version).await?;
    let inputs = scorer.signature().inputs.iter().map(|input| {
        let datatype = match input.r#type {
            InputType::Text | InputType::Category => "BYTES",
            InputType::Number => "FP64",
        };
        json!({ "name": input.name, "datatype": datatype, "shape": [-1] })
    });
    Ok(Json(json!({
        "name": name,
        "versions": [scorer.version().to_string()],
        "platform": "millstream",
        "inputs": inputs.collect::<Vec<_>>(),
        "outputs": outputs(&*scorer),
    }))
    .into_response())
}

fn outputs(scorer: &dyn Scorer) -> Value {
    let labels = &scorer.signature().labels;
    match scorer.signature().task {
        Task::Regression => json!([{ "name": "label", "datatype": "FP64", "shape": [-1] }]),
        Task::Classification => json!([
            { "name": "label", "datatype": "BYTES", "shape": [-1] },
            {
                "name": "scores",
                "datatype": "FP64",
                "shape": [-1, labels.len()],
                "parameters": { "labels": labels },
            },
        ]),
    }
}
