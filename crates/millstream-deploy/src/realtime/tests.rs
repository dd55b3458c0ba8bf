use std::sync::atomic::Ordering;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use millstream_core::clock::Timestamp;
use millstream_core::error::Coded;
use millstream_core::model::Task;

use super::*;
use crate::fakes::{FakeCatalog, FakeModels, FakeTopic};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn deployments(catalog: &Arc<FakeCatalog>, topic: Option<&Arc<FakeTopic>>) -> Arc<Deployments> {
    let config = DeploymentConfig {
        name: "front".to_owned(),
        model_reference: "tagger@champion".to_owned(),
        record: topic.map(|topic| Arc::clone(topic) as Arc<dyn Topic>),
    };
    let models = FakeModels::new(Task::Classification);
    let catalog = Arc::clone(catalog) as Arc<dyn Catalog>;
    Arc::new(Deployments::new(vec![config], models, catalog, Clock::fixed(NOW)).unwrap())
}

fn rows(scorer: &dyn Scorer, titles: &[&str], keys: Option<&[&str]>, id: Option<&str>) -> Rows {
    let inputs: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(titles)),
        Arc::new(titles.iter().map(|_| Some(3.0)).collect::<Float64Array>()),
    ];
    let keys = keys.map(StringArray::from_iter_values);
    Rows::new(scorer.signature(), inputs, keys, id.map(str::to_owned)).unwrap()
}

#[tokio::test]
async fn an_answer_is_recorded_before_it_is_given() {
    let topic = Arc::new(FakeTopic::default());
    let deployments = deployments(&FakeCatalog::champion(Some(2)), Some(&topic));
    let deployment = deployments.get("front").unwrap();
    let scorer = deployment.scorer(None).await.unwrap();
    let rows = rows(&*scorer, &["a long one", "it"], Some(&["p1", "p2"]), None);
    let answer = deployment.answer(&scorer, &rows).await.unwrap();
    let events = topic.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0]["event_id"], answer.event_ids[0].as_str());
    assert_eq!(
        events[1],
        serde_json::json!({
            "event_id": answer.event_ids[1], "model": "tagger", "version": 2,
            "deployment": "front", "key": "p2", "input": {"title": "it", "stars": 3.0},
            "label": "short", "score": 0.75, "scores": {"long": 0.25, "short": 0.75},
            "at": "2023-11-14T22:13:20Z", "kind": "realtime",
        })
    );
    assert_eq!(topic.records.lock().unwrap()[1].key.as_deref(), Some(&b"p2"[..]));
}

#[tokio::test]
async fn without_a_durable_event_there_is_no_answer() {
    let topic = Arc::new(FakeTopic::default());
    topic.broken.store(true, Ordering::Relaxed);
    let deployments = deployments(&FakeCatalog::champion(Some(1)), Some(&topic));
    let deployment = deployments.get("front").unwrap();
    let scorer = deployment.scorer(None).await.unwrap();
    let rows = rows(&*scorer, &["x"], None, None);
    let refusal = deployment.answer(&scorer, &rows).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status().as_u16()), ("deploy.not_recorded", 503));
}

#[tokio::test]
async fn the_request_id_becomes_the_event_id() {
    let topic = Arc::new(FakeTopic::default());
    let deployments = deployments(&FakeCatalog::champion(Some(1)), Some(&topic));
    let deployment = deployments.get("front").unwrap();
    let scorer = deployment.scorer(None).await.unwrap();
    let one = rows(&*scorer, &["x"], None, Some("order-7"));
    assert_eq!(deployment.answer(&scorer, &one).await.unwrap().event_ids, ["order-7"]);
    let two = rows(&*scorer, &["x", "y"], None, Some("order-8"));
    let ids = deployment.answer(&scorer, &two).await.unwrap().event_ids;
    assert_eq!(ids, ["order-8:0", "order-8:1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_alias_that_moves_fails_no_request() {
    let catalog = FakeCatalog::champion(Some(1));
    let topic = Arc::new(FakeTopic::default());
    let deployments = deployments(&catalog, Some(&topic));
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8_u64 {
        let (deployments, catalog) = (Arc::clone(&deployments), Arc::clone(&catalog));
        clients.spawn(async move {
            for request in 0..125_u64 {
                if client == 0 && request % 10 == 0 {
                    catalog.promote(1 + request / 10 % 8);
                }
                let deployment = deployments.get("front").unwrap();
                let scorer = deployment.scorer(None).await.unwrap();
                let rows = rows(&*scorer, &["some title"], None, None);
                deployment.answer(&scorer, &rows).await.unwrap();
            }
        });
    }
    clients.join_all().await;
    assert_eq!(topic.events().len(), 1000);
    catalog.promote(7);
    wait_for(&deployments, 7).await;
}

/// Asks until the version answers; each question lets the loading thread go on.
async fn wait_for(deployments: &Deployments, version: u64) {
    let deployment = deployments.get("front").unwrap();
    while deployment.scorer(None).await.unwrap().version() != version {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_version_that_cannot_be_loaded_leaves_the_old_one() {
    let catalog = FakeCatalog::champion(Some(1));
    let deployments = deployments(&catalog, None);
    deployments.refresh().await;
    catalog.promote(9);
    for _ in 0..100 {
        let scorer = deployments.get("front").unwrap().scorer(None).await.unwrap();
        assert_eq!(scorer.version(), 1);
    }
    assert!(deployments.are_ready());
}

#[tokio::test]
async fn a_first_version_is_picked_up_when_it_comes() {
    let catalog = FakeCatalog::champion(None);
    let deployments = deployments(&catalog, None);
    deployments.refresh().await;
    assert!(!deployments.are_ready());
    let refusal = deployments.get("front").unwrap().scorer(None).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.status().as_u16()), ("deploy.no_version", 503));
    catalog.promote(3);
    assert_eq!(deployments.get("front").unwrap().scorer(None).await.unwrap().version(), 3);
}

#[tokio::test]
async fn a_version_can_be_asked_for_by_number() {
    let deployments = deployments(&FakeCatalog::champion(Some(1)), None);
    let deployment = deployments.get("front").unwrap();
    for version in ["1", "2", "3", "4", "5", "6", "2"] {
        let scorer = deployment.scorer(Some(version)).await.unwrap();
        assert_eq!(scorer.version().to_string(), version);
    }
    for version in ["9", "latest"] {
        let refusal = deployment.scorer(Some(version)).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.status().as_u16()), ("deploy.version_unknown", 404));
    }
}

#[test]
fn names_and_references_are_checked_at_the_start() {
    let new = |names: &[&str], reference: &str| {
        let config = |name: &&str| DeploymentConfig {
            name: (*name).to_owned(),
            model_reference: reference.to_owned(),
            record: None,
        };
        let models = FakeModels::new(Task::Classification);
        let catalog = FakeCatalog::champion(None);
        let configs = names.iter().map(config).collect();
        Deployments::new(configs, models, catalog, Clock::fixed(NOW))
    };
    assert_eq!(new(&["a", "a"], "tagger").unwrap_err().code(), "deploy.name_twice");
    assert_eq!(new(&["a"], "tagger@").unwrap_err().code(), "deploy.bad_reference");
    assert_eq!(new(&["a"], "tagger").unwrap().get("b").unwrap_err().code(), "deploy.unknown");
}
