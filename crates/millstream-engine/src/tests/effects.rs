use millstream_core::effect::EffectId;
use millstream_core::error::Retry;
use millstream_core::id::AttemptId;
use millstream_core::name::Relation;
use millstream_core::table::{WriteMode, WriteRequest};
use millstream_core::warehouse::Warehouse as _;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::{APPLICATION, Lab};
use crate::file_target::attempt_of;

fn effect(sequence: u64) -> EffectId {
    EffectId { application: APPLICATION.to_owned(), sequence }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_found_where_it_was_published() {
    let lab = Lab::new();
    let table: Relation = "t".parse().unwrap();
    assert_eq!(lab.engine.find(&table, &effect(1)).await.unwrap(), None);
    assert_eq!(lab.engine.sequence(&table, APPLICATION).await.unwrap(), 0);
    for (sequence, version) in [(1, 0), (4, 1), (5, 2)] {
        let staged = lab.stage("t", "select 1 as a", WriteMode::Append).await.unwrap();
        assert_eq!(lab.engine.publish(&staged, &effect(sequence)).await.unwrap(), version);
    }
    for (sequence, found) in
        [(1, Some(0)), (2, None), (3, None), (4, Some(1)), (5, Some(2)), (6, None)]
    {
        assert_eq!(lab.engine.find(&table, &effect(sequence)).await.unwrap(), found, "{sequence}");
    }
    assert_eq!(lab.engine.sequence(&table, APPLICATION).await.unwrap(), 5);
    assert_eq!(lab.engine.sequence(&table, "dev/other/").await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_entry_names_files_that_could_not_be_synced() {
    let lab = Lab::new();
    let table: Relation = "t".parse().unwrap();
    let staged = lab.stage("t", "select 1 as a", WriteMode::Append).await.unwrap();
    let attempt = attempt_of(&staged.add[0].path).unwrap();
    let failing = || Err(std::io::Error::other("the disk is gone"));
    lab.engine.lake.syncs.begin(attempt, &Handle::current(), failing);
    let refused = lab.engine.publish(&staged, &effect(1)).await.unwrap_err();
    assert!(refused.to_string().contains("the disk is gone"), "{refused}");
    assert_eq!(lab.engine.find(&table, &effect(1)).await.unwrap(), None);
}

/// Recovery publishes the second table once the first is published: the files of both are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_new_files_waits_for_the_others_of_its_attempt() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as a", WriteMode::Replace).await;
    let empty = lab.stage("t", "select 1 as a where false", WriteMode::Replace).await.unwrap();
    assert!(empty.add.is_empty());
    let failing = || Err(std::io::Error::other("the disk is gone"));
    lab.engine.lake.syncs.begin(AttemptId::new(), &Handle::current(), failing);
    let refused = lab.engine.publish(&empty, &effect(9)).await.unwrap_err();
    assert!(refused.to_string().contains("the disk is gone"), "{refused}");
    assert_eq!(lab.engine.find(&"t".parse().unwrap(), &effect(9)).await.unwrap(), None);
}

/// A process that ended has begun syncs of which another one does not know how they ended.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_has_staged_is_synced_before_it_is_named() {
    let mut lab = Lab::new();
    let staged = lab.stage("t", "select 1 as a", WriteMode::Append).await.unwrap();
    lab.reopen();
    lab.engine.publish(&staged, &effect(1)).await.unwrap();
    let gone = lab.stage("t", "select 2 as a", WriteMode::Append).await.unwrap();
    lab.reopen();
    std::fs::remove_file(lab.dir.path().join("lake/main/t").join(&gone.add[0].path)).unwrap();
    let lost = lab.engine.publish(&gone, &effect(2)).await.unwrap_err();
    assert_eq!((lost.code(), lost.retry()), ("table.staged_lost", Retry::Backoff));
    assert_eq!(lab.engine.find(&"t".parse().unwrap(), &effect(2)).await.unwrap(), None);
}

/// What another writer says of a table holds for us, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_somebody_else_has_made_append_only_is_not_replaced() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as a", WriteMode::Replace).await;
    lab.write("t", "select 2 as a", WriteMode::Replace).await;
    let log = lab.dir.path().join("lake/main/t/_delta_log");
    let first = std::fs::read_to_string(log.join(format!("{:020}.json", 0))).unwrap();
    let actions = first.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut metadata = actions.into_iter().find(|action| action.get("metaData").is_some()).unwrap();
    metadata["metaData"]["configuration"]["delta.appendOnly"] = json!("true");
    std::fs::write(log.join(format!("{:020}.json", 2)), metadata.to_string()).unwrap();
    lab.stage("t", "select 3 as a", WriteMode::Append).await.unwrap();
    let staged = lab.stage("t", "select 4 as a", WriteMode::Replace).await.unwrap();
    let refused = lab.engine.publish(&staged, &effect(9)).await.unwrap_err();
    assert!(refused.chain().contains("append"), "{}", refused.chain());
    assert_eq!(lab.shown("select a from t").await.matches('2').count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reached_sequence_is_fenced() {
    let lab = Lab::new();
    let staged = lab.stage("t", "select 1 as a", WriteMode::Append).await.unwrap();
    lab.engine.publish(&staged, &effect(2)).await.unwrap();
    let next = lab.stage("t", "select 2 as a", WriteMode::Append).await.unwrap();
    for sequence in [1, 2] {
        let refused = lab.engine.publish(&next, &effect(sequence)).await.unwrap_err();
        assert_eq!((refused.code(), refused.retry()), ("table.fenced", Retry::Never));
    }
    assert_eq!(lab.engine.publish(&next, &effect(3)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_staged_on_an_older_version_is_refused() {
    let lab = Lab::new();
    let first = lab.stage("t", "select 1 as a", WriteMode::Replace).await.unwrap();
    let second = lab.stage("t", "select 2 as a", WriteMode::Replace).await.unwrap();
    lab.engine.publish(&first, &effect(1)).await.unwrap();
    let refused = lab.engine.publish(&second, &effect(2)).await.unwrap_err();
    assert_eq!((refused.code(), refused.retry()), ("table.conflict", Retry::Backoff));
    assert_eq!(lab.engine.find(&"t".parse().unwrap(), &effect(2)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_publications_at_once_one_wins() {
    let lab = Lab::new();
    let first = lab.stage("t", "select 1 as a", WriteMode::Append).await.unwrap();
    let second = lab.stage("t", "select 2 as a", WriteMode::Append).await.unwrap();
    let other = EffectId { application: "dev/other/".to_owned(), sequence: 1 };
    let one = effect(1);
    let (a, b) =
        tokio::join!(lab.engine.publish(&first, &one), lab.engine.publish(&second, &other));
    let codes: Vec<_> =
        [a, b].iter().map(|r| r.as_ref().map_err(millstream_core::Error::code).copied()).collect();
    assert!(codes.contains(&Ok(0)) && codes.contains(&Err("table.conflict")), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn discard_removes_only_what_no_version_names() {
    let mut lab = Lab::new();
    let relation: Relation = "t".parse().unwrap();
    let mut attempts = Vec::new();
    for value in [1, 2] {
        let request = WriteRequest::new(relation.clone(), WriteMode::Append, AttemptId::new());
        let query = lab.query_of(&format!("select {value} as a"));
        attempts.push((request.attempt, lab.engine.stage_query(&query, &request).await.unwrap()));
    }
    assert_eq!(lab.files("t").len(), 2);
    lab.publish(&attempts[0].1).await.unwrap();
    for (attempt, _) in &attempts {
        lab.engine.discard(&relation, *attempt).await.unwrap();
        lab.engine.discard(&relation, *attempt).await.unwrap();
    }
    assert_eq!(lab.files("t"), [attempts[0].1.add[0].path.clone()]);
    lab.engine.discard(&"never.made".parse().unwrap(), AttemptId::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_effect_is_found_behind_a_checkpoint() {
    let mut lab = Lab::new();
    for value in 0..45 {
        lab.write("t", &format!("select {value} as a"), WriteMode::Append).await;
    }
    let relation: Relation = "t".parse().unwrap();
    let log = lab.dir.path().join("lake/main/t/_delta_log");
    assert!(log.join("00000000000000000020.checkpoint.parquet").exists());
    assert!(log.join("00000000000000000040.checkpoint.parquet").exists());
    for version in 0..=44 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap_or_default();
        if version == 39 {
            break;
        }
    }
    assert_eq!(lab.engine.find(&relation, &effect(45)).await.unwrap(), Some(44));
    assert_eq!(lab.engine.sequence(&relation, APPLICATION).await.unwrap(), 45);
    assert_eq!(lab.engine.find(&relation, &effect(46)).await.unwrap(), None);
    let other = lab.engine.history(&relation).await.unwrap();
    assert_eq!(other.len(), 5);
    assert_eq!(lab.value("select count(*) from t").await, "45");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_says_what_happened() {
    let mut lab = Lab::new();
    lab.write("t", "select 1 as id", WriteMode::Replace).await;
    lab.advance_seconds(60);
    lab.write("t", "select 2 as id", WriteMode::Append).await;
    lab.write("t", "select 2 as id", super::key(&["id"])).await;
    let relation = "t".parse().unwrap();
    let staged = lab.engine.stage_optimize(&relation, AttemptId::new()).await.unwrap().unwrap();
    lab.publish(&staged).await.unwrap();
    let history = lab.engine.history(&relation).await.unwrap();
    let told: Vec<_> = history
        .iter()
        .map(|v| (v.version, v.operation.as_str(), v.files_added, v.files_removed))
        .collect();
    let expected =
        [(3, "optimize", 1, 2), (2, "merge", 1, 1), (1, "append", 1, 0), (0, "replace", 1, 0)];
    assert_eq!(told, expected);
    assert_eq!(history[3].at + 60_000_000, history[2].at);
    assert_eq!(history[0].effect.as_deref(), Some("dev/table:main.t/#4"));
}
