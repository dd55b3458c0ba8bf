use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request as HttpRequest};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::model::Task;
use millstream_core::topic::Topic;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::DeploymentConfig;
use crate::fakes::{FakeCatalog, FakeModels, FakeTopic};

async fn invoke(
    topic: Option<&Arc<FakeTopic>>,
    content_type: &'static str,
    body: String,
) -> (u16, Value) {
    let config = DeploymentConfig {
        name: "front".to_owned(),
        model_reference: "tagger".to_owned(),
        record: topic.map(|topic| Arc::clone(topic) as Arc<dyn Topic>),
    };
    let (models, catalog) = (FakeModels::new(Task::Classification), FakeCatalog::champion(Some(2)));
    let clock = Clock::fixed(Timestamp::from_micros(0));
    let deployments = Deployments::new(vec![config], models, catalog, clock).unwrap();
    let request = HttpRequest::post("/models/front/invocations")
        .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
        .body(Body::from(body))
        .unwrap();
    let routes = crate::routes(&Arc::new(deployments)).into_iter();
    let app = routes.fold(Router::new(), |all, (_, router)| all.merge(router));
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn every_shape_gives_the_same_predictions() {
    for body in [
        json!({ "dataframe_split": {
            "columns": ["stars", "other", "title"], "index": [0, 1],
            "data": [[3, null, "a long one"], [3.0, 1, "it"]] } }),
        json!({ "dataframe_records": [
            { "title": "a long one", "stars": 3 }, { "title": "it", "stars": 3, "other": {} }] }),
        json!({ "instances": [{ "title": "a long one", "stars": 3 }, { "stars": 3, "title": "it" }] }),
        json!({ "instances": [["a long one", 3], ["it", 3]] }),
        json!({ "inputs": [["a long one", 3], ["it", 3]], "params": { "unknown": 1 } }),
        json!({ "inputs": { "title": ["a long one", "it"], "stars": [3, 3] } }),
        json!({ "inputs": { "title": [["a long one"], ["it"]], "stars": [[3], [3]] } }),
        json!({ "dataframe_records": [{ "title": "a long one", "stars": 1 }, { "stars": 3 }] }),
    ] {
        let (status, answer) = invoke(None, "application/json", body.to_string()).await;
        assert_eq!(status, 200, "{body}: {answer}");
        assert_eq!(answer, json!({ "predictions": ["long", "short"] }), "{body}");
    }
    let csv = "stars,title\n3,\"a long\n one\"\n 3 ,it\n".to_owned();
    let (status, answer) = invoke(None, "text/csv; charset=utf-8", csv).await;
    assert_eq!((status, answer), (200, json!({ "predictions": ["long", "short"] })));
}

#[tokio::test]
async fn a_key_column_is_recorded() {
    let topic = Arc::new(FakeTopic::default());
    let body = json!({ "dataframe_records": [{ "key": 7, "title": "it", "stars": 1 }] });
    invoke(Some(&topic), "application/json", body.to_string()).await;
    assert_eq!(topic.events()[0]["key"], "7");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_as_mlflow_does() {
    for (status, code, content_type, body) in [
        (400, "deploy.request_malformed", "application/json", "{}"),
        (400, "deploy.request_malformed", "application/json", "[1]"),
        (400, "deploy.request_malformed", "application/json", "{"),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":[],"instances":[]}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":[],"params":1}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":[]}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":1}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":[["a"]]}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"inputs":[["a",1],{}]}"#),
        (400, "deploy.request_malformed", "application/json", r#"{"dataframe_split":{"data":[]}}"#),
        (400, "deploy.input_missing", "application/json", r#"{"inputs":{"title":"a"}}"#),
        (
            400,
            "deploy.input_shape",
            "application/json",
            r#"{"inputs":{"title":"a","stars":[1,2]}}"#,
        ),
        (400, "deploy.input_type", "application/json", r#"{"inputs":{"title":"a","stars":"b"}}"#),
        (
            400,
            "deploy.input_type",
            "application/json",
            r#"{"inputs":{"title":"a","stars":[[1,2]]}}"#,
        ),
        (400, "deploy.input_type", "text/csv", "title,stars\na,b\n"),
        (400, "deploy.request_malformed", "text/csv", "title,stars\na\n"),
        (400, "deploy.request_malformed", "text/csv", "title,stars\n"),
        (415, "deploy.content_type", "text/plain", "x"),
    ] {
        let (found, answer) = invoke(None, content_type, body.to_owned()).await;
        assert_eq!((found, &answer["code"]), (status, &json!(code)), "{body}: {answer}");
        assert_eq!(answer["error_code"], "BAD_REQUEST");
        assert!(answer["message"].is_string());
    }
}
