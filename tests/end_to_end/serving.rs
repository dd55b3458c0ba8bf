//! Real-time scoring, its events, and the way back of every acknowledged prediction.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use millstream_tests::{Client, TestProject, python, root};
use serde_json::{Value, json};

fn infer(id: &str, title: &str) -> Value {
    json!({
        "id": id,
        "inputs": [
            {"name": "title", "shape": [1], "datatype": "BYTES", "data": [title]},
            {"name": "description", "shape": [1], "datatype": "BYTES", "data": ["A short text."]},
            {"name": "key", "shape": [1], "datatype": "BYTES", "data": [id]}
        ]
    })
}

#[test]
fn a_text_is_scored_by_both_protocols() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let server = project.serve();
    let mut client = server.client();
    assert_eq!(client.get("/v2/health/ready").unwrap().status, 200);
    let about = client.get("/v2/models/tagger").unwrap().json();
    assert_eq!(about["inputs"][0]["name"], "title", "{about}");

    let title = "Transfer learning with BERT for text classification";
    let answer = client.post("/v2/models/tagger/infer", &infer("one", title)).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
    let outputs = answer.json()["outputs"].clone();
    let label = outputs.as_array().and_then(|all| all.iter().find(|o| o["name"] == "label"));
    assert_eq!(label.expect("there is a label")["data"][0], "natural-language-processing");

    let records = json!({"dataframe_records": [{"title": title, "description": "A short text."}]});
    let answer = client.post("/models/tagger/invocations", &records).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);

    let wrong =
        json!({"inputs": [{"name": "title", "shape": [2], "datatype": "BYTES", "data": ["x"]}]});
    let answer = client.post("/v2/models/tagger/infer", &wrong).unwrap();
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(client.get("/v2/models/nobody").unwrap().status, 404);
}

#[test]
fn a_promoted_version_is_picked_up_without_a_failed_request() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    project.edit("training/tagger.yml", "seed: 7", "seed: 8");
    project.json(&["run"]);
    project.json(&["model", "promote", "tagger@1", "--reason", "start"]);
    let server = project.serve();
    let stop = Arc::new(AtomicBool::new(false));
    let address = server.address.clone();
    let stopped = Arc::clone(&stop);
    let (answered, first_answer) = std::sync::mpsc::channel();
    let asker = std::thread::spawn(move || {
        let mut client = Client::connect(&address).expect("the server listens");
        let mut versions = BTreeSet::new();
        while !stopped.load(Ordering::Relaxed) || versions.len() < 2 {
            let answer = client.post("/v2/models/tagger/infer", &infer("x", "A title")).unwrap();
            assert_eq!(answer.status, 200, "{}", answer.body);
            versions.insert(answer.json()["model_version"].to_string());
            // Nobody listens after the first.
            let _ = answered.send(());
        }
        versions
    });
    first_answer.recv().expect("no request failed");
    project.json(&["model", "promote", "tagger@2", "--reason", "a test"]);
    stop.store(true, Ordering::Relaxed);
    assert_eq!(asker.join().expect("no request failed").len(), 2);
}

/// 8 clients, the server killed and started again twice: every acknowledged prediction is found
/// exactly once in the analytical table.
#[test]
fn every_acknowledged_prediction_comes_back_once() {
    const REQUESTS: usize = 10_000;
    const CLIENTS: usize = 8;
    let project = TestProject::labeled();
    project.json(&["run"]);
    let server = Arc::new(Mutex::new(project.serve()));
    let next = Arc::new(AtomicUsize::new(0));
    let acknowledged = Arc::new(Mutex::new(BTreeSet::new()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (server, next) = (Arc::clone(&server), Arc::clone(&next));
            let acknowledged = Arc::clone(&acknowledged);
            std::thread::spawn(move || {
                let mut client = None;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= REQUESTS {
                        return;
                    }
                    let id = format!("request-{number}");
                    let body = infer(&id, "A title about graphs");
                    if client.is_none() {
                        let address = server.lock().expect("no test panicked").address.clone();
                        client = Client::connect(&address).ok();
                    }
                    let answer = client
                        .as_mut()
                        .and_then(|client| client.post("/v2/models/tagger/infer", &body).ok());
                    match answer {
                        Some(answer) if answer.status == 200 => {
                            acknowledged.lock().expect("no test panicked").insert(id);
                        }
                        _ => client = None,
                    }
                }
            })
        })
        .collect();
    for share in 1..=2 {
        while next.load(Ordering::Relaxed) < REQUESTS * share / 3 {
            std::thread::yield_now();
        }
        let mut server = server.lock().expect("no test panicked");
        server.kill();
        *server = project.serve();
    }
    for client in clients {
        client.join().expect("a client does not panic");
    }
    server.lock().expect("no test panicked").kill();
    project.json(&["run"]);
    let rows = project.query(
        "select key, count(*) as n from app.predictions where key like 'request-%' group by key",
    );
    assert!(rows.iter().all(|row| row["n"] == 1));
    let found: BTreeSet<String> =
        rows.iter().map(|row| row["key"].as_str().unwrap_or_default().to_owned()).collect();
    let acknowledged = acknowledged.lock().expect("no test panicked");
    assert!(acknowledged.len() > REQUESTS / 2, "{} were acknowledged", acknowledged.len());
    let missing: Vec<_> = acknowledged.difference(&found).take(5).collect();
    assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
}

#[test]
fn a_listener_for_others_needs_a_token() {
    let project = TestProject::labeled();
    let ran = project.output(&["serve", "--listen", "0.0.0.0:0"]).ended_with(1);
    assert!(ran.stderr.contains("server.unauthenticated_listener"), "{}", ran.stderr);
}

#[test]
fn https_with_a_token_serves_others() {
    let project = TestProject::labeled();
    project.json(&["run"]);
    let token = project.json(&["token", "new", "partner", "--scope", "score"]);
    let token = token["token"]["token"].as_str().expect("a token is a text").to_owned();
    let folder = project.path().display().to_string();
    https(&["make", &folder]);
    let file = |name: &str| format!("{folder}/{name}");
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let server = project.serve_with(&[
        "--listen",
        "0.0.0.0:0",
        "--tls-certificate",
        &chain,
        "--tls-key",
        &key,
    ]);
    let port = server.address.rsplit(':').next().expect("a port");
    let url = format!("https://localhost:{port}/v2/models/tagger/infer");
    let body = infer("one", "Transfer learning with BERT").to_string();
    let root = file("root.pem");
    assert_eq!(https(&["post", &url, &root, &token, &body]), "200");
    assert_eq!(https(&["post", &url, &root, "ms_wrong", &body]), "401");
}

/// Runs a verb of the Python client and gives what it prints.
fn https(arguments: &[&str]) -> String {
    let script = root().join("tests/end_to_end/https_client.py");
    let output =
        Command::new(python()).arg(script).args(arguments).output().expect("python starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
