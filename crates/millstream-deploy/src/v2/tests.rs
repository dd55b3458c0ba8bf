use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request as HttpRequest, StatusCode};
use millstream_core::clock::{Clock, Timestamp};
use millstream_core::model::Task;
use millstream_core::topic::Topic;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::DeploymentConfig;
use crate::fakes::{FakeCatalog, FakeModels, FakeTopic};

fn app(task: Task, topic: Option<&Arc<FakeTopic>>) -> Router {
    let config = DeploymentConfig {
        name: "front".to_owned(),
        model_reference: "tagger".to_owned(),
        record: topic.map(|topic| Arc::clone(topic) as Arc<dyn Topic>),
    };
    let (models, catalog) = (FakeModels::new(task), FakeCatalog::champion(Some(2)));
    let clock = Clock::fixed(Timestamp::from_micros(0));
    let deployments = Deployments::new(vec![config], models, catalog, clock).unwrap();
    let deployments = Arc::new(deployments);
    all_of(crate::routes(&deployments))
}

fn all_of(routes: Vec<(Operation, Router)>) -> Router {
    routes.into_iter().fold(Router::new(), |all, (_, router)| all.merge(router))
}

async fn send(app: Router, request: HttpRequest<Body>) -> (StatusCode, Response) {
    let response = app.oneshot(request).await.unwrap();
    (response.status(), response)
}

async fn json_of(response: Response) -> Value {
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

async fn get_json(app: Router, path: &str) -> (StatusCode, Value) {
    let (status, response) = send(app, HttpRequest::get(path).body(Body::empty()).unwrap()).await;
    (status, json_of(response).await)
}

async fn infer_json(task: Task, body: &Value) -> (StatusCode, Value) {
    let request = HttpRequest::post("/v2/models/front/infer").body(body.to_string().into());
    let (status, response) = send(app(task, None), request.unwrap()).await;
    (status, json_of(response).await)
}

fn tensor(name: &str, datatype: &str, shape: &Value, data: &Value) -> Value {
    json!({ "name": name, "datatype": datatype, "shape": shape, "data": data })
}

fn titles() -> Value {
    tensor("title", "BYTES", &json!([2]), &json!(["a long one", "it"]))
}

fn stars() -> Value {
    tensor("stars", "FP64", &json!([2, 1]), &json!([[3.0], [3]]))
}

#[tokio::test]
async fn a_classification_answers_labels_and_scores() {
    let body = json!({ "id": "r1", "inputs": [stars(), titles()] });
    let (status, answer) = infer_json(Task::Classification, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer,
        json!({
            "model_name": "front", "model_version": "2", "id": "r1",
            "outputs": [
                { "name": "label", "datatype": "BYTES", "shape": [2], "data": ["long", "short"] },
                { "name": "scores", "datatype": "FP64", "shape": [2, 2],
                  "data": [0.75, 0.25, 0.25, 0.75] },
            ],
        })
    );
}

#[tokio::test]
async fn a_regression_answers_a_number() {
    let (status, answer) =
        infer_json(Task::Regression, &json!({ "inputs": [titles(), stars()] })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(
        answer["outputs"],
        json!([{ "name": "label", "datatype": "FP64", "shape": [2], "data": [7.0, -1.0] }])
    );
}

#[tokio::test]
async fn outputs_are_chosen_and_packed() {
    let texts: Vec<u8> = ["a long one", "it"]
        .iter()
        .flat_map(|text| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat())
        .collect();
    let numbers: Vec<u8> = [3_i32, 3].iter().flat_map(|n| n.to_le_bytes()).collect();
    let header = json!({
        "inputs": [
            { "name": "title", "datatype": "BYTES", "shape": [2, 1],
              "parameters": { "binary_data_size": texts.len() } },
            { "name": "stars", "datatype": "INT32", "shape": [2],
              "parameters": { "binary_data_size": numbers.len() } },
        ],
        "outputs": [
            { "name": "scores", "parameters": { "binary_data": true } },
            { "name": "label" },
        ],
    })
    .to_string();
    let length = header.len();
    let body = [header.into_bytes(), texts, numbers].concat();
    let request = HttpRequest::post("/v2/models/front/versions/5/infer")
        .header(request::JSON_BYTES_HEADER, length)
        .body(body.into())
        .unwrap();
    let (status, response) = send(app(Task::Classification, None), request).await;
    assert_eq!(status, StatusCode::OK);
    let json_bytes = response.headers()[request::JSON_BYTES_HEADER].to_str().unwrap();
    let json_bytes: usize = json_bytes.parse().unwrap();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let answer: Value = serde_json::from_slice(&body[..json_bytes]).unwrap();
    assert_eq!(answer["model_version"], "5");
    assert_eq!(answer["outputs"][0]["parameters"]["binary_data_size"], 32);
    assert_eq!(answer["outputs"][1]["data"], json!(["long", "short"]));
    let scores = body[json_bytes..].as_chunks::<8>().0.iter().map(|c| f64::from_le_bytes(*c));
    assert_eq!(scores.collect::<Vec<_>>(), [0.75, 0.25, 0.25, 0.75]);
}

#[tokio::test]
async fn keys_and_ids_are_recorded() {
    let topic = Arc::new(FakeTopic::default());
    let body = json!({
        "id": "r7",
        "inputs": [
            tensor("key", "INT64", &json!([1]), &json!([42])),
            tensor("title", "BYTES", &json!([1]), &json!(["x"])),
            tensor("stars", "FP64", &json!([1]), &json!([null])),
        ],
        "outputs": [{ "name": "event_id" }],
    });
    let request = HttpRequest::post("/v2/models/front/infer").body(body.to_string().into());
    let app = app(Task::Classification, Some(&topic));
    let (_, response) = send(app, request.unwrap()).await;
    let answer = json_of(response).await;
    assert_eq!(answer["outputs"][0]["data"], json!(["r7"]));
    assert_eq!(answer["parameters"]["event_id"], "r7");
    let event = &topic.events()[0];
    assert_eq!((&event["key"], &event["event_id"]), (&json!("42"), &json!("r7")));
    assert_eq!(event["input"], json!({ "title": "x", "stars": null }));
}

#[tokio::test]
async fn what_does_not_fit_is_a_coded_error() {
    let one = |name, datatype, shape: Value, data: Value| tensor(name, datatype, &shape, &data);
    for (code, inputs) in [
        ("deploy.input_missing", json!([titles()])),
        (
            "deploy.input_unknown",
            json!([titles(), stars(), one("x", "FP64", json!([2]), json!([1, 2]))]),
        ),
        (
            "deploy.input_type",
            json!([titles(), one("stars", "BYTES", json!([2]), json!(["1", "2"]))]),
        ),
        (
            "deploy.input_type",
            json!([titles(), one("stars", "FP64", json!([2]), json!(["1", "2"]))]),
        ),
        ("deploy.input_type", json!([titles(), one("stars", "FP8", json!([2]), json!([1, 2]))])),
        ("deploy.input_type", json!([one("title", "FP64", json!([2]), json!([1, 2])), stars()])),
        ("deploy.input_type", json!([titles(), one("stars", "INT8", json!([2]), json!([1.5, 2]))])),
        ("deploy.input_shape", json!([titles(), one("stars", "FP64", json!([3]), json!([1, 2]))])),
        (
            "deploy.input_shape",
            json!([titles(), one("stars", "FP64", json!([1, 2]), json!([1, 2]))]),
        ),
        ("deploy.input_shape", json!([titles(), one("stars", "FP64", json!([1]), json!([1]))])),
        (
            "deploy.input_shape",
            json!([titles(), { "name": "stars", "datatype": "FP64", "shape": [2] }]),
        ),
        ("deploy.request_malformed", json!([titles(), stars(), stars()])),
        (
            "deploy.request_malformed",
            json!([titles(), one("stars", "FP64", json!([2]), json!([[[1]], 2]))]),
        ),
        ("deploy.request_malformed", json!({})),
    ] {
        let (status, answer) = infer_json(Task::Classification, &json!({ "inputs": inputs })).await;
        assert_eq!(answer["code"], code, "{inputs}: {answer}");
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert!(answer["error"].is_string());
    }
}

#[tokio::test]
async fn wrong_outputs_routes_and_bodies_are_refused() {
    let body = json!({ "inputs": [titles(), stars()], "outputs": [{ "name": "x" }] });
    let (status, answer) = infer_json(Task::Classification, &body).await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("deploy.output_unknown")));
    let app = || app(Task::Classification, None);
    let post = |path: &str, name: &'static str, value: &'static str, body: Vec<u8>| {
        HttpRequest::post(path).header(name, value).body(Body::from(body)).unwrap()
    };
    let path = "/v2/models/front/infer";
    for (status, code, request) in [
        (404, "deploy.unknown", post("/v2/models/back/infer", "x", "y", Vec::new())),
        (
            404,
            "deploy.version_unknown",
            post("/v2/models/front/versions/9/infer", "x", "y", body.to_string().into()),
        ),
        (400, "deploy.request_malformed", post(path, "x", "y", b"{".to_vec())),
        (
            400,
            "deploy.request_malformed",
            post(path, "inference-header-content-length", "9", Vec::new()),
        ),
        (
            400,
            "deploy.request_malformed",
            post(path, "inference-header-content-length", "x", Vec::new()),
        ),
        (415, "deploy.content_type", post(path, "content-encoding", "gzip", Vec::new())),
        (413, "deploy.body_too_large", post(path, "x", "y", vec![b' '; 17 * 1024 * 1024])),
    ] {
        let (found, response) = send(app(), request).await;
        assert_eq!(response.headers()["millstream-error-code"], code);
        assert_eq!(found.as_u16(), status, "{code}");
    }
}

#[tokio::test]
async fn cut_off_binary_tensors_are_refused() {
    for (datatype, size, packed) in [
        ("BYTES", 6, &[9, 0, 0, 0, b'a', b'b'][..]),
        ("BYTES", 2, &[1, 0][..]),
        ("BYTES", 5, &[1, 0, 0, 0, 0xff][..]),
        ("BYTES", 99, &[1, 0, 0, 0, b'a'][..]),
        ("BYTES", usize::MAX, &[1, 0, 0, 0, b'a'][..]),
        ("BYTES", 5, &[1, 0, 0, 0, b'a', b'b'][..]),
        ("INT64", 5, &[1, 0, 0, 0, 0][..]),
    ] {
        let header = json!({ "inputs": [{
            "name": "title", "datatype": datatype, "shape": [1],
            "parameters": { "binary_data_size": size },
        }] })
        .to_string();
        let request = HttpRequest::post("/v2/models/front/infer")
            .header(request::JSON_BYTES_HEADER, header.len())
            .body(Body::from([header.as_bytes(), packed].concat()))
            .unwrap();
        let (status, response) = send(app(Task::Classification, None), request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{size} {packed:?}");
        let code = json_of(response).await["code"].clone();
        assert!(code == "deploy.input_shape" || code == "deploy.request_malformed", "{code}");
    }
}

#[tokio::test]
async fn metadata_and_health_are_told() {
    let app = || app(Task::Classification, None);
    assert_eq!(get_json(app(), "/v2").await.1["name"], "millstream");
    assert_eq!(get_json(app(), "/v2/health/live").await.1, json!({ "live": true }));
    let (status, ready) = get_json(app(), "/v2/health/ready").await;
    assert_eq!((status, ready), (StatusCode::OK, json!({ "ready": true })));
    let (_, ready) = get_json(app(), "/v2/models/front/versions/3/ready").await;
    assert_eq!(ready, json!({ "name": "front", "ready": true }));
    assert_eq!(get_json(app(), "/v2/models/back/ready").await.0, StatusCode::NOT_FOUND);
    let (_, model) = get_json(app(), "/v2/models/front").await;
    assert_eq!(
        model,
        json!({
            "name": "front", "versions": ["2"], "platform": "millstream",
            "inputs": [
                { "name": "title", "datatype": "BYTES", "shape": [-1] },
                { "name": "stars", "datatype": "FP64", "shape": [-1] },
            ],
            "outputs": [
                { "name": "label", "datatype": "BYTES", "shape": [-1] },
                { "name": "scores", "datatype": "FP64", "shape": [-1, 2],
                  "parameters": { "labels": ["long", "short"] } },
            ],
        })
    );
}

#[tokio::test]
async fn what_is_described_as_an_object_is_one() {
    let inputs = json!([titles(), stars()]);
    let (status, _) = infer_json(Task::Classification, &json!({ "inputs": inputs })).await;
    assert_eq!(status, StatusCode::OK);
    let tensor = json!(["title", "BYTES", [2], {}, ["a long one", "it"]]);
    for body in [
        json!([null, {}, inputs, null]),
        json!({ "inputs": inputs, "parameters": [] }),
        json!({ "inputs": [tensor, stars()] }),
        json!({ "inputs": inputs, "outputs": [["label", {}]] }),
    ] {
        let (status, answer) = infer_json(Task::Classification, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {answer}");
        assert_eq!(answer["message"], answer["error"]);
    }
}
